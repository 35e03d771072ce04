"""WFDB header files (.hea): parsed and checked before anything they declare is believed.

Source: WFDB Applications Guide, header(5), https://physionet.org/physiotools/wag/header-5.htm
"""

import math
import re
from dataclasses import dataclass

from dashboard.data.readers.content import what_is
from dashboard.data.readers.errors import DamagedFile, EmptyFile, UnsafeFile, short
from dashboard.data.readers.files import File

MOST_HEADER_BYTES = 1024**2
LONGEST_LINE = 512  # what the patterns below meet is bounded, so that none can take long
MOST_SIGNALS = 4096
MOST_SEGMENTS = 10_000
HIGHEST_RATE = 1e7
DEFAULT_GAIN = 200.0  # adu per mV, header(5): where the gain is missing or 0

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_RECORD = re.compile(
    rf"(?P<name>\S+?)(?:/(?P<segments>\d+))?\s+(?P<signals>\d+)"
    rf"(?:\s+(?P<rate>{_NUMBER})(?:/{_NUMBER}(?:\({_NUMBER}\))?)?"
    rf"(?:\s+(?P<length>\d+)(?:\s+(?P<time>[\d:.]+)(?:\s+(?P<date>[\d/]+))?)?)?)?\s*"
)
_SIGNAL = re.compile(
    rf"(?P<file>\S+)\s+(?P<format>\d+)(?:x(?P<per_frame>\d+))?(?::(?P<skew>\d+))?"
    rf"(?:\+(?P<offset>\d+))?"
    rf"(?:\s+(?P<gain>{_NUMBER})(?:\((?P<baseline>[-+]?\d+)\))?(?:/(?P<unit>\S+))?"
    rf"(?:\s+(?P<bits>\d+)(?:\s+(?P<zero>[-+]?\d+)(?:\s+(?P<initial>[-+]?\d+)"
    rf"(?:\s+(?P<checksum>[-+]?\d+)(?:\s+\d+(?:\s+(?P<name>.+?))?)?)?)?)?)?)?\s*"
)
_PLAIN_NAME = re.compile(r"[\w.+~-][\w.+~ -]*")


@dataclass(frozen=True)
class SignalLine:
    """One signal: where its samples are and what turns them into `unit`.

    `gain` in adu per unit, `baseline` the adu of 0; `assumed_gain` where the header gave none.
    `per_frame` samples per frame; `skew` frames; `offset` bytes before the first sample.
    """

    file: str
    format: int
    per_frame: int
    skew: int
    offset: int
    gain: float
    assumed_gain: bool
    baseline: int
    unit: str
    initial: int
    checksum: int | None
    name: str


@dataclass(frozen=True)
class Header:
    """A record: `rate` frames per second (None: not given), `length` frames (None: not given).

    A multi-segment record has `segments` (record name, frames) and no signal lines.
    """

    name: str
    rate: float | None
    length: int | None
    signal_count: int
    signals: tuple[SignalLine, ...]
    segments: tuple[tuple[str, int], ...]
    start_time: str | None


def read_header(file: File) -> Header:
    """The header in `file`; raises DamagedFile, EmptyFile or UnsafeFile with the reason."""
    lines = _lines(file)
    match = _RECORD.fullmatch(lines[0])
    if match is None:
        raise DamagedFile(
            f"{file.shown} is not a WFDB header: its first line should give the record name, "
            "the number of signals and the sampling rate."
        )
    count = int(match["signals"])
    segment_count = int(match["segments"] or 0)
    if count > MOST_SIGNALS or segment_count > MOST_SEGMENTS:
        raise UnsafeFile(
            f"{file.shown} declares {count:,} signals in {segment_count:,} segments: at most "
            f"{MOST_SIGNALS:,} and {MOST_SEGMENTS:,} are read."
        )
    wanted = segment_count or count
    if len(lines) - 1 < wanted or wanted == 0:
        raise DamagedFile(
            f"{file.shown} declares {wanted} {'segments' if segment_count else 'signals'}, "
            f"expected as many lines, but has {len(lines) - 1}: get the complete header."
        )
    body = lines[1 : wanted + 1]
    return Header(
        name=match["name"],
        rate=_rate(file, match["rate"]),
        length=_length(match["length"]),
        signal_count=count,
        signals=() if segment_count else tuple(_signal(file, line) for line in body),
        segments=tuple(_segment(file, line) for line in body) if segment_count else (),
        start_time=_start_time(match["time"], match["date"]),
    )


def _lines(file: File) -> list[str]:
    """The lines that count: comments, which may name the patient, are dropped unread."""
    if file.size == 0:
        raise EmptyFile(f"{file.shown} is empty (0 bytes): expected a WFDB header.")
    data = file.head(MOST_HEADER_BYTES)
    kind = what_is(data)
    if kind or b"\0" in data:
        found = f"its content is {kind}" if kind else "it holds binary data"
        raise DamagedFile(
            f"{file.shown} is not a WFDB header: {found}. Give it its own suffix, or get the "
            "text file that belongs to the record."
        )
    text = data.decode("utf-8", errors="replace")
    stripped = [line.strip() for line in re.split(r"\r\n|\r|\n", text)]
    lines = [line for line in stripped if line and not line.startswith("#")]
    if not lines or max(map(len, lines)) > LONGEST_LINE or file.size > MOST_HEADER_BYTES:
        raise DamagedFile(
            f"{file.shown} is not a WFDB header: expected text lines of at most {LONGEST_LINE} "
            "characters, the first with the record name, number of signals and sampling rate."
        )
    return lines


def _rate(file: File, text: str | None) -> float | None:
    """Frames per second; None where it is missing or 0, for the person to say."""
    rate = float(text) if text else 0.0
    if not math.isfinite(rate) or rate < 0 or rate > HIGHEST_RATE:
        raise DamagedFile(
            f"{file.shown} gives a sampling rate of {text} Hz: expected a positive number."
        )
    return rate or None


def _length(text: str | None) -> int | None:
    return int(text) or None if text and len(text) < 16 else None


def _start_time(time: str | None, date: str | None) -> str | None:
    return " ".join(part for part in (date, time) if part) or None


def _segment(file: File, line: str) -> tuple[str, int]:
    parts = line.split()
    if len(parts) < 2 or not re.fullmatch(r"\d{1,15}", parts[1]):
        raise DamagedFile(
            f"{file.shown} has a segment line that is not a record name and a number of samples."
        )
    return _own_name(file, parts[0]), int(parts[1])


def _own_name(file: File, name: str) -> str:
    """`name` if it stays in the header's folder; a header must not reach for anything else."""
    if not _PLAIN_NAME.fullmatch(name) or name.startswith("..") or name == ".":
        raise UnsafeFile(
            f"{file.shown} refers to {short(name)!r}: expected the plain name of a file beside "
            "it, without folders or addresses. Put the files together and correct the header."
        )
    return name


def _signal(file: File, line: str) -> SignalLine:
    match = _SIGNAL.fullmatch(line)
    if match is None:
        # The file name comes first, so an unsafe one is named even in a line that does not parse.
        _own_name(file, line.split()[0])
        raise DamagedFile(
            f"{file.shown} has a signal line that does not follow the WFDB format: expected file "
            "name, format, gain, resolution and so on."
        )
    gain = float(match["gain"] or 0)
    if not math.isfinite(gain):
        raise DamagedFile(f"{file.shown} gives a gain of {match['gain']}: expected a number.")
    zero = int(match["zero"] or 0)
    return SignalLine(
        file=_own_name(file, match["file"]),
        format=int(match["format"]),
        per_frame=int(match["per_frame"] or 1),
        skew=int(match["skew"] or 0),
        offset=int(match["offset"] or 0),
        gain=gain or DEFAULT_GAIN,
        assumed_gain=gain == 0,
        baseline=zero if match["baseline"] is None else int(match["baseline"]),
        unit=match["unit"] or "mV",
        initial=zero if match["initial"] is None else int(match["initial"]),
        checksum=None if match["checksum"] is None else int(match["checksum"]),
        name=(match["name"] or "").strip(),
    )
