"""Records and annotations written here are read back equal, by the wfdb package too."""

import io
import zipfile

import numpy as np
import pytest
import wfdb

from dashboard.data.readers import open_files
from dashboard.data.sample import Marks, Sample
from dashboard.data.writers.wfdb_files import annotation_bytes, record_zip

MARKS = Marks(
    "atr",
    np.array([0, 3, 3, 1026, 1027, 90_000, 9_000_000, 9_000_000]),
    ("N", "V", "+", "S", "F", "Q", "/", "["),
    ("", "", "(AFIB", "", "", "", "", "odd"),
)


def _signal(array: np.ndarray, **changes) -> Sample:
    facts = {
        "name": "My record",
        "modality": "ecg",
        "channels": ("MLII", "V 1", "flow"),
        "units": ("mV", "mV", "l/min"),
        "axis_unit": "s",
        "sampling_rate": 360.0,
    }
    return Sample(array=array.astype(np.float32), **{**facts, **changes})


@pytest.fixture
def signal() -> Sample:
    rng = np.random.default_rng(2)
    array = np.stack(
        [
            np.rint(rng.normal(0, 800, 3000)) / 1000,
            rng.normal(0, 50, 3000),
            rng.normal(0, 0.001, 3000),
        ]
    )
    array[0, 40:60] = np.nan
    return _signal(array, annotations=(Marks("atr", np.array([5, 2000]), ("N", "V")),))


def _unpacked(data: bytes, folder) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(folder)


def test_a_record_is_read_back_equal(signal):
    again = open_files([("r.zip", record_zip(signal))])
    assert (again.channels, again.units) == (signal.channels, signal.units)
    assert (again.sampling_rate, again.name) == (360.0, "My_record")
    np.testing.assert_array_equal(again.array[0], signal.array[0])  # multiples of 1 uV are exact
    for got, lead in zip(again.array[1:], signal.array[1:], strict=True):
        assert np.abs(got - lead).max() <= np.abs(lead).max() / 32_000  # half a step and rounding
    (marks,) = again.annotations
    assert (marks.positions.tolist(), marks.symbols) == ([5, 2000], ("N", "V"))


def test_the_wfdb_package_reads_the_same(signal, tmp_path):
    _unpacked(record_zip(signal, "abc"), tmp_path)
    record = wfdb.rdrecord(str(tmp_path / "abc"))
    ours = open_files([tmp_path / "abc.hea"])
    np.testing.assert_array_equal(record.p_signal.T.astype(np.float32), ours.array)
    assert record.sig_name == list(signal.channels)
    assert [c % 65536 for c in record.checksum] == [
        c % 65536 for c in wfdb.rdrecord(str(tmp_path / "abc"), physical=False).calc_checksum()
    ]


def test_a_real_record_survives(data_dir):
    sample = open_files([data_dir / "mitdb/114.hea"])
    again = open_files([("r.zip", record_zip(sample))])
    np.testing.assert_array_equal(again.array, sample.array)
    np.testing.assert_array_equal(again.annotations[0].positions, sample.annotations[0].positions)
    assert again.annotations[0].symbols == sample.annotations[0].symbols
    assert again.annotations[0].notes == sample.annotations[0].notes


def test_the_same_record_gives_the_same_bytes(signal):
    assert record_zip(signal) == record_zip(signal)


def test_annotations_are_read_back_equal_by_the_wfdb_package(tmp_path):
    (tmp_path / "r.atr").write_bytes(annotation_bytes(MARKS, 360))
    read = wfdb.rdann(str(tmp_path / "r"), "atr")
    np.testing.assert_array_equal(read.sample, MARKS.positions)
    assert tuple(read.symbol) == MARKS.symbols
    assert tuple(note.rstrip("\0") for note in read.aux_note) == MARKS.notes
    assert read.fs == 360


def test_unsorted_marks_and_unknown_symbols_are_kept(tmp_path):
    marks = Marks("atr", np.array([70, 20]), ("N", "delta wave"))
    (tmp_path / "r.atr").write_bytes(annotation_bytes(marks, 250.5))
    read = wfdb.rdann(str(tmp_path / "r"), "atr")
    assert read.sample.tolist() == [20, 70]
    assert read.symbol == ['"', "N"]
    assert read.aux_note[0].rstrip("\0") == "delta wave"


def test_an_image_is_refused():
    image = Sample(np.zeros((1, 4, 4)), "x", "image", ("grey",), ("",), "px")
    with pytest.raises(ValueError, match="expected a signal"):
        record_zip(image)
