"""The sample formats of WFDB against slow decoders that follow the manual bit by bit."""

import numpy as np
import pytest

from dashboard.data.readers.wfdb_formats import FORMATS, decode


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def _whole(data: bytes, at: int, width: int) -> int:
    return int.from_bytes(data[at : at + width], "little")


def _slow_212(data: bytes, index: int) -> int:
    """signal(5): 12 bits of the first in byte 0 and the low half of byte 1, then the second."""
    first, middle, last = data[index // 2 * 3 : index // 2 * 3 + 3].ljust(3, b"\0")
    return _signed((middle & 15) << 8 | first if index % 2 == 0 else (middle >> 4) << 8 | last, 12)


def _slow_310(data: bytes, index: int) -> int:
    """signal(5): bits 1-10 of each word of a pair; the third in the 5 top bits of both."""
    pack = data[index // 3 * 4 : index // 3 * 4 + 4].ljust(4, b"\0")
    words = _whole(pack, 0, 2), _whole(pack, 2, 2)
    if index % 3 < 2:
        return _signed(words[index % 3] >> 1 & 1023, 10)
    return _signed(words[0] >> 11 | (words[1] >> 11) << 5, 10)


def _slow_311(data: bytes, index: int) -> int:
    """signal(5): three times 10 bits from the lowest up, the two top bits unused."""
    pack = data[index // 3 * 4 : index // 3 * 4 + 4].ljust(4, b"\0")
    return _signed(_whole(pack, 0, 4) >> 10 * (index % 3) & 1023, 10)


SLOW = {
    8: lambda data, i: _signed(data[i], 8),
    16: lambda data, i: _signed(_whole(data, 2 * i, 2), 16),
    24: lambda data, i: _signed(_whole(data, 3 * i, 3), 24),
    32: lambda data, i: _signed(_whole(data, 4 * i, 4), 32),
    61: lambda data, i: _signed(int.from_bytes(data[2 * i : 2 * i + 2], "big"), 16),
    80: lambda data, i: data[i] - 128,
    160: lambda data, i: _whole(data, 2 * i, 2) - 32768,
    212: _slow_212,
    310: _slow_310,
    311: _slow_311,
}


@pytest.mark.parametrize("samples", [1, 2, 3, 4, 5, 600])
@pytest.mark.parametrize("number", FORMATS)
def test_decoding_equals_the_bit_layout_of_the_manual(number, samples):
    kind = FORMATS[number]
    data = np.random.default_rng(number).bytes(kind.bytes_of(samples))
    expected = [SLOW[number](data, i) for i in range(samples)]
    assert decode(number, data, samples).tolist() == expected


@pytest.mark.parametrize("number", FORMATS)
def test_every_format_counts_its_own_bytes(number):
    kind = FORMATS[number]
    for samples in range(1, 40):
        size = kind.bytes_of(samples)
        assert kind.bytes_of(kind.samples_in(size)) == size
        assert kind.samples_in(size - 1) < samples
