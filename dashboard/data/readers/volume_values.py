"""The values of one volume, read piece by piece from a file that may be packed or lie.

Nothing is allocated before its size is within the limits, and no more is expanded than a volume
holds: what is beyond it in a packed file stays packed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import BinaryIO, Protocol

import numpy as np

from dashboard.data.readers.errors import DamagedFile, UnsafeFile
from dashboard.data.readers.files import File

MOST_BYTES = 512**3 * 4  # of one volume, as stored: 512 MiB
MOST_FILE_BYTES = 2 * 1024**3  # of a series of volumes, expanded
MOST_FRAMES = 10_000
PIECE = 1024**2  # bytes

Take = Callable[[np.ndarray], np.ndarray]  # (n, inner) stored numbers -> (n,) values


class Stream(Protocol):
    """What values are read from: a file, or what unpacks one."""

    def read(self, count: int, /) -> bytes:
        """At most `count` bytes, none at the end."""
        ...

    def seekable(self) -> bool:
        """Whether these are the bytes of the file, which can be skipped without reading them."""
        ...


@dataclass(frozen=True)
class Stored:
    """How numbers lie in a file: `inner` of `dtype` per voxel, i fastest, then j, k and volumes."""

    shape: tuple[int, int, int]
    dtype: np.dtype
    inner: int = 1
    frames: int = 1

    @property
    def frame_bytes(self) -> int:
        """Bytes of one volume."""
        return prod(self.shape) * self.inner * self.dtype.itemsize


def check_limits(file: File, stored: Stored) -> None:
    """Raises UnsafeFile for more than is read, before anything is allocated."""
    size = stored.frame_bytes
    too_long = size * stored.frames > MOST_FILE_BYTES or stored.frames > MOST_FRAMES
    if size > MOST_BYTES or too_long:
        raise UnsafeFile(
            f"{file.shown} declares {' x '.join(map(str, stored.shape))} voxels in "
            f"{stored.frames} volumes: at most {MOST_BYTES // 2**20} MiB each, {MOST_FRAMES:,} "
            f"volumes and {MOST_FILE_BYTES // 2**30} GiB in all are read; crop or resample it."
        )


def kept_type(dtype: np.dtype) -> np.dtype:
    """Integers up to 32 bits stay as they are, the rest becomes float32; native byte order."""
    if dtype.kind in "iu" and dtype.itemsize <= 4:
        return dtype.newbyteorder("=")
    return np.dtype(np.uint8 if dtype.kind == "b" else np.float32)


def type_notes(dtype: np.dtype) -> list[str]:
    """A note where stored numbers are not kept as they are."""
    kept = kept_type(dtype)
    same = kept == dtype.newbyteorder("=")
    return [] if same else [f"stored as {dtype.newbyteorder('=')}, read as {kept}"]


def read_values(
    file: File, stream: Stream, stored: Stored, skipped: int, take: Take | None = None
) -> np.ndarray:
    """One volume (i, j, k), i fastest, that begins `skipped` bytes into `stream`.

    `take` makes one value of the inner numbers of each voxel, of the type it gives back. Raises
    DamagedFile where the stream ends before the volume does.
    """
    skip(stream, skipped)
    if stream.seekable():  # a plain file: what is missing is known before anything is allocated
        left = max(0, file.size - stream.tell())
        if left < stored.frame_bytes:
            raise cut_short(file, stored.frame_bytes, left)
    dtype = kept_type(stored.dtype)
    if take is None and dtype == stored.dtype:
        values = np.empty(prod(stored.shape), dtype)
        there = fill(stream, memoryview(values).cast("B"))
    else:
        values, there = _converted(stream, stored, take or _first)
    if there < stored.frame_bytes:
        raise cut_short(file, stored.frame_bytes, there)
    # One byte more: a packed stream that ends with its volume then checks its sum.
    stream.read(1)
    return values.reshape(stored.shape, order="F")


def _converted(stream: Stream, stored: Stored, take: Take) -> tuple[np.ndarray, int]:
    """Values made piece by piece, and the bytes that were there."""
    kept = take(np.zeros((1, stored.inner), stored.dtype)).dtype
    values = np.empty(prod(stored.shape), kept_type(kept))
    step = max(1, PIECE // (stored.inner * stored.dtype.itemsize))  # voxels
    piece = np.empty((step, stored.inner), stored.dtype)
    there = 0
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(values), step):
            part = piece[: len(values) - start]
            filled = fill(stream, memoryview(part).cast("B"))
            there += filled
            if filled < part.nbytes:
                break
            values[start : start + step] = take(part)
    return values, there


def _first(piece: np.ndarray) -> np.ndarray:
    return piece[:, 0]


def cut_short(file: File, declared: int, there: int) -> DamagedFile:
    """The refusal of a file whose values end too early."""
    return DamagedFile(
        f"{file.shown} is cut short: its header declares {declared} bytes of values, "
        f"{there} are there; export or copy it again."
    )


def skip(stream: Stream | BinaryIO, count: int) -> None:
    """Pass over `count` bytes, or what there is of them."""
    if stream.seekable():
        stream.seek(count, 1)
        return
    while count > 0:
        passed = len(stream.read(min(count, PIECE)))
        if not passed:
            return
        count -= passed


def fill(stream: Stream, buffer: memoryview) -> int:
    """Bytes read into `buffer`, in pieces: some streams would make a second copy of them all."""
    filled = 0
    while filled < len(buffer):
        piece = stream.read(min(len(buffer) - filled, PIECE))
        if not piece:
            break
        buffer[filled : filled + len(piece)] = piece
        filled += len(piece)
    return filled
