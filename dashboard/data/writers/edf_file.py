"""Marks of a signal as an EDF+ file, with the signal where its size allows, else alone.

Source: Kemp et al., "A simple format for exchange of digitized polygraphic recordings", 1992;
EDF+ specification, https://www.edfplus.info/specs/edfplus.html
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dashboard.data.readers.leads import is_ecg, plain_lead
from dashboard.data.sample import Marks, Sample

MOST_ALL_BYTES = 2**27  # a file with all leads; 24 h of two leads at 360 Hz are 124 MB
MOST_LEAD_BYTES = 2**28  # a file with one lead; 24 h at 1000 Hz are 173 MB
FRAMES_AT_ONCE = 2**18
RECORD_BYTES = 61_440  # recommended most for a data record
LOWEST, HIGHEST = -32768, 32767
# Seconds of a data record, the best first: the number of samples must come out whole.
_DURATIONS = ("1", "2", "4", "5", "8", "10", "0.5", "0.25", "0.2", "0.1", "0.05", "0.025", "0.01")
_DURATIONS += ("0.001", "0.0001")
# The physical size of a step; 1 uV comes first because it keeps every usual recording exact.
_STEPS = ("0.001", "0.000001", "0.00001", "0.0001", "0.002", "0.005", "0.01", "0.02", "0.05")
_STEPS += ("0.1", "0.2", "0.5", "1", "2", "5", "10", "20", "50", "100")
_SMALLEST_PEAK = 50  # steps; a lead that stays within fewer gets a finer one


@dataclass(frozen=True)
class _Row:
    """A signal of the file: its header fields and, of `channel` of the sample, its step."""

    label: str
    unit: str
    physical: tuple[str, str]
    samples: int
    channel: int = -1
    step: float = 0.0


@dataclass(frozen=True)
class _Layout:
    """How the file is cut into data records of `samples` per lead and `duration` s each."""

    duration: str
    samples: int
    records: int

    def onset(self, position: int) -> str:
        """Seconds of a sample in the rate that the file itself states, so that it reads back."""
        return _plain(position * float(self.duration) / self.samples)


def edf_bytes(sample: Sample, marks: Marks, lead: int = 0) -> bytes:
    """`marks` (sorted) of a signal as EDF+: each symbol is an annotation at its time.

    With all leads of `sample`, only with `lead` where all would be over 128 MiB, and without any
    signal where one is over 256 MiB or holds values that EDF cannot state. Values are rounded to
    1 uV where a lead stays within 32 mV; gaps are written as 0, for EDF knows none; the last data
    record is filled up with the lead's last value. Nothing that names a person or a date is
    written. Raises ValueError for an image or a volume.
    """
    if sample.dim != 1 or not sample.sampling_rate:
        raise ValueError(f"got {sample.kind}, expected a signal with a sampling rate")
    everything = range(len(sample.channels))
    for channels, most in ((everything, MOST_ALL_BYTES), ((lead,), MOST_LEAD_BYTES)):
        layout = _layout(sample, len(channels))
        if layout.records * layout.samples * len(channels) * 2 > most:
            continue
        notes = _notes(marks, layout)
        width = _words(notes)
        rows = _rows(sample, channels, layout.samples)
        if rows and layout.records * (layout.samples * len(channels) + width) * 2 <= most:
            return _with_signal(sample, layout, rows, notes, width)
    return annotations_only(marks, sample.sampling_rate)


def annotations_only(marks: Marks, sampling_rate: float) -> bytes:
    """`marks`, whose positions count samples at `sampling_rate` Hz, as EDF+ without a signal."""
    times = [_plain(int(position) / sampling_rate) for position in marks.positions]
    texts = zip(times, marks.symbols, strict=True)
    notes = [b"".join([b"+0\x14\x14\0", *(_note(time, text) for time, text in texts)])]
    width = _words(notes)
    return _header([_annotation_row(width)], "0", 1) + notes[0].ljust(2 * width, b"\0")


def _layout(sample: Sample, channels: int) -> _Layout:
    """Data records that hold whole samples, of the signal's own length where one divides it."""
    rate, length = float(sample.sampling_rate), sample.shape[0]
    most = max(1, RECORD_BYTES // (2 * channels))
    fitting = []
    for text in _DURATIONS:
        samples = rate * float(text)
        if 1 <= round(samples) <= most and math.isclose(samples, round(samples), rel_tol=1e-9):
            fitting.append((text, round(samples)))
    if not fitting:
        samples = max(1, min(round(rate), most))
        fitting = [(_short(samples / rate), samples)]
    chosen = next((one for one in fitting if length % one[1] == 0), fitting[0])
    return _Layout(*chosen, records=-(-length // chosen[1]))


def _rows(sample: Sample, channels: Sequence[int], samples: int) -> list[_Row]:
    """The leads as signals of the file; none where a value is too large for EDF's header."""
    rows = []
    for channel in channels:
        step = _step(sample, channel)
        if step is None:
            return []
        low, high = (_short(limit * float(step)) for limit in (LOWEST, HIGHEST))
        name = " ".join(sample.channels[channel].split())
        unit = _ascii(sample.units[channel], 8)
        rows.append(_Row(_label(name), unit, (low, high), samples, channel, float(step)))
    return rows


def _step(sample: Sample, channel: int) -> str | None:
    """The first step in which the lead fits 16 bits and is not a handful of numbers."""
    peak = 0.0
    for start in range(0, sample.shape[0], FRAMES_AT_ONCE):
        part = np.abs(sample.values((channel, slice(start, start + FRAMES_AT_ONCE))))
        peak = max(peak, float(part.max(initial=0.0, where=np.isfinite(part))))
    fitting = [step for step in _STEPS if peak / float(step) <= HIGHEST]
    fine = [step for step in fitting if not peak or peak / float(step) >= _SMALLEST_PEAK]
    return next(iter(fine or fitting), None)


def _with_signal(
    sample: Sample, layout: _Layout, rows: list[_Row], notes: list[bytes], width: int
) -> bytes:
    samples, count = layout.samples, len(rows)
    body = np.zeros((layout.records, count * samples + width), dtype="<i2")
    for index, row in enumerate(rows):
        body[:, index * samples : (index + 1) * samples] = _stored(sample, row, layout)
    packed = b"".join(note.ljust(2 * width, b"\0") for note in notes)
    body[:, count * samples :] = np.frombuffer(packed, "<i2").reshape(layout.records, width)
    header = _header([*rows, _annotation_row(width)], layout.duration, layout.records)
    return header + body.tobytes()


def _stored(sample: Sample, row: _Row, layout: _Layout) -> np.ndarray:
    """(records, samples) int16 of one lead, a stretch at a time."""
    stored = np.empty(layout.records * layout.samples, dtype="<i2")
    for start in range(0, sample.shape[0], FRAMES_AT_ONCE):
        part = sample.values((row.channel, slice(start, start + FRAMES_AT_ONCE)))
        steps = np.rint(part.astype(np.float64) / row.step)
        stored[start : start + len(part)] = np.where(np.isfinite(part), steps, 0)
    stored[sample.shape[0] :] = stored[sample.shape[0] - 1]
    return stored.reshape(layout.records, layout.samples)


def _notes(marks: Marks, layout: _Layout) -> list[bytes]:
    """The annotations of each data record; the first says when the record starts (2.2.4)."""
    notes = [
        [b"+%s\x14\x14\0" % layout.onset(record * layout.samples).encode()]
        for record in range(layout.records)
    ]
    for position, text in zip(marks.positions.tolist(), marks.symbols, strict=True):
        record = min(max(position // layout.samples, 0), layout.records - 1)
        notes[record].append(_note(layout.onset(position), text))
    return [b"".join(parts) for parts in notes]


def _note(onset: str, text: str) -> bytes:
    """One annotation without a duration (EDF+ 2.2.2)."""
    clean = "".join(" " if ord(character) < 32 else character for character in text)
    return b"+%s\x14%s\x14\0" % (onset.encode(), clean.encode("utf-8"))


def _words(notes: Sequence[bytes]) -> int:
    """16-bit words that the longest of the records' annotations needs."""
    return (max(map(len, notes)) + 1) // 2


def _annotation_row(width: int) -> _Row:
    return _Row("EDF Annotations", "", ("-1", "1"), width)


def _header(rows: Sequence[_Row], duration: str, records: int) -> bytes:
    """The header record; unknown persons and dates are X and 01.01.85, as EDF+ says (2.1.3)."""
    fixed = "0".ljust(8) + "X X X X".ljust(80) + "Startdate X X X X".ljust(80)
    fixed += "01.01.8500.00.00" + str(256 * (len(rows) + 1)).ljust(8) + "EDF+C".ljust(44)
    fixed += str(records).ljust(8) + duration.ljust(8) + str(len(rows)).ljust(4)
    columns = (
        [row.label.ljust(16) for row in rows],
        ["".ljust(80) for _ in rows],
        [row.unit.ljust(8) for row in rows],
        [row.physical[0].ljust(8) for row in rows],
        [row.physical[1].ljust(8) for row in rows],
        [str(LOWEST).ljust(8) for _ in rows],
        [str(HIGHEST).ljust(8) for _ in rows],
        ["".ljust(80) for _ in rows],
        [str(row.samples).ljust(8) for row in rows],
        ["".ljust(32) for _ in rows],
    )
    return (fixed + "".join("".join(column) for column in columns)).encode("ascii")


def _label(name: str) -> str:
    """ "ECG II" for an ECG lead II, as EDF+ names signals, where it fits 16 characters."""
    named = f"ECG {name}"
    is_lead = is_ecg(name) and len(named) <= 16 and plain_lead(named) == name
    return _ascii(named if is_lead else name, 16)


def _ascii(text: str, width: int) -> str:
    micro = text.replace("µ", "u").replace("μ", "u")
    return "".join(c if " " <= c <= "~" else "_" for c in micro)[:width].strip()


def _plain(value: float) -> str:
    """A number of seconds to a nanosecond, without an exponent."""
    return f"{value:.9f}".rstrip("0").rstrip(".")


def _short(value: float) -> str:
    """A number in the 8 characters of a header field: as many digits as they hold."""
    text = f"{value:.9f}".rstrip("0").rstrip(".")
    text = text.replace("0.", ".", 1) if len(text) > 8 and abs(value) < 1 else text
    return text[:8]
