"""Reads FreeSurfer volumes (.mgh, .mgz).

Source: FreeSurfer's MGH format, surfer.nmr.mgh.harvard.edu/fswiki/FsTutorial/MghFormat.
"""

import struct
from collections.abc import Mapping
from pathlib import PurePosixPath

import numpy as np

from dashboard.data.readers.errors import DamagedFile, UnreadableFile
from dashboard.data.readers.files import File, Files
from dashboard.data.readers.unpacked import expanded
from dashboard.data.readers.volume_parts import chosen_file, chosen_part
from dashboard.data.readers.volume_place import checked_affine, placed
from dashboard.data.readers.volume_sample import volume_sample
from dashboard.data.readers.volume_values import Stored, check_limits, read_values
from dashboard.data.sample import Sample

_HEADER = struct.Struct(">7i h 3f 9f 3f")  # version, sizes, frames, type, dof; place
_OFFSET = 284
_TYPES = {0: ">u1", 1: ">i4", 3: ">f4", 4: ">i2", 10: ">u2"}
# Where the file says nothing: to the left, down, to the front (FreeSurfer's mriio.c; nibabel 5
# has its transpose).
_CORONAL = np.array([[-1.0, 0, 0], [0, 0, 1], [0, -1, 0]])


class MghReader:
    """MGH and MGZ volumes; of several frames one is chosen."""

    name = "MGH"
    suffixes = (".mgz", ".mgh", ".mgh.gz")

    def sniff(self, files: Files) -> bool:
        """By suffix: the files begin with a mere 1."""
        return bool(files.with_suffix(*self.suffixes))

    def read(self, files: Files, choices: Mapping[str, str]) -> Sample:
        """The volume in its own index order; `choices`: "record", "frame", "kind".

        Raises DamagedFile, UnsafeFile (too large), ChoiceNeeded.
        """
        file = chosen_file(files.with_suffix(*self.suffixes), choices)
        with expanded(file) as stream:
            block = stream.read(_OFFSET)
        stored, affine, notes = _header(file, block)
        part = chosen_part(file, stored, choices)
        with expanded(file) as stream:
            skipped = _OFFSET + part.frame * stored.frame_bytes
            values = read_values(file, stream, stored, skipped)
        return volume_sample(
            values,
            name=file.stem,
            source=PurePosixPath(file.name).name,
            affine=affine,
            choices=choices,
            notes=(*notes, *part.notes),
        )


def _header(file: File, block: bytes) -> tuple[Stored, np.ndarray, list[str]]:
    if len(block) < _OFFSET or block[:4] != b"\0\0\0\1":
        raise DamagedFile(
            f"{file.shown} does not start with an MGH header: expected .mgz or .mgh of "
            "FreeSurfer; copy it again."
        )
    numbers = _HEADER.unpack_from(block)
    sizes, (frames, kind, _, good), place = numbers[1:4], numbers[4:8], np.array(numbers[8:])
    if min(*sizes, frames) < 1:
        declared = " x ".join(map(str, sizes))
        raise DamagedFile(
            f"{file.shown} declares {declared} voxels in {frames} volumes: expected at least 1 of "
            "each; export it again."
        )
    if kind not in _TYPES:
        raise UnreadableFile(
            f"{file.shown} holds numbers of the type {kind} of MGH: expected 0, 1, 3, 4 or 10; "
            "convert it with mri_convert."
        )
    stored = Stored(sizes, np.dtype(_TYPES[kind]), frames=frames)
    check_limits(file, stored)
    delta, axes, centre = place[:3], place[3:12].reshape(3, 3).T, place[12:]
    notes = []
    if good != 1:
        delta, axes, centre = np.ones(3), _CORONAL, np.zeros(3)
        notes.append("the file does not say how it is oriented: taken as coronal, 1 mm")
    directions = axes * delta
    affine = placed(directions, centre - directions @ (np.array(sizes) / 2))
    return stored, checked_affine(file, affine), notes
