"""Rhythm of beats against hand calculation."""

import numpy as np
import pytest

from dashboard.analysis.rhythm import rhythm
from models.records import Beats


def beats_at(seconds: list[float], labels: list[int], rate: float = 250.0) -> Beats:
    count = len(seconds)
    return Beats(
        names=("N", "S", "V", "F", "Q"),
        positions=np.array(seconds) * rate,
        labels=np.array(labels),
        scores=np.ones(count),
        probabilities=np.zeros((count, 5)),
    )


def test_rr_and_rate_equal_hand_calculation():
    found = rhythm(beats_at([1.0, 1.8, 2.4, 3.4], [0, 0, 2, 1]), 250.0)
    assert np.isnan(found.rr[0])
    np.testing.assert_allclose(found.rr[1:], [0.8, 0.6, 1.0], atol=1e-9)
    np.testing.assert_allclose(found.rates[1:], [75, 100, 60], atol=1e-6)
    assert found.counts == {"N": 2, "S": 1, "V": 1, "F": 0, "Q": 0}
    assert found.rr_median == pytest.approx(800)
    assert found.heart_rate == pytest.approx(75)


def test_a_gap_is_not_an_interval():
    found = rhythm(beats_at([1.0, 2.0, 60.0, 61.0], [0, 0, 0, 0], 360.0), 360.0)
    assert np.isnan(found.rr[2])
    assert found.rr_high == pytest.approx(1000)


def test_no_beats_give_no_rate():
    found = rhythm(beats_at([], []), 360.0)
    assert np.isnan(found.heart_rate)
    assert len(found.times) == 0
