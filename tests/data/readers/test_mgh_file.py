"""FreeSurfer volumes are read as nibabel reads them (real ones: test_every_volume)."""

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

AFFINE = np.array([[-1.5, 0, 0, 10], [0, 0.25, 2, -20], [0, 1, -0.5, 30], [0, 0, 0, 1.0]])


def mgh(array: np.ndarray = CUBE) -> bytes:
    return nibabel.MGHImage(array, AFFINE).to_bytes()


def patched(data: bytes, offset: int, kind: str, *values) -> bytes:
    raw = np.array(values, dtype=kind).tobytes()
    return data[:offset] + raw + data[offset + len(raw) :]


@pytest.mark.parametrize("kind", ["u1", "i2", "i4", "f4"])
@pytest.mark.parametrize("name", ["a.mgh", "a.mgz", "a.mgh.gz"])
def test_types_and_suffixes(kind, name):
    data = mgh(CUBE.astype(kind))
    sample = open_files([(name, data if name == "a.mgh" else gzip.compress(data))])
    np.testing.assert_array_equal(sample.array[0], CUBE.astype(kind))
    np.testing.assert_allclose(sample.affine, AFFINE, atol=1e-5)
    assert sample.array.dtype == np.dtype(kind)


def test_of_several_frames_one_is_asked_for():
    four = np.stack([CUBE, CUBE + 1], axis=-1)
    with pytest.raises(ChoiceNeeded, match="2 volumes"):
        open_files([("a.mgh", mgh(four))])
    sample = open_files([("a.mgh", mgh(four))], {"frame": "1"})
    np.testing.assert_array_equal(sample.array[0], CUBE + 1)


def test_unplaced_volume_is_taken_as_coronal_as_freesurfer_does():
    sample = open_files([("a.mgh", patched(mgh(), 28, ">i2", 0))])
    assert nibabel.aff2axcodes(sample.affine) == ("L", "I", "A")
    np.testing.assert_allclose(sample.to_world(np.array(CUBE.shape) / 2), 0, atol=1e-12)
    assert any("oriented" in note for note in sample.notes)


@pytest.mark.parametrize(
    ("offset", "kind", "values", "error"),
    [
        (0, ">i4", (2,), DamagedFile),
        (4, ">i4", (0,), DamagedFile),
        (4, ">i4", (-3,), DamagedFile),
        (4, ">i4", (300,), DamagedFile),
        (4, ">i4", (2**30, 2**30), UnsafeFile),
        (16, ">i4", (2**30,), UnsafeFile),
        (20, ">i4", (77,), UnreadableFile),
        (30, ">f4", (0, 0, 0), DamagedFile),
        (42, ">f4", (np.nan,), DamagedFile),
    ],
)
def test_header_that_lies_is_refused(offset, kind, values, error):
    with pytest.raises(error):
        open_files([("a.mgh", patched(mgh(), offset, kind, *values))])
