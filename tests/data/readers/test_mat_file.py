"""MATLAB files: values against scipy and a decoder of a few lines, questions, refusals."""

import io
import struct
import zlib

import numpy as np
import pytest
import scipy.io

from dashboard.data.readers import (
    ChoiceNeeded,
    DamagedFile,
    UnknownFormat,
    UnreadableFile,
    UnsafeFile,
    mat_file,
    open_files,
)

ANSWERS = {"rate_hz": "500", "unit": "mV"}
LEADS = np.random.default_rng(4).normal(size=(3, 400)).astype(np.float32)


def _mat(**variables) -> bytes:
    options = {key: variables.pop(key) for key in ("format", "do_compression") if key in variables}
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, variables, **options)
    return buffer.getvalue()


def _only_array(data: bytes) -> np.ndarray:
    """The one real double array of a compressed MATLAB 5 file, by the published layout."""
    kind, size = struct.unpack("<II", data[128:136])
    assert kind == 15  # miCOMPRESSED
    body = zlib.decompress(data[136 : 136 + size])
    rows, columns = struct.unpack("<ii", body[32:40])
    name_size = struct.unpack("<I", body[40:44])[0]
    at = 48 if name_size >> 16 else 48 + -(-struct.unpack("<I", body[44:48])[0] // 8) * 8
    kind, size = struct.unpack("<II", body[at : at + 8])
    number = {9: "<f8", 3: "<i2", 4: "<u2", 2: "u1", 1: "i1"}[kind]
    flat = np.frombuffer(body[at + 8 : at + 8 + size], number)
    return flat.reshape((rows, columns), order="F")


@pytest.mark.parametrize("name", ["data_00014", "data_00126"])
def test_a_single_lead_equals_a_decoder_of_a_few_lines(data_dir, name):
    path = data_dir / f"ecg_formats/mat/{name}.mat"
    sample = open_files([path], ANSWERS)
    np.testing.assert_array_equal(sample.array, _only_array(path.read_bytes()).T.astype("f4"))
    assert (sample.shape, sample.sampling_rate, sample.units) == ((5000,), 500.0, ("mV",))


def test_a_struct_is_looked_into_and_its_leads_named_by_their_law(data_dir):
    path = data_dir / "ecg_formats/mat/A1980.mat"
    sample = open_files([path], ANSWERS)
    expected = scipy.io.loadmat(path)["ECG"][0, 0]["data"]
    np.testing.assert_array_equal(sample.array, expected.astype(np.float32))
    assert sample.channels[:6] == ("I", "II", "III", "aVR", "aVL", "aVF")
    shuffled = _mat(ECG={"data": expected[::-1]})
    assert open_files([("a.mat", shuffled)], ANSWERS).channels[0] == "channel 1"


def test_several_variables_are_a_question_that_its_options_answer(data_dir):
    path = data_dir / "ecg_formats/mat/5019019.mat"
    with pytest.raises(ChoiceNeeded) as caught:
        open_files([path])
    assert caught.value.key == "record"
    assert caught.value.options[-1] == "XYZ_O (5000 × 3)"
    assert not any("Rpeaks" in option for option in caught.value.options)
    for answer in ("XYZ_O (5000 × 3)", "XYZ_O"):
        sample = open_files([path], {**ANSWERS, "record": answer})
        expected = scipy.io.loadmat(path)["XYZ_O"].T.astype(np.float32)
        np.testing.assert_array_equal(sample.array, expected)


def test_several_files_and_variables_are_two_questions_in_turn():
    files = [("a.mat", _mat(p=LEADS, q=LEADS * 2)), ("b.mat", _mat(p=LEADS))]
    with pytest.raises(ChoiceNeeded) as first:
        open_files(files)
    assert first.value.options == ("a.mat", "b.mat")
    with pytest.raises(ChoiceNeeded) as second:
        open_files(files, {"record": "a.mat"})
    assert second.value.options == ("a.mat: p (3 × 400)", "a.mat: q (3 × 400)")
    sample = open_files(files, {**ANSWERS, "record": second.value.options[1]})
    np.testing.assert_array_equal(sample.array, LEADS * 2)


def test_rate_and_unit_are_asked_for():
    with pytest.raises(ChoiceNeeded, match="sampling rate") as caught:
        open_files([("a.mat", _mat(ecg=LEADS))])
    assert caught.value.key == "rate_hz"
    with pytest.raises(ChoiceNeeded, match="does not say its unit") as caught:
        open_files([("a.mat", _mat(ecg=LEADS))], {"rate_hz": "100"})
    assert caught.value.key == "unit"


@pytest.mark.parametrize("kind", ["cells", "rows of characters"])
def test_a_file_answers_for_itself(kind):
    leads = np.array(["I", "II", "V1"], dtype=object if kind == "cells" else "U2")
    data = _mat(rec={"sig": LEADS.T * 1000, "fs": 360, "units": "uV", "leads": leads}, age=63)
    sample = open_files([("a.mat", data)])
    assert (sample.sampling_rate, sample.channels) == (360.0, ("I", "II", "V1"))
    np.testing.assert_allclose(sample.array, LEADS, rtol=1e-6)


@pytest.mark.parametrize(
    ("array", "options"),
    [
        (LEADS.T, {}),
        ((LEADS * 50).astype("i2"), {"do_compression": True}),
        (LEADS.astype(">f8"), {}),
        (LEADS, {"format": "4"}),
    ],
    ids=["samples first", "compressed integers", "big-endian", "version 4"],
)
def test_orientation_number_type_and_version_do_not_matter(array, options):
    sample = open_files([("a.mat", _mat(ecg=array, **options))], ANSWERS)
    wide = array if array.shape[0] < array.shape[1] else array.T
    np.testing.assert_array_equal(sample.array, wide.astype(np.float32))


def test_a_mat_with_its_header_stays_with_the_wfdb_reader(data_dir):
    folder = data_dir / "ecg_formats/challenge12lead"
    sample = open_files([folder / "E07500.hea", folder / "E07500.mat"])
    assert (sample.sampling_rate, sample.units[0]) == (500.0, "mV")
    with pytest.raises(UnknownFormat, match=r"give it together with its header E07500\.hea"):
        open_files([folder / "E07500.mat"])


@pytest.mark.parametrize(
    ("data", "kind", "expected"),
    [
        (b"", UnreadableFile, "empty (0 bytes)"),
        (b"MATLAB 7.3 MAT-file" + b" " * 493 + b"\x89HDF\r\n", UnknownFormat, "'-v7'"),
        (b"\x89HDF\r\n\x1a\n" + b"\0" * 600, UnknownFormat, "MATLAB 7.3 file (HDF5)"),
        (b"MATLAB 5.0 ...", DamagedFile, "not a readable MATLAB file"),
        (_mat(ecg=LEADS)[:-900], DamagedFile, "not a readable MATLAB file"),
        (_mat(R_peak=np.arange(13)), UnknownFormat, "holds R_peak (1, 13): expected an ECG"),
        (_mat(note="Erika Mustermann"), UnknownFormat, "holds note"),
        (_mat(z=LEADS + 1j), UnknownFormat, "array of real numbers"),
        (_mat(picture=np.zeros((300, 300))), UnknownFormat, "expected an ECG as an array"),
        (_mat(volume=np.zeros((60, 60, 60))), UnknownFormat, "expected an ECG as an array"),
    ],
)
def test_what_cannot_be_read_says_why(data, kind, expected):
    with pytest.raises(kind) as caught:
        open_files([("a.mat", data)], ANSWERS)
    assert expected in str(caught.value)
    assert "Mustermann" not in str(caught.value)


def test_an_array_that_expands_without_end_is_refused_in_the_child(monkeypatch):
    monkeypatch.setattr(mat_file, "MOST_VALUES", 10_000)
    data = _mat(ecg=np.zeros((2, 6000)), do_compression=True)
    with pytest.raises(UnsafeFile, match="holds arrays of 12,000 numbers: at most 10,000"):
        open_files([("a.mat", data)], ANSWERS)


def test_a_bomb_meets_the_memory_of_the_child():
    """An array declared as 3 GB: far over what the child may use, and never in this process."""
    count = 3 * 2**27
    matrix = struct.pack("<II", 6, 8) + struct.pack("<II", 6, 0)
    matrix += struct.pack("<IIii", 5, 8, 1, count) + struct.pack(
        "<HHI", 1, 3, int.from_bytes(b"ecg", "little")
    )
    matrix += struct.pack("<II", 9, count * 8)
    packer = zlib.compressobj(1)
    packed = packer.compress(struct.pack("<II", 14, (len(matrix) + count * 8) % 2**32) + matrix)
    block = bytes(2**22)
    for _ in range(64):
        packed += packer.compress(block)
    packed += packer.flush()
    start = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
    data = start + struct.pack("<II", 15, len(packed)) + packed
    with pytest.raises(DamagedFile, match="far larger inside"):
        open_files([("a.mat", data)], ANSWERS)
