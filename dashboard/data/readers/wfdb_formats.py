"""WFDB sample formats: packed bytes to integers, one row of data per format.

Source: WFDB Applications Guide, signal(5), https://physionet.org/physiotools/wag/signal-5.htm
Every decoder takes the bytes of whole packs (the last one zero-padded) and gives flat int32.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SampleFormat:
    """`pack_samples` samples lie in `pack_bytes` bytes; `tail[n]` bytes hold n < pack_samples.

    `invalid` is the value that means "no sample"; None where every value is one.
    """

    pack_samples: int
    pack_bytes: int
    decode: Callable[[np.ndarray], np.ndarray]
    invalid: int | None
    tail: tuple[int, ...] = (0,)

    def bytes_of(self, samples: int) -> int:
        """Bytes that hold `samples` samples."""
        packs, rest = divmod(samples, self.pack_samples)
        return packs * self.pack_bytes + self.tail[rest]

    def samples_in(self, size: int) -> int:
        """Whole samples in `size` bytes."""
        packs, rest = divmod(size, self.pack_bytes)
        return packs * self.pack_samples + max(n for n, b in enumerate(self.tail) if b <= rest)


def _signed(values: np.ndarray, bits: int) -> np.ndarray:
    """Two's complement of `bits` bits in int32."""
    shift = 32 - bits
    return (values.astype(np.int32) << shift) >> shift


def _int8(data: np.ndarray) -> np.ndarray:
    return data.view(np.int8).astype(np.int32)


def _offset_8(data: np.ndarray) -> np.ndarray:
    return data.astype(np.int32) - 128


def _int16(data: np.ndarray) -> np.ndarray:
    return data.view("<i2").astype(np.int32)


def _int16_high_first(data: np.ndarray) -> np.ndarray:
    return data.view(">i2").astype(np.int32)


def _offset_16(data: np.ndarray) -> np.ndarray:
    return data.view("<u2").astype(np.int32) - 32768


def _int24(data: np.ndarray) -> np.ndarray:
    low, middle, high = data.reshape(-1, 3).astype(np.int32).T
    return _signed(low | middle << 8 | high << 16, 24)


def _int32(data: np.ndarray) -> np.ndarray:
    return data.view("<i4").astype(np.int32)


def _pairs_12(data: np.ndarray) -> np.ndarray:
    """212: low byte of the first, high nibbles (second, first), low byte of the second."""
    packs = data.reshape(-1, 3)
    nibbles = packs[:, 1].astype(np.int16)
    flat = np.empty((len(packs), 2), dtype=np.int32)
    # Shifted to the top of an int16 and back, the sign bit spreads by itself.
    flat[:, 0] = ((nibbles << 12) | (packs[:, 0].astype(np.int16) << 4)) >> 4
    flat[:, 1] = (((nibbles & 0xF0) << 8) | (packs[:, 2].astype(np.int16) << 4)) >> 4
    return flat.reshape(-1)  # (packs * 2,)


def _triples_310(data: np.ndarray) -> np.ndarray:
    """310: two 16-bit words; 10 bits each above their lowest bit, the third in the 5 top bits."""
    first, second = data.view("<u2").reshape(-1, 2).astype(np.int32).T
    third = (first >> 11 & 0x1F) | (second >> 11 & 0x1F) << 5
    triples = np.stack([first >> 1 & 0x3FF, second >> 1 & 0x3FF, third], axis=1)
    return _signed(triples.reshape(-1), 10)  # (packs * 3,)


def _triples_311(data: np.ndarray) -> np.ndarray:
    """311: three 10-bit samples from the lowest bit of a 32-bit word upwards."""
    word = data.view("<u4")
    triples = np.stack([word & 0x3FF, word >> 10 & 0x3FF, word >> 20 & 0x3FF], axis=1)
    return _signed(triples.reshape(-1), 10)  # (packs * 3,)


FORMATS: dict[int, SampleFormat] = {
    8: SampleFormat(1, 1, _int8, None),  # first differences, summed by the caller
    16: SampleFormat(1, 2, _int16, -(2**15)),
    24: SampleFormat(1, 3, _int24, -(2**23)),
    32: SampleFormat(1, 4, _int32, -(2**31)),
    61: SampleFormat(1, 2, _int16_high_first, -(2**15)),
    80: SampleFormat(1, 1, _offset_8, -(2**7)),
    160: SampleFormat(1, 2, _offset_16, -(2**15)),
    212: SampleFormat(2, 3, _pairs_12, -(2**11), (0, 2)),
    310: SampleFormat(3, 4, _triples_310, -(2**9), (0, 2, 4)),
    311: SampleFormat(3, 4, _triples_311, -(2**9), (0, 2, 3)),
}
DIFFERENCES = 8
# Compressed formats: bits per sample and the value that means "no sample".
FLAC_BITS = {508: 8, 516: 16, 524: 24}


def decode(format_number: int, data: bytes, samples: int) -> np.ndarray:
    """The first `samples` samples of `data`, (samples,) int32, differences not yet summed."""
    kind = FORMATS[format_number]
    packs = -(-samples // kind.pack_samples)
    padded = data[: packs * kind.pack_bytes].ljust(packs * kind.pack_bytes, b"\0")
    return kind.decode(np.frombuffer(padded, dtype=np.uint8))[:samples]
