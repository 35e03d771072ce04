"""The arrays of NumPy files (.npy, .npz), their headers checked and their values not yet read."""

import tokenize
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.lib import format as npy_format

from dashboard.data.readers.archive import HIGHEST_RATIO, expand
from dashboard.data.readers.errors import DamagedFile, UnsafeFile
from dashboard.data.readers.files import File

MAGIC = b"\x93NUMPY"
LONGEST_HEADER = 10_000


@dataclass(frozen=True)
class NpyArray:
    """One array of the file, its header read and checked but its values not."""

    file: File
    shape: tuple[int, ...]
    dtype: np.dtype
    by_column: bool
    offset: int

    @property
    def name(self) -> str:
        """Its name in an npz, in small letters."""
        return self.file.stem.lower()

    def values(self) -> np.ndarray:
        """All of it, read at once: for arrays known to be small enough."""
        flat = np.frombuffer(self.file.read(), self.dtype, prod(self.shape), self.offset)
        return flat.reshape(self.shape, order="F" if self.by_column else "C")


def arrays_of(file: File, ratio: int = HIGHEST_RATIO) -> list[NpyArray]:
    """The array of an .npy, or those of an .npz that expands at most `ratio` times.

    Raises DamagedFile, or UnsafeFile for pickled objects and for too much of anything.
    """
    return [_describe(member) for member in _members(file, ratio)]


def _members(file: File, ratio: int) -> list[File]:
    if file.head(len(MAGIC)) == MAGIC:
        return [file]
    if file.suffix == ".npz":
        return [member for member in expand(file, ratio) if member.suffix == ".npy"]
    raise DamagedFile(f"{file.shown} does not begin as a NumPy file: get a fresh copy.")


def _describe(file: File) -> NpyArray:
    """The header of an .npy file, checked against the bytes that are there."""
    with file.open() as stream:
        version = npy_format.read_magic(stream)
        read = {
            (1, 0): npy_format.read_array_header_1_0,
            (2, 0): npy_format.read_array_header_2_0,
        }.get(version)
        if read is None:
            raise DamagedFile(f"{file.shown} is of NumPy file version {version}: expected 1 or 2.")
        try:
            shape, by_column, dtype = read(stream, max_header_size=LONGEST_HEADER)
        except (SyntaxError, tokenize.TokenError) as error:
            raise DamagedFile(
                f"{file.shown} has a NumPy header that cannot be read: get a fresh copy."
            ) from error
        offset = stream.tell()
    if dtype.hasobject:
        raise UnsafeFile(
            f"{file.shown} holds pickled Python objects, which are never loaded: save plain "
            "numbers instead."
        )
    declared, present = prod(shape) * dtype.itemsize, file.size - offset
    if min(shape, default=0) < 0 or declared > present:
        raise DamagedFile(
            f"{file.shown} declares an array {shape} of {dtype} ({declared:,} bytes), but holds "
            f"{present:,} bytes: it is cut off; copy it again."
        )
    return NpyArray(file, shape, dtype, by_column, offset)
