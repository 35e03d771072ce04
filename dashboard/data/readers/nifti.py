"""Reads one NIfTI-1 or NIfTI-2 volume (.nii, .nii.gz, .hdr with .img) without trusting its sizes.

nibabel interprets the header; the data are read here, so that no more is expanded than the header
declares and the limits allow, stored integers stay as they are, and nothing outside the given
files is touched.
"""

import struct
import zlib
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import BinaryIO

import numpy as np
from nibabel.spatialimages import HeaderDataError

from dashboard.data.readers.errors import (
    ChoiceNeeded,
    DamagedFile,
    UnreadableFile,
)
from dashboard.data.readers.files import File, Files
from dashboard.data.readers.nifti_header import GZIP, Layout, expanded, layout_of
from dashboard.data.sample import Sample

SUFFIXES = (".nii", ".nii.gz", ".hdr", ".img")
_PIECE = 4 * 1024**2  # bytes
_CT_VALUES = (-4100.0, -500.0, 16384.0)  # HU: lowest may lie between the first two; highest below

# What gzip and nibabel raise on damaged files.
_LIBRARY_ERRORS = (
    HeaderDataError,
    OSError,
    EOFError,
    zlib.error,
    struct.error,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    OverflowError,
    np.linalg.LinAlgError,
)


class NiftiReader:
    """NIfTI volumes up to 512 MiB of stored values each."""

    name = "NIfTI"
    suffixes = SUFFIXES

    def sniff(self, files: Files) -> bool:
        """Whether one of the files is called like a NIfTI file, or the only one starts like one."""
        if files.with_suffix(*SUFFIXES):
            return True
        if len(files) != 1:
            return False
        (file,) = files.values()
        return file.suffix == "" and file.head(348)[344:347] in (b"n+1", b"ni1")

    def read(self, files: Files, choices: Mapping[str, str]) -> Sample:
        """The volume in its own index order, stored integers kept with their scale.

        `choices`: "record" (of several volumes), "frame" (of a series in time, from 0), "kind"
        ("mr", "ct" or "volume" instead of the guess). Raises UnreadableFile and its subclasses.
        """
        header_file, data_file = _chosen(files, choices)
        try:
            return _read(header_file, data_file, choices)
        except UnreadableFile:
            raise
        except _LIBRARY_ERRORS as error:
            raise DamagedFile(
                f"{header_file.shown} is not a sound NIfTI file: export it again, or give another "
                "copy."
            ) from error


def _chosen(files: Files, choices: Mapping[str, str]) -> tuple[File, File]:
    """The file with the header and the one with the data (the same but for .hdr and .img)."""
    heads = {f.name: f for f in files.values() if f.suffix in (".nii", ".nii.gz", ".hdr", "")}
    if not heads:
        (image, *_) = files.with_suffix(".img")
        raise DamagedFile(
            f"{image.shown} came without its header: give {image.stem}.hdr together with it."
        )
    wanted = next(iter(heads)) if len(heads) == 1 else choices.get("record")
    if wanted not in heads:
        raise ChoiceNeeded("record", f"{len(heads)} volumes were given: which one?", tuple(heads))
    header_file = heads[wanted]
    if header_file.suffix != ".hdr":
        return header_file, header_file
    data_file = files.beside(header_file, f"{header_file.stem}.img")
    if data_file is None:
        raise DamagedFile(
            f"{header_file.shown} came without its values: give {header_file.stem}.img together "
            "with it."
        )
    return header_file, data_file


def _read(header_file: File, data_file: File, choices: Mapping[str, str]) -> Sample:
    layout = layout_of(header_file, pair=data_file is not header_file)
    frame = _frame(layout, choices)
    stored = _stored(data_file, layout, frame)
    volume, scale, notes = _plain_values(stored, layout.scale)
    modality, why = _modality(volume, scale, choices)
    return Sample(
        array=volume[None],
        name=header_file.stem,
        modality=modality,
        channels=("value",),
        units=("HU" if modality == "ct" else "",),
        axis_unit="mm",
        affine=layout.affine,
        scale=scale,
        notes=(*layout.notes, *notes, why, *([f"frame {frame}"] if layout.frames > 1 else [])),
        source=PurePosixPath(header_file.name).name,
    )


def _frame(layout: Layout, choices: Mapping[str, str]) -> int:
    if layout.frames == 1:
        return 0
    options = tuple(str(n) for n in range(layout.frames))
    if choices.get("frame") not in options:
        raise ChoiceNeeded(
            "frame", f"The file holds {layout.frames} volumes, counted from 0: which one?", options
        )
    return int(choices["frame"])


# Values


def _stored(file: File, layout: Layout, frame: int) -> np.ndarray:
    """Stored values (i, j, k) of one volume, a view in the order of the file, native bytes."""
    start = layout.offset + frame * layout.frame_bytes
    packed = file.head(2) == GZIP
    if not packed and file.size < start + layout.frame_bytes:
        raise _cut_short(file, layout, max(file.size - start, 0))
    buffer = np.empty(layout.frame_bytes, dtype=np.uint8)
    with expanded(file) as stream:
        _skip(stream, start)
        filled = _fill(stream, memoryview(buffer))
    if filled < layout.frame_bytes:
        raise _cut_short(file, layout, filled)
    stored = buffer.view(layout.dtype)
    if not layout.dtype.isnative:
        stored = stored.byteswap(inplace=True).view(layout.dtype.newbyteorder("="))
    return stored.reshape(layout.shape, order="F")


def _cut_short(file: File, layout: Layout, there: int) -> DamagedFile:
    return DamagedFile(
        f"{file.shown} is cut short: its header declares {layout.frame_bytes} bytes of values, "
        f"{there} are there; export or copy it again."
    )


def _skip(stream: BinaryIO, count: int) -> None:
    while count > 0:
        passed = len(stream.read(min(count, _PIECE)))
        if not passed:
            return
        count -= passed


def _fill(stream: BinaryIO, buffer: memoryview) -> int:
    """Bytes read into `buffer`, in pieces: a gzip stream would make a second copy of them all."""
    filled = 0
    while filled < len(buffer):
        piece = stream.read(min(len(buffer) - filled, _PIECE))
        if not piece:
            break
        buffer[filled : filled + len(piece)] = piece
        filled += len(piece)
    return filled


def _plain_values(
    stored: np.ndarray, scale: tuple[float, float]
) -> tuple[np.ndarray, tuple[float, float] | None, list[str]]:
    """Integers up to 32 bits as they are with their scale; float32 otherwise; notes."""
    if stored.dtype.kind in "iu" and stored.dtype.itemsize <= 4:
        _check_scale(stored, scale)
        return stored, scale, []
    notes = []
    if stored.dtype != np.float32:
        notes.append(f"stored as {stored.dtype}, read as float32")
        with np.errstate(over="ignore", invalid="ignore"):
            stored = stored.astype(np.float32)
    bad = ~np.isfinite(stored)
    if bad.any():
        notes.append(f"{bad.sum()} of {stored.size} values are no finite numbers: read as missing")
        stored[bad] = np.nan
    _check_scale(stored, scale)
    return stored, None if scale == (1.0, 0.0) else scale, notes


def _check_scale(stored: np.ndarray, scale: tuple[float, float]) -> None:
    largest = max(abs(value) for value in _range(stored)) * abs(scale[0]) + abs(scale[1])
    if not largest < float(np.finfo(np.float32).max):
        raise DamagedFile(
            f"The file's scale (slope {scale[0]:g}, intercept {scale[1]:g}) takes its values "
            "beyond all numbers: export it again."
        )


def _range(stored: np.ndarray) -> tuple[float, float]:
    """Lowest and highest finite value; 0, 0 when there is none."""
    if stored.dtype.kind in "iu":
        return float(stored.min()), float(stored.max())
    finite = np.isfinite(stored)
    if not finite.any():
        return 0.0, 0.0
    return (
        float(stored.min(where=finite, initial=np.inf)),
        float(stored.max(where=finite, initial=-np.inf)),
    )


def _modality(
    volume: np.ndarray, scale: tuple[float, float] | None, choices: Mapping[str, str]
) -> tuple[str, str]:
    """ "ct" where values look like Hounsfield units, else "mr", and a note saying why."""
    kind = choices.get("kind")
    if kind in ("mr", "ct", "volume"):
        return kind, f"called {kind} by choice"
    slope, intercept = scale or (1.0, 0.0)
    low, high = sorted(value * slope + intercept for value in _range(volume))
    lowest, air, highest = _CT_VALUES
    if lowest <= low < air and high < highest:
        return "ct", f"values from {low:g} to {high:g}: taken as CT"
    return "mr", "the file does not say what it shows: taken as MR"
