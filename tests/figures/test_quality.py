"""Curves of quality: the worst stays, clicks are times."""

import numpy as np
import pytest

from dashboard.figures.quality import IndexCurve, clicked_second, quality_curves, worst_of_columns
from dashboard.figures.theme import LIGHT


def test_each_column_keeps_its_worst_window():
    levels = np.random.default_rng(0).choice([0, 0, 0, 0, 1, 2], 8_641)
    kept = worst_of_columns(levels, 1_000)
    size = 9
    for k, row in enumerate(kept):
        assert k * size <= row < (k + 1) * size
        assert levels[row] == levels[k * size : (k + 1) * size].max()
    assert len(kept) <= 1_000
    assert worst_of_columns(levels[:6], 1_000).tolist() == list(range(6))


def test_a_click_is_a_time_of_the_record():
    levels = np.zeros(8_640, np.int8)
    curve = IndexCurve("match", np.ones(8_640), (0, 1), 0.66)
    options = {"duration": 86_400.0, "theme": LIGHT}
    figure = quality_curves([curve], levels, 10.0, (0, 10), **options)
    (points,) = figure.data
    assert figure.layout.xaxis.title.text == "time (h)"
    assert clicked_second({"x": points.x[-1]}, 86_400.0) == pytest.approx(86_400, abs=100)
    assert len(figure.to_json()) < 60_000


def test_a_record_too_short_to_be_judged_says_so():
    options = {"duration": 1.0, "theme": LIGHT}
    figure = quality_curves([], np.empty(0, np.int8), 10.0, (0, 1), **options)
    assert "too short" in figure.layout.annotations[0].text
