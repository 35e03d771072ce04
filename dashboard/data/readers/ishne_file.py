"""ISHNE Holter recordings (.ecg): up to 12 leads of 16-bit samples behind one header.

Source: Badilini F., The ISHNE Holter Standard Output File Format, A.N.E. 3(3), 1998, 263-266.
"""

import struct
from binascii import crc_hqx
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dashboard.data.readers.ecg_sample import check_values, choose_file, ecg_sample
from dashboard.data.readers.errors import DamagedFile, UnknownFormat
from dashboard.data.readers.files import File, Files
from dashboard.data.readers.leads import choose_group, unique
from dashboard.data.readers.limb_leads import with_limb_leads
from dashboard.data.sample import Sample

MAGIC = b"ISHNE1.0"
ANNOTATIONS = b"ANN  1.0"
FIXED = 522  # magic number, checksum and the header of fixed length
MOST_LEADS = 12
MOST_VARIABLE = 16 * 1024**2
ONES = 0xFFFF  # what the checksum, CRC-CCITT, starts with
INVALID = -32768
MILLIVOLTS_PER_NANOVOLT = 1e-6
PIECE_FRAMES = 2**18
NAMES = (
    *("unknown", "bipolar", "X", "Y", "Z", "I", "II", "III", "aVR", "aVL", "aVF"),
    *("V1", "V2", "V3", "V4", "V5", "V6", "ES", "AS", "AI"),
)
CHEST = {f"V{number}" for number in range(1, 7)}


@dataclass(frozen=True)
class _Header:
    """What the signals need; names, birth date and numbers of the patient are passed over.

    `samples` as declared, `start` the byte of the first one; `resolutions` in nV per step, not
    positive where unknown.
    """

    samples: int
    start: int
    leads: tuple[str, ...]
    resolutions: tuple[int, ...]
    rate: int
    start_time: str | None
    checked: bool


class IshneReader:
    """.ecg Holter files, by their first eight bytes."""

    name = "ISHNE"
    suffixes = (".ecg", ".ann")

    def sniff(self, files: Files) -> bool:
        """Any file that begins as an ISHNE recording."""
        return bool(_recordings(files))

    def read(self, files: Files, choices: Mapping[str, str]) -> Sample:
        file = choose_file(_recordings(files) or files.with_suffix(*self.suffixes), choices)
        header = _read_header(file)
        frames, notes = _frames(file, header)
        names = unique(header.leads)
        chosen, left_out = choose_group(names, [header.rate] * len(names), choices)
        check_values(len(chosen), frames, file.name)
        array = _read_samples(file, header, frames, chosen)
        kept, computed = [names[i] for i in chosen], []
        if CHEST | {"I", "II"} <= set(kept) and "lead" not in choices:
            kept, array, computed = with_limb_leads(kept, array)
        known = {name: step > 0 for name, step in zip(names, header.resolutions, strict=True)}
        return ecg_sample(
            array,
            name=file.stem,
            channels=kept,
            units=["mV" if known.get(name, True) else "NU" for name in kept],
            rate=header.rate,
            source=file.name,
            notes=(*left_out, *computed, *notes, *_raw_note(kept, known)),
            start_time=header.start_time,
        )


def _recordings(files: Files) -> list[File]:
    return [file for file in files.values() if file.head(len(MAGIC)) == MAGIC]


def _read_header(file: File) -> _Header:
    data = file.head(FIXED)
    if data.startswith(ANNOTATIONS):
        raise UnknownFormat(
            f"{file.shown} holds the annotations of an ISHNE recording, which are not read: "
            "give the recording itself (.ecg)."
        )
    if not data.startswith(MAGIC):
        raise DamagedFile(f"{file.shown} does not begin as an ISHNE recording: get a fresh copy.")
    if len(data) < FIXED:
        raise DamagedFile(
            f"{file.shown} has {len(data)} bytes, but the header of an ISHNE recording has "
            f"{FIXED}: it is cut off; copy it again."
        )
    variable, samples, _, start = struct.unpack("<iiii", data[10:26])
    count, rate = _short(data, 156), _short(data, 272)
    if not 1 <= count <= MOST_LEADS or rate < 1:
        raise DamagedFile(
            f"{file.shown} declares {count} leads at {rate} Hz: expected 1 to {MOST_LEADS} at a "
            "positive rate."
        )
    if not 0 <= variable <= MOST_VARIABLE or not FIXED + variable <= start <= file.size:
        raise DamagedFile(
            f"{file.shown} puts {variable:,} bytes of text and then the samples at byte "
            f"{start:,} of {file.size:,}: the header contradicts itself; copy the file again."
        )
    codes = struct.unpack(f"<{count}h", data[158 : 158 + 2 * count])
    return _Header(
        samples=samples,
        start=start,
        leads=tuple(NAMES[c] if 0 <= c < len(NAMES) else NAMES[0] for c in codes),
        resolutions=struct.unpack(f"<{count}h", data[206 : 206 + 2 * count]),
        rate=rate,
        start_time=_start_time(data),
        checked=crc_hqx(file.head(start)[10:], ONES) == int.from_bytes(data[8:10], "little"),
    )


def _short(data: bytes, place: int) -> int:
    return int.from_bytes(data[place : place + 2], "little", signed=True)


def _start_time(data: bytes) -> str | None:
    day, month, year = struct.unpack("<hhh", data[138:144])
    hour, minute, second = struct.unpack("<hhh", data[150:156])
    if not (1 <= day <= 31 and 1 <= month <= 12 and 1900 <= year <= 9999):
        return None
    date = f"{year:04}-{month:02}-{day:02}"
    known = 0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60
    return f"{date} {hour:02}:{minute:02}:{second:02}" if known else date


def _frames(file: File, header: _Header) -> tuple[int, list[str]]:
    """Samples per lead, and notes; writers count them per lead or over all leads."""
    count = len(header.leads)
    present = (file.size - header.start) // (2 * count)
    notes = [] if header.checked else ["The checksum of the header does not fit its contents"]
    if header.samples <= 0 and present:
        return present, [*notes, "The header does not say how many samples there are: all are read"]
    if header.samples == present * count:
        return present, notes
    if header.samples > present or present == 0:
        raise DamagedFile(
            f"{file.shown} declares {max(header.samples, 0):,} samples of {count} leads, but holds "
            f"{present:,}: it is cut off; copy it again."
        )
    return header.samples, notes


def _read_samples(file: File, header: _Header, frames: int, chosen: Sequence[int]) -> np.ndarray:
    """(C, T) float32 in mV, or as stored where the resolution is unknown; invalid ones are NaN."""
    count = len(header.leads)
    array = np.empty((len(chosen), frames), dtype=np.float32)
    with file.open() as stream:
        stream.read(header.start)  # members of an archive cannot seek
        for start in range(0, frames, PIECE_FRAMES):
            wanted = min(PIECE_FRAMES, frames - start)
            data = stream.read(wanted * count * 2)
            if len(data) < wanted * count * 2:
                raise DamagedFile(f"{file.shown} ends early: copy it again.")
            piece = np.frombuffer(data, "<i2").reshape(wanted, count)
            for row, index in enumerate(chosen):
                step = header.resolutions[index]
                lead = piece[:, index] * (step * MILLIVOLTS_PER_NANOVOLT if step > 0 else 1.0)
                lead[piece[:, index] == INVALID] = np.nan
                array[row, start : start + wanted] = lead
    return array


def _raw_note(names: Sequence[str], known: Mapping[str, bool]) -> list[str]:
    raw = [name for name in names if not known.get(name, True)]
    return [f"No resolution for {', '.join(raw)}: shown as stored numbers"] if raw else []
