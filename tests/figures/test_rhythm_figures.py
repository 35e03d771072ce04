"""Tachogram, Poincaré plot and spectrum: small for a day, honest about what was left out."""

import numpy as np
import plotly.graph_objects as go
import pytest

from dashboard.figures.poincare import MOST, clicked_pair, dots_of, poincare_plot
from dashboard.figures.spectrum import variability_spectrum
from dashboard.figures.tachogram import Tachogram, clicked_interval, extremes, tachogram
from dashboard.figures.theme import DARK, LIGHT

WINDOW = (10.0, 20.0)


def record(hours: float, seed: int = 0, gaps: int = 3) -> Tachogram:
    random = np.random.default_rng(seed)
    lengths = random.uniform(0.6, 1.0, int(hours * 3600 / 0.8))
    symbols = random.choice(list("NNNNNSVFQ"), len(lengths))
    kept = (symbols == "N") & (random.random(len(lengths)) > 0.2)
    starts = np.sort(random.uniform(0, hours * 3600, gaps))
    return Tachogram(
        np.cumsum(lengths), lengths, symbols, kept, np.stack([starts, starts + 5], 1), hours * 3600
    )


def pairs(hours: float) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    lengths = 800 + 60 * random.standard_normal(int(hours * 4_500))
    return lengths[:-1], lengths[1:]


def part(figure, name):
    return next(trace for trace in figure.data if trace.name == name)


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_figures_pass_plotlys_own_validation(theme, phone):
    first, second = pairs(2)
    bands = {"VLF": (0.0033, 0.04, 100), "LF": (0.04, 0.15, 10), "HF": (0.15, 0.4, 1e4)}
    frequencies = np.arange(100) / 200
    for figure in (
        tachogram(record(0.1), WINDOW, theme=theme, chosen=7, phone=phone),
        tachogram(record(2), WINDOW, theme=theme, phone=phone),
        poincare_plot(
            first,
            second,
            dots_of(first, second),
            theme=theme,
            spread=(9, 20),
            chosen=3,
            phone=phone,
        ),
        variability_spectrum(frequencies, frequencies**2, bands, theme=theme, phone=phone),
    ):
        checked = go.Figure(figure.to_dict())
        assert checked.layout.showlegend is False
        assert checked.layout.xaxis.title.text.endswith((")", "Hz)"))
        assert checked.layout.yaxis.title.text


@pytest.mark.parametrize("hours", [0.02, 0.5, 24])
def test_a_day_travels_in_150_kB(hours):
    assert len(tachogram(record(hours), WINDOW, theme=LIGHT).to_json()) <= 150_000
    first, second = pairs(hours)
    figure = poincare_plot(first, second, dots_of(first, second), theme=LIGHT, spread=(40, 40))
    assert len(figure.to_json()) <= 60_000


def test_the_longest_and_shortest_of_each_column_stay():
    random = np.random.default_rng(2)
    times = np.sort(random.uniform(0, 100, 5_000))
    values = random.normal(size=5_000)
    kept = extremes(times, values, 100.0, 40)
    column = (times / 2.5).astype(int)
    for k in range(40):
        inside = [i for i in range(5_000) if column[i] == k]
        wanted = {min(inside, key=values.__getitem__), max(inside, key=values.__getitem__)}
        assert {i for i in kept if column[i] == k} == wanted
    assert (np.diff(kept) > 0).all()


def test_what_was_left_out_is_drawn_apart_in_its_class():
    shown = record(0.1)
    figure = tachogram(shown, WINDOW, theme=LIGHT)
    assert len(part(figure, "N, left out").x) == ((shown.symbols == "N") & ~shown.kept).sum()
    assert part(figure, "V").marker.symbol == "square"
    normal = part(figure, "N-N")
    drawn = np.isfinite(normal.y)
    assert drawn.sum() == shown.kept.sum()
    at = np.flatnonzero(shown.kept)
    assert (~drawn).sum() == (np.diff(at) > 1).sum()  # a break over each hole
    assert len(figure.layout.shapes) == 3 + 1  # gaps and the window


def test_a_click_finds_its_interval_even_in_a_day():
    shown = record(24)
    figure = tachogram(shown, WINDOW, theme=LIGHT)
    dots = part(figure, "V")
    for k in (0, 100, -1):
        found = clicked_interval({"x": float(dots.x[k])}, shown)
        assert shown.symbols[found] == "V"
        assert 1000 * shown.lengths[found] == pytest.approx(dots.customdata[k], abs=1e-3)


def test_one_pause_does_not_flatten_the_rest():
    lengths = np.full(1_000, 0.8) + 0.01 * np.random.default_rng(0).standard_normal(1_000)
    lengths[500] = 90.0
    kept = lengths < 2
    shown = Tachogram(
        np.cumsum(lengths), lengths, np.full(1_000, "N"), kept, np.empty((0, 2)), 1_000.0
    )
    figure = tachogram(shown, WINDOW, theme=LIGHT)
    _, high = figure.layout.yaxis.range
    assert high < 1_000
    pause = part(figure, "N, left out")
    assert pause.y[0] == high  # on the edge: just beyond it would not be drawn
    assert pause.customdata[0] == pytest.approx(90_000)


def test_pairs_of_a_day_share_dots_that_count_them_all():
    first, second = pairs(24)
    dots = dots_of(first, second)
    assert len(dots.at) <= MOST
    assert dots.counts.sum() == len(first)
    cells = {(int(x // dots.cell), int(y // dots.cell)) for x, y in zip(first, second, strict=True)}
    assert len(cells) == len(dots.at)


def test_a_click_on_a_dot_finds_its_pair():
    first, second = pairs(1)
    dots = dots_of(first, second)
    figure = poincare_plot(first, second, dots, theme=LIGHT)
    drawn = part(figure, "pairs")
    for k in (0, 17, len(dots.at) - 1):
        found = clicked_pair({"x": float(drawn.x[k]), "y": float(drawn.y[k])}, first, second, dots)
        assert found == dots.at[k]


def test_the_ellipse_has_sd1_and_sd2_as_half_axes():
    first, second = pairs(0.5)
    ellipse = part(
        poincare_plot(first, second, dots_of(first, second), theme=LIGHT, spread=(20, 70)),
        "ellipse",
    )
    away = np.stack([ellipse.x - first.mean(), ellipse.y - second.mean()])
    across, along = (away[1] - away[0]) / np.sqrt(2), (away[0] + away[1]) / np.sqrt(2)
    np.testing.assert_allclose((across / 20) ** 2 + (along / 70) ** 2, 1, atol=1e-4)


def test_nothing_to_draw_is_said():
    none = np.empty(0)
    empty = Tachogram(none, none, none.astype(str), none.astype(bool), np.empty((0, 2)), 60.0)
    for figure in (
        tachogram(empty, WINDOW, theme=LIGHT),
        poincare_plot(none, none, dots_of(none, none), theme=LIGHT),
        variability_spectrum(none, none, {}, theme=LIGHT),
    ):
        assert "No" in figure.layout.annotations[0].text
