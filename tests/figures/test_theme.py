"""Colours against the table of the design, by hand, and against the app's own configuration."""

import itertools
import re
import tomllib

import numpy as np
import pytest

from dashboard.figures.theme import (
    ACTIVATION,
    DARK,
    LIGHT,
    PROBABILITY,
    THEMES,
    WEIGHT,
    channel_ticks,
    clip_at,
    number,
    rgba_image,
)

SCALES = (ACTIVATION, WEIGHT, PROBABILITY)


def parsed(colour):
    return [float(part) for part in re.findall(r"[\d.]+", colour)]


def read_stops(scale, share):
    """Colour of a Plotly scale at `share` 0..1, read the slow way: the segment around it."""
    stops = scale.stops()
    for (low, first), (high, second) in itertools.pairwise(stops):
        if low <= share <= high and high > low:
            weight = (share - low) / (high - low)
            return [
                a + weight * (b - a) for a, b in zip(parsed(first), parsed(second), strict=True)
            ]
    raise AssertionError(share)


@pytest.mark.parametrize("scale", SCALES, ids=lambda scale: scale.name)
def test_pictures_and_plotly_scales_have_the_same_colours(scale):
    low = -1 if scale.signed else 0
    for position in np.linspace(low + 1e-3, 1, 57):
        share = (position - low) / (1 - low)
        red, green, blue, alpha = read_stops(scale, share)
        pixel = scale.rgba(np.array(position)).tolist()
        assert pixel[:3] == [round(red), round(green), round(blue)]
        assert abs(pixel[3] - 255 * alpha) <= 0.51


@pytest.mark.parametrize(
    ("position", "colour"),
    [
        (-1.0, [47, 111, 208, 255]),
        (-0.5, [47, 111, 208, 158]),  # 0.62
        (0.5, [207, 74, 18, 158]),
        (0.25, [207, 74, 18, 79]),  # half of 0.62
        (2.0, [207, 74, 18, 255]),
    ],
)
def test_activations_have_the_colours_of_the_design(position, colour):
    assert ACTIVATION.rgba(np.array(position)).tolist() == colour


def test_zero_and_missing_values_are_the_page():
    assert ACTIVATION.rgba(np.array([0.0, np.nan]))[:, 3].tolist() == [0, 0]


def test_a_map_over_a_scan_leaves_out_weak_values_and_lets_it_shine_through():
    image = rgba_image(np.array([[0.12, 0.14, -1.0]]), 1.0, floor=0.13, opacity=0.78)
    weak, kept, full = image[0, :, 3].tolist()
    assert weak == 0
    assert kept == round(round(255 * 0.62 * 0.28) * 0.78)
    assert full == round(255 * 0.78)


def luminance(colour):
    channels = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one, other):
    """WCAG 2 contrast ratio of two #RRGGBB colours."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_colours_can_be_told_from_the_page(theme):
    ends = [scale.low for scale in SCALES] + [scale.high for scale in SCALES]
    marks = ["#{:02x}{:02x}{:02x}".format(*end) for end in ends] + [theme.figure_accent]
    assert min(contrast(colour, theme.page) for colour in marks) >= 3.0
    assert min(contrast(text, theme.page) for text in (theme.ink, theme.quiet)) >= 4.5


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_figures_and_the_app_share_their_tokens(root, theme):
    config = tomllib.loads((root / ".streamlit" / "config.toml").read_text())
    shown = config["theme"][theme.name]
    assert shown["textColor"] == theme.ink
    assert shown["backgroundColor"] == theme.page
    assert shown["secondaryBackgroundColor"] == theme.widget
    assert shown["grayTextColor"] == theme.quiet
    assert shown["borderColor"] == theme.rule
    assert shown["primaryColor"] == theme.accent
    assert shown["greenColor"] == theme.figure_accent
    assert shown["chartCategoricalColors"][2:7] == [theme.classes[c] for c in "NSVFQ"]


def test_both_themes_are_found_by_name():
    assert THEMES["dark"] is DARK
    assert THEMES["light"] is LIGHT


def test_the_app_stays_local_and_shows_no_traceback(root):
    config = tomllib.loads((root / ".streamlit" / "config.toml").read_text())
    assert config["server"]["address"] == "127.0.0.1"
    assert config["client"]["showErrorDetails"] == "none"
    assert config["browser"]["gatherUsageStats"] is False


@pytest.mark.parametrize(
    ("value", "text"),
    [(4.3512, "4.35"), (-0.0391, "−0.0391"), (650_000, "650\u2009000"), (0.0, "0.00")],
)
def test_numbers_have_three_digits_a_real_minus_and_thin_thousands(value, text):
    assert number(value) == text


def test_a_sign_is_shown_where_it_matters():
    assert number(0.05, 1, sign=True) == "+0.05"


@pytest.mark.parametrize(
    ("count", "ticks"),
    [(32, [0, 8, 16, 24, 31]), (16, [0, 4, 8, 12, 15]), (1, [0]), (7, [0, 2, 4, 6])],
)
def test_channel_axes_tick_in_powers_of_two_and_end_at_the_last(count, ticks):
    assert channel_ticks(count) == ticks


def test_the_clip_is_a_percentile_of_the_finite_values():
    values = np.r_[np.arange(-1000, 1001), np.nan, np.inf]
    assert clip_at(values) == pytest.approx(np.percentile(np.abs(np.arange(-1000, 1001)), 99.5))


def test_the_clip_of_nothing_and_of_nearly_nothing_is_positive():
    assert clip_at(np.full(4, np.nan)) == 1.0
    assert clip_at(np.zeros(5)) == 1.0
    assert clip_at(np.r_[np.zeros(9_999), 3.0]) == 3.0
