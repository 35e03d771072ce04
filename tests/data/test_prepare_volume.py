"""Patches and whole volumes are turned to RAS+ and lie where `to_sample` says."""

import nibabel
import numpy as np
import pytest

from dashboard.data.builtin import builtin
from dashboard.data.prepare import prepare
from dashboard.data.readers.files import Files, disk_file
from dashboard.data.readers.nifti import NiftiReader
from dashboard.data.sample import Sample
from models.spec import InputSpec

PATCH = InputSpec(size=(20, 20, 20), spacing=1.0, crop="patch", normalise="percentiles")


def volume(array, affine=None, **more) -> Sample:
    affine = np.eye(4) if affine is None else affine
    return Sample(
        np.asarray(array)[None], "x", "mr", ("value",), ("",), "mm", affine=affine, **more
    )


def random_affine(random, spacing) -> np.ndarray:
    """A rotation with the given voxel sizes and a random origin."""
    turn, _ = np.linalg.qr(random.standard_normal((3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = turn * spacing
    affine[:3, 3] = random.uniform(-100, 100, 3)
    return affine


def brain_like(shape=(40, 46, 38)) -> np.ndarray:
    random = np.random.default_rng(8)
    return random.integers(0, 1000, shape).astype(np.int16)


ORIENTATIONS = [
    (axes, flips)
    for axes in [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    for flips in np.ndindex(2, 2, 2)
]


@pytest.mark.parametrize("whole", [False, True], ids=["patch", "whole"])
def test_every_stored_orientation_gives_the_same_input(whole):
    """One volume stored in all 48 ways by nibabel: 6 axis orders, 8 flips."""
    affine = np.diag([1.0, 1.0, 1.0, 1.0])
    affine[:3, 3] = -20, -11, 5
    original = nibabel.Nifti1Image(brain_like(), affine)
    world = np.array([-2.0, 14.0, 23.0])
    reference = None
    for axes, flips in ORIENTATIONS:
        turn = np.column_stack([axes, [(1, -1)[f] for f in flips]])
        stored = original.as_reoriented(turn)
        sample = volume(np.asarray(stored.dataobj), stored.affine)
        prepared = prepare(sample, PATCH, position=sample.to_index(world), whole=whole)
        if reference is None:
            reference = prepared
        np.testing.assert_allclose(prepared.array, reference.array, atol=1e-6)
        here = sample.to_world(prepared.index_in_sample([3, 4, 5]))
        there = volume(brain_like(), affine).to_world(reference.index_in_sample([3, 4, 5]))
        np.testing.assert_allclose(here, there, atol=1e-9)


def test_a_patch_is_cut_as_the_training_patches_were():
    """hippocampus3d: index 10 of 20 is the centre voxel."""
    array = brain_like()
    prepared = prepare(volume(array), PATCH, position=(20, 23, 19))
    cut = array[10:30, 13:33, 9:29].astype(np.float32)
    low, high = np.percentile(cut, (0.5, 99.5))
    expected = np.clip((cut - low) / (high - low), 0, 1) * 2 - 1
    np.testing.assert_allclose(prepared.array[0], expected, atol=1e-5)
    np.testing.assert_array_equal(prepared.index_in_sample([10, 10, 10]), (20, 23, 19))


def clipped(array: np.ndarray) -> np.ndarray:
    """Values as hippocampus3d stores them: 0.5 to 99.5 percentile of the volume to 0..255."""
    low, high = np.percentile(array, (0.5, 99.5))
    return np.rint(np.clip((array - low) / (high - low), 0, 1) * 255)


def where_cut(array: np.ndarray, piece: np.ndarray) -> np.ndarray | None:
    """Start of `piece` in `array` (within 1 grey level), by trying every place."""
    windows = np.lib.stride_tricks.sliding_window_view(array, piece.shape)
    coarse = np.abs(windows[..., ::5, ::5, ::5] - piece[::5, ::5, ::5]).max(axis=(3, 4, 5))
    for place in np.argwhere(coarse <= 1):
        if np.abs(windows[tuple(place)] - piece).max() <= 1:
            return place
    return None


def test_patches_of_the_nifti_files_equal_those_of_the_training_set(data_dir):
    """The npz names each patch's volume but not its place: it is searched for."""
    archive = np.load(data_dir / "hippocampus3d" / "hippocampus3d_trainval.npz")
    checked = 0
    for number in range(0, len(archive["val_ids"]), 20):
        name = str(archive["val_ids"][number])
        path = data_dir / "hippocampus_seg" / "images" / f"{name}.nii.gz"
        sample = NiftiReader().read(Files([disk_file(path)]), {})
        piece = archive["val_images"][number].astype(float)
        start = where_cut(clipped(sample.values((0,))), piece)
        assert start is not None, name
        fed = prepare(sample, PATCH, position=tuple(start + 10)).array
        grey = prepare(volume(piece), PATCH, position=(10, 10, 10)).array
        # one of 255 grey levels, after stretching by the patch's own percentiles
        np.testing.assert_allclose(fed, grey, atol=0.06)
        checked += 1
    assert checked >= 5


@pytest.mark.parametrize("spacing", [(0.5, 0.5, 0.5), (1.0, 1.0, 3.0), (0.7, 2.0, 1.1)])
def test_a_ramp_in_world_space_is_read_where_to_sample_says(spacing):
    """Oracle: a linear function of the array index, which linear reading must reproduce."""
    spec = InputSpec(size=(12, 12, 12), spacing=1.0, crop="patch")
    random = np.random.default_rng(11)
    for _ in range(5):
        affine = random_affine(random, spacing)
        shape = (34, 30, 32)
        slope = np.array([1.0, 10.0, 100.0])
        array = np.tensordot(slope, np.indices(shape), axes=1).astype(np.float32)
        prepared = prepare(volume(array, affine), spec, position=(17, 14, 16))
        index = np.moveaxis(np.indices(prepared.valid), 0, -1)
        places = prepared.index_in_sample(index)
        inside = ((places >= 2) & (places <= np.array(shape) - 3)).all(axis=-1)
        assert inside.any()
        np.testing.assert_allclose(
            prepared.array[0][inside], (places @ slope)[inside], rtol=1e-4, atol=0.05
        )


def test_a_marked_voxel_of_a_rotated_anisotropic_volume_keeps_its_world_place():
    random = np.random.default_rng(4)
    for _ in range(10):
        spacing = random.uniform(0.6, 2.5, 3)
        affine = random_affine(random, spacing)
        array = np.zeros((40, 36, 38), np.float32)
        mark = np.array([19, 17, 20])
        array[tuple(mark)] = 1000.0
        sample = volume(array, affine)
        prepared = prepare(sample, InputSpec(spacing=1.0, crop="whole"))
        # A whole scan is clipped at its percentiles: the mark is a plateau around its place.
        found = np.argwhere(prepared.array[0] == prepared.array.max()).mean(axis=0)
        away = sample.to_world(prepared.index_in_sample(found)) - sample.to_world(mark)
        assert np.linalg.norm(away) <= np.sqrt(3) * 0.5 * max(1.0, *spacing) + 1e-6


def test_index_goes_to_the_sample_and_back_under_any_affine():
    random = np.random.default_rng(2)
    for _ in range(20):
        sample = volume(np.zeros((30, 31, 32)), random_affine(random, random.uniform(0.3, 4, 3)))
        for whole in (False, True):
            prepared = prepare(sample, PATCH, position=(15, 15, 15), whole=whole)
            index = random.uniform(-5, 40, (7, 3))
            back = prepared.index_in_input(prepared.index_in_sample(index))
            np.testing.assert_allclose(back, index, atol=1e-9)


def test_axes_are_turned_to_ras_as_nibabel_would():
    random = np.random.default_rng(6)
    for _ in range(50):
        affine = random_affine(random, (1.0, 1.0, 1.0))
        prepared = prepare(volume(np.zeros((25, 25, 25)), affine), PATCH)
        turned = affine @ prepared.to_sample
        # fed axes point right, forward and up
        assert nibabel.aff2axcodes(turned) == ("R", "A", "S")


def test_a_patch_over_the_border_repeats_the_edge():
    array = brain_like()
    spec = InputSpec(size=(20, 20, 20), spacing=1.0, crop="patch")
    for position in [(0, 0, 0), (39, 45, 37), (-30, 10, 100)]:
        fed = prepare(volume(array), spec, position=position).array[0]
        index = np.moveaxis(np.indices((20, 20, 20)), 0, -1) + np.array(position) - 10
        nearest = np.clip(index, 0, np.array(array.shape) - 1)
        np.testing.assert_array_equal(fed, array[tuple(np.moveaxis(nearest, -1, 0))])


def test_stored_integers_are_fed_in_their_units_and_what_is_no_number_as_zero():
    spec = InputSpec(size=(4, 4, 4), crop="patch")
    scaled = prepare(volume(np.full((9, 9, 9), 7, np.int16), scale=(0.5, -1.0)), spec)
    assert (scaled.array == 2.5).all()
    broken = np.full((9, 9, 9), np.nan, np.float32)
    broken[4:] = np.inf
    assert (prepare(volume(broken), spec).array == 0).all()


@pytest.mark.parametrize("whole", [False, True], ids=["patch", "whole"])
def test_a_sample_of_floats_is_never_changed(whole):
    array = brain_like().astype(np.float32)
    array[3, 4, 5] = np.nan
    kept = array.copy()
    array.flags.writeable = False  # as the store maps them
    prepare(volume(array), PATCH, position=(20, 20, 20), whole=whole)
    np.testing.assert_array_equal(array, kept)


def test_a_volume_smaller_than_the_patch_is_fed():
    tiny = volume(np.arange(105).reshape(7, 5, 3))
    assert prepare(tiny, PATCH).array.shape == (1, 20, 20, 20)
    assert prepare(tiny, PATCH, whole=True).array.shape == (1, 7, 5, 3)


def test_the_whole_brain_is_scaled_like_its_own_patches():
    sample = builtin("brain")
    whole = prepare(sample, PATCH, whole=True)
    one = prepare(sample, PATCH)
    corner = np.rint(whole.index_in_input(one.index_in_sample([0, 0, 0]))).astype(int)
    cut = whole.array[0][tuple(slice(c, c + 20) for c in corner)]
    assert np.corrcoef(cut.ravel(), one.array.ravel())[0, 1] > 0.97
    assert abs(cut.mean() - one.array.mean()) < 0.25
