"""A signal as a WFDB record (zip of .hea, .dat, .atr), and marks as a WFDB annotation file.

Source: WFDB Applications Guide, header(5), signal(5) and annot(5).
"""

import io
import re
import struct
import zipfile
from collections.abc import Sequence

import numpy as np

from dashboard.data.readers.wfdb_annotations import (
    AUXILIARY,
    NOTE,
    RESOLUTION_NOTE,
    SKIP,
    SYMBOLS,
)
from dashboard.data.readers.wfdb_formats import FORMATS
from dashboard.data.sample import Marks, Sample

STORED_FORMAT = 16
INVALID = FORMATS[STORED_FORMAT].invalid
HIGHEST = 32767
# Steps per unit: a step of 1 uV keeps every usual recording exact and reaches 32 mV.
USUAL_GAIN = 1000.0
SMALLEST_PEAK = 0.05
FRAMES_AT_ONCE = 2**18
LONGEST_STEP = 1023
LONGEST_NOTE = 255
# The same bytes every time a record is written: a zip would else carry the clock.
ZIP_DATE = (1980, 1, 1, 0, 0, 0)
_CODES = {symbol: code for code, symbol in SYMBOLS.items()}


def record_zip(sample: Sample, name: str | None = None) -> bytes:
    """`sample` (a signal) as a zip with `name`.hea, .dat (format 16) and a file per annotator.

    Values are rounded to the step the header states: 1 uV where a lead stays within 32 mV.
    Raises ValueError for an image or a volume.
    """
    if sample.dim != 1 or not sample.sampling_rate:
        raise ValueError(f"got {sample.kind}, expected a signal with a sampling rate")
    record = record_name(name or sample.name)
    gains = [_gain(sample, channel) for channel in range(len(sample.channels))]
    stored = _stored(sample, gains)
    files = {
        f"{record}.hea": _header(sample, record, gains, stored).encode("utf-8"),
        f"{record}.dat": stored.tobytes(),
    }
    for marks in sample.annotations:
        files[f"{record}.{record_name(marks.name)}"] = annotation_bytes(marks, sample.sampling_rate)
    return _zipped(files)


def record_name(name: str) -> str:
    """`name` with what a WFDB record name may not hold replaced by "_"."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_") or "record"


def annotation_bytes(marks: Marks, sampling_rate: float) -> bytes:
    """`marks` as a WFDB annotation file whose positions count samples at `sampling_rate` Hz.

    Marks are sorted by position; a symbol that WFDB does not know becomes a note with its text.
    """
    notes = marks.notes or ("",) * len(marks)
    resolution = f"{RESOLUTION_NOTE}{float(sampling_rate):.10g}"
    words = [_word(NOTE, 0), _auxiliary(resolution)]
    now = 0
    for index in np.argsort(marks.positions, kind="stable"):
        position, symbol = int(marks.positions[index]), marks.symbols[index]
        note = notes[index] if symbol in _CODES else notes[index] or symbol
        words.append(_mark(position - now, _CODES.get(symbol, NOTE)))
        if note:
            words.append(_auxiliary(note))
        now = position
    return b"".join([*words, _word(0, 0)])


def _gain(sample: Sample, channel: int) -> float:
    lead = sample.values((channel,))
    finite = lead[np.isfinite(lead)]
    peak = float(np.abs(finite).max()) if finite.size else 0.0
    if peak == 0.0 or SMALLEST_PEAK <= peak <= HIGHEST / USUAL_GAIN:
        return USUAL_GAIN
    return float(f"{HIGHEST / peak * 0.999:.6g}")


def _stored(sample: Sample, gains: Sequence[float]) -> np.ndarray:
    """(T, C) little-endian int16, a stretch at a time; gaps become the invalid value."""
    stored = np.empty((sample.shape[0], len(gains)), dtype="<i2")
    for channel, gain in enumerate(gains):
        for start in range(0, sample.shape[0], FRAMES_AT_ONCE):
            part = sample.values((channel, slice(start, start + FRAMES_AT_ONCE)))
            steps = np.rint(part.astype(np.float64) * gain)
            stored[start : start + len(part), channel] = np.where(np.isfinite(part), steps, INVALID)
    return stored


def _header(sample: Sample, record: str, gains: Sequence[float], stored: np.ndarray) -> str:
    rate = f"{sample.sampling_rate:.10g}"
    lines = [f"{record} {len(gains)} {rate} {sample.shape[0]}"]
    for channel, gain in enumerate(gains):
        unit = re.sub(r"\s+", "_", sample.units[channel]) or "NU"
        checksum = (int(stored[:, channel].sum(dtype=np.int64)) + 32768) % 65536 - 32768
        name = " ".join(sample.channels[channel].split())
        lines.append(
            f"{record}.dat {STORED_FORMAT} {gain:.10g}(0)/{unit} 16 0 "
            f"{stored[0, channel]} {checksum} 0 {name}"
        )
    return "\n".join(lines) + "\n"


def _zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name, ZIP_DATE)
            archive.writestr(info, data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _word(code: int, value: int) -> bytes:
    return struct.pack("<H", code << 10 | value)


def _mark(step: int, code: int) -> bytes:
    """One annotation `step` samples after the last one; long steps take a SKIP before it."""
    if 0 <= step <= LONGEST_STEP:
        return _word(code, step)
    high, low = divmod(step & 0xFFFFFFFF, 65536)
    return _word(SKIP, 0) + struct.pack("<HH", high, low) + _word(code, 0)


def _auxiliary(text: str) -> bytes:
    """A note behind an annotation, padded to whole words."""
    data = text.encode("utf-8")[:LONGEST_NOTE]
    return _word(AUXILIARY, len(data)) + data + b"\0" * (len(data) % 2)
