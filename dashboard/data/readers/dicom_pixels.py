"""The stored values of a grid of DICOM slices, each written straight to its place in the volume.

Values that are not compressed are read here from where the header puts them, within the file;
everything else is decoded in one child process for the whole volume.
"""

import io
import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from dashboard.data.readers.dicom_checks import MOST_BYTES
from dashboard.data.readers.dicom_geometry import Grid
from dashboard.data.readers.dicom_records import Image, Plane
from dashboard.data.readers.dicom_syntaxes import BIG, CODED, PLAIN
from dashboard.data.readers.errors import DamagedFile, UnsafeFile
from dashboard.data.readers.files import File
from dashboard.data.readers.isolated import Limits, run_isolated

CHILD = Path(__file__).with_name("dicom_pixel_child.py")
SECONDS = 240
_GREY = ("MONOCHROME1", "MONOCHROME2")


@dataclass(frozen=True)
class Volume:
    """`stored` (column, row, slice) with `scale` (slope, intercept), and notes."""

    stored: np.ndarray
    scale: tuple[float, float]
    notes: tuple[str, ...]


def read_pixels(grid: Grid) -> Volume:
    """The volume that fills `grid`.

    Stored integers stay as they are where all slices share one scale; else float32 in the unit.
    Raises DamagedFile for pixels that are cut off or cannot be decoded, UnsafeFile (too large).
    """
    dtype, scale, notes = _common(grid.planes)
    _check_size(grid, dtype)
    rows, columns = grid.planes[0].image.shape
    pixels = np.empty((grid.count, rows, columns), dtype)
    where = dict(zip(grid.planes, grid.slots, strict=True))
    unlike = 0
    again = dict(grid.repeats)
    for plane, values in _slices([*grid.planes, *again]):
        if plane in where:
            _place(pixels[where[plane]], values, plane, scale)
        else:
            whole = np.empty((rows, columns), dtype)
            _place(whole, values, plane, scale)
            unlike += not np.array_equal(whole, pixels[again[plane]])
    _fill_empty(pixels, grid.slots)
    if grid.blend is not None:
        pixels = _blended(pixels, grid.blend)
    notes += _about_repeats(len(again), unlike)
    return Volume(pixels.transpose(2, 1, 0), scale or (1.0, 0.0), tuple(notes))


def _common(
    planes: Sequence[Plane],
) -> tuple[np.dtype, tuple[float, float] | None, list[str]]:
    """Type of all values and their scale, None where slices differ in it; notes."""
    scales = {plane.scale for plane in planes}
    dtypes = {plane.image.dtype for plane in planes}
    if len(scales) > 1:
        slopes = [slope for slope, _ in scales]
        told = f"slices differ in their scale (slope {min(slopes):g} to {max(slopes):g})"
        return np.dtype(np.float32), None, [f"{told}: read as float32"]
    (scale,) = scales
    return np.result_type(*dtypes), scale, []


def _check_size(grid: Grid, dtype: np.dtype) -> None:
    rows, columns = grid.planes[0].image.shape
    count = max(grid.count, 0 if grid.blend is None else len(grid.blend))
    if rows * columns * count * dtype.itemsize > MOST_BYTES:
        raise UnsafeFile(
            f"The series has {count:,} slices of {columns} x {rows}: at most "
            f"{MOST_BYTES // 2**20} MiB are read; give fewer slices, or resample it."
        )


def _place(
    target: np.ndarray, values: np.ndarray, plane: Plane, scale: tuple[float, float] | None
) -> None:
    """Write one slice, in the unit where slices differ in their scale."""
    target[...] = values
    if scale is None:
        with np.errstate(over="ignore", invalid="ignore"):
            target *= np.float32(plane.slope)
            target += np.float32(plane.intercept)


def _fill_empty(pixels: np.ndarray, slots: Sequence[int]) -> None:
    """The lowest value there is where a slice is missing."""
    empty = sorted(set(range(len(pixels))) - set(slots))
    if empty:
        pixels[empty] = min(pixels[slot].min() for slot in slots)


def _blended(pixels: np.ndarray, blend: np.ndarray) -> np.ndarray:
    """Slices interpolated linearly between two, rounded where values are whole."""
    volume = np.empty((len(blend), *pixels.shape[1:]), pixels.dtype)
    for target, place in zip(volume, blend, strict=True):
        before = min(int(place), len(pixels) - 1)
        weight = place - before
        mixed = pixels[before].astype(np.float64)
        if weight > 0:
            mixed += weight * (pixels[before + 1].astype(np.float64) - mixed)
        target[...] = np.rint(mixed) if pixels.dtype.kind in "iu" else mixed
    return volume


def _about_repeats(count: int, unlike: int) -> list[str]:
    if not count:
        return []
    alike = "all with the same pixels" if not unlike else f"{unlike} of them with other pixels"
    slices = "slices lie where others do" if count > 1 else "slice lies where another does"
    return [f"{count} {slices}, {alike}: left out"]


# One slice after the other


def _slices(planes: Sequence[Plane]) -> Iterator[tuple[Plane, np.ndarray]]:
    """Each plane with its stored values (rows, columns), file by file."""
    number = {image: n for n, image in enumerate(dict.fromkeys(plane.image for plane in planes))}
    queue = sorted(planes, key=lambda plane: (number[plane.image], plane.frame))
    coded = [plane for plane in queue if not _plain(plane.image)]
    for group in (_coded(coded), _native([p for p in queue if _plain(p.image)])):
        for plane, picture in group:
            values = _bits(picture, plane.image)
            yield plane, _tile(values, plane)


def _plain(image: Image) -> bool:
    """Whether numpy can read the values as they lie in the file."""
    swapped = image.syntax == BIG and image.dtype.itemsize == 1  # bytes may be swapped in words
    grey = image.samples == 1 and image.photometric in _GREY
    return image.syntax in PLAIN and grey and not swapped


def _tile(picture: np.ndarray, plane: Plane) -> np.ndarray:
    """The part of a mosaic that is this slice."""
    if plane.tile is None:
        return picture
    rows, columns = plane.image.shape
    row, column = plane.tile[0] * rows, plane.tile[1] * columns
    return picture[row : row + rows, column : column + columns]


def _bits(picture: np.ndarray, image: Image) -> np.ndarray:
    """Values of fewer bits than they take: what else lies in those bits (overlays) is cut off."""
    bits = image.dtype.itemsize * 8
    spare = bits - 1 - image.high_bit
    unused = bits - image.stored_bits
    if image.dtype.kind == "f" or unused == 0 or not _plain(image):
        return picture
    low, high = (0, 2**image.stored_bits - 1)
    if image.dtype.kind == "i":
        low, high = -(2 ** (image.stored_bits - 1)), 2 ** (image.stored_bits - 1) - 1
    if spare == unused and picture.min() >= low and picture.max() <= high:
        return picture
    return picture << spare >> unused  # the shift back fills with the sign


# Values as they lie in the file


def _native(planes: Sequence[Plane]) -> Iterator[tuple[Plane, np.ndarray]]:
    for image, group in groupby(planes, key=lambda plane: plane.image):
        _check_there(image)
        with image.file.open() as opened:
            # A stream out of a zip cannot go back: its file is read whole.
            stream = opened if opened.seekable() else io.BytesIO(opened.read())
            for frame, same in groupby(group, key=lambda plane: plane.frame):
                picture = _frame(stream, image, frame)
                for plane in same:
                    yield plane, picture


def _check_there(image: Image) -> None:
    needed = image.frames * image.frame_bytes
    there = max(min(image.length, image.file.size - image.start), 0)
    if there < needed:
        raise _cut_off(image, needed, there)


def _cut_off(image: Image, needed: int, there: int) -> DamagedFile:
    return DamagedFile(
        f"{image.file.shown} is cut off: its header declares {needed:,} bytes of pixels, "
        f"{there:,} are there; copy it again, or leave it out to read the other slices."
    )


def _frame(stream: io.BufferedIOBase, image: Image, frame: int) -> np.ndarray:
    """(rows, columns) of one frame, in the machine's own byte order."""
    stored = image.dtype.newbyteorder(">" if image.syntax == BIG else "<")
    values = np.empty((image.rows, image.columns), stored)
    stream.seek(image.start + frame * image.frame_bytes)
    filled = stream.readinto(values.data.cast("B"))
    if filled != image.frame_bytes:
        raise _cut_off(image, image.frame_bytes, filled)
    return values.astype(image.dtype, copy=False)


# Values to decode


def _coded(planes: Sequence[Plane]) -> Iterator[tuple[Plane, np.ndarray]]:
    if not planes:
        return
    pictures = list(dict.fromkeys((plane.image, plane.frame) for plane in planes))
    sizes = [image.rows * image.columns * image.dtype.itemsize for image, _ in pictures]
    if sum(sizes) > MOST_BYTES:
        raise UnsafeFile(
            f"The {len(pictures):,} compressed pictures unpack to {sum(sizes) // 2**20} MiB: at "
            f"most {MOST_BYTES // 2**20} MiB are read; give fewer slices."
        )
    decoded = memoryview(_decoded(pictures, sum(sizes)))
    starts = dict(zip(pictures, np.cumsum([0, *sizes[:-1]]).tolist(), strict=True))
    for plane in planes:
        image, start = plane.image, starts[plane.image, plane.frame]
        count = image.rows * image.columns
        if len(decoded) < start + count * image.dtype.itemsize:
            raise DamagedFile(
                f"The compressed pixels ({CODED.get(image.syntax, 'colours')}) of "
                f"{image.file.shown} cannot be decoded to what its header declares: copy it "
                "again, or leave it out to read the other slices."
            )
        picture = np.frombuffer(decoded, image.dtype, count, start)
        yield plane, picture.reshape(image.rows, image.columns)


def _decoded(pictures: Sequence[tuple[Image, int]], size: int) -> bytes:
    """The pictures one after the other, up to the first that cannot be decoded."""
    files = list(dict.fromkeys(image.file for image, _ in pictures))
    number = {file: n for n, file in enumerate(files)}
    wanted = [
        {
            "file": number[image.file],
            "frame": frame,
            "shape": [image.rows, image.columns],
            "dtype": image.dtype.newbyteorder("=").str,
        }
        for image, frame in pictures
    ]
    largest = max(file.size for file in files)
    limits = Limits(SECONDS, size, memory_bytes=2 * 1024**3 + 4 * largest)
    failed = (
        f"The compressed pixels of {files[0].shown} or a file given with it cannot be decoded "
        "within their bounds: a file is damaged; copy the series again."
    )
    asked = json.dumps(wanted).encode() + b"\n"
    return run_isolated(CHILD, [], asked + _framed(files), limits, failed)


def _framed(files: Sequence[File]) -> bytes:
    return b"".join(part for file in files for part in (struct.pack(">Q", file.size), file.read()))
