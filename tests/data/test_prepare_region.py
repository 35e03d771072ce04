"""Small volumes are fed whole, of large ones the part about a position; both are padded."""

import nibabel
import numpy as np
import pytest

from dashboard.data.prepare import placed, prepare
from dashboard.data.sample import Sample
from models.spec import InputSpec

SPEC = InputSpec(spacing=1.0, crop="region", normalise="percentiles", multiple=8)
PLAIN = InputSpec(spacing=1.0, crop="region", multiple=8)


def volume(array, affine=None) -> Sample:
    affine = np.eye(4) if affine is None else affine
    return Sample(np.asarray(array)[None], "x", "mr", ("value",), ("",), "mm", affine=affine)


def random_volume(shape) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 1000, shape).astype(np.int16)


@pytest.mark.parametrize("shape", [(35, 51, 36), (70, 90, 75)], ids=["small", "large"])
def test_every_stored_orientation_feeds_the_same_region(shape):
    """One volume stored in 12 of the 48 ways by nibabel, with voxels of 1 x 1 x 0.8 mm."""
    affine = np.diag([1.0, 1.0, 0.8, 1.0])
    affine[:3, 3] = -20, -11, 5
    original = nibabel.Nifti1Image(random_volume(shape), affine)
    world = affine[:3, :3] @ np.array([30, 40, 32]) + affine[:3, 3]
    reference = prepare(volume(original.get_fdata(), affine), SPEC, position=(30, 40, 32)).array
    for axes in [(0, 1, 2), (1, 2, 0), (2, 1, 0)]:
        for flips in [(1, 1, 1), (-1, 1, 1), (1, -1, -1), (-1, -1, -1)]:
            stored = original.as_reoriented(np.column_stack([axes, flips]))
            sample = volume(np.asarray(stored.dataobj), stored.affine)
            fed = prepare(sample, SPEC, position=sample.to_index(world)).array
            np.testing.assert_allclose(fed, reference, atol=1e-5)


def test_a_small_volume_is_fed_whole_and_padded_by_its_edge():
    array = random_volume((35, 51, 36))
    prepared = prepare(volume(array), PLAIN, position=(1, 2, 3))
    assert prepared.array.shape == (1, 40, 56, 40)
    assert prepared.valid == (35, 51, 36)
    index = np.moveaxis(np.indices((40, 56, 40)), 0, -1)
    nearest = np.minimum(index, np.array(array.shape) - 1)
    np.testing.assert_array_equal(prepared.array[0], array[tuple(np.moveaxis(nearest, -1, 0))])
    np.testing.assert_array_equal(prepared.to_sample, np.eye(4))


def test_of_a_large_volume_the_part_about_the_position_is_fed():
    array = random_volume((90, 120, 80))
    prepared = prepare(volume(array), PLAIN, position=(44.2, 61.0, 35.0))
    assert prepared.valid == prepared.array.shape[1:] == (40, 56, 40)
    np.testing.assert_array_equal(prepared.array[0], array[24:64, 33:89, 15:55])
    np.testing.assert_array_equal(prepared.index_in_sample([20, 28, 20]), (44, 61, 35))


def test_the_part_has_the_same_extent_in_mm_whatever_the_voxels():
    affine = np.diag([0.5, 0.5, 2.0, 1.0])
    prepared = prepare(volume(random_volume((180, 200, 60)), affine), PLAIN)
    assert prepared.valid == (40, 56, 40)
    corners = prepared.index_in_sample([[0, 0, 0], [39, 55, 39]])
    np.testing.assert_allclose(np.diff(corners, axis=0)[0] * (0.5, 0.5, 2.0), (39, 55, 39))


def test_all_of_a_large_volume_is_fed_on_request():
    prepared = prepare(volume(random_volume((90, 121, 80))), SPEC, whole=True)
    assert prepared.valid == (90, 121, 80)
    assert prepared.array.shape == (1, 96, 128, 80)
    assert prepared.array.min() == -1
    assert prepared.array.max() == 1


def test_only_the_answer_about_a_large_volume_depends_on_the_position():
    assert not placed(volume(np.zeros((64, 80, 64))), SPEC)
    assert placed(volume(np.zeros((64, 81, 64))), SPEC)
    assert placed(volume(np.zeros((33, 20, 20)), np.diag([2.0, 1, 1, 1])), SPEC)
    # 80 voxels along the file's first axis are fine where that axis points forward
    turned = np.eye(4)[:, [1, 0, 2, 3]]
    assert not placed(volume(np.zeros((80, 64, 64)), turned), SPEC)


def test_the_empty_ground_of_a_cut_out_brain_does_not_set_the_range():
    """Oracle: the same tissue without the ground, scaled by its own percentiles."""
    tissue = np.random.default_rng(5).normal(600, 100, (30, 40, 30)).astype(np.float32)
    spec = InputSpec(spacing=1.0, crop="region", normalise="tissue", multiple=2)
    whole = prepare(volume(tissue), spec).array
    low, high = np.percentile(tissue, (0.5, 99.5))
    expected = np.clip((tissue - low) / (high - low), 0, 1) * 2 - 1
    np.testing.assert_allclose(whole[0], expected, atol=1e-3)
    half_empty = np.concatenate([tissue, np.zeros_like(tissue)])
    fed = prepare(volume(half_empty), spec).array[0]
    np.testing.assert_allclose(fed[:30], expected, atol=1e-5)
    assert (fed[30:] == -1).all()
    assert (prepare(volume(np.full((20, 20, 20), 3)), spec).array == -1).all()
