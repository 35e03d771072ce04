"""Maps written as NIfTI lie where they belong, as other libraries read them."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
from nilearn.image import resample_to_img

from dashboard.data.sample import Sample
from dashboard.data.writers.nifti_file import map_nifti_bytes, nifti_bytes

SHAPE = (7, 9, 5)
TURNED = np.array(
    [[-1.9, 0.3, 0.2, 30.0], [0.25, 1.1, -0.9, -20.0], [0.1, 0.35, 2.6, 12.0], [0, 0, 0, 1.0]]
)


def rigid() -> np.ndarray:
    """A rotation about a slanted axis, anisotropic, one axis flipped."""
    turn, _ = np.linalg.qr(np.random.default_rng(4).standard_normal((3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = turn * (1.0, 2.5, -0.7)
    affine[:3, 3] = (-40, 12.5, 7)
    return affine


AFFINES = {"straight": np.diag([2.0, 2.0, 3.0, 1.0]), "turned": rigid(), "sheared": TURNED}


def written(folder: Path, content: bytes) -> Path:
    path = folder / "map.nii.gz"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES)
def test_nibabel_reads_the_values_and_the_affine_of_a_map(affine, tmp_path):
    values = np.random.default_rng(0).standard_normal(SHAPE)
    image = nibabel.load(written(tmp_path, map_nifti_bytes(values, affine)))
    np.testing.assert_array_equal(np.asarray(image.dataobj), values.astype(np.float32))
    np.testing.assert_allclose(image.affine, affine, atol=1e-5)  # float32 of numbers up to 40
    np.testing.assert_allclose(image.header.get_zooms(), np.linalg.norm(affine[:3, :3], axis=0))
    assert image.header.get_data_dtype() == np.float32


@pytest.mark.parametrize("name", AFFINES)
def test_qform_says_the_same_as_sform_or_nothing(name, tmp_path):
    content = map_nifti_bytes(np.zeros(SHAPE), AFFINES[name])
    header = nibabel.load(written(tmp_path, content)).header
    qform, code = header.get_qform(coded=True)
    if name == "sheared":
        assert code == 0
    else:
        np.testing.assert_allclose(qform, header.get_sform(), atol=1e-4)
        assert header.get_sform(coded=True)[1] == code


def test_channels_become_the_fourth_axis(tmp_path):
    values = np.random.default_rng(1).standard_normal((3, *SHAPE)).astype(np.float32)
    image = nibabel.load(written(tmp_path, map_nifti_bytes(values, rigid())))
    assert image.shape == (*SHAPE, 3)
    for channel in range(3):
        np.testing.assert_array_equal(image.dataobj[..., channel], values[channel])


@pytest.mark.parametrize("name", ["straight", "turned"])
def test_itk_finds_a_marked_unit_at_the_same_place(name, tmp_path):
    sitk = pytest.importorskip("SimpleITK", reason="SimpleITK is not installed")
    values = np.zeros(SHAPE)
    values[2, 6, 1] = 1
    image = sitk.ReadImage(str(written(tmp_path, map_nifti_bytes(values, AFFINES[name]))))
    k, j, i = np.argwhere(sitk.GetArrayFromImage(image))[0].tolist()
    lps = np.array(image.TransformIndexToPhysicalPoint((i, j, k)))
    world = AFFINES[name][:3, :3] @ (2, 6, 1) + AFFINES[name][:3, 3]
    np.testing.assert_allclose(lps * (-1, -1, 1), world, atol=1e-4)  # ITK counts left, posterior


@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES)
def test_nilearn_puts_a_marked_unit_on_the_scan_where_it_lies(affine, tmp_path):
    """A layer of stride 3 over a scan: resampled to the scan, the mark covers the marked voxel."""
    unit_to_sample = np.diag([3.0, 3.0, 3.0, 1.0])
    unit_to_sample[:3, 3] = 1.0  # the middle voxel of three
    values = np.zeros(SHAPE)
    values[2, 6, 1] = 1
    own = nibabel.load(written(tmp_path, map_nifti_bytes(values, affine @ unit_to_sample)))
    scan = nibabel.Nifti1Image(np.zeros((21, 27, 15), np.float32), affine)
    options = {"interpolation": "nearest", "force_resample": True, "copy_header": True}
    placed = resample_to_img(own, scan, **options).get_fdata()
    marked = np.argwhere(placed > 0.5)
    np.testing.assert_array_equal(marked.min(axis=0), (6, 18, 3))
    np.testing.assert_array_equal(marked.max(axis=0), (8, 20, 5))


def test_a_sample_keeps_its_stored_values_scale_and_place(tmp_path):
    stored = np.random.default_rng(2).integers(-1000, 3000, (1, *SHAPE)).astype(np.int16)
    channel = {"channels": ("value",), "units": ("HU",), "axis_unit": "mm"}
    sample = Sample(stored, "scan", "ct", affine=rigid(), scale=(0.5, -3.0), **channel)
    image = nibabel.load(written(tmp_path, nifti_bytes(sample)))
    assert image.header.get_data_dtype() == np.int16
    np.testing.assert_allclose(image.get_fdata(), stored[0] * 0.5 - 3)
    np.testing.assert_allclose(image.affine, rigid(), atol=1e-5)
    assert image.header.get_qform(coded=True)[1] == 2


def test_what_is_no_volume_is_refused():
    with pytest.raises(ValueError, match="expected"):
        map_nifti_bytes(np.zeros((4, 4)), np.eye(4))
    with pytest.raises(ValueError, match="at most"):
        map_nifti_bytes(np.zeros((2**15, 1, 1)), np.eye(4))
