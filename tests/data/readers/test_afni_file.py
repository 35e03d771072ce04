"""AFNI datasets are read as nibabel reads them."""

import gzip

import nibabel
import numpy as np
import pytest

from dashboard.data.readers import (
    ChoiceNeeded,
    DamagedFile,
    UnreadableFile,
    UnsafeFile,
    open_files,
)
from tests.data.readers.scans import CUBE

ATTRIBUTES = {
    "DATASET_RANK": ("integer", [3, 2]),
    "DATASET_DIMENSIONS": ("integer", [3, 4, 5]),
    "BRICK_TYPES": ("integer", [1, 1]),
    "BRICK_FLOAT_FACS": ("float", [0, 0.5]),
    "IJK_TO_DICOM_REAL": ("float", [2, 0, 0, -4, 0, 3, 0, 5, 0, 0, 4, 6]),
}


def dataset(values: bytes | None = None, order: str = "LSB_FIRST", **changed) -> list:
    """HEAD and BRIK of two sub-bricks, with attributes changed."""
    text = ""
    for name, (kind, numbers) in (ATTRIBUTES | changed).items():
        text += f"\ntype = {kind}-attribute\nname = {name}\ncount = {len(numbers)}\n"
        text += " ".join(str(n) for n in numbers) + "\n"
    text += "\ntype = string-attribute\nname = BYTEORDER_STRING\ncount = 10\n'" + order + "~\n"
    if values is None:
        values = CUBE.tobytes("F") + (CUBE + 1).tobytes("F")
    return [("a+orig.HEAD", text.encode()), ("a+orig.BRIK", values)]


def test_real_files_equal_nibabels(data_dir):
    head = data_dir / "volumes" / "afni" / "example4d+orig.HEAD"
    with pytest.raises(ChoiceNeeded, match="3 volumes"):
        open_files(head)
    image = nibabel.load(head)
    for frame in range(3):
        sample = open_files(head, {"frame": str(frame)})
        np.testing.assert_allclose(sample.values((0,)), image.get_fdata()[..., frame])
        np.testing.assert_allclose(sample.affine, image.affine, atol=1e-5)
        assert sample.array.dtype == np.int16


def test_factor_of_a_sub_brick_scales_it():
    first, second = (open_files(dataset(), {"frame": n}) for n in "01")
    np.testing.assert_array_equal(first.values((0,)), CUBE)
    np.testing.assert_array_equal(second.values((0,)), (CUBE + 1) * 0.5)
    assert first.spacing == (2.0, 3.0, 4.0)
    np.testing.assert_allclose(first.to_world(np.zeros(3)), (4, -5, 6))


def test_packed_and_big_endian():
    values = np.stack([CUBE, CUBE], -1).astype(">i2").tobytes("F")
    (head, _), packed = dataset(order="MSB_FIRST"), gzip.compress(values)
    sample = open_files([head, ("a+orig.BRIK.gz", packed)], {"frame": "1"})
    np.testing.assert_array_equal(sample.array[0], CUBE)


@pytest.mark.parametrize("half", [0, 1])
def test_half_of_a_dataset_asks_for_the_other_half(half):
    with pytest.raises(DamagedFile, match="together with it"):
        open_files(dataset()[half], {"frame": "0"})


@pytest.mark.parametrize(
    ("changed", "error", "says"),
    [
        ({"DATASET_DIMENSIONS": ("integer", [3, 4])}, DamagedFile, "DIMENSIONS"),
        ({"DATASET_DIMENSIONS": ("integer", [3, 4, 0])}, DamagedFile, "DIMENSIONS"),
        ({"DATASET_DIMENSIONS": ("integer", [3, 4, 50])}, DamagedFile, "cut short"),
        ({"DATASET_DIMENSIONS": ("integer", [9**9, 9, 9])}, UnsafeFile, "at most"),
        ({"DATASET_RANK": ("integer", [3, 10**9])}, UnsafeFile, "at most"),
        ({"DATASET_RANK": ("integer", ["x"])}, DamagedFile, "RANK"),
        ({"BRICK_TYPES": ("integer", [1, 3])}, UnreadableFile, "one type"),
        ({"BRICK_TYPES": ("integer", [2, 2])}, UnreadableFile, "one type"),
        ({"IJK_TO_DICOM_REAL": ("float", [0] * 12)}, DamagedFile, "voxel size"),
        ({"IJK_TO_DICOM_REAL": ("float", ["nan"] * 12)}, DamagedFile, "IJK"),
    ],
)
def test_header_that_lies_is_refused(changed, error, says):
    with pytest.raises(error, match=says):
        open_files(dataset(**changed), {"frame": "1"})
