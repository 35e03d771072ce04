"""Sections of an SCP-ECG file that its signals need; of the patient's only date and time.

Source: EN 1064:2005+A1:2007 (SCP-ECG), 5.2 to 5.9.
"""

import struct
from binascii import crc_hqx
from collections.abc import Mapping
from dataclasses import dataclass

from dashboard.data.readers.errors import DamagedFile, UnknownFormat
from dashboard.data.readers.files import File

MARK = b"SCPECG"
MARK_AT = 16
FIRST_SECTION = 6  # after the checksum and the length of the file
HEADER = 16  # bytes before the contents of every section
POINTER = 10
ONES = 0xFFFF  # what the checksum, CRC-CCITT, starts with
MOST_BYTES = 2 * 1024**2  # a lead is at most 64 KiB
MOST_ADDITIONS = 200_000  # reference beats times leads
WANTED = (1, 2, 3, 4, 5, 6)
NAMES = {3: "leads", 4: "QRS positions", 5: "reference beat", 6: "rhythm data"}
DATE, TIME, END = 25, 26, 255  # tags of section 1


@dataclass(frozen=True)
class Lead:
    """One lead: its number in the standard, first and last sample (counted from 1)."""

    number: int
    start: int
    end: int

    @property
    def samples(self) -> int:
        return self.end - self.start + 1


@dataclass(frozen=True)
class Beat:
    """A beat of section 4: `kind` 0 had the reference beat subtracted from `start` to `end`."""

    kind: int
    start: int
    fiducial: int
    end: int


@dataclass(frozen=True)
class Stored:
    """Section 5 or 6: nV per step, microseconds per sample, and the bytes of each lead."""

    nanovolts: int
    interval: int
    difference: int
    bimodal: bool
    leads: tuple[bytes, ...]


def read_sections(file: File) -> tuple[dict[int, bytes], list[str]]:
    """The contents of every section by number, and notes on checksums that do not fit.

    Raises DamagedFile where the file is none or cut off.
    """
    if file.size > MOST_BYTES:
        raise DamagedFile(
            f"{file.shown} has {file.size:,} bytes: an SCP-ECG file has at most "
            f"{MOST_BYTES // 1024**2} MiB. Give the recording in another format."
        )
    data = file.read()
    if data[MARK_AT : MARK_AT + len(MARK)] != MARK:
        raise DamagedFile(
            f"{file.shown} does not begin as an SCP-ECG file: get a fresh copy, or give it its "
            "own suffix."
        )
    declared = int.from_bytes(data[2:6], "little")
    if declared > len(data):
        raise DamagedFile(
            f"{file.shown} declares {declared:,} bytes, but has {len(data):,}: it is cut off; "
            "copy it again."
        )
    length = int.from_bytes(data[FIRST_SECTION + 4 : FIRST_SECTION + 8], "little")
    first = FIRST_SECTION + HEADER
    table = data[first : min(FIRST_SECTION + length, len(data))]
    pointers = [struct.unpack("<HII", row) for row in _rows(table, POINTER)]
    sections: dict[int, bytes] = {}
    notes: list[str] = []
    for number, size, place in pointers:
        if size <= HEADER or number not in WANTED or number in sections:
            continue
        body = data[place - 1 : place - 1 + size] if place else b""
        if len(body) < size or int.from_bytes(body[2:4], "little") != number:
            raise DamagedFile(
                f"{file.shown} says that its section {number} ({NAMES.get(number, 'other')}) is "
                f"at byte {place:,}, but it is not there: it is cut off; copy it again."
            )
        if crc_hqx(body[2:], ONES) != int.from_bytes(body[:2], "little"):
            notes.append(f"The checksum of section {number} does not fit its contents")
        sections[number] = body[HEADER:]
    return sections, notes


def _rows(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data) - size + 1, size)]


def part(file: File, sections: Mapping[int, bytes], number: int, least: int) -> bytes:
    """Section `number` with at least `least` bytes; raises DamagedFile without it."""
    found = sections.get(number, b"")
    if len(found) < least:
        state = "is cut short" if found else "is missing"
        raise DamagedFile(
            f"Section {number} ({NAMES[number]}) of {file.shown} {state}: expected a complete "
            "SCP-ECG recording; export it again."
        )
    return found


def read_leads(file: File, sections: Mapping[int, bytes]) -> tuple[tuple[Lead, ...], bool]:
    """The leads of section 3, and whether reference beats were subtracted."""
    section = part(file, sections, 3, 2)
    count, flags = section[0], section[1]
    rows = [struct.unpack("<IIB", row) for row in _rows(section[2 : 2 + 9 * count], 9)]
    leads = tuple(Lead(number, start, end) for start, end, number in rows)
    if not leads or len(leads) < count or any(lead.samples < 1 for lead in leads):
        raise DamagedFile(
            f"{file.shown} declares {count} leads (section 3), but {len(leads)} are there with a "
            "first and a last sample: export it again."
        )
    return leads, bool(flags & 1)


def read_beats(
    file: File, sections: Mapping[int, bytes], leads: int
) -> tuple[int, tuple[Beat, ...]]:
    """The fiducial sample of the reference beat (counted from 1), and the beats of section 4."""
    section = part(file, sections, 4, 6)
    _, fiducial, count = struct.unpack("<HHH", section[:6])
    rows = _rows(section[6 : 6 + 14 * count], 14)
    if len(rows) < count or count * leads > MOST_ADDITIONS:
        raise DamagedFile(
            f"{file.shown} declares {count:,} beats (section 4), but {len(rows):,} are there, or "
            "more than a recording can have: export it again."
        )
    return fiducial, tuple(Beat(*struct.unpack("<HIII", row)) for row in rows)


def read_stored(file: File, sections: Mapping[int, bytes], number: int, leads: int) -> Stored:
    """Section 5 or 6 with the bytes of each of its `leads`."""
    section = part(file, sections, number, 6 + 2 * leads)
    nanovolts, interval, difference, bimodal = struct.unpack("<HHBB", section[:6])
    if nanovolts == 0 or interval == 0 or difference > 2:
        raise DamagedFile(
            f"Section {number} of {file.shown} gives {nanovolts} nV per step, {interval} µs per "
            f"sample and difference {difference}: expected positive numbers, and 0 to 2."
        )
    sizes = struct.unpack(f"<{leads}H", section[6 : 6 + 2 * leads])
    parts: list[bytes] = []
    place = 6 + 2 * leads
    for size in sizes:
        parts.append(section[place : place + size])
        place += size
    if place > len(section):
        raise DamagedFile(
            f"Section {number} ({NAMES[number]}) of {file.shown} declares {place:,} bytes, but "
            f"has {len(section):,}: it is cut off; copy it again."
        )
    return Stored(nanovolts, interval, difference, number == 6 and bimodal == 1, tuple(parts))


def read_start_time(sections: Mapping[int, bytes]) -> str | None:
    """Date and time of the recording; every other tag of section 1 is passed over unread."""
    section, place = sections.get(1, b""), 0
    found: dict[int, bytes] = {}
    while place + 3 <= len(section) and section[place] != END:
        tag, size = section[place], int.from_bytes(section[place + 1 : place + 3], "little")
        if tag in (DATE, TIME):
            found[tag] = section[place + 3 : place + 3 + size]
        place += 3 + size
    if len(found.get(DATE, b"")) < 4:
        return None
    year, month, day = struct.unpack("<HBB", found[DATE][:4])
    clock = found.get(TIME, b"")
    time = " {:02}:{:02}:{:02}".format(*clock[:3]) if len(clock) >= 3 else ""
    return f"{year:04}-{month:02}-{day:02}{time}"


def refuse_bimodal(file: File, rhythm: Stored, reference: Stored | None) -> None:
    """UnknownFormat for rhythm data thinned out between the beats (5.9.3, annex C.5)."""
    thinned = reference is not None and reference.interval != rhythm.interval
    if rhythm.bimodal or thinned:
        raise UnknownFormat(
            f"{file.shown} uses bimodal compression: between the beats it keeps only averages of "
            "neighbouring samples, which is not read. Export it without compression, or as DICOM."
        )
