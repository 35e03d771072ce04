"""Signal quality per 10 s against plain loops with scipy, and on what is known to be bad."""

import numpy as np
import pytest
from scipy import signal, stats

from dashboard.analysis import quality_index
from dashboard.analysis.quality_index import (
    BAD,
    DOUBTFUL,
    GOOD,
    quality,
    quality_levels,
    template_match,
    value_indices,
)
from dashboard.data.synthetic import synthetic_ecg

RATE = 250.0


def read_of(values):
    return lambda first, last: values[first:last]


def record(seconds=64.0, noisy=slice(0, 0), rate=RATE):
    sample = synthetic_ecg(seconds, rate)
    values = sample.array[1].copy()
    rng = np.random.default_rng(0)
    values[noisy] = rng.normal(size=len(values[noisy]))
    return values, sample.annotations[0].positions


def slow_indices(values, rate):
    """One window after the other: kurtosis and sums over scipy's periodogram."""
    size, out = int(10 * rate), []
    for start in range(0, len(values), size):
        part = values[start : start + size].astype(float)
        if len(part) < 2 * rate:
            continue
        at, power = signal.periodogram(part, rate, detrend="constant")
        of = {
            band: sum(p for f, p in zip(at, power, strict=True) if band[0] <= f <= band[1])
            for band in ((5, 15), (5, 40), (0, 1), (0, 40))
        }
        kurtosis = stats.kurtosis(part, fisher=False)
        out.append((kurtosis, of[5, 15] / of[5, 40], 1 - of[0, 1] / of[0, 40]))
    return np.array(out).T


def slow_match(values, rate, positions):
    half = int(np.median(np.diff(positions)) / 2)
    size, out = int(10 * rate), []
    for start in range(0, len(values), size):
        if len(values) - start < 2 * rate:
            continue
        beats = [
            values[p - half : p + half].astype(float)
            for p in positions
            if start <= p < start + size and p >= half and p + half < len(values)
        ]
        if len(beats) < 2:
            out.append(np.nan)
            continue
        template = np.mean(beats, axis=0)
        out.append(np.mean([np.corrcoef(template, beat)[0, 1] for beat in beats]))
    return np.array(out)


@pytest.mark.parametrize("seconds", [60.0, 61.0, 64.0])
@pytest.mark.parametrize("block", [2_500, 6_000, 2**20])
def test_indices_equal_plain_loops(seconds, block, monkeypatch):
    monkeypatch.setattr(quality_index, "BLOCK", block)
    values, positions = record(seconds)
    found = value_indices(read_of(values), len(values), RATE)
    np.testing.assert_allclose(found, slow_indices(values, RATE), rtol=1e-6)
    match = template_match(read_of(values), len(values), RATE, positions)
    np.testing.assert_allclose(match, slow_match(values, RATE, positions), rtol=1e-9)


def test_noise_is_bad_and_the_clean_rest_good():
    values, positions = record(60.0, noisy=slice(5_000, 7_500))
    found = quality(read_of(values), len(values), RATE, positions)
    assert found.levels.tolist() == [GOOD, GOOD, BAD, GOOD, GOOD, GOOD]
    assert found.match[0] > 0.8 > 0.66 > found.match[2]


def test_a_gap_a_flat_line_and_no_beats_are_bad():
    values, positions = record(60.0)
    values[2_500:5_000] = np.nan
    values[5_000:7_500] = 0.1
    found = quality(read_of(values), len(values), RATE, positions)
    assert found.levels[1] == found.levels[2] == BAD
    assert np.isnan(found.kurtosis[1:3]).all()
    none = quality(read_of(values), len(values), RATE, np.empty(0))
    assert (none.levels == BAD).all()


def test_levels_by_hand():
    match = np.array([0.9, 0.9, 0.6, np.nan, 0.66])
    kurtosis = np.array([8.0, 4.0, 9.0, 9.0, np.nan])
    assert quality_levels(match, kurtosis).tolist() == [GOOD, DOUBTFUL, BAD, BAD, DOUBTFUL]


def test_a_record_shorter_than_a_window_is_judged_once_and_a_very_short_one_not():
    for seconds, count in ((4.0, 1), (1.5, 0)):
        values = record(4.0)[0][: int(seconds * RATE)]
        found = quality(read_of(values), len(values), RATE, np.array([100, 300, 500, 700]))
        assert len(found) == count
