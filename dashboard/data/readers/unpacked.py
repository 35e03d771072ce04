"""Streams of the bytes that other bytes stand for: gzip, zlib, bzip2, hexadecimal, written numbers.

Each expands piece by piece, and only as far as it is read.
"""

import bz2
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np

from dashboard.data.readers.files import File
from dashboard.data.readers.volume_values import PIECE, Stream

GZIP = b"\x1f\x8b"
_ZLIB_OR_GZIP = zlib.MAX_WBITS | 32
_READ = 32 * 1024  # bytes of packed input at a time
_LONGEST_WORD = 64  # characters of a written number


class Pieces:
    """A stream over an iterator of bytes, none of them empty."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = b""

    def read(self, count: int, /) -> bytes:
        """`count` bytes, or what is left of them."""
        parts = []
        while count > 0:
            self._left = self._left or next(self._pieces, b"")
            if not self._left:
                break
            parts.append(self._left[:count])
            self._left = self._left[count:]
            count -= len(parts[-1])
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def seekable(self) -> bool:
        """Never: what is skipped must be expanded."""
        return False


@contextmanager
def expanded(file: File) -> Iterator[Stream]:
    """A stream of the file's bytes, unpacked where they are gzip whatever the file is called."""
    with file.open() as stream:
        yield inflated(stream) if file.head(2) == GZIP else stream


def inflated(stream: BinaryIO) -> Pieces:
    """What a zlib stream or the members of a gzip file expand to; it ends where those end.

    Reading raises zlib.error where they are damaged.
    """
    return Pieces(_inflate(stream))


def _inflate(stream: BinaryIO) -> Iterator[bytes]:
    engine, packed, more = zlib.decompressobj(_ZLIB_OR_GZIP), b"", False
    while True:
        if not packed and not more:
            packed = stream.read(_READ)
            if not packed:
                return
        piece = engine.decompress(packed, PIECE)
        more = len(piece) == PIECE  # the engine may hold output although its input is used up
        packed = engine.unconsumed_tail
        if engine.eof:
            # A gzip file may have several members, and zeros that pad it.
            packed, more = engine.unused_data.lstrip(b"\0"), False
            engine = zlib.decompressobj(_ZLIB_OR_GZIP)
        if piece:
            yield piece


def unbzipped(stream: BinaryIO) -> Pieces:
    """What a bzip2 stream expands to; reading raises OSError or EOFError where it is damaged."""
    unpacked = bz2.BZ2File(stream)
    return Pieces(iter(lambda: unpacked.read(PIECE), b""))


def from_hexadecimal(stream: BinaryIO) -> Pieces:
    """The bytes that pairs of hexadecimal digits stand for; white space between them is nothing.

    Reading raises ValueError for other characters.
    """
    return Pieces(_unhex(stream))


def _unhex(stream: BinaryIO) -> Iterator[bytes]:
    left = b""
    while text := stream.read(PIECE):
        digits = left + b"".join(text.split())
        even = len(digits) // 2 * 2
        left = digits[even:]
        if even:
            yield bytes.fromhex(digits[:even].decode("ascii"))


def from_text(stream: BinaryIO, dtype: np.dtype) -> Pieces:
    """Numbers written out, apart by white space or commas, as bytes of `dtype`.

    Reading raises ValueError or OverflowError for what is no number of that type.
    """
    return Pieces(_unwrite(stream, dtype))


def _unwrite(stream: BinaryIO, dtype: np.dtype) -> Iterator[bytes]:
    number = float if dtype.kind == "f" else int
    left = b""
    while text := stream.read(PIECE):
        text = left + text.replace(b",", b" ")
        end = max(text.rfind(mark) for mark in (b" ", b"\n", b"\t", b"\r")) + 1
        left = text[end:]
        if len(left) > _LONGEST_WORD:
            raise ValueError(f"a number of more than {_LONGEST_WORD} characters")
        if words := text[:end].split():
            yield np.array([number(word) for word in words], dtype).tobytes()
    if left:
        yield np.array([number(left)], dtype).tobytes()
