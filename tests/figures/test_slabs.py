"""Slabs against a loop over their slices."""

import numpy as np
import pytest

from dashboard.data.sample import Sample
from dashboard.figures.slabs import MOST_SLICES, PROJECTIONS, slab_of, slab_values, slice_step
from dashboard.figures.volumes import planes
from tests.figures.test_volumes import affines

SHAPE = (15, 13, 11)
SLOW = {"maximum": np.nanmax, "minimum": np.nanmin, "mean": np.nanmean}


def scan(affine, stored, scale=None):
    return Sample(stored[None], "s", "mr", ("v",), ("",), "mm", affine=affine, scale=scale)


@pytest.mark.parametrize("affine", list(affines())[::7])
@pytest.mark.parametrize("projection", PROJECTIONS)
@pytest.mark.parametrize("slope", [None, -2.0])
def test_a_slab_is_what_a_loop_over_its_slices_gives(affine, projection, slope):
    rng = np.random.default_rng(0)
    stored = rng.integers(-50, 50, SHAPE).astype(np.int16 if slope else np.float32)
    if not slope:
        stored[4, 5, 6] = np.nan
    sample = scan(affine, stored, (slope, 3.0) if slope else None)
    values = sample.values((0,))
    for where in planes(SHAPE, affine, np.array([6, 5, 4])):
        axis = where.axes[2]
        normal = np.cross(affine[:3, where.axes[0]], affine[:3, where.axes[1]])
        normal /= np.linalg.norm(normal)
        chosen = []
        for number in range(SHAPE[axis]):  # by the distance of the slices' planes in mm
            apart = abs(normal @ affine[:3, axis]) * abs(number - where.along)
            if apart <= 2.5 + 1e-9:
                index = [slice(None)] * 3
                index[axis] = number
                chosen.append(where.turned(values[tuple(index)]))
        wanted = SLOW[projection](np.stack(chosen), axis=0)
        found = slab_values(where, sample, 5.0, projection)
        np.testing.assert_allclose(found, wanted, atol=1e-4)
        assert slab_of(where, sample, 5.0).count == len(chosen)


def test_no_thickness_is_one_slice():
    stored = np.random.default_rng(1).integers(0, 9, SHAPE).astype(np.int16)
    sample = scan(np.diag([1.0, 2.0, 3.0, 1.0]), stored)
    for where in planes(SHAPE, sample.affine, np.array([3, 3, 3])):
        np.testing.assert_array_equal(slab_values(where, sample), where.cut(stored))


def test_what_has_no_value_anywhere_in_a_slab_has_none():
    stored = np.full(SHAPE, np.nan, np.float32)
    where = planes(SHAPE, np.eye(4), np.array([3, 3, 3]))[0]
    for projection in PROJECTIONS:
        assert np.isnan(slab_values(where, scan(np.eye(4), stored), 4.0, projection)).all()


def test_a_sheared_scan_has_less_between_its_slices_than_along_its_axis():
    affine = np.eye(4)
    affine[:3, 2] = (3, 0, 4)  # a tilted gantry: 5 mm along the axis, 4 mm from slice to slice
    assert slice_step(affine, 2) == pytest.approx(4)


def test_a_thick_slab_of_thin_slices_is_cut():
    sample = scan(np.diag([0.1, 1, 1, 1]), np.zeros((300, 3, 3), np.int16))
    sagittal = planes(sample.shape, sample.affine, np.array([150, 1, 1]))[2]
    slab = slab_of(sagittal, sample, 20.0)
    assert slab.cut
    assert slab.count <= MOST_SLICES
    assert not slab_of(sagittal, sample, 2.0).cut
