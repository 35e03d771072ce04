"""WFDB annotation files (.atr and other annotators) as marks.

Source: WFDB Applications Guide, annot(5), https://physionet.org/physiotools/wag/annot-5.htm
"""

import re
import struct
from dataclasses import dataclass, field

import numpy as np

from dashboard.data.readers.errors import DamagedFile
from dashboard.data.readers.files import File
from dashboard.data.sample import Marks

# ecgcodes.h; a code that is not listed shows as its number in brackets.
SYMBOLS = {
    1: "N", 2: "L", 3: "R", 4: "a", 5: "V", 6: "F", 7: "J", 8: "A", 9: "S", 10: "E", 11: "j",
    12: "/", 13: "Q", 14: "~", 16: "|", 18: "s", 19: "T", 20: "*", 21: "D", 22: '"', 23: "=",
    24: "p", 25: "B", 26: "^", 27: "t", 28: "+", 29: "u", 30: "?", 31: "!", 32: "[", 33: "]",
    34: "e", 35: "n", 36: "@", 37: "x", 38: "f", 39: "(", 40: ")", 41: "r",
}  # fmt: skip
NO_MARK = 0
SKIP, NUMBER, SUBTYPE, CHANNEL, AUXILIARY = 59, 60, 61, 62, 63
HIGHEST_CODE = 49
NOTE = 22
MOST_BYTES = 256 * 1024**2

RESOLUTION_NOTE = "## time resolution: "
_RESOLUTION = re.compile(rf"{RESOLUTION_NOTE} *(\d+(?:\.\d+)?)")
_DEFINITION = re.compile(r"(\d+) (\S+) ")
_START, _END = "## annotation type definitions", "## end of definitions"


@dataclass
class _Parsed:
    """What the words of a file say, before the header notes among them are applied."""

    positions: list[int] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    ended: bool = False


def read_marks(file: File, annotator: str, frame_rate: float, per_frame: int) -> Marks:
    """The annotations in `file` with positions in samples of `per_frame` per frame.

    Positions count frames of `frame_rate` per second unless the file has its own resolution.
    Raises DamagedFile where the words are not annotations.
    """
    if file.size > MOST_BYTES:
        raise DamagedFile(f"{file.shown} is too large to be an annotation file.")
    parsed = _parse(file.read())
    if parsed is None or not parsed.ended:
        raise DamagedFile(f"{file.shown} is not a complete annotation file: copy it again.")
    symbols, resolution = _header_notes(parsed)
    scale = per_frame * (frame_rate / resolution if resolution else 1.0)
    keep = [i for i, code in enumerate(parsed.codes) if not _is_header_note(parsed, i)]
    positions = np.rint(np.array([parsed.positions[i] for i in keep], dtype=float) * scale)
    return Marks(
        annotator,
        positions.astype(np.int64),
        tuple(symbols.get(parsed.codes[i], f"[{parsed.codes[i]}]") for i in keep),
        tuple(parsed.notes[i] for i in keep) if any(parsed.notes[i] for i in keep) else (),
    )


def _parse(data: bytes) -> _Parsed | None:
    """The annotations in `data`; None where a word cannot be one."""
    parsed = _Parsed()
    words = struct.unpack(f"<{len(data) // 2}H", data[: len(data) // 2 * 2])
    at, now = 0, 0
    while at < len(words):
        code, value = words[at] >> 10, words[at] & 0x3FF
        at += 1
        if code == 0 and value == 0:
            parsed.ended = True
            return parsed
        if code == SKIP:
            if at + 2 > len(words):
                return parsed
            now += _signed(words[at] << 16 | words[at + 1])  # PDP-11 order: high word first
            at += 2
        elif code == AUXILIARY:
            text = data[2 * at : 2 * at + value]
            at += (value + 1) // 2
            if parsed.notes:
                parsed.notes[-1] = text.rstrip(b"\0").decode("utf-8", errors="replace")
        elif code in (NUMBER, SUBTYPE, CHANNEL):
            continue
        elif code == NO_MARK:  # only moves the time on
            now += value
        elif code <= HIGHEST_CODE:
            now += value
            parsed.positions.append(now)
            parsed.codes.append(code)
            parsed.notes.append("")
        else:
            return None
    return parsed


def _signed(word: int) -> int:
    return word - 2**32 if word >= 2**31 else word


def _is_header_note(parsed: _Parsed, index: int) -> bool:
    """Notes at time 0 that describe the file itself and mark nothing in the signal."""
    is_note = parsed.codes[index] == NOTE and parsed.positions[index] == 0
    text = parsed.notes[index]
    return is_note and (text.startswith("## ") or _DEFINITION.match(text) is not None)


def _header_notes(parsed: _Parsed) -> tuple[dict[int, str], float | None]:
    """(symbols, resolution in Hz or None) after the file's own definitions."""
    symbols, resolution, defining = dict(SYMBOLS), None, False
    for index, text in enumerate(parsed.notes):
        if not _is_header_note(parsed, index):
            continue
        if found := _RESOLUTION.match(text):
            resolution = float(found[1]) or None
        elif text.startswith((_START, _END)):
            defining = text.startswith(_START)
        elif defining and (found := _DEFINITION.match(text)):
            symbols[int(found[1])] = found[2]
    return symbols, resolution
