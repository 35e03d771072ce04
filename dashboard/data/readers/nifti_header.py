"""What a NIfTI header declares, checked before any value is read."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import BinaryIO

import numpy as np
from nibabel import nifti1, nifti2

from dashboard.data.readers.errors import DamagedFile, EmptyFile, UnreadableFile, UnsafeFile
from dashboard.data.readers.files import File

MOST_BYTES = 512**3 * 4  # of one volume, as stored: 512 MiB
MOST_FILE_BYTES = 2 * 1024**3  # of a series of volumes, expanded
MOST_FRAMES = 10_000
GZIP = b"\x1f\x8b"
_MM_PER_UNIT = {"mm": 1.0, "meter": 1000.0, "micron": 0.001, "unknown": 1.0}
_ORDERS = (("little", "<"), ("big", ">"))
_HEADERS = {348: nifti1.Nifti1Header, 540: nifti2.Nifti2Header}
_PAIR_HEADERS = {348: nifti1.Nifti1PairHeader, 540: nifti2.Nifti2PairHeader}
_FARTHEST = 1e7  # mm


@dataclass(frozen=True)
class Layout:
    """What a header says, checked: `shape` (i, j, k), the number of volumes, where they start."""

    shape: tuple[int, int, int]
    frames: int
    dtype: np.dtype
    offset: int
    scale: tuple[float, float]
    affine: np.ndarray
    notes: tuple[str, ...]

    @property
    def frame_bytes(self) -> int:
        return prod(self.shape) * self.dtype.itemsize


@contextmanager
def expanded(file: File) -> Iterator[BinaryIO]:
    """A stream of the file's bytes, unpacked where they are gzip whatever the file is called."""
    with file.open() as stream:
        if file.head(2) == GZIP:
            with gzip.GzipFile(fileobj=stream) as unpacked:
                yield unpacked
        else:
            yield stream


def layout_of(file: File, pair: bool) -> Layout:
    """The checked header of `file`; `pair` where the values lie in another file.

    Raises EmptyFile, DamagedFile, UnsafeFile (too large), or UnreadableFile with the reason.
    """
    if file.size == 0:
        raise EmptyFile(f"{file.shown} is empty (0 bytes): expected a NIfTI volume.")
    with expanded(file) as stream:
        block = stream.read(540)
    header = _header(file, block, pair)
    shape, frames = _shape(file, header)
    dtype = _dtype(file, header)
    _check_limits(file, shape, frames, dtype.itemsize)
    offset = int(header.get_data_offset()) or (0 if pair else header.single_vox_offset)
    if not 0 <= offset <= MOST_BYTES:
        raise DamagedFile(f"{file.shown} says its values start at byte {offset}: export it again.")
    affine, notes = _affine(file, header)
    slope, intercept = header.get_slope_inter()
    scale = (1.0, 0.0) if slope is None else (float(slope), float(intercept or 0.0))
    return Layout(shape, frames, dtype, offset, scale, affine, notes)


def _check_limits(file: File, shape: tuple[int, ...], frames: int, itemsize: int) -> None:
    size = prod(shape) * itemsize
    if size > MOST_BYTES or size * frames > MOST_FILE_BYTES or frames > MOST_FRAMES:
        raise UnsafeFile(
            f"{file.shown} declares {' x '.join(map(str, shape))} voxels in {frames} volumes: at "
            f"most {MOST_BYTES // 2**20} MiB each, {MOST_FRAMES:,} volumes and "
            f"{MOST_FILE_BYTES // 2**30} GiB in all are read; crop or resample it."
        )


def _header(file: File, block: bytes, pair: bool) -> nifti1.Nifti1Header:
    sizes = {int.from_bytes(block[:4], order): mark for order, mark in _ORDERS}
    size = next((s for s in _HEADERS if s in sizes), None)
    if size is None or len(block) < size:
        raise DamagedFile(
            f"{file.shown} does not start with a NIfTI header: expected .nii, .nii.gz, or .hdr "
            "with .img; export it again."
        )
    magic = block[344:347] if size == 348 else block[4:7]
    # Some programs write pairs with the magic of a single file and the other way round.
    if magic not in (b"n+1", b"ni1", b"n+2", b"ni2"):
        raise DamagedFile(
            f"{file.shown} has an ANALYZE header, which does not say where left is: export it as "
            "NIfTI."
        )
    kind = (_PAIR_HEADERS if pair else _HEADERS)[size]
    return kind(block[:size], endianness=sizes[size], check=False)


def _shape(file: File, header: nifti1.Nifti1Header) -> tuple[tuple[int, int, int], int]:
    """Voxels along i, j, k and the number of volumes."""
    axes = int(header["dim"][0])
    sizes = [int(n) for n in header["dim"][1 : axes + 1]]
    if not 1 <= axes <= 7 or min(sizes) < 1:
        raise DamagedFile(
            f"{file.shown} declares {axes} axes of sizes {sizes}: expected 3 or more of at least "
            "1; export it again."
        )
    if axes < 3:
        raise UnreadableFile(
            f"{file.shown} holds a single plane of {' x '.join(map(str, sizes))}: expected a "
            "volume with three axes; export the whole scan, or the plane as PNG."
        )
    return (sizes[0], sizes[1], sizes[2]), prod(sizes[3:])


def _dtype(file: File, header: nifti1.Nifti1Header) -> np.dtype:
    dtype = header.get_data_dtype()
    reason = {"c": "complex values", "V": "colours (RGB)"}.get(dtype.kind)
    if dtype.itemsize > 8:
        reason = reason or "numbers of 128 bits"
    if reason:
        raise UnreadableFile(
            f"{file.shown} holds {reason}: expected one real number per voxel; export the "
            "magnitude or one channel."
        )
    return dtype


def _affine(file: File, header: nifti1.Nifti1Header) -> tuple[np.ndarray, tuple[str, ...]]:
    """Array index to RAS+ mm, and what had to be assumed for it."""
    placed = header["sform_code"] > 0 or header["qform_code"] > 0
    notes = [] if placed else ["the file does not say how it is oriented: first axis to the left"]
    if not header["sform_code"] > 0 and not (np.abs(header["pixdim"][1:4]) > 0).all():
        raise _no_place(file)
    unit = header.get_xyzt_units()[0]
    if unit == "unknown":
        notes.append("the file names no unit of length: taken as mm")
    with np.errstate(invalid="ignore", over="ignore"):  # what is no number is refused below
        affine = np.array(header.get_best_affine(), dtype=float)
    affine[:3] *= _MM_PER_UNIT[unit]
    if not (np.abs(affine) < _FARTHEST).all():  # also where it is not a number
        raise _no_place(file)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    # The volume of a voxel of unit edges: 0 where two axes point the same way.
    if not (spacing > 1e-4).all() or abs(np.linalg.det(affine[:3, :3] / spacing)) < 1e-3:
        raise _no_place(file)
    return affine, tuple(notes)


def _no_place(file: File) -> DamagedFile:
    return DamagedFile(
        f"{file.shown} gives no usable voxel size or orientation (zero, not a number or "
        "contradictory): set its sform or pixdim and export it again."
    )
