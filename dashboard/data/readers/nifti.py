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
from dashboard.data.readers.volume_sample import volume_sample
from dashboard.data.sample import Sample

SUFFIXES = (".nii", ".nii.gz", ".hdr", ".img")
_PIECE = 4 * 1024**2  # bytes

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
    return volume_sample(
        _stored(data_file, layout, frame),
        name=header_file.stem,
        source=PurePosixPath(header_file.name).name,
        affine=layout.affine,
        scale=layout.scale,
        choices=choices,
        notes=(*layout.notes, *([f"frame {frame}"] if layout.frames > 1 else [])),
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
