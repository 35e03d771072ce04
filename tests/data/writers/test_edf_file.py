"""EDF+ files written here are read back equal, by our own reader and by edfio."""

import io

import edfio
import numpy as np
import pytest

from dashboard.data.readers import DamagedFile, open_files
from dashboard.data.sample import Marks, Sample
from dashboard.data.writers import edf_file
from dashboard.data.writers.edf_file import annotations_only, edf_bytes

LETTERS = ("N", "S", "V", "F", "Q")


def signal(array: np.ndarray, rate: float, **changes) -> Sample:
    facts = {
        "name": "Erika Mustermann",
        "modality": "ecg",
        "channels": ("MLII", "flow")[: len(array)],
        "units": ("mV", "l/min")[: len(array)],
        "axis_unit": "s",
        "sampling_rate": rate,
        "start_time": "01.02.1944 10:00",
    }
    return Sample(array=array.astype(np.float32), **{**facts, **changes})


def random_marks(length: int, count: int = 40, seed: int = 0) -> Marks:
    rng = np.random.default_rng(seed)
    inner = rng.choice(np.arange(1, length - 1), count - 2, replace=False)
    positions = np.sort(np.concatenate([[0, length - 1], inner]))
    return Marks("beats", positions, tuple(str(s) for s in rng.choice(LETTERS, count)))


def edfio_beats(data: bytes, rate: float) -> tuple[list[int], list[str]]:
    found = edfio.read_edf(io.BytesIO(data)).annotations
    return [round(a.onset * rate) for a in found], [a.text for a in found]


@pytest.mark.parametrize("rate", [360.0, 250.0, 128.0, 1000.0, 257.4, 359.997111, 0.5, 12345.0])
@pytest.mark.parametrize("length", [100, 2500, 3601])
def test_marks_and_signal_are_read_back_equal_at_any_rate(rate, length):
    rng = np.random.default_rng(1)
    array = np.stack([np.rint(rng.normal(0, 700, length)) / 1000, rng.uniform(-3200, 3200, length)])
    marks = random_marks(length)
    data = edf_bytes(signal(array, rate), marks)
    again = open_files([("e.edf", data)])
    (read,) = again.annotations
    assert read.positions.tolist() == marks.positions.tolist()
    assert read.symbols == marks.symbols
    assert again.sampling_rate == pytest.approx(rate, rel=1e-6)  # microseconds of a record
    assert edfio_beats(data, again.sampling_rate) == (
        marks.positions.tolist(),
        list(marks.symbols),
    )
    of_edfio = {s.label: s.data for s in edfio.read_edf(io.BytesIO(data)).signals}
    assert list(of_edfio) == ["ECG MLII", "flow"]
    for got in (again.array[again.channels.index("MLII")], of_edfio["ECG MLII"]):
        np.testing.assert_allclose(got[:length], array[0], atol=1e-6)  # steps of 1 uV are exact
        assert (got[length:] == got[length - 1]).all()
    flow = again.array[again.channels.index("flow")][:length]
    np.testing.assert_allclose(flow, array[1], atol=0.051)  # half a step of 0.1
    assert again.units[again.channels.index("flow")] == "l/min"


def test_a_real_record_with_its_own_annotations_is_read_back_equal(data_dir):
    sample = open_files([data_dir / "mitdb/208.hea"])
    (marks,) = sample.annotations
    data = edf_bytes(sample, marks)
    again = open_files([("e.edf", data)])
    assert again.channels == sample.channels
    assert again.sampling_rate == 360.0
    np.testing.assert_allclose(again.array[:, : sample.shape[0]], sample.array, atol=1e-6)
    assert again.shape[0] - sample.shape[0] < 360
    np.testing.assert_array_equal(again.annotations[0].positions, marks.positions)
    assert again.annotations[0].symbols == marks.symbols
    assert edfio_beats(data, 360.0)[0] == marks.positions.tolist()


def test_nothing_names_the_person_or_the_day():
    data = edf_bytes(signal(np.zeros((1, 500)), 250.0), random_marks(500))
    assert b"Erika" not in data
    assert b"1944" not in data
    read = edfio.read_edf(io.BytesIO(data))
    assert (read.patient.name, read.recording.hospital_administration_code) == ("X", "X")


def test_gaps_are_zero_and_values_that_fit_no_header_leave_the_marks_alone():
    array = np.full((1, 500), 0.004)
    array[0, 100:200] = np.nan
    again = open_files([("e.edf", edf_bytes(signal(array, 250.0), random_marks(500)))])
    np.testing.assert_allclose(again.array[0], np.nan_to_num(array[0]), atol=5e-7)
    data = edf_bytes(signal(array * 1e12, 250.0), random_marks(500))
    assert not edfio.read_edf(io.BytesIO(data)).signals
    assert edfio_beats(data, 250.0)[0] == random_marks(500).positions.tolist()


def test_long_recordings_keep_the_chosen_lead_and_then_only_the_marks(monkeypatch):
    array = np.stack([np.zeros(5000), np.arange(5000) / 1000])
    sample, marks = (
        signal(array, 250.0, channels=("I", "II"), units=("mV", "mV")),
        random_marks(5000),
    )
    monkeypatch.setattr(edf_file, "MOST_ALL_BYTES", 15_000)
    data = edf_bytes(sample, marks, lead=1)
    again = open_files([("e.edf", data)])
    assert again.channels == ("II",)
    np.testing.assert_allclose(again.array[0], array[1], atol=1e-6)
    assert again.annotations[0].positions.tolist() == marks.positions.tolist()
    monkeypatch.setattr(edf_file, "MOST_LEAD_BYTES", 5_000)
    data = edf_bytes(sample, marks, lead=1)
    assert data == annotations_only(marks, 250.0)
    assert edfio_beats(data, 250.0) == (marks.positions.tolist(), list(marks.symbols))
    monkeypatch.undo()
    plain = edf_bytes(sample, Marks("beats", np.empty(0, int), ()))
    (read,) = open_files([("night.edf", plain), ("scored.edf", data)]).annotations
    assert (read.name, read.symbols) == ("scored", marks.symbols)
    assert read.positions.tolist() == marks.positions.tolist()
    with pytest.raises(DamagedFile, match="only annotations"):
        open_files([("scored.edf", data)])


def test_no_beats_and_an_image():
    data = edf_bytes(signal(np.zeros((1, 500)), 250.0), Marks("beats", np.empty(0, int), ()))
    assert open_files([("e.edf", data)]).annotations == ()
    image = Sample(np.zeros((1, 4, 4)), "x", "image", ("grey",), ("",), "px")
    with pytest.raises(ValueError, match="expected a signal"):
        edf_bytes(image, Marks("beats", np.empty(0, int), ()))
