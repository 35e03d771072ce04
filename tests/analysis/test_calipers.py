"""Calipers: what they snap to and what they read."""

import numpy as np
import pytest

from dashboard.analysis.calipers import measured, snap

RATE = 250.0


def slow_snap(values, index, reach):
    """The nearest strict extremum that drops by a quarter of the range on both sides."""
    low, high = max(0, index - reach), min(len(values), index + reach + 1)
    near = [float(v) for v in values[low:high]]
    wanted = 0.25 * (max(near) - min(near))
    best = None
    for sign in (1, -1):
        heights = [sign * v for v in near]
        for k in range(1, len(near) - 1):
            if not (heights[k] > heights[k - 1] and heights[k] > heights[k + 1]):
                continue
            drops = []
            for step in (-1, 1):
                at, lowest = k, heights[k]
                while 0 <= at + step < len(near) and heights[at + step] <= heights[k]:
                    at += step
                    lowest = min(lowest, heights[at])
                drops.append(heights[k] - lowest)
            if min(drops) >= wanted:
                key = (abs(low + k - index), -min(drops), low + k)
                best = key if best is None else min(best, key)
    return index if best is None else best[2]


def test_snapping_agrees_with_a_slow_search_on_random_signals():
    rng = np.random.default_rng(0)
    for _ in range(300):
        values = np.cumsum(rng.normal(size=80))
        index, reach = int(rng.integers(0, 80)), int(rng.integers(1, 20))
        assert snap(values, index, reach) == slow_snap(values, index, reach)


def test_a_click_beside_an_r_peak_lands_on_it():
    time = np.arange(-100, 101) / RATE
    peak = np.exp(-0.5 * (time / 0.01) ** 2)
    noise = 0.02 * np.random.default_rng(1).normal(size=len(time))
    assert abs(snap(peak + noise, 100 + 7, reach=12) - 100) <= 1


def test_the_middle_of_a_plateau_is_its_extremum():
    values = np.array([0, 1, 2, 2, 2, 1, 0.0])
    assert snap(values, 1, 6) == 3


def test_on_a_slope_a_constant_or_a_gap_nothing_moves():
    assert snap(np.arange(20.0), 10, 5) == 10
    assert snap(np.ones(20), 10, 5) == 10
    assert snap(np.array([0, 1, 0, np.nan, 0, 1, 0]), 3, 3) == 3


def test_a_reading_by_hand():
    found = measured(100, 300, (0.2, -0.3), RATE)
    assert found.interval == pytest.approx(800)
    assert found.rate == pytest.approx(75)
    assert found.amplitude == pytest.approx(-0.5)
    assert np.isnan(measured(5, 5, (1, 1), RATE).rate)
