"""The overview of a record: nothing lost that would be seen, however long the record."""

import numpy as np
import pytest

from dashboard.figures.clock import clock, clock_ticks
from dashboard.figures.overview import (
    QualityStrip,
    chosen_window,
    ecg_overview,
    lowest_and_highest,
    quality_columns,
)
from dashboard.figures.theme import LIGHT


def record(hours, seed=0):
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.6, 1.0, int(hours * 3600 / 0.8)))
    symbols = rng.choice(list("NNNNNNNNNSVFQ"), len(times))
    return times, symbols, 60 / np.diff(times, prepend=np.nan)


def part(figure, name):
    return next(trace for trace in figure.data if trace.name == name)


def draw(hours, window=(10.0, 20.0)):
    times, symbols, rates = record(hours)
    return ecg_overview(times, symbols, rates, window, duration=hours * 3600, theme=LIGHT)


@pytest.mark.parametrize("hours", [0.02, 0.5, 24])
def test_a_record_travels_in_45_kB(hours):
    assert len(draw(hours).to_json()) <= 45_000


def test_the_fastest_and_slowest_beat_of_each_column_stay():
    times, _, rates = record(3)
    known = np.isfinite(rates)
    times, rates = times[known], rates[known]
    kept_times, kept = lowest_and_highest(times, rates, 10_800.0, columns=100)
    column = np.minimum((times / 108.0).astype(int), 99)
    kept_column = np.minimum((kept_times / 108.0).astype(int), 99)
    for k in range(100):  # a plain loop over the columns
        if (column == k).any():
            assert kept[kept_column == k].max() == rates[column == k].max()
            assert kept[kept_column == k].min() == rates[column == k].min()
    assert len(kept) <= 200


def test_a_single_v_beat_in_a_day_is_seen():
    times, _, rates = record(24)
    symbols = np.full(len(times), "N")
    symbols[54_321] = "V"
    figure = ecg_overview(times, symbols, rates, (0, 10), duration=86_400, theme=LIGHT)
    lane = part(figure, "V")
    assert lane.x[0] == pytest.approx(times[54_321] / 3600, abs=24 / 1_000)


@pytest.mark.parametrize(
    ("hours", "title", "seconds"), [(0.02, "time (s)", 1), (0.5, "time (min)", 60)]
)
def test_the_axis_says_its_unit_and_a_box_gives_seconds(hours, title, seconds):
    figure = draw(hours)
    assert figure.layout.xaxis.title.text == title
    box = {"x": [0.4 * 60 / seconds, 0.2 * 60 / seconds], "y": [3, 1]}
    assert chosen_window(box, hours * 3600) == pytest.approx((12.0, 24.0))


def test_a_day_is_shown_in_hours():
    assert draw(24).layout.xaxis.title.text == "time (h)"
    assert chosen_window({"x": [-1, 30]}, 86_400) == (0.0, 86_400)


def test_dragging_selects_and_the_window_is_shaded():
    figure = draw(0.5, window=(600.0, 660.0))
    assert figure.layout.dragmode == "select"
    (shade,) = figure.layout.shapes
    assert (shade.x0, shade.x1) == (10.0, 11.0)


def test_a_record_without_beats_says_so():
    figure = ecg_overview(np.array([]), [], np.array([]), (0, 1), duration=60, theme=LIGHT)
    assert "No beats" in figure.layout.annotations[0].text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(570.0, "9:30.0"), (0.04, "0:00.0"), (59.96, "1:00.0"), (4_170.5, "1:09:30.5")],
)
def test_times_read_as_a_clock(seconds, text):
    assert clock(seconds) == text


def test_clock_ticks_are_round_and_inside():
    values, text = clock_ticks(570.3, 580.3)
    assert values == [572, 574, 576, 578, 580][: len(values)]
    assert text[0] == "9:32.0"


@pytest.mark.parametrize(("windows", "seconds"), [(6, 10.0), (180, 10.0), (8_640, 10.0)])
def test_the_strip_shows_the_worst_of_each_column(windows, seconds):
    rng = np.random.default_rng(windows)
    levels = rng.choice([0, 0, 0, 1, 2], windows).astype(np.int8)
    duration = windows * seconds
    starts = np.sort(rng.uniform(0, duration, 5))
    ends = starts + rng.uniform(0.1, duration / 50, 5)
    found = quality_columns(QualityStrip(levels, seconds, starts, ends), duration)
    column = duration / len(found)
    for k, level in enumerate(found):  # a plain loop over columns
        low, high = k * column, (k + 1) * column
        if any(a < high - 1e-9 and b > low + 1e-9 for a, b in zip(starts, ends, strict=True)):
            assert level == 3
        else:
            first, last = int(low / seconds + 1e-9), int(np.ceil(high / seconds - 1e-9))
            assert level == levels[first:last].max()


def test_a_day_with_its_quality_travels_in_45_kB():
    times, symbols, rates = record(24)
    levels = np.random.default_rng(0).integers(0, 3, 8_640).astype(np.int8)
    strip = QualityStrip(levels, 10.0, np.arange(0, 86_400, 50.0), np.arange(1, 86_401, 50.0))
    figure = ecg_overview(
        times, symbols, rates, (0, 10), duration=86_400, theme=LIGHT, quality=strip
    )
    assert len(figure.to_json()) <= 45_000
    assert figure.layout.height == 146
    assert figure.layout.xaxis.anchor == "y3"
