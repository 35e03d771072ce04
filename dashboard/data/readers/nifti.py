"""Reads one NIfTI-1 or NIfTI-2 volume (.nii, .nii.gz, .hdr with .img) without trusting its sizes.

nibabel interprets the header; the data are read here, so that no more is expanded than the header
declares and the limits allow, stored integers stay as they are, and nothing outside the given
files is touched.
"""

import struct
import zlib
from collections.abc import Mapping
from pathlib import PurePosixPath

import numpy as np
from nibabel.spatialimages import HeaderDataError

from dashboard.data.readers.errors import DamagedFile, UnreadableFile
from dashboard.data.readers.files import File, Files
from dashboard.data.readers.nifti_header import layout_of
from dashboard.data.readers.unpacked import expanded
from dashboard.data.readers.volume_parts import chosen_file, chosen_part
from dashboard.data.readers.volume_sample import volume_sample
from dashboard.data.readers.volume_values import read_values, type_notes
from dashboard.data.sample import Sample

SUFFIXES = (".nii", ".nii.gz", ".hdr", ".img", ".hdr.gz", ".img.gz")
_PAIRS = {".hdr": (".img", ".img.gz"), ".hdr.gz": (".img.gz", ".img")}
_MARKS = (b"n+1", b"ni1", b"n+2", b"ni2")

# What zlib and nibabel raise on damaged files.
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
        return bool(files.with_suffix(*SUFFIXES)) or (len(files) == 1 and bool(_heads(files)))

    def read(self, files: Files, choices: Mapping[str, str]) -> Sample:
        """The volume in its own index order, stored integers kept with their scale.

        `choices`: "record" (of several volumes), "frame" (of a series in time, from 0), "part"
        (of complex numbers), "channel" (of colours, else their luminance), "kind" ("mr", "ct",
        "mask" or "volume" instead of the guess). Raises UnreadableFile and its subclasses.
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


def _heads(files: Files) -> list[File]:
    """The files with a header: called so, or without suffix and with the mark of NIfTI-1 or -2."""
    named = files.with_suffix(".nii", ".nii.gz", *_PAIRS)
    bare = [(file, file.head(348)) for file in files.with_suffix("")]
    return named + [file for file, head in bare if head[344:347] in _MARKS or head[4:7] in _MARKS]


def _chosen(files: Files, choices: Mapping[str, str]) -> tuple[File, File]:
    """The file with the header and the one with the data (the same but for .hdr and .img)."""
    heads = _heads(files)
    if not heads:
        image = files.with_suffix(".img", ".img.gz")[0]
        raise DamagedFile(
            f"{image.shown} came without its header: give {image.stem}.hdr together with it."
        )
    header_file = chosen_file(heads, choices)
    if header_file.suffix not in _PAIRS:
        return header_file, header_file
    for suffix in _PAIRS[header_file.suffix]:
        data_file = files.beside(header_file, f"{header_file.stem}{suffix}")
        if data_file is not None:
            return header_file, data_file
    raise DamagedFile(
        f"{header_file.shown} came without its values: give {header_file.stem}.img together "
        "with it."
    )


def _read(header_file: File, data_file: File, choices: Mapping[str, str]) -> Sample:
    layout = layout_of(header_file, pair=data_file is not header_file)
    stored = layout.stored
    part = chosen_part(header_file, stored, choices, layout.meaning)
    start = layout.offset + part.frame * stored.frame_bytes
    with expanded(data_file) as stream:
        values = read_values(data_file, stream, stored, start, part.take)
    return volume_sample(
        values,
        name=header_file.stem,
        source=PurePosixPath(header_file.name).name,
        affine=layout.affine,
        scale=layout.scale,
        choices=choices,
        modality=part.modality or layout.modality,
        notes=(*layout.notes, *part.notes, *type_notes(stored.dtype)),
    )
