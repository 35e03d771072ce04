"""Bootstrap intervals against a slow loop that draws beats one by one, and against theory."""

from time import process_time

import numpy as np
import pytest

from dashboard.analysis.bootstrap import intervals
from dashboard.analysis.ec57 import NOTHING, NOWHERE, Scores, rates


def record(seed: int, count: int = 800) -> Scores:
    """A record of N, S and V beats, most of them named rightly."""
    random = np.random.default_rng(seed)
    truth = random.choice([0, 1, 2, NOWHERE], count, p=[0.7, 0.15, 0.13, 0.02])
    answer = np.where(random.random(count) < 0.85, truth, random.integers(0, 4, count))
    confusion = np.zeros((6, 6), int)
    np.add.at(confusion, (truth, answer), 1)
    confusion[NOWHERE, NOWHERE] = 0
    return Scores(confusion)


def slow_ends(scores: list[Scores], over: str, name: str, times: int = 1500) -> np.ndarray:
    """Draw beats, or records, one by one from a list and score every draw anew."""
    random = np.random.default_rng(99)
    values = []
    beats = np.argwhere(scores[0].confusion)
    beats = [tuple(c) for c in beats for _ in range(scores[0].confusion[tuple(c)])]
    for _ in range(times):
        confusion = np.zeros((6, 6), int)
        if over == "beats":
            for k in random.integers(0, len(beats), len(beats)):
                confusion[beats[k]] += 1
        else:
            for k in random.integers(0, len(scores), len(scores)):
                confusion += scores[k].confusion
        values.append(getattr(rates(confusion), name))
    return np.percentile(values, (2.5, 97.5), axis=0)


@pytest.mark.parametrize("name", ["se", "ppv", "f1", "detection_se", "accuracy"])
def test_intervals_over_beats_equal_those_of_a_slow_loop(name):
    one = [record(0, 300)]
    found = intervals(one, times=4000)
    expected = slow_ends(one, "beats", name)[..., :3] if name in ("se", "ppv", "f1") else None
    if expected is None:
        expected = slow_ends(one, "beats", name)
    low, high = getattr(found.low, name), getattr(found.high, name)
    ours = np.stack([low[:3], high[:3]]) if np.ndim(low) else np.stack([low, high])
    # Both ends are estimates: their own standard error is about 0.006 at these counts.
    np.testing.assert_allclose(ours, expected, atol=0.025)
    assert found.drawn == "beats"


def test_intervals_over_records_equal_those_of_a_slow_loop():
    many = [record(seed) for seed in range(6)]
    found = intervals(many, times=4000)
    expected = slow_ends(many, "records", "accuracy")
    np.testing.assert_allclose([found.low.accuracy, found.high.accuracy], expected, atol=0.004)
    assert found.drawn == "records"


def test_interval_of_a_proportion_is_that_of_the_normal_approximation():
    confusion = np.zeros((6, 6), int)
    confusion[0, 0], confusion[0, NOWHERE] = 9000, 1000
    found = intervals([Scores(confusion)], times=20_000)
    half = 1.96 * np.sqrt(0.9 * 0.1 / 10_000)
    assert found.low.detection_se == pytest.approx(0.9 - half, abs=5e-4)
    assert found.high.detection_se == pytest.approx(0.9 + half, abs=5e-4)


def test_class_without_beats_has_no_interval_and_equal_seeds_give_equal_ones():
    one, other = intervals([record(3)]), intervals([record(3)])
    assert np.isnan(one.low.se[3:]).all()  # neither F nor Q in the reference
    np.testing.assert_array_equal(one.high.f1, other.high.f1)
    assert np.isnan(intervals([NOTHING]).low.accuracy)
    with pytest.raises(ValueError, match="no scores"):
        intervals([])


def test_a_thousand_resamples_take_less_than_a_third_of_a_second_of_processor_time():
    scores = [record(seed) for seed in range(48)]
    started = process_time()
    intervals(scores)
    assert process_time() - started < 0.3
