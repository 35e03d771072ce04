"""Which channel names are ECG leads, and what their units mean."""

import pytest

from dashboard.data.readers.leads import is_ecg, millivolts, plain_lead, unique


@pytest.mark.parametrize(
    "name",
    [
        "I", "ii", "III", "aVR", "AVL", "avf", "V", "V1", "v6", "V4R", "MLII", "MLIII", "ML5",
        "MCL1", "CM5", "D3", "ECG", "ECG 1", "ECG2", "ECG MLII", "EKG-REF", "Lead II", "vx",
        "VZ", "MV2",
    ],
)  # fmt: skip
def test_leads_are_recognised(name):
    assert is_ecg(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "ABP",
        "PLETH",
        "Resp",
        "EEG Fp1-Ref",
        "F3",
        "C4",
        "T5",
        "SpO2",
        "EMG chin",
        "channel 1",
        "5",
    ],
)
def test_other_channels_are_not(name):
    assert not is_ecg(name)


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("mV", (1.0, "mV")),
        ("mv", (1.0, "mV")),
        ("uV", (0.001, "mV")),
        ("µV", (0.001, "mV")),
        ("μV", (0.001, "mV")),
        ("V", (1000.0, "mV")),
        ("nV", (1e-6, "mV")),
        ("mmHg", (1.0, "mmHg")),
        ("", (1.0, "NU")),
    ],
)
def test_voltages_become_millivolts(unit, expected):
    assert millivolts(unit) == expected


def test_the_word_before_a_lead_is_dropped():
    names = ["ECG MLII", "Lead I", "ECG", "ECG 1", "EKG V2", "Lead time"]
    assert [plain_lead(n) for n in names] == ["MLII", "I", "ECG", "ECG 1", "V2", "Lead time"]


def test_names_are_told_apart():
    assert unique(["ECG", "ECG", "", "II"]) == ("ECG", "ECG 2", "channel 3", "II")
