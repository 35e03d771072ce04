"""Block means against a plain loop, and their place."""

import numpy as np
import pytest

from dashboard.data import coarse
from dashboard.data.coarse import coarse_volume
from dashboard.data.sample import Sample

AFFINE = np.array([[0, -1.0, 0, 9], [0, 0, 2.0, 0], [1.5, 0, 0, 3], [0, 0, 0, 1]])


def scan(values: np.ndarray) -> Sample:
    channel = {"channels": ("v",), "units": ("HU",), "axis_unit": "mm"}
    return Sample(values[None], "x", "ct", affine=AFFINE, scale=(2.0, -1000.0), **channel)


def test_means_equal_a_plain_loop_over_blocks_and_lie_in_their_middle(monkeypatch):
    monkeypatch.setattr(coarse, "SLAB", 500)  # several slabs
    stored = np.random.default_rng(0).integers(0, 2000, (12, 14, 10)).astype(np.int16)
    found = coarse_volume(scan(stored), 300)
    assert found.values.size <= 300
    si, sj, sk = found.steps
    for i, j, k in np.ndindex(found.values.shape):
        rows = [
            np.minimum(np.arange(n * s, (n + 1) * s), size - 1)
            for n, s, size in zip((i, j, k), found.steps, stored.shape, strict=True)
        ]
        block = stored[np.ix_(*rows)] * 2.0 - 1000
        assert found.values[i, j, k] == pytest.approx(block.mean(), rel=1e-5)
    middle = AFFINE @ ((si - 1) / 2 + si, (sj - 1) / 2, (sk - 1) / 2 + 2 * sk, 1)
    np.testing.assert_allclose(found.affine @ (1, 0, 2, 1), middle)


def test_a_small_volume_is_left_as_it_is():
    stored = np.random.default_rng(0).integers(0, 2000, (4, 5, 6)).astype(np.int16)
    found = coarse_volume(scan(stored), 120)
    assert found.steps == (1, 1, 1)
    np.testing.assert_array_equal(found.values, stored * 2.0 - 1000)
    np.testing.assert_array_equal(found.affine, AFFINE)


def test_a_flat_axis_does_not_keep_the_others_from_giving_way():
    values = np.zeros((64, 64, 1), np.int16)
    affine = np.diag([5.0, 5.0, 0.1, 1.0])
    sample = Sample(values[None], "x", "mr", ("v",), ("",), "mm", affine=affine)
    found = coarse_volume(sample, 300)
    assert found.values.size <= 300
    assert found.steps[2] == 1
