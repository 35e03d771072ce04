"""SCP-ECG: a real file against a bit-by-bit decoder, files made by the standard, refusals."""

import struct
from binascii import crc_hqx

import numpy as np
import pytest

from dashboard.data.readers import (
    DamagedFile,
    UnknownFormat,
    UnreadableFile,
    UnsafeFile,
    open_files,
)
from dashboard.data.sample import Sample

RNG = np.random.default_rng(12)
WAVE = np.cumsum(RNG.integers(-9, 10, (3, 600)), axis=1) + RNG.integers(-400, 400, (3, 600)) // 90
LEADS = (1, 2, 3)  # I, II, V1
NANOVOLTS, MICROSECONDS = 2500, 2000
# A reference beat of 200 samples around its sample 81, and the beats it was subtracted from.
SHAPE = (300 * np.exp(-(((np.arange(200) - 80) / 12) ** 2))).astype(int)
BEATS = [(0, 70, 150, 260), (1, 300, 330, 360), (0, 420, 501, 600)]


def _section(number: int, body: bytes) -> bytes:
    if not body:
        return b""
    rest = struct.pack("<HIBB6x", number, len(body) + 16, 20, 20) + body
    return struct.pack("<H", crc_hqx(rest, 0xFFFF)) + rest


def _scp(sections: dict[int, bytes]) -> bytes:
    """A file of these section bodies, with pointers, lengths and checksums."""
    bodies = {number: _section(number, sections.get(number, b"")) for number in range(1, 12)}
    table, place = [(0, 136, 7)], 6 + 136
    for number, body in bodies.items():
        table.append((number, len(body), place + 1 if body else 0))
        place += len(body)
    pointers = b"".join(struct.pack("<HII", *row) for row in table)
    start = struct.pack("<HIBB6s", 0, 136, 20, 20, b"SCPECG") + pointers
    start = struct.pack("<H", crc_hqx(start, 0xFFFF)) + start
    rest = struct.pack("<I", place) + start + b"".join(bodies.values())
    return struct.pack("<H", crc_hqx(rest, 0xFFFF)) + rest


def _differences(lead: np.ndarray, order: int) -> np.ndarray:
    if order == 0:
        return lead
    done = np.diff(lead, order)
    return np.concatenate([lead[:order], done])


def _packed(lead: np.ndarray, order: int, huffman: bool) -> bytes:
    """The bytes of a lead, coded one sample at a time with the default table."""
    stored = _differences(lead, order)
    if not huffman:
        return stored.astype("<i2").tobytes()
    bits = ""
    for value in stored:
        if abs(value) <= 8:
            bits += "1" * abs(value) + "0" + ("" if value == 0 else str(int(value < 0)))
        elif abs(value) < 128:
            bits += "1111111110" + format(value & 0xFF, "08b")
        else:
            bits += "1111111111" + format(value & 0xFFFF, "016b")
    bits += "0" * (-len(bits) % 16)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def _stored(leads: np.ndarray, order: int, huffman: bool, nanovolts: int = NANOVOLTS) -> bytes:
    packed = [_packed(lead, order, huffman) for lead in leads]
    head = struct.pack("<HHBB", nanovolts, MICROSECONDS, order, 0)
    return head + struct.pack(f"<{len(packed)}H", *map(len, packed)) + b"".join(packed)


def _definitions(flags: int = 0x1C, spans=((1, 600),) * 3, numbers=LEADS) -> bytes:
    rows = [struct.pack("<IIB", *span, number) for span, number in zip(spans, numbers, strict=True)]
    return bytes([len(rows), flags]) + b"".join(rows)


def _sections(order: int = 2, huffman: bool = True) -> dict[int, bytes]:
    name = b"\0\x0b\0Mustermann\0"
    moment = b"\x19\x04\0" + struct.pack("<HBB", 2024, 2, 29) + b"\x1a\x03\0\x0a\x0b\x0c"
    return {
        1: name + moment + b"\xff\0\0",
        2: struct.pack("<H", 19999) if huffman else b"",
        3: _definitions(),
        6: _stored(WAVE, order, huffman),
    }


def _slow_lead(data: bytes, count: int) -> list[int]:
    """Annex C of the standard, a bit at a time: codes, then second differences."""
    place, out = 0, []

    def bit() -> int:
        nonlocal place
        place += 1
        return data[(place - 1) // 8] >> (7 - (place - 1) % 8) & 1

    while len(out) < count:
        ones = 0
        while ones < 10 and bit():
            ones += 1
        if ones < 9:
            value = ones and ones * (-1 if bit() else 1)
        else:
            width = 8 if ones == 9 else 16
            value = sum(bit() << (width - 1 - i) for i in range(width))
            value -= (value >> (width - 1)) << width
        out.append(value + 2 * out[-1] - out[-2] if len(out) > 1 else value)
    return out


def test_a_real_recording_equals_a_bit_by_bit_decoder(data_dir):
    path = data_dir / "ecg_formats/scp/Example.scp"
    sample, data = open_files([path]), path.read_bytes()
    _, size, place = struct.unpack("<HII", data[22 + 60 : 22 + 70])
    body = data[place - 1 + 16 : place - 1 + size]
    nanovolts, sizes = struct.unpack("<H", body[:2])[0], struct.unpack("<12H", body[6:30])
    starts = 30 + np.concatenate([[0], np.cumsum(sizes)])
    for row in range(12):
        slow = np.array(_slow_lead(body[starts[row] : starts[row + 1]], 5000)) * nanovolts * 1e-6
        stored = ["I", "II", *(f"V{n}" for n in range(1, 7)), "III", "aVR", "aVL", "aVF"][row]
        np.testing.assert_allclose(sample.array[sample.channels.index(stored)], slow, atol=1e-7)
    assert (sample.sampling_rate, set(sample.units)) == (500.0, {"mV"})
    assert sample.start_time == "2002-11-22 09:10:00"
    assert sample.notes == ()  # every checksum fits


def test_stored_limb_leads_of_the_real_recording_follow_einthoven(data_dir):
    sample = open_files([data_dir / "ecg_formats/scp/Example.scp"])
    lead = dict(zip(sample.channels, sample.array, strict=True))
    np.testing.assert_allclose(lead["III"], lead["II"] - lead["I"], atol=1e-6)


@pytest.mark.parametrize("huffman", [True, False], ids=["Huffman", "plain"])
@pytest.mark.parametrize("order", [0, 1, 2])
def test_values_come_back_and_missing_limb_leads_are_computed(order, huffman):
    sample = open_files([("e.scp", _scp(_sections(order, huffman)))])
    first, second, chest = WAVE * 0.0025
    assert sample.channels == ("I", "II", "III", "aVR", "aVL", "aVF", "V1")
    expected = [first, second, second - first, -(first + second) / 2]
    expected += [first - second / 2, second - first / 2, chest]
    np.testing.assert_allclose(sample.array, expected, atol=1e-6)
    assert "Computed from I and II: III, aVR, aVL, aVF" in sample.notes
    assert (sample.sampling_rate, sample.start_time) == (500.0, "2024-02-29 10:11:12")
    assert "Mustermann" not in repr(sample)


def test_a_table_of_its_own_decodes_like_the_default_one():
    """Table rows of 5.5: bits of prefix, of all, mode, value, code with its first bit lowest."""
    rows = [(1, 1, 1, 0, 0)]
    for n in range(1, 9):
        rows += [(n + 2, n + 2, 1, n, 2**n - 1), (n + 2, n + 2, 1, -n, 2**n - 1 + 2 ** (n + 1))]
    rows += [(10, 18, 1, 0, 511), (10, 26, 1, 0, 1023)]
    table = struct.pack("<HH", 1, len(rows)) + b"".join(struct.pack("<BBBhI", *r) for r in rows)
    sample = open_files([("e.scp", _scp(_sections() | {2: table}))])
    assert sample.digest == open_files([("e.scp", _scp(_sections()))]).digest
    switched = table[:6] + b"\0" + table[7:]
    with pytest.raises(UnknownFormat, match="switches between Huffman tables"):
        open_files([("e.scp", _scp(_sections() | {2: switched}))])


@pytest.mark.parametrize("nanovolts", [2500, 5000])
def test_a_subtracted_reference_beat_is_added_back(nanovolts):
    whole = WAVE * 2.5
    residual = whole.copy()
    for kind, start, fiducial, end in BEATS:
        for number in range(start, end + 1):
            inside = 0 <= number - fiducial + 80 < len(SHAPE)
            if kind == 0 and inside:
                residual[:, number - 1] -= SHAPE[number - fiducial + 80] * nanovolts / 1000
    stored = np.rint(residual / 2.5).astype(int)
    np.testing.assert_array_equal(stored * 2.5, residual)  # nothing is lost by rounding
    beats = b"".join(struct.pack("<HIII", *beat) for beat in BEATS)
    parts = _sections() | {
        3: _definitions(flags=0x1D),
        4: struct.pack("<HHH", 400, 81, len(BEATS)) + beats,
        5: _stored(np.tile(SHAPE, (3, 1)), 1, True, nanovolts),
        6: _stored(stored, 2, True),
    }
    sample = open_files([("e.scp", _scp(parts))], {"lead": "I,II,V1"})
    np.testing.assert_allclose(sample.array, whole / 1000, atol=1e-5)


def test_leads_recorded_one_after_the_other_leave_gaps():
    spans, numbers = ((1, 200), (201, 500), (151, 600)), (3, 4, 5)
    waves = [WAVE[i][: end - start + 1] for i, (start, end) in enumerate(spans)]
    parts = _sections() | {
        3: _definitions(spans=spans, numbers=numbers),
        6: _stored(waves, 2, True),
    }
    sample = open_files([("e.scp", _scp(parts))])
    assert (sample.channels, sample.shape) == (("V1", "V2", "V3"), (600,))
    for row, (start, end) in enumerate(spans):
        recorded = np.isfinite(sample.array[row])
        np.testing.assert_array_equal(np.flatnonzero(recorded), np.arange(start - 1, end))
        np.testing.assert_allclose(sample.array[row][recorded], waves[row] * 0.0025, atol=1e-6)


def test_a_wrong_checksum_is_a_note():
    data = bytearray(_scp(_sections()))
    data[-3] ^= 1
    sample = open_files([("e.scp", bytes(data))])
    assert "The checksum of section 6 does not fit its contents" in sample.notes


def _with(number: int, body: bytes) -> bytes:
    return _scp(_sections() | {number: body})


RHYTHM = _sections()[6]


@pytest.mark.parametrize(
    ("data", "kind", "expected"),
    [
        (b"", UnreadableFile, "empty (0 bytes)"),
        (b"x" * 500, DamagedFile, "does not begin as an SCP-ECG file"),
        (_scp(_sections())[:-400], DamagedFile, "it is cut off; copy it again"),
        (_with(3, b""), DamagedFile, "Section 3 (leads) of e.scp is missing"),
        (_with(6, b""), DamagedFile, "Section 6 (rhythm data) of e.scp is missing"),
        (_with(6, RHYTHM[:9]), DamagedFile, "Section 6 (rhythm data) of e.scp is cut short"),
        (_with(6, RHYTHM[:-90]), DamagedFile, "(rhythm data) of e.scp declares"),
        (_with(6, b"\0\0" + RHYTHM[2:]), DamagedFile, "gives 0 nV per step, 2000 µs per sample"),
        (_with(6, RHYTHM[:5] + b"\1" + RHYTHM[6:]), UnknownFormat, "uses bimodal compression"),
        (_with(3, _definitions(spans=((1, 700),) * 3)), DamagedFile, "700 samples of lead I, but"),
        (_with(3, _definitions(spans=((9, 1),) * 3)), DamagedFile, "declares 3 leads (section 3)"),
        (
            _with(3, b"\x09" + _definitions()[1:]),
            DamagedFile,
            "declares 9 leads (section 3), but 3",
        ),
        (
            _with(3, _definitions(spans=((1, 2**32 - 1),) * 3)),
            UnsafeFile,
            "made to fill the memory",
        ),
        (_with(3, _definitions(flags=0x1D)), DamagedFile, "Section 5 (reference beat) of e.scp is"),
        (
            _with(2, struct.pack("<HH", 1, 40)),
            DamagedFile,
            "Huffman codes (section 2) that are not",
        ),
        (
            _with(2, struct.pack("<HHBBBhI", 1, 1, 40, 40, 1, 0, 0)),
            DamagedFile,
            "a Huffman code of",
        ),
        (_with(2, struct.pack("<HHBBBhI", 1, 1, 2, 2, 1, 0, 3)), DamagedFile, "can be decoded"),
    ],
)
def test_what_cannot_be_read_says_why(data, kind, expected):
    with pytest.raises(kind) as caught:
        open_files([("e.scp", data)])
    assert expected in str(caught.value)
    assert len(str(caught.value)) <= 400
    assert "Mustermann" not in str(caught.value)


def test_thinned_rhythm_data_is_refused_as_bimodal():
    reference = _stored(np.tile(SHAPE, (3, 1)), 1, True)
    thinned = RHYTHM[:2] + struct.pack("<H", 4000) + RHYTHM[4:]
    parts = _sections() | {3: _definitions(flags=0x1D), 5: reference, 6: thinned}
    with pytest.raises(UnknownFormat, match="bimodal compression"):
        open_files([("e.scp", _scp(parts))])


def test_files_changed_at_random_are_read_or_refused():
    data, rng = _scp(_sections()), np.random.default_rng(21)
    for _ in range(80):
        changed = bytearray(data)
        for _ in range(rng.integers(1, 6)):
            changed[rng.integers(0, rng.choice([700, len(data)]))] = rng.integers(0, 256)
        outcome = _read_or_refuse(bytes(changed))
        if isinstance(outcome, str):
            assert 0 < len(outcome) <= 400
        else:
            assert not np.isinf(outcome.array).any()


def _read_or_refuse(data: bytes) -> Sample | str:
    try:
        return open_files([("e.scp", data)])
    except UnreadableFile as error:
        return str(error)
