"""WFDB records: real files against the wfdb package, groups of rates, segments, choices."""

import time
import tracemalloc

import numpy as np
import pytest
import wfdb

from dashboard.data.readers import ChoiceNeeded, DamagedFile, open_files

RECORDS = [
    "ecg_formats/challenge12lead/00001_lr",
    "ecg_formats/challenge12lead/E07500",
    "ecg_formats/challenge12lead/HR06002",
    "ecg_formats/challenge12lead/JS20003",
    "ecg_formats/ood/300",
    "ecg_formats/ood/data_101_8",
    "ecg_formats/wfdb/3000003_0003",
    "ecg_formats/wfdb/310derive_2",
    "ecg_formats/wfdb/311derive_3",
    "ecg_formats/wfdb/a103l",
    "ecg_formats/wfdb/binformats",
    "ecg_formats/wfdb/flacformats",
    "ecg_formats/wfdb/s0010_re",
    "ecg_formats/wfdb/test01_00s",
    "ecg_formats/wfdb_multisegment/041s01",
    "mitdb/101",
    "mitdb/114",
]


def _package_reading(path, name):
    """What the wfdb package makes of a channel: its samples as float32."""
    record = wfdb.rdrecord(str(path), smooth_frames=False)
    names = [channel.strip() for channel in record.sig_name]
    return np.asarray(record.e_p_signal[names.index(name)], dtype=np.float32)


@pytest.mark.parametrize("record", RECORDS)
def test_values_equal_those_of_the_wfdb_package(data_dir, record):
    sample = open_files([data_dir / f"{record}.hea"])
    for row, name in enumerate(sample.channels):
        if name == "ECG 2":  # the second of two leads of one name, which wfdb cannot tell apart
            continue
        expected = _package_reading(data_dir / record, name)
        np.testing.assert_array_equal(sample.array[row], expected, err_msg=name)
    header = wfdb.rdheader(str(data_dir / record))
    assert sample.sampling_rate == header.fs * header.samps_per_frame[0]
    assert sample.array.dtype == np.float32
    assert sample.name == record.rsplit("/", 1)[1]


def test_a_record_of_format_212_equals_a_slow_loop(data_dir):
    data = (data_dir / "mitdb/101.dat").read_bytes()[:3000]
    slow = []
    for low, middle, high in zip(data[::3], data[1::3], data[2::3], strict=True):
        pair = ((middle & 15) << 8 | low, (middle >> 4) << 8 | high)
        slow.append([(value - 4096 if value > 2047 else value) for value in pair])
    expected = (np.array(slow).T - 1024) / 200
    sample = open_files([data_dir / "mitdb/101.hea"])
    np.testing.assert_array_equal(sample.array[:, :1000], expected.astype(np.float32))
    assert sample.units == ("mV", "mV")


def test_segments_that_share_a_signal_file_are_read_one_after_the_other(data_dir):
    folder = data_dir / "ecg_formats/wfdb_multisegment"
    sample = open_files([folder], {"record": "v102s"})
    part = open_files([folder / "v102s_1.hea", folder / "v102s.dat"])
    assert sample.array.shape == (4, 225_000)
    np.testing.assert_array_equal(sample.array, np.tile(part.array, (1, 3)))
    expected = wfdb.rdrecord(str(folder / "v102s")).p_signal
    np.testing.assert_array_equal(sample.array[0], expected[:, 0].astype(np.float32))


def test_segments_with_several_rates_keep_every_sample(data_dir):
    folder = data_dir / "ecg_formats/wfdb_multisegment"
    sample = open_files([folder], {"record": "041s"})
    assert (sample.channels, sample.sampling_rate) == (("III", "I", "V"), 500.0)
    for row, name in enumerate(sample.channels):
        halves = [_package_reading(folder / part, name) for part in ("041s01", "041s02")]
        np.testing.assert_array_equal(sample.array[row], np.concatenate(halves))


def test_a_folder_of_several_records_asks_which(data_dir):
    with pytest.raises(ChoiceNeeded) as caught:
        open_files([data_dir / "ecg_formats/wfdb_multisegment"])
    assert caught.value.key == "record"
    assert caught.value.options == ("041s", "v102s")  # not their segments


def test_a_signal_with_more_samples_per_frame_is_its_own_group(data_dir):
    folder = data_dir / "ecg_formats/wfdb"
    files = [folder / "test01_00s_frame.hea", folder / "test01_00s.dat"]
    slow, fast = open_files(files), open_files(files, {"lead": "ECG_2"})
    assert (slow.channels, slow.sampling_rate) == (("ECG_1", "ECG_3"), 500.0)
    assert any("ECG_2" in note for note in slow.notes)
    assert (fast.channels, fast.sampling_rate) == (("ECG_2",), 1000.0)
    stored = np.fromfile(folder / "test01_00s.dat", dtype="<i2").reshape(-1, 4)
    np.testing.assert_array_equal(slow.array, (stored[:, [0, 3]].T / 100).astype(np.float32))
    np.testing.assert_array_equal(fast.array[0], (stored[:, 1:3].reshape(-1) / 100).astype("f4"))


def test_the_ecg_group_comes_first_and_others_by_choice(data_dir):
    path = data_dir / "ecg_formats/wfdb_multisegment/041s01.hea"
    sample = open_files([path])
    assert sample.channels == ("III", "I", "V")
    assert sample.notes == ("Left out: 125 Hz: ABP, PAP, PLETH, RESP",)
    other = open_files([path], {"group": "125 Hz"})
    assert (other.channels[0], other.units[0], other.sampling_rate) == ("ABP", "mmHg", 125.0)
    one = open_files([path], {"lead": "V, I"})
    assert one.channels == ("V", "I")
    np.testing.assert_array_equal(one.array, sample.array[[2, 1]])
    with pytest.raises(ChoiceNeeded, match="no lead called 'V9'") as caught:
        open_files([path], {"lead": "V9"})
    assert "PLETH" in caught.value.options


def test_a_zip_a_folder_and_uploads_give_the_same_sample(data_dir, tmp_path, zipped):
    parts = [
        (f"101{suffix}", (data_dir / f"mitdb/101{suffix}").read_bytes())
        for suffix in (".hea", ".dat", ".atr")
    ]
    inside = [(f"some/folder/{name}", data) for name, data in parts]
    (tmp_path / "record").mkdir()
    for name, data in parts:
        (tmp_path / "record" / name).write_bytes(data)
    given = [[*parts], [("all.zip", zipped(inside))], [tmp_path / "record"]]
    digests = {open_files(files).digest for files in given}
    assert digests == {open_files([data_dir / "mitdb/101.hea"]).digest}


def test_a_lone_header_takes_nothing_but_its_own_stem(plain_record, tmp_path):
    for name, data in plain_record(file="other.dat"):
        (tmp_path / name).write_bytes(data)
    (tmp_path / "other.dat").write_bytes((tmp_path / "r.dat").read_bytes())
    with pytest.raises(DamagedFile, match=r"needs its signal file other\.dat"):
        open_files([tmp_path / "r.hea"])
    assert open_files([tmp_path / "r.hea", tmp_path / "other.dat"]).shape == (1000,)


def test_units_become_millivolts_and_others_stay(plain_record):
    header, data = plain_record()
    text = header[1].replace(b"200/mV", b"200/uV", 1)
    sample = open_files([("r.hea", text), data])
    assert sample.units == ("mV", "mV")
    np.testing.assert_allclose(sample.array[0, 5], 1e-3 * round(400 * np.sin(0.14)) / 200, 1e-6)
    kept = open_files([("r.hea", header[1].replace(b"200/mV", b"20/mmHg", 1)), data])
    assert set(kept.units) == {"mV", "mmHg"}


def test_skewed_signals_are_moved_back_into_step(plain_record, wave):
    (_, header), data = plain_record()
    skewed = header.replace(b"r.dat 16 ", b"r.dat 16:3 ", 1)
    sample = open_files([("r.hea", skewed), data])
    np.testing.assert_array_equal(sample.array[0, :-3], wave[0, 3:] / np.float32(200))
    assert np.isnan(sample.array[0, -3:]).all()
    np.testing.assert_array_equal(sample.array[1], wave[1] / np.float32(200))


def test_invalid_samples_are_gaps(plain_record, wave):
    stored = wave.copy()
    stored[0, 100:150] = -32768
    sample = open_files(plain_record(stored=stored))
    assert np.isnan(sample.array[0, 100:150]).all()
    assert np.isfinite(sample.array).sum() == 1950
    assert "Gaps in I (5 %)" in sample.notes


def test_a_checksum_that_does_not_fit_is_told(plain_record):
    (_, header), data = plain_record()
    wrong = header.replace(b"12 0 0 0 0 II", b"12 0 0 123 0 II")
    notes = open_files([("r.hea", wrong), data]).notes
    assert "The checksum of II does not fit its header" in notes


def test_names_in_comments_go_nowhere(plain_record):
    assert "Mustermann" not in repr(open_files(plain_record()))


def test_half_an_hour_is_read_fast(data_dir):
    path = data_dir / "mitdb/122.hea"
    seconds = []
    for _ in range(4):
        start = time.process_time()
        open_files([path])
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.12  # 0.016 s on an idle core; processor time, as tests share it


def test_reading_needs_little_more_memory_than_the_result(plain_record):
    leads = [f"V{i}" for i in range(1, 7)]
    stored = np.zeros((6, 2_000_000), dtype=np.int16)
    parts = plain_record(stored=stored, leads=leads, length=" 2000000")
    open_files(plain_record())  # imports done
    tracemalloc.start()
    array = open_files(parts).array
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # One copy of the upload, the result, one mask of a lead, and the pieces being converted.
    assert peak < parts[1][1].__sizeof__() + array.nbytes + 2_000_000 + 40e6
