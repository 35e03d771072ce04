"""Label files open aligned in other programs, whatever the scan's affine."""

import nibabel
import numpy as np
import pytest
import SimpleITK

from dashboard.data.sample import Sample
from dashboard.data.writers.labels_nifti import write_labels
from models.records import Mask

NAMES = ("background", "anterior", "posterior")
SHAPE = (7, 9, 5)


def affine_of(seed: int, shear: float = 0.0) -> np.ndarray:
    """A rotation with unequal voxel sizes, sheared on wish."""
    random = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(random.standard_normal((3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.array([[1, shear, 0], [0, 1, 0], [0, 0, 1]]) * (0.7, 1.2, 3.0)
    affine[:3, 3] = random.uniform(-90, 90, 3)
    return affine


def case(affine: np.ndarray) -> tuple[Mask, Sample]:
    labels = np.random.default_rng(1).integers(0, 3, SHAPE).astype(np.uint8)
    array = np.zeros((1, *SHAPE), np.int16)
    return Mask(NAMES, labels), Sample(array, "x", "mr", ("v",), ("",), "mm", affine=affine)


@pytest.mark.parametrize("seed", range(4))
def test_nibabel_reads_the_labels_where_the_scan_lies(tmp_path, seed):
    affine = affine_of(seed)
    mask, sample = case(affine)
    image = nibabel.load(write_labels(mask, sample, tmp_path / "labels.nii.gz"))
    np.testing.assert_array_equal(np.asarray(image.dataobj), mask.labels)
    assert image.get_data_dtype() == np.uint8
    np.testing.assert_allclose(image.affine, affine, atol=1e-4)
    np.testing.assert_allclose(image.get_qform(), affine, atol=1e-3)
    assert image.header.get_xyzt_units()[0] == "mm"
    assert bytes(image.header["descrip"]).startswith(b"0 background, 1 anterior, 2 posterior")


@pytest.mark.parametrize("seed", range(4))
def test_itk_reads_the_labels_where_the_scan_lies(tmp_path, seed):
    """SimpleITK's world is LPS: x and y have the other sign."""
    affine = affine_of(seed)
    mask, sample = case(affine)
    image = SimpleITK.ReadImage(str(write_labels(mask, sample, tmp_path / "labels.nii.gz")))
    for index in [(0, 0, 0), (6, 2, 4), (3, 8, 1)]:
        assert image[index] == mask.labels[index]
        place = np.array(image.TransformIndexToPhysicalPoint(index)) * (-1, -1, 1)
        np.testing.assert_allclose(place, affine[:3, :3] @ index + affine[:3, 3], atol=1e-3)


def test_a_sheared_scan_is_placed_by_its_sform_alone(tmp_path):
    affine = affine_of(2, shear=0.4)
    mask, sample = case(affine)
    image = nibabel.load(write_labels(mask, sample, tmp_path / "labels.nii.gz"))
    np.testing.assert_allclose(image.affine, affine, atol=1e-4)
    assert int(image.header["qform_code"]) == 0


def test_labels_of_another_shape_are_refused(tmp_path):
    mask, sample = case(np.eye(4))
    with pytest.raises(ValueError, match="got labels"):
        write_labels(Mask(NAMES, mask.labels[1:]), sample, tmp_path / "x.nii.gz")
