"""Counts of a scan's values beside numpy's own, for every way values are stored."""

import numpy as np
import pytest

from dashboard.data.sample import Sample
from dashboard.data.value_counts import value_counts

PERCENT = (0.5, 2.0, 50.0, 99.5)


def scan(stored, scale=None):
    return Sample(stored[None], "s", "ct", ("v",), ("HU",), "mm", affine=np.eye(4), scale=scale)


@pytest.mark.parametrize("slope", [1.0, 0.5, -2.0])
def test_integers_are_counted_in_whole_bins(slope):
    rng = np.random.default_rng(0)
    stored = rng.integers(-1024, 3000, (11, 12, 13)).astype(np.int16)
    found = value_counts(scan(stored, (slope, 7.0)), PERCENT)
    values = stored * slope + 7.0
    edges = found.start + found.step * np.arange(len(found.counts) + 1)
    wanted, _ = np.histogram(values, edges)
    np.testing.assert_array_equal(found.counts, wanted)
    assert found.counts.sum() == values.size
    assert (found.low, found.high) == (values.min(), values.max())
    assert found.step / abs(slope) == round(found.step / abs(slope))
    for share, value in found.shares.items():
        # At least that share lies at or below the value, and less of it below: the definition.
        at_most = (values <= value).mean() * 100
        below = (values < value).mean() * 100
        assert below <= share + 1e-9 <= at_most + 1e-6 + (0 if slope > 0 else 100 / values.size)


def test_numbers_with_gaps_are_counted_without_them():
    values = np.random.default_rng(1).normal(size=(9, 10, 11)).astype(np.float32)
    values[2, 3] = np.nan
    found = value_counts(scan(values), PERCENT)
    finite = values[np.isfinite(values)]
    assert found.counts.sum() == finite.size
    assert found.low == pytest.approx(finite.min())
    np.testing.assert_allclose(
        [found.shares[p] for p in PERCENT], np.percentile(finite, PERCENT), rtol=1e-6
    )
    assert found.percentiles(0, 100) == (found.low, found.high)
    with pytest.raises(KeyError):
        found.percentiles(1, 99)


def test_a_large_scan_is_thinned_but_its_ends_are_exact():
    stored = np.random.default_rng(2).integers(0, 100, (40, 40, 40)).astype(np.uint8)
    stored[1, 1, 1] = 250  # between the voxels that are read
    found = value_counts(scan(stored), most=1000)
    assert found.every == 4
    assert found.high == 250
    assert found.counts.sum() == 1000


@pytest.mark.parametrize(
    "stored",
    [np.zeros((3, 3, 3), np.int16), np.full((3, 3, 3), np.nan, np.float32)],
    ids=["constant", "nothing"],
)
def test_a_scan_of_one_value_still_has_a_window(stored):
    low, high = value_counts(scan(stored), PERCENT).percentiles(0.5, 99.5)
    assert low == 0
    assert high > low
