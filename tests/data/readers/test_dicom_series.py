"""DICOM series made by hand: what comes out, what is asked, what is refused and how."""

import numpy as np
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)

from dashboard.analysis.benchmarks.memory import peak_memory
from dashboard.data.readers import (
    ChoiceNeeded,
    DamagedFile,
    open_files,
)
from tests.data.readers.dicom_scans import (
    COLUMNS,
    MR,
    ROWS,
    SECRET,
    as_bytes,
    enhanced,
    numbers,
    refused,
    series,
    slice_set,
    volume,
)

pytestmark = pytest.mark.usefixtures("headers_here")


# What comes out


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian],
    ids=lambda uid: uid.name,
)
def test_ways_to_write_it_give_the_same(syntax):
    dataset = slice_set(numbers(dtype=">i2" if syntax == ExplicitVRBigEndian else "<i2"))
    dataset.file_meta.TransferSyntaxUID = syntax
    sample = open_files(("a", as_bytes(dataset)))
    np.testing.assert_array_equal(sample.array[0, :, :, 0], numbers().T)
    assert sample.array.dtype.isnative


def test_a_file_without_preamble_is_read():
    data = slice_set(numbers())
    data.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    whole = as_bytes(data)
    bare = whole[whole.index(b"\x08\0\x16\0\x1a\0\0\0") :]
    np.testing.assert_array_equal(open_files(("old.ima", bare)).array[0, :, :, 0], numbers().T)


def test_bits_beyond_those_stored_are_cut_off():
    values = np.array([[0x7FF, 0x800, 0xFFF, 0xF001]], dtype="<u2")  # 12 bits, an overlay in one
    dataset = slice_set(values, BitsStored=12, HighBit=11)
    assert open_files(("a.dcm", as_bytes(dataset))).array.ravel().tolist() == [2047, 2048, 4095, 1]
    dataset.PixelRepresentation = 1
    assert open_files(("a.dcm", as_bytes(dataset))).array.ravel().tolist() == [2047, -2048, -1, 1]


def test_slopes_that_differ_give_float32_in_the_unit():
    files = [
        (
            f"{i}.dcm",
            as_bytes(slice_set(numbers(i), i, RescaleSlope=s, Modality="PT", Units="BQML")),
        )
        for i, s in enumerate([0.5, 2.0, 0.25])
    ]
    sample = open_files(files)
    wanted = np.stack([numbers(i).T * s - 1024 for i, s in enumerate([0.5, 2.0, 0.25])], axis=-1)
    np.testing.assert_allclose(sample.array[0], wanted, rtol=1e-6)
    assert (sample.scale, sample.units, sample.modality) == (None, ("Bq/ml",), "volume")
    assert "slope 0.25 to 2" in sample.notes[0]


def test_float_pixels_are_read():
    dataset = slice_set(numbers())
    del dataset.PixelData
    values = numbers().astype("<f4") / 7
    dataset.BitsAllocated = 32
    dataset.add_new(0x7FE00008, "OF", values.tobytes())
    np.testing.assert_array_equal(
        open_files(("a.dcm", as_bytes(dataset))).array[0, :, :, 0], values.T
    )


def test_a_description_with_the_patients_name_is_no_name():
    files = series(2, SeriesDescription=f"Thorax {SECRET.upper()}", SeriesNumber=4)
    sample = open_files(files)
    assert sample.name == "CT series 4"
    assert SECRET.lower() not in repr(sample).lower()


def test_what_a_file_says_of_its_values_becomes_notes():
    changes = {"PhotometricInterpretation": "MONOCHROME1", "PixelPaddingValue": -2000}
    sample = open_files(series(2, WindowCenter=[40, 600], WindowWidth=[400, 1200], **changes))
    assert "low values bright (MONOCHROME1)" in sample.notes[0]
    assert sample.notes[1:] == (
        "the stored value -2000 marks what was not scanned",
        "window of the file: centre 40, width 400",
    )


# Missing, doubled, several


def test_a_missing_slice_is_the_lowest_value_and_the_rest_stays_in_place():
    files = [file for n, file in enumerate(series(6)) if n != 2]
    sample = open_files(files)
    wanted = volume(6)
    wanted[:, :, 2] = 0  # the lowest value of all
    np.testing.assert_array_equal(sample.array[0], wanted)
    assert "place 3 (6 mm) of 6" in sample.notes[0]


def test_uneven_slices_are_interpolated():
    heights = [0, 3, 6, 13, 20]
    files = [
        (
            f"{i}.dcm",
            as_bytes(
                slice_set(numbers(i), ImagePositionPatient=[0, 0, z], SOPInstanceUID=f"1.{i}")
            ),
        )
        for i, z in enumerate(heights)
    ]
    sample = open_files(files)
    places = np.linspace(0, 20, sample.shape[2])
    wanted = np.interp(places, heights, [100 * i for i in range(5)])
    np.testing.assert_allclose(sample.array[0, 0, 0], wanted, atol=0.5)


def test_the_same_file_twice_counts_once():
    files = series(3)
    sample = open_files([*files, ("again.dcm", files[1][1])])
    np.testing.assert_array_equal(sample.array[0], volume(3))
    assert sample.notes == ("left out (copies of other files): 1, again.dcm",)


@pytest.mark.parametrize(
    ("other", "said"), [(1, "all with the same pixels"), (9, "1 of them with other pixels")]
)
def test_a_doubled_slice_is_left_out_and_its_pixels_compared(other, said):
    double = slice_set(numbers(other), 1, SOPInstanceUID="1.9", InstanceNumber=99)
    sample = open_files([*series(3), ("double.dcm", as_bytes(double))])
    np.testing.assert_array_equal(sample.array[0], volume(3))
    assert sample.notes == (f"1 slice lies where another does, {said}: left out",)


def test_several_series_are_a_question():
    scout = slice_set(numbers(), 0, SeriesInstanceUID="1.9", SeriesNumber=2, SOPInstanceUID="1.8")
    scout.SeriesDescription = "Scout"
    files = [*series(3), ("s.dcm", as_bytes(scout))]
    with pytest.raises(ChoiceNeeded) as caught:
        open_files(files)
    options = ("2: Scout, CT 4 x 5, 1 image", "7: Thorax 3 mm, CT 4 x 5, 3 images")
    assert (caught.value.key, caught.value.options) == ("series", options)
    for answer in ("7", options[1]):
        assert open_files(files, {"series": answer}).shape == (COLUMNS, ROWS, 3)
    assert "no series '9'" in refused(ChoiceNeeded, files, {"series": "9"})


def test_two_echoes_are_a_question():
    files = [
        (
            f"{e}{i}.dcm",
            as_bytes(
                slice_set(numbers(i + e), i, storage=MR, EchoTime=e, SOPInstanceUID=f"1.{e}.{i}")
            ),
        )
        for i in range(3)
        for e in (5, 10)
    ]
    with pytest.raises(ChoiceNeeded) as caught:
        open_files(files)
    assert (caught.value.key, caught.value.options) == ("frame", ("0: echo 5 ms", "1: echo 10 ms"))
    sample = open_files(files, {"frame": "1"})
    np.testing.assert_array_equal(sample.array[0, 0, 0], [1000, 1100, 1200])
    assert "volume 1: echo 10 ms of 2" in sample.notes


# Many frames in one file


def test_frames_of_an_enhanced_file_are_placed_by_their_groups():
    sample = open_files(("e.dcm", as_bytes(enhanced([4, 0, 2]))))
    np.testing.assert_array_equal(sample.array[0, 0, 0], [100, 200, 0])
    np.testing.assert_allclose(sample.spacing, (0.7, 0.5, 2))
    assert sample.modality == "mr"


def test_frames_that_differ_in_slope_become_float32():
    sample = open_files(("e.dcm", as_bytes(enhanced([0, 2], slopes=[2, 3]))))
    np.testing.assert_array_equal(sample.array[0, 1, 0], [2, 303])


def test_more_frames_than_described_are_damage():
    dataset = enhanced([0, 2, 4])
    dataset.NumberOfFrames = 900
    assert "declares 900 frames and describes 3" in refused(
        DamagedFile, ("e.dcm", as_bytes(dataset))
    )


def test_a_dose_lies_at_its_offsets_and_is_scaled():
    frames = np.stack([numbers(i, "<u2") for i in range(3)])
    dataset = slice_set(frames[0], storage="1.2.840.10008.5.1.4.1.1.481.2", Modality="RTDOSE")
    dataset.NumberOfFrames, dataset.PixelData = 3, frames.tobytes()
    dataset.GridFrameOffsetVector, dataset.DoseGridScaling = [0, 5, 10], 0.001
    dataset.DoseUnits = "GY"
    sample = open_files(("dose.dcm", as_bytes(dataset)))
    np.testing.assert_allclose(sample.affine[:3, 2], [0, 0, 5])
    assert (sample.units, sample.scale) == (("Gy",), (0.001, 0.0))


# Compressed and coloured


def test_colours_become_their_luminance():
    values = np.random.default_rng(3).integers(0, 256, (ROWS, COLUMNS, 3)).astype(np.uint8)
    sample = open_files(("a.dcm", as_bytes(slice_set(values, storage=MR))))
    wanted = 0.299 * values[..., 0] + 0.587 * values[..., 1] + 0.114 * values[..., 2]
    np.testing.assert_array_equal(sample.array[0, :, :, 0].T, np.rint(wanted))
    assert "luminance" in sample.notes[0]


def test_reading_takes_little_more_memory_than_the_volume():
    head = slice_set(np.zeros((512, 512), "<i2"))
    files = []
    for i in range(100):
        head.SOPInstanceUID, head.ImagePositionPatient = f"1.2.{i}", [0, 0, i]
        files.append((f"{i}.dcm", as_bytes(head)))
    with peak_memory() as peak:
        sample = open_files(files)
    size = sample.array.nbytes / 2**20
    assert sample.shape == (512, 512, 100)
    assert peak.megabytes < 1.5 * size
