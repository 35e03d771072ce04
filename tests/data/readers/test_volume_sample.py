"""What all readers of volumes share: which values are kept, what they show, what reading costs."""

import gzip
import io
import tracemalloc

import nibabel
import numpy as np
import pytest

from dashboard.data.readers import open_files
from dashboard.data.readers.volume_sample import MOST_LABELS, volume_sample
from dashboard.data.readers.volume_values import PIECE
from tests.data.readers import test_metaimage_file, test_nrrd_file


def sample_of(values, scale=(1.0, 0.0), **choices):
    return volume_sample(
        np.array(values).reshape(-1, 1, 1, order="F"),
        name="a",
        source="a.nii",
        affine=np.eye(4),
        scale=scale,
        choices=choices,
    )


@pytest.mark.parametrize("kind", ["u1", "i2", "i4", "f4", "f8"])
@pytest.mark.parametrize(
    ("values", "modality"),
    [
        ([0, 1, 1, 0], "mask"),
        ([0, 255, 255], "mask"),
        ([0, 1, 2, 1], "volume"),
        (list(range(MOST_LABELS)), "volume"),
        (list(range(MOST_LABELS + 1)), "mr"),
        ([7, 7, 7], "mr"),
    ],
)
def test_few_whole_numbers_are_a_mask_or_labels(kind, values, modality):
    assert sample_of(np.array(values, kind)).modality == modality


@pytest.mark.parametrize("values", [[0.0, 0.5], [0.0, 1.0, np.nan, np.nan], [0.25, 0.5, 1.0]])
def test_broken_or_missing_numbers_are_no_mask(values):
    assert sample_of(values).modality == "mr"


def test_air_below_makes_a_ct_also_through_the_scale():
    assert sample_of([-1000, 0, 1500]).modality == "ct"
    assert sample_of([0, 1000, 2500], scale=(1.0, -1000.0)).modality == "ct"
    assert sample_of([-1000, 0], kind="mask").modality == "mask"
    assert sample_of([0, 1], kind="ct").units == ("HU",)


def test_labels_that_appear_late_are_found():
    """The search goes slab by slab: a third value in the last voxel of a large mask counts."""
    values = np.zeros(2**20, np.uint8)
    values[5] = 1
    assert sample_of(values).modality == "mask"
    values[-1] = 9
    assert sample_of(values).modality == "volume"
    noisy = np.arange(2**20) % 1000
    noisy[: 2**19] = 0
    assert sample_of(noisy.astype(np.int16)).modality == "mr"


def _files() -> dict[str, list[tuple[str, bytes]]]:
    rng = np.random.default_rng(1)
    scan = np.asfortranarray(rng.integers(-1000, 1500, (128, 128, 100)).astype(np.int16))
    values = scan.tobytes("F")
    nii, npy = nibabel.Nifti1Image(scan, np.eye(4)).to_bytes(), io.BytesIO()
    np.save(npy, scan)
    sizes = "128 128 100"
    packed = gzip.compress(values, 1)
    wide = nibabel.Nifti1Image(scan.astype(np.float64), np.eye(4)).to_bytes()
    mask = nibabel.Nifti1Image((scan > 0).astype(np.int16), np.eye(4)).to_bytes()
    return {
        "nii": [("a.nii", nii)],
        "nii.gz": [("a.nii.gz", gzip.compress(nii, 1))],
        "float64": [("a.nii", wide)],
        "mask": [("a.nii", mask)],
        "mha": test_metaimage_file.mha(values=values, DimSize=sizes),
        "nrrd": [test_nrrd_file.file(packed, encoding="gzip", sizes=sizes)],
        "npy": [("a.npy", npy.getvalue())],
    }


@pytest.fixture(scope="module")
def large_files() -> dict[str, list[tuple[str, bytes]]]:
    return _files()


@pytest.mark.parametrize("kind", ["nii", "nii.gz", "float64", "mask", "mha", "nrrd", "npy"])
def test_reading_costs_little_more_than_the_volume_itself(large_files, kind):
    tracemalloc.start()
    sample = open_files(large_files[kind])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # A slab of 2**18 numbers and its copies are a fixed cost.
    assert peak < 1.1 * sample.array.nbytes + 4 * PIECE
