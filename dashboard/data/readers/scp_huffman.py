"""Samples of SCP-ECG leads: Huffman codes and differences undone.

Source: EN 1064:2005+A1:2007, 5.5 (section 2) and annex C (compression); default table in C.3.7.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dashboard.data.readers.errors import DamagedFile, UnknownFormat

DEFAULT_TABLE = 19999
MOST_CODES = 1024


@dataclass(frozen=True)
class Code:
    """One code: its `bits` as text; `value`, to which `extra` bits, as signed number, are added."""

    bits: str
    extra: int
    value: int


# C.3.7: n ones, a zero and the sign for 1 to 8; nine ones and more announce 8 or 16 plain bits.
DEFAULT = (
    Code("0", 0, 0),
    *(Code("1" * n + "0" + sign, 0, n * (1 - 2 * int(sign))) for n in range(1, 9) for sign in "01"),
    Code("1111111110", 8, 0),
    Code("1111111111", 16, 0),
)


def read_table(section: bytes, source: str) -> tuple[Code, ...] | None:
    """The codes that section 2 (without its header) prescribes; None where samples are plain.

    Raises UnknownFormat where tables are switched between samples.
    """
    if len(section) < 2:
        return None
    count = int.from_bytes(section[:2], "little")
    if count == DEFAULT_TABLE:
        return DEFAULT
    if count == 0:
        return None
    length = int.from_bytes(section[2:4], "little")
    rows = [section[4 + 9 * i : 13 + 9 * i] for i in range(min(length, MOST_CODES))]
    if not rows or len(rows) < length or len(rows[-1]) < 9:
        raise DamagedFile(f"{source} declares Huffman codes (section 2) that are not there.")
    if any(row[2] == 0 for row in rows):
        raise UnknownFormat(
            f"{source} switches between Huffman tables while it decodes, which is not read: "
            "export it with the default table, or as DICOM."
        )
    return tuple(_code(row, source) for row in rows)


def _code(row: bytes, source: str) -> Code:
    """Bits of the prefix and of the whole code, mode, value, and the prefix with its first bit
    lowest."""
    prefix, whole = row[0], row[1]
    if not 1 <= prefix <= 32 or not prefix <= whole <= prefix + 32:
        raise DamagedFile(f"{source} has a Huffman code of {prefix} of {whole} bits (section 2).")
    bits = format(int.from_bytes(row[5:9], "little"), "032b")[::-1][:prefix]
    return Code(bits, whole - prefix, int.from_bytes(row[3:5], "little", signed=True))


def decode_lead(
    data: bytes, codes: Sequence[Code] | None, difference: int, count: int
) -> np.ndarray:
    """Up to `count` samples of one lead, int64: fewer where `data` ends.

    `codes` None: plain 16-bit numbers. `difference` 0, 1 or 2: samples, first or second
    differences are stored.
    """
    if codes is None:
        stored = np.frombuffer(data[: len(data) // 2 * 2], "<i2")[:count].astype(np.int64)
    else:
        stored = _unpack(data, codes, count)
    if difference == 0 or len(stored) < 2:
        return stored
    if difference == 1:
        return np.cumsum(stored)
    slopes = np.cumsum(np.concatenate([[stored[1] - stored[0]], stored[2:]]))
    return np.cumsum(np.concatenate([stored[:1], slopes]))


def _unpack(data: bytes, codes: Sequence[Code], count: int) -> np.ndarray:
    """Numbers behind the codes in `data`, highest bit of each byte first."""
    bits = format(int.from_bytes(b"\1" + data, "big"), "b")[1:]
    known = {code.bits: code for code in codes}
    lengths = sorted({len(code.bits) for code in codes})
    found: list[int] = []
    place = 0
    while len(found) < count:
        words = (bits[place : place + length] for length in lengths)
        code = next((known[word] for word in words if word in known), None)
        if code is None:
            break
        start = place + len(code.bits)
        place = start + code.extra
        if place > len(bits):
            break
        found.append(code.value + _signed(bits[start:place]) if code.extra else code.value)
    return np.array(found, dtype=np.int64)


def _signed(bits: str) -> int:
    number = int(bits, 2)
    return number - (1 << len(bits)) if bits[0] == "1" else number
