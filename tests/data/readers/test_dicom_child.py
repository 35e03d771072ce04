"""DICOM series through the child processes that really read them."""

import io

import numpy as np
import PIL.Image
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit, RLELossless

from dashboard.analysis.benchmarks.memory import peak_memory
from dashboard.data.readers import open_files
from tests.data.readers.dicom_scans import as_bytes, numbers, series, slice_set, volume


def test_a_series_keeps_its_integers_and_its_place():
    sample = open_files(series())
    np.testing.assert_array_equal(sample.array[0], volume())
    assert (sample.array.dtype, sample.scale) == (np.int16, (1.0, -1024.0))
    assert (sample.modality, sample.units, sample.name) == ("ct", ("HU",), "Thorax 3 mm")
    wanted = [[-0.7, 0, 0, 10], [0, -0.5, 0, -20], [0, 0, 3, 0], [0, 0, 0, 1]]
    np.testing.assert_allclose(sample.affine, wanted)
    assert sample.source == "4 DICOM files"
    assert sample.notes == ()


def test_a_zip_with_other_files_between_gives_the_same(zipped):
    others = [("DICOMDIR", b"x" * 200), ("notes/readme.txt", b"1,2\n3,4\n5,6\n7,8\n" * 9)]
    sample = open_files(("scan.zip", zipped([*others, *series()])))
    np.testing.assert_array_equal(sample.array[0], volume())
    assert sample.notes == ("left out (no DICOM): notes/readme.txt",)


def test_compressed_frames_come_out_of_the_child():
    dataset = slice_set(numbers())
    dataset.compress(RLELossless)
    sample = open_files([("a.dcm", as_bytes(dataset)), *series(3)[1:]])
    np.testing.assert_array_equal(sample.array[0], volume(3))


@pytest.mark.slow
def test_a_baseline_jpeg_equals_what_pillow_decodes():
    smooth = np.add.outer(np.arange(40), 2 * np.arange(48)).astype(np.uint8)
    packed = io.BytesIO()
    PIL.Image.fromarray(smooth).save(packed, "JPEG", quality=90)
    dataset = slice_set(smooth)
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.PixelData = encapsulate([packed.getvalue()])
    dataset["PixelData"].is_undefined_length = True
    wanted = np.asarray(PIL.Image.open(packed)).T.astype(int)
    found = open_files(("a.dcm", as_bytes(dataset))).array[0, :, :, 0]
    assert np.abs(found - wanted).max() <= 1  # decoders may round the cosines apart


@pytest.mark.slow
def test_a_whole_ct_takes_two_and_a_half_times_its_size_at_most():
    head = slice_set(np.zeros((512, 512), "<i2"))
    files = []
    for i in range(300):
        head.SOPInstanceUID, head.ImagePositionPatient = f"1.2.{i}", [0, 0, i]
        files.append((f"{i}.dcm", as_bytes(head)))
    with peak_memory() as peak:
        sample = open_files(files)
    assert sample.shape == (512, 512, 300)
    assert peak.megabytes < 2.5 * sample.array.nbytes / 2**20
