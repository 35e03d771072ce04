"""EDF and BDF against edfio and a decoder by hand; groups, annotations, pauses."""

import io

import edfio
import numpy as np
import pytest

from dashboard.data.readers import ChoiceNeeded, open_files


def _by_hand(data: bytes, channel: int, sample_bytes: int) -> np.ndarray:
    """One channel of an EDF file field by field, in its own unit, as the specification says."""
    count = int(data[252:256])

    def field(start: int, width: int, index: int) -> bytes:
        at = 256 + count * start + index * width
        return data[at : at + width]

    low, high = float(field(104, 8, channel)), float(field(112, 8, channel))
    first, last = float(field(120, 8, channel)), float(field(128, 8, channel))
    lengths = [int(field(216, 8, index)) for index in range(count)]
    at, values = 256 * (count + 1), []
    for _ in range(int(data[236:244])):
        for index, length in enumerate(lengths):
            block = data[at : at + length * sample_bytes]
            at += len(block)
            if index == channel:
                numbers = range(0, len(block), sample_bytes)
                values += [
                    int.from_bytes(block[n : n + sample_bytes], "little", signed=True)
                    for n in numbers
                ]
    return low + (np.array(values) - first) * (high - low) / (last - first)


@pytest.mark.parametrize(
    ("name", "lead", "channel", "factor", "rate"),
    [
        ("chtypes_edf.edf", "ECG1", None, 1e-3, 200.0),
        ("derived_mitdb119_120s.edf", "V1", 1, 1.0, 360.0),
        ("test_generator_2.edf", "ECG", 3, 1e-3, 200.0),
        ("test_generator.bdf", "sine 5Hz", 0, 1e-3, 1000.0),
    ],
)
def test_values_equal_the_fields_of_the_file(data_dir, name, lead, channel, factor, rate):
    path = data_dir / "ecg_formats/edf" / name
    data = path.read_bytes()
    if channel is None:
        labels = [data[256 + 16 * i : 272 + 16 * i].strip() for i in range(43)]
        channel = labels.index(b"ECG ECG1")
    sample = open_files([path])
    expected = _by_hand(data, channel, 3 if name.endswith("bdf") else 2) * factor
    got = sample.array[sample.channels.index(lead)]
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-7)  # float32 of about 1 mV
    assert (sample.sampling_rate, sample.units[sample.channels.index(lead)]) == (rate, "mV")


def test_an_edf_made_of_a_wfdb_record_equals_it(data_dir):
    edf = open_files([data_dir / "ecg_formats/edf/derived_mitdb119_120s.edf"])
    assert edf.channels == ("MLII", "V1")
    # Record 119 is a test record and not among the files; its own EDF is read by edfio too.
    other = edfio.read_edf(data_dir / "ecg_formats/edf/derived_mitdb119_120s.edf")
    for row, signal in enumerate(other.signals):
        np.testing.assert_allclose(edf.array[row], signal.data, atol=1e-6)
    assert edf.extent == (120.0,)


def test_ecg_channels_come_first_among_brain_waves(data_dir):
    sample = open_files([data_dir / "ecg_formats/edf/chtypes_edf.edf"])
    assert sample.channels[:3] == ("ECG1", "ECG2", "EEG Fp1-Ref")
    assert len(sample.channels) == 42


def test_annotations_equal_those_edfio_finds(data_dir):
    path = data_dir / "ecg_formats/edf/chtypes_edf.edf"
    (marks,) = open_files([path]).annotations
    expected = edfio.read_edf(path).annotations
    assert sorted(marks.notes) == sorted(a.text for a in expected if a.onset < 5)
    onsets = sorted(round(a.onset * 200) for a in expected if a.onset < 5)
    assert sorted(marks.positions) == onsets


def test_rates_are_groups_and_the_ecg_comes_first():
    rng = np.random.default_rng(1)
    signals = [
        edfio.EdfSignal(rng.normal(size=400), 100, label="Resp", physical_dimension="NU"),
        edfio.EdfSignal(rng.normal(size=1000), 250, label="ECG II", physical_dimension="uV"),
        edfio.EdfSignal(rng.normal(size=1000), 250, label="Pleth", physical_dimension="NU"),
    ]
    buffer = io.BytesIO()
    edfio.Edf(signals).write(buffer)
    given = [("night.edf", buffer.getvalue())]
    sample = open_files(given)
    assert (sample.channels, sample.units) == (("II", "Pleth"), ("mV", "NU"))
    assert sample.notes == ("Left out: 100 Hz: Resp",)
    np.testing.assert_allclose(sample.array[0], signals[1].data / 1000, atol=1e-7)
    assert open_files(given, {"group": "100 Hz: Resp"}).channels == ("Resp",)
    with pytest.raises(ChoiceNeeded):
        open_files(given, {"lead": "II, Resp"})


def test_a_beat_written_as_annotation_is_a_beat(edf_bytes):
    numbers = np.arange(500).reshape(2, 250)
    starts = [b"+0\x14\x14\0+0.5\x14V\x14\0", b"+1\x14\x14\0+1.2\x15\x30.1\x14a note\x14\0"]
    data = edf_bytes([("ECG", "mV", ("-1", "1"), numbers)], reserved="EDF+C", starts=starts)
    (marks,) = open_files([("e.edf", data)]).annotations
    assert (marks.positions.tolist(), marks.symbols) == ([125, 300], ("V", '"'))
    assert marks.notes == ("V", "a note")


def test_pauses_of_a_discontinuous_recording_are_gaps(edf_bytes):
    numbers = np.arange(750).reshape(3, 250)
    starts = [b"+0.5\x14\x14\0", b"+1.5\x14\x14\0", b"+4.5\x14\x14\0"]
    signal = ("ECG", "uV", ("-32768", "32767"), numbers)
    data = edf_bytes([signal], reserved="EDF+D", starts=starts)
    sample = open_files([("e.edf", data)])
    assert sample.shape == (5 * 250,)
    assert np.isnan(sample.array[0, 500:1000]).all()
    np.testing.assert_allclose(sample.array[0, :500], np.arange(500) / 1000, atol=1e-6)
    np.testing.assert_allclose(sample.array[0, 1000:], np.arange(500, 750) / 1000, atol=1e-6)


def test_an_uncounted_recording_is_read_to_its_end(edf_bytes):
    numbers = np.arange(500).reshape(2, 250)
    data = edf_bytes([("ECG", "mV", ("-1", "1"), numbers)], records="-1")
    assert open_files([("e.edf", data)]).shape == (500,)


def test_a_signal_without_a_range_is_shown_as_stored(edf_bytes):
    numbers = np.arange(500).reshape(2, 250)
    sample = open_files([("e.edf", edf_bytes([("ECG", "mV", ("0", "0"), numbers)]))])
    # A range of 0 makes every value 0 in mV; the numbers themselves are worth more.
    np.testing.assert_array_equal(sample.array[0], np.arange(500))
    assert sample.units == ("NU",)
    assert any("no range for ECG" in note for note in sample.notes)


def test_the_patient_field_goes_nowhere(edf_bytes):
    numbers = np.arange(500).reshape(2, 250)
    sample = open_files([("e.edf", edf_bytes([("ECG", "mV", ("-1", "1"), numbers)]))])
    assert "Mustermann" not in repr(sample)
    assert "ward" not in repr(sample)
