"""The shape of a mask as a network's input: centred, in mm, with the depth of every place."""

import nibabel
import numpy as np
import pytest
from scipy import ndimage

from dashboard.analysis.analyze import analyze
from dashboard.data.prepare import prepare
from dashboard.data.prepare_shape import DEEPEST, centre_of_mass
from dashboard.data.sample import Sample
from dashboard.recipes.classification import feed
from models import registry
from models.spec import InputSpec

SPEC = InputSpec(channels=2, size=(24, 24, 24), spacing=2.0, crop="shape", domain="binary-mask")


def mask_sample(array, affine=None) -> Sample:
    affine = np.eye(4) if affine is None else affine
    return Sample(np.asarray(array)[None], "x", "mask", ("v",), ("",), "mm", affine=affine)


def ball(shape, centre, radius, spacing=(1.0, 1.0, 1.0)) -> np.ndarray:
    """1 within `radius` mm of `centre` (index)."""
    index = np.moveaxis(np.indices(shape), 0, -1)
    away = (index - np.array(centre)) * np.array(spacing)
    return (np.linalg.norm(away, axis=-1) <= radius).astype(np.uint8)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.8, 0.8, 2.5), (64 / 28,) * 3])
def test_a_ball_is_fed_alike_at_any_spacing_and_place(spacing):
    """Oracle: volume and greatest depth of a ball of 12 mm, by hand."""
    shape = tuple(int(110 / s) for s in spacing)
    centre = np.array([35.0, 52.0, 61.0]) / spacing
    affine = np.diag([*spacing, 1.0])
    fed = prepare(mask_sample(ball(shape, centre, 12.0, spacing) * 7, affine), SPEC)
    assert fed.array.shape == (2, 24, 24, 24)
    volume = fed.array[0].sum() * 2.0**3
    assert volume == pytest.approx(4 / 3 * np.pi * 12**3, rel=0.06)
    assert fed.array[1].max() * DEEPEST == pytest.approx(11.0, abs=2.0)
    middle = ndimage.center_of_mass(fed.array[0])
    world = affine[:3, :3] @ fed.index_in_sample(np.array(middle))
    np.testing.assert_allclose(world, [35.0, 52.0, 61.0], atol=0.5)


def test_blocks_are_means_and_depth_is_the_way_to_the_surface():
    """Oracle: block means and the nearest outside voxel by a plain loop."""
    random = np.random.default_rng(3)
    array = ndimage.gaussian_filter(random.standard_normal((40, 40, 40)), 2.5) > 0.02
    array[[0, 1, 2, -3, -2, -1]] = False
    sample = mask_sample(array[:, 4:36, 4:36].astype(np.uint8))
    fed = prepare(sample, SPEC)
    outside = np.argwhere(sample.array[0] == 0)
    for place in [(12, 12, 12), (10, 13, 11), (14, 9, 12)]:
        first = np.rint(fed.index_in_sample(np.array(place)) - 0.5).astype(int)
        block = [first + step for step in np.ndindex(2, 2, 2)]
        inside = [sample.array[(0, *voxel)] for voxel in block]
        depth = [np.linalg.norm(outside - voxel, axis=1).min() for voxel in block]
        assert fed.array[(0, *place)] == pytest.approx(np.mean(inside))
        assert fed.array[(1, *place)] == pytest.approx(np.mean(depth) / DEEPEST, rel=1e-5)


def test_every_stored_orientation_of_a_mask_gives_the_same_input():
    array = ball((40, 44, 36), (18, 20, 17), 9.0) | ball((40, 44, 36), (22, 30, 17), 5.0)
    original = nibabel.Nifti1Image(array, np.diag([1.0, 1.0, 1.0, 1.0]))
    reference = prepare(mask_sample(array), SPEC).array
    for axes, flips in [((1, 0, 2), (1, -1, 1)), ((2, 1, 0), (-1, -1, 1)), ((0, 2, 1), (1, 1, -1))]:
        stored = original.as_reoriented(np.column_stack([axes, flips]))
        turned = mask_sample(np.asarray(stored.dataobj), stored.affine)
        np.testing.assert_allclose(prepare(turned, SPEC).array, reference, atol=1e-6)


def test_an_empty_mask_is_fed_as_nothing_about_the_middle():
    fed = prepare(mask_sample(np.zeros((30, 20, 10), np.uint8)), SPEC)
    assert not fed.array.any()
    assert centre_of_mass(np.zeros((31, 21, 11), np.uint8)) == (15.0, 10.0, 5.0)


def test_a_nifti_of_a_gland_gets_the_answer_that_the_data_set_gets():
    """The evaluation feeds arrays of 64 mm, the app a file with that spacing."""
    spec = registry.find("resnet3d-adrenal")
    array = ball((64, 64, 64), (30, 33, 31), 8.0) | ball((64, 64, 64), (36, 33, 31), 6.0)
    affine = np.diag([1.0, 1.0, 1.0, 1.0])
    affine[:3, 3] = -80, 12, 40
    sample = mask_sample(array * 255, affine)
    fed = feed(array[None] * 255, spec.input, 64.0)
    np.testing.assert_array_equal(prepare(sample, spec.input).array, fed)
    answer = analyze(sample, spec, net=registry.create(spec.name, 3).eval())
    assert answer.prediction.names == ("normal", "hyperplasia")
    assert answer.reasons == ()
