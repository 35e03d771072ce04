"""Philips XLI: second differences of each lead, split into byte planes, packed with 10-bit LZW.

Written from the description by C. Watford (sierra-ecg-tools, 2011 to 2022).
"""

import struct

import numpy as np

from dashboard.data.readers.errors import DamagedFile, UnsafeFile

CODE_BITS = 10
LAST_CODE = 2**CODE_BITS - 2  # the one above ends the data
BIAS = 64  # added to every difference but the first
HEADER = struct.Struct("<ihh")  # bytes of codes, always 1, first difference
# Unpacked code by code in Python, about a microsecond each: 12 leads of 500 Hz for 11 minutes.
MOST_VALUES = 4_000_000


def unpack_leads(data: bytes, leads: int, samples: int, source: str) -> list[np.ndarray]:
    """The first `leads` leads packed in `data`, each (samples,) int64 of stored steps.

    Raises DamagedFile where a lead is missing or short, UnsafeFile beyond `MOST_VALUES`.
    """
    if leads * samples > MOST_VALUES:
        raise UnsafeFile(
            f"{source} declares {samples:,} compressed samples of {leads} leads: at most "
            f"{MOST_VALUES:,} values are unpacked."
        )
    unpacked, start = [], 0
    for lead in range(leads):
        if len(data) - start < HEADER.size:
            raise DamagedFile(
                f"{source} holds {lead} compressed leads, expected {leads}: copy the file again."
            )
        size, _, first = HEADER.unpack_from(data, start)
        start += HEADER.size
        if not 0 < size <= len(data) - start:
            raise DamagedFile(
                f"{source} says that lead {lead + 1} has {size:,} compressed bytes, but "
                f"{len(data) - start:,} are left: copy the file again."
            )
        planes = _unpack_codes(data[start : start + size], 2 * samples)
        if len(planes) < 2 * samples:
            raise DamagedFile(
                f"{source} declares {samples:,} samples, but lead {lead + 1} unpacks to "
                f"{len(planes) // 2:,}: copy the file again."
            )
        unpacked.append(_summed(planes, first))
        start += size
    return unpacked


def _unpack_codes(data: bytes, wanted: int) -> bytes:
    """LZW with codes of fixed width, most significant bit first; at most `wanted` bytes.

    Welch, A technique for high-performance data compression, Computer 17(6), 1984.
    """
    table = [bytes([value]) for value in range(256)]
    unpacked, previous = bytearray(), b""
    bits = held = 0
    for byte in data:
        bits, held = (bits << 8) | byte, held + 8
        if held < CODE_BITS:
            continue
        held -= CODE_BITS
        code, bits = bits >> held, bits & ((1 << held) - 1)
        if code > LAST_CODE or code > len(table) or (code == len(table) and not previous):
            break
        word = table[code] if code < len(table) else previous + previous[:1]
        if previous and len(table) <= LAST_CODE:
            table.append(previous + word[:1])
        unpacked += word
        previous = word
        if len(unpacked) >= wanted:
            break
    return bytes(unpacked[:wanted])


def _summed(planes: bytes, first: int) -> np.ndarray:
    """(T,) int64: all high bytes, then all low bytes, of two values and second differences.

    With x[0] and x[1] as stored, x[n] = 2 x[n-1] - x[n-2] - e[n], where e[2] = `first` and each
    later e[n] is the code before it less the bias.
    """
    high, low = np.frombuffer(planes, dtype=np.uint8).reshape(2, -1).astype(np.uint16)
    codes = ((high << 8) | low).view(np.int16).astype(np.int64)
    if codes.size < 3:
        return codes
    steps = np.empty_like(codes)
    steps[0], steps[1] = codes[0], codes[1] - codes[0]
    steps[2] = -first
    steps[3:] = BIAS - codes[2:-1]
    steps[1:] = np.cumsum(steps[1:])
    return np.cumsum(steps)
