"""DICOM that lies, is damaged, or is no scan: one sentence each, before anything is allocated."""

import numpy as np
import pytest
from pydicom.uid import ImplicitVRLittleEndian, RLELossless

from dashboard.data.readers import (
    DamagedFile,
    UnknownFormat,
    UnreadableFile,
    UnsafeFile,
    open_files,
)
from dashboard.data.sample import Sample
from tests.data.readers.dicom_scans import (
    SECRET,
    as_bytes,
    enhanced,
    numbers,
    refused,
    series,
    slice_set,
)

pytestmark = pytest.mark.usefixtures("headers_here")


def test_a_file_cut_off_is_named_with_what_is_there():
    files = series(3)
    files[1] = (files[1][0], files[1][1][:-10])
    message = refused(DamagedFile, files)
    assert "02.dcm is cut off: its header declares 40 bytes of pixels, 30 are there" in message


@pytest.mark.parametrize(
    ("changes", "kind", "expected"),
    [
        ({"Rows": 60000}, DamagedFile, "is cut off: its header declares 480,000 bytes"),
        ({"Rows": 0}, DamagedFile, "declares 0 rows, 4 columns"),
        ({"Rows": 65000, "Columns": 65000}, UnsafeFile, "at most 1024 MiB and 20,000 frames"),
        ({"NumberOfFrames": 2**31 - 1}, UnsafeFile, "declares 2,147,483,647 frames"),
        ({"BitsAllocated": 12}, DamagedFile, "declares 12 bits per pixel"),
        ({"BitsAllocated": 1}, UnknownFormat, "a DICOM segmentation"),
        ({"SamplesPerPixel": 4}, DamagedFile, "declares 4 values per pixel"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.66.4"}, UnknownFormat, "a DICOM segmentation"),
    ],
)
def test_headers_that_lie_are_refused_before_anything_is_read(changes, kind, expected):
    assert expected in refused(kind, ("a.dcm", as_bytes(slice_set(numbers(), **changes))))


@pytest.mark.parametrize(
    ("syntax", "kind", "expected"),
    [
        ("1.2.840.10008.1.2.4.102", UnknownFormat, "holds a video"),
        ("1.2.840.10008.1.2.4.94", DamagedFile, "where its pixels lie on a server"),
        ("1.2.3.4.5", UnknownFormat, "compressed in a way ('1.2.3.4.5') that is not read"),
    ],
)
def test_codings_that_no_decoder_takes_have_their_own_sentence(syntax, kind, expected):
    data = as_bytes(slice_set(numbers())).replace(
        b"1.2.840.10008.1.2.1\0", syntax.encode().ljust(20, b"\0")[:20], 1
    )
    if len(syntax) > 20:
        dataset = slice_set(numbers())
        dataset.PixelData = b"\xfe\xff\0\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
        dataset["PixelData"].is_undefined_length = True
        dataset.file_meta.TransferSyntaxUID = syntax
        data = as_bytes(dataset)
    assert expected in refused(kind, ("a.dcm", data))


@pytest.mark.parametrize(
    ("storage", "expected"),
    [
        ("1.2.840.10008.5.1.4.1.1.88.11", "a structured report"),
        ("1.2.840.10008.5.1.4.1.1.481.3", "a set of radiotherapy structures"),
        ("1.2.840.10008.5.1.4.1.1.104.1", "a document (PDF"),
        ("1.2.840.10008.1.3.10", "a DICOMDIR, which only lists files"),
    ],
)
def test_dicom_without_pixels_is_called_what_it_is(storage, expected):
    dataset = slice_set(numbers(), storage=storage)
    del dataset.PixelData
    assert expected in refused(UnknownFormat, ("a.dcm", as_bytes(dataset)))


def test_a_report_beside_a_series_is_left_out():
    report = slice_set(numbers(), storage="1.2.840.10008.5.1.4.1.1.88.11")
    del report.PixelData
    sample = open_files([*series(2), ("sr.dcm", as_bytes(report))])
    assert sample.notes == ("left out (DICOM without an image): sr.dcm",)


def test_an_image_that_lost_its_pixels_is_damaged():
    dataset = slice_set(numbers())
    del dataset.PixelData
    message = refused(DamagedFile, ("a.dcm", as_bytes(dataset)))
    assert "without pixels: it is cut off or holds no image" in message


def test_damaged_compressed_pixels_name_their_file():
    dataset = slice_set(numbers())
    dataset.compress(RLELossless)
    dataset.Rows = 50
    message = refused(DamagedFile, ("a.dcm", as_bytes(dataset)))
    assert "compressed pixels (RLE) of a.dcm cannot be decoded" in message


def _damaged(rng: np.random.Generator, data: bytes) -> bytes:
    """Cut at any place, or some bytes changed, most of them in the header."""
    if rng.random() < 0.3:
        return data[: rng.integers(0, len(data))]
    changed = bytearray(data)
    for _ in range(rng.integers(1, 6)):
        changed[rng.integers(0, len(data) if rng.random() < 0.3 else min(len(data), 900))] = (
            rng.integers(0, 256)
        )
    return bytes(changed)


def _outcome(files) -> Sample | str:
    try:
        return open_files(files, {"series": "7.1", "frame": "0"})
    except UnreadableFile as error:
        return str(error)


CASES = {"plain": 30, "enhanced": 20, "implicit": 30}


def _files(kind: str) -> list[tuple[str, bytes]]:
    if kind == "enhanced":
        return [("e.dcm", as_bytes(enhanced([0, 2, 4])))]
    if kind == "plain":
        return series(3)
    dataset = slice_set(numbers())
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    return [("a.dcm", as_bytes(dataset)), *series(3)[1:]]


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize("often", [1, pytest.param(15, marks=pytest.mark.slow)])
def test_damaged_files_are_read_or_refused(kind, often):
    rng = np.random.default_rng(5 + often)
    files = _files(kind)
    for _ in range(CASES[kind] * often):
        outcome = _outcome([(files[0][0], _damaged(rng, files[0][1])), *files[1:]])
        if isinstance(outcome, Sample):
            assert outcome.dim == 3
            assert np.isfinite(outcome.affine).all()
            assert not np.isinf(outcome.array).any()
        else:
            assert 0 < len(outcome) <= 400
            assert SECRET not in outcome


def test_what_cannot_be_read_is_left_out_beside_a_series():
    strange = slice_set(numbers(), storage="1.2.840.10008.5.1.4.1.1.66.4", SOPInstanceUID="1.9")
    sample = open_files([*series(3), ("seg.dcm", as_bytes(strange))])
    assert sample.shape[2] == 3
    assert sample.notes[0].startswith("left out: seg.dcm is a DICOM segmentation")
