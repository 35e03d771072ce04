"""Everything that is wrong with an ECG file has its own sentence, and nothing else escapes."""

import io
import zipfile

import numpy as np
import pytest

from dashboard.data.readers import (
    ChoiceNeeded,
    DamagedFile,
    EmptyFile,
    UnknownFormat,
    UnreadableFile,
    UnsafeFile,
    open_files,
)

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 100
GARBAGE = np.random.default_rng(7).bytes(3000)


def _refused(kind: type[UnreadableFile], files, **choices: str) -> str:
    """The sentence with which `files` are refused, checked for its form."""
    with pytest.raises(UnreadableFile) as caught:
        open_files(files, choices)
    message = str(caught.value)
    assert isinstance(caught.value, kind), message
    assert len(message) <= 400
    assert "\n" not in message
    assert "Mustermann" not in message
    return message


def test_nothing_given():
    assert "No files were given" in _refused(EmptyFile, [])


@pytest.mark.parametrize("name", ["a.hea", "a.dat", "a.edf", "a.csv", "a.npy", "a.zip", "a"])
def test_an_empty_file(name):
    assert "empty (0 bytes)" in _refused(EmptyFile, [(name, b"")])


def test_a_path_that_is_not_there(tmp_path):
    assert "nothing.hea does not exist" in _refused(UnreadableFile, [tmp_path / "nothing.hea"])


def test_a_header_without_its_signal_file(plain_record):
    message = _refused(DamagedFile, plain_record()[:1])
    assert "r.hea needs its signal file r.dat, which is missing (it was given alone)" in message


def test_a_signal_file_without_its_header(plain_record):
    message = _refused(DamagedFile, plain_record()[1:])
    assert "r.dat was given without its header r.hea" in message


def test_a_renamed_signal_file(plain_record):
    header, (_, data) = plain_record()
    message = _refused(DamagedFile, [header, ("patient.dat", data)])
    assert "needs its signal file r.dat" in message
    assert "given were patient.dat" in message


def test_an_empty_signal_file(plain_record):
    assert "r.dat is empty" in _refused(EmptyFile, [plain_record()[0], ("r.dat", b"")])


def test_a_truncated_signal_file(plain_record):
    header, (name, data) = plain_record()
    message = _refused(DamagedFile, [header, (name, data[:3000])])
    assert "declares 1,000 samples per signal, but r.dat (3,000 bytes) holds only 750" in message


@pytest.mark.parametrize("length", [" 1001", " 999999999999", " 9999999999999999999999"])
def test_a_header_that_declares_more_than_is_there(plain_record, length):
    if len(length) > 20:  # no length at all: what is there is read
        assert open_files(plain_record(length=length)).shape == (1000,)
    else:
        assert "holds only 1,000" in _refused(DamagedFile, plain_record(length=length))


def test_a_header_that_declares_more_signals_than_lines(plain_record):
    (name, header), data = plain_record()
    message = _refused(DamagedFile, [(name, header.replace(b"r 2 ", b"r 7 ")), data])
    assert "declares 7 signals, expected as many lines, but has 2" in message
    message = _refused(UnsafeFile, [(name, header.replace(b"r 2 ", b"r 99999999 ")), data])
    assert "declares 99,999,999 signals" in message


@pytest.mark.parametrize(
    "target",
    [
        "/etc/passwd",
        "../r.dat",
        "a/../../r.dat",
        "..\\r.dat",
        "http://example.org/r.dat",
        "C:\\r.dat",
        "..",
    ],
)
def test_a_header_that_points_elsewhere(plain_record, target):
    header, data = plain_record(file=target)
    message = _refused(UnsafeFile, [header, data])
    assert "refers to" in message
    assert "plain name of a file beside it" in message


def test_a_segment_that_points_elsewhere(plain_record):
    header = ("s.hea", b"s/1 2 250 1000\n../r 1000\n")
    assert "refers to '../r'" in _refused(UnsafeFile, [header, *plain_record()], record="s")


@pytest.mark.parametrize(
    "name", ["../r.hea", "/r.hea", "a/../../r.hea", "C:/r.hea", "a\\..\\r.hea"]
)
def test_a_name_that_points_elsewhere(plain_record, zipped, name):
    parts = [(name, plain_record()[0][1]), plain_record()[1]]
    assert "points outside its own folder" in _refused(UnsafeFile, parts)
    assert "points outside its own folder" in _refused(UnsafeFile, [("a.zip", zipped(parts))])


@pytest.mark.parametrize("rate", [" 0", ""])
def test_a_missing_sampling_rate_is_a_question(plain_record, rate):
    parts = plain_record(rate=rate, length=" 1000" if rate else "")
    with pytest.raises(ChoiceNeeded, match=r"r\.hea does not say its sampling rate") as caught:
        open_files(parts)
    assert caught.value.key == "rate_hz"
    assert open_files(parts, {"rate_hz": "250"}).sampling_rate == 250.0


@pytest.mark.parametrize("rate", [" -250", " 1e99"])
def test_an_impossible_sampling_rate(plain_record, rate):
    assert "expected a positive number" in _refused(DamagedFile, plain_record(rate=rate))


def test_a_gain_of_zero_is_uncalibrated_and_says_so(plain_record, wave):
    sample = open_files(plain_record(gain="0"))
    np.testing.assert_array_equal(sample.array, wave / np.float32(200))  # header(5)
    assert any("no gain (or 0) for I, II: 200 steps per mV are assumed" in n for n in sample.notes)


def test_a_lead_without_any_valid_sample_is_read(plain_record, wave):
    stored = wave.copy()
    stored[1] = -32768
    sample = open_files(plain_record(stored=stored))
    assert np.isnan(sample.array[1]).all()
    assert "No valid samples in II" in sample.notes


def test_a_record_of_one_sample_is_read(plain_record, wave):
    sample = open_files(plain_record(stored=wave[:, 5:6], length=" 1"))
    np.testing.assert_array_equal(sample.array, wave[:, 5:6] / np.float32(200))


def test_a_record_of_forty_leads_is_read(plain_record):
    stored = np.arange(40 * 1000).reshape(40, 1000) % 2000
    leads = [f"E{i}" for i in range(40)]
    sample = open_files(plain_record(stored=stored, leads=leads))
    assert sample.channels == tuple(leads)
    np.testing.assert_array_equal(sample.array, (stored / 200).astype(np.float32))


def test_a_picture_renamed_to_a_header(plain_record):
    for files in ([("r.hea", PNG)], [("r.hea", PNG), plain_record()[1]]):
        message = _refused(DamagedFile, files)
        assert "r.hea is not a WFDB header: its content is a PNG picture" in message


def test_a_header_of_one_endless_line():
    line = b"r 1 250 10\nr.dat 16 200 16 0 0 0 0" + b" " * 200_000 + b"I"
    assert "lines of at most 512" in _refused(DamagedFile, [("r.hea", line), ("r.dat", b"1")])


def test_binary_data_as_a_header():
    assert "it holds binary data" in _refused(DamagedFile, [("r.hea", GARBAGE)])


def test_a_format_that_does_not_exist(plain_record):
    (name, header), data = plain_record()
    message = _refused(UnknownFormat, [(name, header.replace(b".dat 16 ", b".dat 99 ")), data])
    assert "WFDB format 99" in message


def test_a_variable_layout_without_its_layout_header(plain_record):
    header = ("s.hea", b"s/2 2 250 1000\nlayout 0\nr 1000\n")
    message = _refused(DamagedFile, [header, *plain_record()], record="s")
    assert "needs the segment layout.hea, which is missing" in message


def test_segments_cannot_multiply_their_bytes_without_end(plain_record):
    lines = "\n".join(["r 1000"] * 900)
    header = ("s.hea", f"s/900 2 250 900000\n{lines}\n".encode())
    message = _refused(UnsafeFile, [header, *plain_record()], record="s")
    assert "made to fill the memory" in message


def test_an_endless_pause_between_segments_is_refused(plain_record):
    header = ("s.hea", b"s/2 2 250 9000001000\n~ 9000000000\nr 1000\n")
    assert "at most" in _refused(UnsafeFile, [header, *plain_record()], record="s")


def test_an_edf_with_a_damaged_start(edf_bytes):
    data = edf_bytes([("ECG", "mV", ("-1", "1"), np.zeros((2, 250)))])
    message = _refused(DamagedFile, [("e.edf", b"x" + data[1:])])
    assert "e.edf does not begin with an EDF or BDF header" in message


@pytest.mark.parametrize(
    ("place", "text", "expected"),
    [
        (236, "99      ", "declares 99 data records of 500 bytes, but holds only 2"),
        (236, "x       ", "number of data records as 'x'"),
        (244, "0       ", "no sampling rate"),
        (252, "9999", "declares 9999 signals"),
        (252, "0   ", "declares 0 signals"),
        (472, "-5      ", "declares -5 samples"),
    ],
)
def test_an_edf_header_that_cannot_be(edf_bytes, place, text, expected):
    data = edf_bytes([("ECG", "mV", ("-1", "1"), np.zeros((2, 250)))])
    damaged = data[:place] + text.encode() + data[place + len(text) :]
    assert expected in _refused(DamagedFile, [("e.edf", damaged)])


def test_an_edf_with_endless_pauses(edf_bytes):
    starts = [b"+0\x14\x14\0", b"+99999999999\x14\x14\0"]
    signal = ("ECG", "mV", ("-1", "1"), np.zeros((2, 250)))
    data = edf_bytes([signal], reserved="EDF+D", starts=starts)
    assert "pauses" in _refused(UnsafeFile, [("e.edf", data)])


@pytest.mark.parametrize("name", ["g.csv", "g.txt"])
def test_binary_data_as_a_table(name):
    assert "is binary data without a table" in _refused(UnknownFormat, [(name, GARBAGE)])


def test_text_as_a_table():
    message = _refused(UnknownFormat, [("letter.txt", b"Dear Sir,\nmy heart\nbeats.\n")])
    assert "is text without a table of numbers" in message


def test_a_table_with_a_broken_line():
    text = "I,II\n" + "1,2\n" * 100
    message = _refused(
        DamagedFile, [("t.csv", (text + "1,2,3\n").encode())], rate_hz="1", unit="mV"
    )
    assert "rows of different lengths: expected 2 columns" in message
    message = _refused(DamagedFile, [("t.csv", (text + "1,x\n").encode())], rate_hz="1", unit="mV")
    assert "text among the numbers of column 2" in message


def test_a_file_of_no_known_kind():
    assert "a PDF document by its content" in _refused(UnknownFormat, [("a.pdf", b"%PDF-1.4 ...")])
    assert "not a readable MATLAB file" in _refused(DamagedFile, [("a.mat", b"MATLAB 5.0 ...")])


# Archives


def test_a_zip_bomb_is_refused_by_its_ratio(zipped):
    bomb = zipped([("r.hea", b"0" * 30_000_000)])
    assert "200 times its size" in _refused(UnsafeFile, [("bomb.zip", bomb)])


def test_a_zip_that_lies_about_its_size_gives_no_more_than_it_said(zipped):
    honest = zipped([("r.csv", b"1\n" * 400_000), ("noise.bin", GARBAGE * 20)])
    true, lie = (800_000).to_bytes(4, "little"), (1000).to_bytes(4, "little")
    assert honest.count(true) == 2
    message = _refused(DamagedFile, [("lie.zip", honest.replace(true, lie))])
    assert "inside the archive lie.zip is damaged" in message


def test_too_many_members(zipped):
    many = zipped([(f"{i}.txt", b"") for i in range(10_001)])
    assert "holds 10,001 files, at most 10,000" in _refused(UnsafeFile, [("many.zip", many)])


def _one_member(change) -> bytes:
    buffer = io.BytesIO()
    info = zipfile.ZipInfo("r.hea")
    change(info)
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, "target", compress_type=info.compress_type)
    return buffer.getvalue()


def test_a_link_in_a_zip():
    data = _one_member(lambda info: setattr(info, "external_attr", 0o120777 << 16))
    assert "is a link" in _refused(UnsafeFile, [("link.zip", data)])


def test_an_unusual_compression_in_a_zip():
    data = _one_member(lambda info: setattr(info, "compress_type", zipfile.ZIP_BZIP2))
    assert "unusual compression" in _refused(UnsafeFile, [("b.zip", data)])


def test_an_encrypted_member(zipped):
    data = bytearray(zipped([("r.hea", b"r 1 250")]))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    data[6] |= 1
    assert "is encrypted" in _refused(DamagedFile, [("secret.zip", bytes(data))])


def test_archives_inside_archives_stay_closed(plain_record, zipped):
    inner = zipped(plain_record())
    assert "no known format" in _refused(UnknownFormat, [("a.zip", zipped([("b.zip", inner)]))])


def test_what_is_not_a_zip():
    assert "is not a readable zip" in _refused(DamagedFile, [("a.zip", GARBAGE)])


def test_an_empty_zip(zipped):
    assert "holds no files" in _refused(EmptyFile, [("a.zip", zipped([]))])


def test_a_link_out_of_a_folder_is_not_followed(plain_record, tmp_path):
    (tmp_path / "secret.dat").write_bytes(plain_record()[1][1])
    folder = tmp_path / "record"
    folder.mkdir()
    (folder / "r.hea").write_bytes(plain_record()[0][1])
    (folder / "r.dat").symlink_to(tmp_path / "secret.dat")
    assert "needs its signal file r.dat" in _refused(DamagedFile, [folder])


def test_files_of_several_kinds_are_a_question(plain_record):
    files = [*plain_record(), ("t.csv", b"1\n2\n3\n")]
    with pytest.raises(ChoiceNeeded) as caught:
        open_files(files)
    assert (caught.value.key, caught.value.options) == ("kind", ("WFDB", "table"))
    assert open_files(files, {"kind": "wfdb"}).channels == ("I", "II")


def test_two_files_of_one_name(plain_record):
    parts = plain_record()
    assert "Two files are called r.hea" in _refused(UnsafeFile, [parts[0], *parts])
