"""ISHNE Holter files built field by field from the published layout; what is wrong with others."""

import struct

import numpy as np
import pytest

from dashboard.data.readers import DamagedFile, UnknownFormat, UnreadableFile, open_files
from dashboard.data.sample import Sample

STORED = np.random.default_rng(2).integers(-2000, 2000, (1500, 3)).astype("<i2")
CODES, RESOLUTIONS = (5, 12, 19), (1000, 2500, 5000)


def _checksum(data: bytes) -> int:
    """CRC-CCITT as the paper's appendix has it: a bit at a time, started with ones."""
    crc = 0xFFFF
    for byte in data:
        for bit in range(7, -1, -1):
            top = (crc >> 15) ^ (byte >> bit & 1)
            crc = (crc << 1 & 0xFFFF) ^ (0x1021 if top else 0)
    return crc


def _ishne(
    stored: np.ndarray = STORED,
    *,
    codes=CODES,
    resolutions=RESOLUTIONS,
    rate: int = 180,
    samples: int | None = None,
    text: bytes = b"",
    leads: int | None = None,
    magic: bytes = b"ISHNE1.0",
    start: int | None = None,
) -> bytes:
    """Badilini 1998, table 1: every field in its order."""

    def twelve(values):
        return struct.pack("<12h", *values, *[-9] * (12 - len(values)))

    header = struct.pack("<ii", len(text), len(stored) if samples is None else samples)
    header += struct.pack("<ii", 522, 522 + len(text) if start is None else start)
    header += struct.pack("<h", 1) + b"Erika".ljust(40, b"\0") + b"Mustermann".ljust(40, b"\0")
    header += b"12345".ljust(20, b"\0") + struct.pack("<hh", 2, 1)
    header += struct.pack("<hhh", 1, 2, 1950) + struct.pack("<hhh", 29, 2, 2024)
    header += struct.pack("<hhh", 1, 3, 2024) + struct.pack("<hhh", 10, 11, 12)
    header += struct.pack("<h", len(codes) if leads is None else leads)
    header += twelve(codes) + twelve([1] * len(codes)) + twelve(resolutions)
    header += struct.pack("<h", 0) + b"digital".ljust(40, b"\0") + struct.pack("<h", rate)
    header += bytes(80 + 80 + 88)
    assert len(header) == 512
    return magic + struct.pack("<H", _checksum(header + text)) + header + text + stored.tobytes()


def test_values_are_in_millivolts_by_each_leads_resolution():
    sample = open_files([("h.ecg", _ishne(text=b"a block of text"))])
    expected = STORED.T * np.array([[0.001], [0.0025], [0.005]])
    np.testing.assert_allclose(sample.array, expected, rtol=1e-6)
    assert (sample.channels, sample.units) == (("I", "V2", "AI"), ("mV",) * 3)
    assert (sample.sampling_rate, sample.start_time) == (180.0, "2024-02-29 10:11:12")
    assert sample.notes == ()
    assert "Mustermann" not in repr(sample)


@pytest.mark.parametrize("lead", [0, 2])
def test_one_lead_is_read_alone_and_in_pieces(lead, monkeypatch):
    monkeypatch.setattr("dashboard.data.readers.ishne_file.PIECE_FRAMES", 700)
    sample = open_files([("h.ecg", _ishne())], {"lead": ("I", "V2", "AI")[lead]})
    expected = STORED[:, lead] * (RESOLUTIONS[lead] * 1e-6)
    np.testing.assert_allclose(sample.array, [expected], rtol=1e-6)


def test_samples_may_be_counted_over_all_leads():
    sample = open_files([("h.ecg", _ishne(samples=STORED.size))])
    assert sample.digest == open_files([("h.ecg", _ishne())]).digest


def test_the_eight_leads_of_a_twelve_lead_holter_are_completed():
    stored = np.random.default_rng(3).integers(-900, 900, (400, 8)).astype("<i2")
    data = _ishne(stored, codes=(5, 6, *range(11, 17)), resolutions=(1000,) * 8)
    sample = open_files([("h.ecg", data)])
    assert sample.channels[:6] == ("I", "II", "III", "aVR", "aVL", "aVF")
    first, second = stored[:, 0] / 1000, stored[:, 1] / 1000
    np.testing.assert_allclose(sample.array[2], second - first, atol=1e-6)
    np.testing.assert_allclose(sample.array[5], second - first / 2, atol=1e-6)
    np.testing.assert_allclose(sample.array[11], stored[:, 7] / 1000, rtol=1e-6)


def test_invalid_samples_are_gaps_and_an_unknown_resolution_leaves_numbers():
    stored = STORED.copy()
    stored[100:200, 1] = -32768
    sample = open_files([("h.ecg", _ishne(stored, resolutions=(1000, 2500, -9)))])
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(sample.array[1])), np.arange(100, 200))
    np.testing.assert_array_equal(sample.array[2], STORED[:, 2])
    assert sample.units == ("mV", "mV", "NU")
    assert "No resolution for AI: shown as stored numbers" in sample.notes


def test_a_wrong_checksum_is_a_note():
    data = bytearray(_ishne())
    data[300] ^= 1
    sample = open_files([("h.ecg", bytes(data))])
    assert "The checksum of the header does not fit its contents" in sample.notes


def test_a_header_without_a_count_reads_what_is_there():
    sample = open_files([("h.ecg", _ishne(samples=0))])
    assert sample.shape == (1500,)
    assert any("does not say how many samples" in note for note in sample.notes)


@pytest.mark.parametrize(
    ("data", "kind", "expected"),
    [
        (b"", UnreadableFile, "empty (0 bytes)"),
        (b"x" * 900, DamagedFile, "does not begin as an ISHNE recording"),
        (_ishne(magic=b"ANN  1.0"), UnknownFormat, "holds the annotations of an ISHNE recording"),
        (
            _ishne()[:300],
            DamagedFile,
            "has 300 bytes, but the header of an ISHNE recording has 522",
        ),
        (_ishne()[:-60], DamagedFile, "declares 1,500 samples of 3 leads, but holds 1,490"),
        (_ishne(samples=2**31 - 1), DamagedFile, "declares 2,147,483,647 samples of 3 leads"),
        (_ishne()[:522], DamagedFile, "but holds 0: it is cut off"),
        (_ishne(leads=0), DamagedFile, "declares 0 leads at 180 Hz"),
        (_ishne(leads=13), DamagedFile, "declares 13 leads at 180 Hz"),
        (_ishne(rate=0), DamagedFile, "declares 3 leads at 0 Hz"),
        (_ishne(start=2**30), DamagedFile, "the header contradicts itself"),
        (_ishne(start=-5), DamagedFile, "the header contradicts itself"),
    ],
)
def test_what_cannot_be_read_says_why(data, kind, expected):
    with pytest.raises(kind) as caught:
        open_files([("h.ecg", data)])
    assert expected in str(caught.value)
    assert "Mustermann" not in str(caught.value)


def test_files_changed_at_random_are_read_or_refused():
    data, rng = _ishne(text=b"text"), np.random.default_rng(22)
    for _ in range(80):
        changed = bytearray(data)
        for _ in range(rng.integers(1, 6)):
            changed[rng.integers(0, 540)] = rng.integers(0, 256)
        outcome = _read_or_refuse(bytes(changed))
        if isinstance(outcome, str):
            assert 0 < len(outcome) <= 400
        else:
            assert np.isfinite(outcome.sampling_rate)


def _read_or_refuse(data: bytes) -> Sample | str:
    try:
        return open_files([("h.ecg", data)])
    except UnreadableFile as error:
        return str(error)
