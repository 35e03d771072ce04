"""Calibration against a slow loop, scikit-learn, and hand counts; the rule for unsure beats."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from dashboard.analysis.calibration import reliability, unsure
from models import registry
from models.records import AAMI, Beats


def answers(seed: int, count: int = 700) -> tuple[np.ndarray, np.ndarray]:
    """Confidences with many on the edges of bins, right less often than they claim."""
    random = np.random.default_rng(seed)
    confidence = np.round(random.beta(5, 2, count), 2)
    return confidence, random.random(count) < confidence**2


def slow_error(confidence: np.ndarray, right: np.ndarray, bins: int) -> float:
    """Guo et al. 2017, eq. 5 as it is written: bin m is ((m - 1) / M, m / M]."""
    total = 0.0
    for m in range(1, bins + 1):
        low, high = (m - 1) / bins, m / bins
        inside = [k for k, c in enumerate(confidence) if low < c <= high or (m == 1 and c == 0)]
        if inside:
            accuracy = sum(bool(right[k]) for k in inside) / len(inside)
            claimed = sum(confidence[k] for k in inside) / len(inside)
            total += len(inside) / len(confidence) * abs(accuracy - claimed)
    return total


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("bins", [4, 8, 16])  # whose edges floats hold exactly
def test_expected_calibration_error_equals_a_slow_loop(seed, bins):
    confidence, right = answers(seed)
    assert reliability(confidence, right, bins).error == pytest.approx(
        slow_error(confidence, right, bins), abs=1e-12
    )


@pytest.mark.parametrize("seed", range(3))
def test_reliability_curve_equals_that_of_scikit_learn(seed):
    confidence, right = answers(seed)
    confidence = confidence + 1e-5  # off the edges, which scikit-learn gives to the bin above
    found = reliability(confidence, right, bins=10)
    accuracy, claimed = calibration_curve(right, np.minimum(confidence, 1), n_bins=10)
    filled = found.counts > 0
    np.testing.assert_allclose(found.accuracies[filled], accuracy)
    np.testing.assert_allclose(found.claimed[filled], claimed, atol=1e-4)


def test_pooled_reliability_is_that_of_all_answers():
    parts = [answers(seed) for seed in range(3)]
    pooled = sum((reliability(*p) for p in parts[1:]), reliability(*parts[0]))
    whole = reliability(*(np.concatenate(values) for values in zip(*parts, strict=True)))
    assert pooled.error == pytest.approx(whole.error, abs=1e-12)
    assert pooled.counts.sum() == 2100


def test_answers_that_claim_too_much_are_off_by_just_that():
    found = reliability(np.full(10, 0.9), np.arange(10) < 6)
    assert found.error == pytest.approx(0.3)
    assert np.isnan(reliability(np.zeros(0), np.zeros(0)).error)


def beats_of(probabilities: list[list[float]]) -> Beats:
    shares = np.array(probabilities, dtype=float).reshape(-1, 5)
    count = len(shares)
    return Beats(AAMI, np.arange(count) * 300.0, shares.argmax(axis=1), np.ones(count), shares)


def test_beat_is_unsure_below_the_threshold_of_its_decoder():
    spec = registry.find("ecg-beats")
    beats = beats_of([[0.59, 0.41, 0, 0, 0], [0.6, 0.4, 0, 0, 0], [0.1, 0.9, 0, 0, 0]])
    lenient = replace(spec, decoder={**spec.decoder, "unsure": 0.3})
    strict = replace(spec, decoder={**spec.decoder, "unsure": 0.95})
    assert unsure(beats, replace(spec, decoder={})).tolist() == [True, False, False]
    assert not unsure(beats, lenient).any()
    assert unsure(beats, strict).all()
    assert unsure(beats_of([]), spec).tolist() == []
