"""Gaps, flat and saturated stretches against a slow loop over samples."""

import numpy as np
import pytest

from dashboard.analysis import signal_quality
from dashboard.analysis.signal_quality import LeadRange, stretches

RATE = 100.0


def read_of(values):
    return lambda first, last: values[first:last]


def found_in(values, rate=RATE):
    found = stretches(read_of(values), len(values), rate)
    return list(zip(found.starts.tolist(), found.ends.tolist(), found.kinds, strict=True))


def slow(values, rate=RATE):
    """One sample after the other."""
    finite = values[np.isfinite(values)]
    low, high = (finite.min(), finite.max()) if len(finite) else (0, 0)
    rails = [
        e for e in (low, high) if len(finite) and abs(e - np.median(finite)) > 0.1 * (high - low)
    ]
    out, start = [], 0
    for k in range(1, len(values) + 1):
        same = k < len(values) and (
            values[k] == values[start] or (np.isnan(values[k]) and np.isnan(values[start]))
        )
        if same:
            continue
        level, lasting = values[start], k - start
        if np.isnan(level):
            out.append((start, k, "gap"))
        elif level in rails and lasting >= max(5, round(0.04 * rate)):
            out.append((start, k, "saturated"))
        elif lasting >= rate:
            out.append((start, k, "flat"))
        start = k
    return out


def rough(seed, length=5_000):
    """Few levels, so that equal neighbours are common; gaps, flats and rails put in."""
    rng = np.random.default_rng(seed)
    values = rng.integers(-3, 4, length).astype(np.float32)
    for level in (np.nan, 1.0, 3.0, -3.0):
        for _ in range(3):
            start = rng.integers(0, length)
            values[start : start + rng.integers(1, 250)] = level
    return values


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("block", [64, 999, 2**20])
def test_stretches_agree_with_a_slow_loop_however_the_record_is_cut(seed, block, monkeypatch):
    monkeypatch.setattr(signal_quality, "BLOCK", block)
    values = rough(seed)
    assert found_in(values) == slow(values)


def test_a_lead_of_one_value_is_flat_and_one_of_nothing_a_gap():
    assert found_in(np.zeros(500, np.float32)) == [(0, 500, "flat")]
    assert found_in(np.full(500, np.nan, np.float32)) == [(0, 500, "gap")]
    assert found_in(np.empty(0, np.float32)) == []


def test_an_ordinary_peak_of_equal_samples_is_not_saturated():
    values = np.sin(np.arange(1_000) / 5).astype(np.float32)
    values[500:503] = 2.0
    assert found_in(values) == []


def test_ends_of_the_whole_lead_decide_in_a_window():
    values = np.array([0, 1, 2] * 20 + [2] * 10 + [0, 1, 2] * 20, np.float32)
    assert [kind for *_, kind in found_in(values)] == ["saturated"]
    found = stretches(read_of(values), len(values), RATE, limits=LeadRange(-5.0, 0.0, 5.0))
    assert len(found) == 0


def test_the_resting_value_of_a_coarse_record_is_not_saturated():
    values = np.zeros(1_000, np.float32)
    values[50::80] = 3  # a spike every 0.8 s, nothing ever below the rest
    values[51::80] = 2
    assert found_in(values) == []
