"""DICOM waveforms: values against pydicom and by hand, groups, skew, and what is wrong."""

import io
from collections.abc import Callable

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dashboard.data.readers import (
    ChoiceNeeded,
    DamagedFile,
    UnknownFormat,
    UnreadableFile,
    open_files,
)

STORED = np.random.default_rng(8).integers(-3000, 3000, (500, 3))
LEADS = (("5.6.3-9-1", "Lead I (Einthoven)"), ("2:2", "Lead II"), ("x", "Vector magnitude"))
SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]


def _code(value: str, meaning: str) -> Sequence:
    code = Dataset()
    code.CodeValue, code.CodeMeaning = value, meaning
    code.CodingSchemeDesignator = "SCPECG"
    return Sequence([code])


def _group(order: str = "<") -> Dataset:
    """Three leads at 250 Hz, 2.5 uV, 0.004 mV and 1 V per step."""
    group = Dataset()
    group.MultiplexGroupLabel = "RHYTHM"
    group.SamplingFrequency = 250
    group.NumberOfWaveformChannels = STORED.shape[1]
    group.NumberOfWaveformSamples = STORED.shape[0]
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 16, "SS"
    units = (("uV", "2.5"), ("mV", "0.004"), ("V", "0.001"))
    channels = []
    for (value, meaning), (unit, sensitivity) in zip(LEADS, units, strict=True):
        channel = Dataset()
        channel.ChannelSourceSequence = _code(value, meaning)
        channel.ChannelSensitivity = sensitivity
        channel.ChannelSensitivityUnitsSequence = _code(unit, unit)
        channel.ChannelSensitivityCorrectionFactor = "1"
        channel.ChannelBaseline = "0"
        channel.ChannelSampleSkew = "0"
        channel.WaveformBitsStored = 16
        channels.append(channel)
    group.ChannelDefinitionSequence = Sequence(channels)
    group.add_new("WaveformData", "OW", STORED.astype(f"{order}i2").tobytes())
    return group


def _dicom(*groups: Dataset, syntax=ExplicitVRLittleEndian, storage: str = "1.1") -> bytes:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = f"1.2.840.10008.5.1.4.1.1.9.{storage}"
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset.SOPClassUID, dataset.SOPInstanceUID = dataset.file_meta[2, 2].value, "1.2.3"
    dataset.PatientName = "Mustermann^Erika"
    dataset.AcquisitionDateTime = "20240229101112.5"
    dataset.WaveformSequence = Sequence(groups)
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def test_values_of_a_real_recording_equal_those_of_pydicom(data_dir):
    path = data_dir / "ecg_formats/dicom/waveform_ecg.dcm"
    dataset = pydicom.dcmread(path)
    for number, label in enumerate(("RHYTHM", "MEDIAN BEAT")):
        sample = open_files([path], {"series": label})
        microvolts = dataset.waveform_array(number).T
        np.testing.assert_allclose(sample.array, microvolts / 1000, rtol=1e-6, atol=1e-7)
        assert (sample.sampling_rate, set(sample.units)) == (1000.0, {"mV"})
        assert sample.channels == (*("I", "II", "III", "aVR", "aVL", "aVF"), *_chest())
    np.testing.assert_allclose(sample.array[2], sample.array[1] - sample.array[0], atol=0.003)


def _chest() -> list[str]:
    return [f"V{number}" for number in range(1, 7)]


def test_several_groups_are_a_question_that_its_options_answer(data_dir):
    path = data_dir / "ecg_formats/dicom/waveform_ecg.dcm"
    with pytest.raises(ChoiceNeeded) as caught:
        open_files([path])
    assert caught.value.key == "series"
    assert caught.value.options == ("RHYTHM: 12 leads, 10 s", "MEDIAN BEAT: 12 leads, 1.2 s")
    shapes = [open_files([path], {"series": o}).shape for o in caught.value.options]
    assert shapes == [(10_000,), (1_200,)]


@pytest.mark.parametrize("syntax", SYNTAXES, ids=["explicit", "implicit", "big-endian"])
def test_sensitivities_and_units_become_millivolts(syntax):
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    sample = open_files([("e.dcm", _dicom(_group(order), syntax=syntax))])
    expected = STORED.T * np.array([[0.0025], [0.004], [1.0]])
    np.testing.assert_allclose(sample.array, expected, rtol=1e-6)
    assert sample.channels == ("I", "II", "Vector magnitude")
    assert (sample.name, sample.start_time) == ("e", "2024-02-29 10:11:12")
    assert "Mustermann" not in repr(sample)


def test_correction_and_baseline_are_applied_in_the_channels_unit():
    group = _group()
    group.ChannelDefinitionSequence[0].ChannelSensitivityCorrectionFactor = "1.1"
    group.ChannelDefinitionSequence[0].ChannelBaseline = "-250"
    sample = open_files([("e.dcm", _dicom(group))])
    np.testing.assert_allclose(sample.array[0], STORED[:, 0] * 0.00275 - 0.25, rtol=1e-5)


@pytest.mark.parametrize(("keyword", "value"), [("Sample", "3"), ("Time", "0.012")])
def test_a_skewed_channel_starts_later(keyword, value):
    group = _group()
    channel = group.ChannelDefinitionSequence[1]
    del channel.ChannelSampleSkew
    setattr(channel, f"Channel{keyword}Skew", value)
    sample = open_files([("e.dcm", _dicom(group))])
    assert sample.shape == (503,)
    np.testing.assert_allclose(sample.array[1, 3:], STORED[:, 1] * 0.004, rtol=1e-6)
    assert np.isnan(sample.array[1, :3]).all()
    assert np.isnan(sample.array[0, 500:]).all()
    assert "Moved by their channel skew: II" in sample.notes


@pytest.mark.parametrize(
    ("bits", "kind", "dtype"),
    [(8, "SB", "i1"), (8, "UB", "u1"), (16, "US", "<u2"), (32, "SL", "<i4"), (32, "UL", "<u4")],
)
def test_every_plain_integer_is_read(bits, kind, dtype):
    group = _group()
    values = np.abs(STORED) % 100
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = bits, kind
    group.WaveformData = values.astype(dtype).tobytes()
    sample = open_files([("e.dcm", _dicom(group))])
    np.testing.assert_allclose(sample.array[1], values[:, 1] * 0.004, rtol=1e-6)


def test_padding_is_a_gap():
    group = _group()
    group.add_new("WaveformPaddingValue", "OW", STORED[7, 0].astype("<i2").tobytes())
    sample = open_files([("e.dcm", _dicom(group))], {"lead": "I"})
    np.testing.assert_array_equal(np.isnan(sample.array[0]), STORED[:, 0] == STORED[7, 0])


def test_a_channel_without_sensitivity_stays_as_stored():
    group = _group()
    del group.ChannelDefinitionSequence[1].ChannelSensitivity
    sample = open_files([("e.dcm", _dicom(group))])
    np.testing.assert_array_equal(sample.array[1], STORED[:, 1])
    assert sample.units == ("mV", "NU", "mV")
    assert "No sensitivity for II: shown as stored numbers" in sample.notes


def _channel(keyword: str, value: str) -> Callable[[Dataset], None]:
    return lambda group: setattr(group.ChannelDefinitionSequence[0], keyword, value)


@pytest.mark.parametrize(
    ("damage", "kind", "expected"),
    [
        ({"NumberOfWaveformSamples": 501}, DamagedFile, "501 samples of 3 channels, but holds 3,0"),
        ({"NumberOfWaveformSamples": 2**31}, UnreadableFile, "at most"),
        ({"NumberOfWaveformSamples": 0}, DamagedFile, "declares 3 channels of 0 samples"),
        ({"NumberOfWaveformChannels": 4}, DamagedFile, "declares 4 channels of 500 samples and"),
        ({"SamplingFrequency": "0"}, DamagedFile, "gives a sampling frequency of 0 Hz"),
        ({"WaveformSampleInterpretation": "MB"}, UnknownFormat, "as 16 bits MB: expected plain"),
        (_channel("ChannelSampleSkew", "90000"), DamagedFile, "shifts a channel by 360 s"),
    ],
)
def test_what_is_wrong_with_a_group_has_its_own_sentence(damage, kind, expected):
    group = _group()
    if callable(damage):
        damage(group)
    else:
        group.update(damage)
    with pytest.raises(kind) as caught:
        open_files([("e.dcm", _dicom(group))])
    assert expected in str(caught.value)
    assert "Mustermann" not in str(caught.value)


@pytest.mark.parametrize("text", [b"2,5 ", b"abc ", b"nan "])
def test_a_number_that_is_none_is_named(text):
    with pytest.raises(DamagedFile, match="gives the channel sensitivity as"):
        open_files([("e.dcm", _dicom(_group()).replace(b"2.5 ", text))])


@pytest.mark.parametrize(
    ("data", "kind", "expected"),
    [
        (b"", UnreadableFile, "empty"),
        (b"nothing of the kind" * 20, DamagedFile, "does not begin as a DICOM file"),
        (_dicom(), UnknownFormat, "is a DICOM file without waveforms"),
        (_dicom(_group())[:900], DamagedFile, "without its samples: it is cut off"),
    ],
    ids=["empty", "text", "no waveform", "cut off"],
)
def test_other_files_called_dcm(data, kind, expected):
    with pytest.raises(kind) as caught:
        open_files([("e.dcm", data)])
    assert expected in str(caught.value)
    assert 0 < len(str(caught.value)) <= 400
