"""Reads AFNI volumes: .HEAD with the .BRIK or .BRIK.gz of the same name given together.

Source: AFNI's README.attributes, afni.nimh.nih.gov/pub/dist/doc/program_help.
"""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

import numpy as np

from dashboard.data.readers.errors import DamagedFile, UnreadableFile
from dashboard.data.readers.files import File, Files
from dashboard.data.readers.unpacked import expanded
from dashboard.data.readers.volume_parts import (
    COLOUR,
    COMPLEX,
    COMPONENTS,
    chosen_file,
    chosen_part,
)
from dashboard.data.readers.volume_place import LPS, checked_affine
from dashboard.data.readers.volume_sample import volume_sample
from dashboard.data.readers.volume_values import Stored, check_limits, read_values, type_notes
from dashboard.data.sample import Sample

LONGEST_HEADER = 8 * 1024**2
BRIKS = (".brik", ".brik.gz")
_ATTRIBUTE = re.compile(
    r"type *= *(integer|float|string)-attribute *\n"
    r"name *= *(\w{1,64}) *\n"
    r"count *= *(\d{1,9}) *\n"
)
# The type of a sub-brick's numbers, how many there are per voxel, and what they mean.
_TYPES = {
    0: ("u1", 1, COMPONENTS),
    1: ("i2", 1, COMPONENTS),
    3: ("f4", 1, COMPONENTS),
    4: ("f8", 1, COMPONENTS),
    5: ("f4", 2, COMPLEX),
    6: ("u1", 3, COLOUR),
}


class AfniReader:
    """AFNI datasets; of several sub-bricks one is chosen."""

    name = "AFNI"
    suffixes = (".head", *BRIKS)

    def sniff(self, files: Files) -> bool:
        """By suffix: .HEAD, or a .BRIK that came without it."""
        return bool(files.with_suffix(*self.suffixes))

    def read(self, files: Files, choices: Mapping[str, str]) -> Sample:
        """The sub-brick in its own index order.

        `choices`: "record", "frame", "part", "channel", "kind". Raises DamagedFile,
        UnreadableFile with the reason, UnsafeFile, ChoiceNeeded.
        """
        heads = files.with_suffix(".head")
        if not heads:
            brik = files.with_suffix(*BRIKS)[0]
            raise DamagedFile(
                f"{brik.shown} came without its header: give {brik.stem}.HEAD together with it."
            )
        header = _Header(chosen_file(heads, choices))
        file, (stored, meaning) = header.file, header.stored()
        affine = header.affine()
        part = chosen_part(file, stored, choices, meaning)
        found = [files.beside(file, file.stem + end) for end in (".BRIK", ".BRIK.gz")]
        data_file = next((brik for brik in found if brik is not None), None)
        if data_file is None:
            raise DamagedFile(
                f"{file.shown} came without its values: give {file.stem}.BRIK or .BRIK.gz "
                "together with it."
            )
        with expanded(data_file) as stream:
            skipped = part.frame * stored.frame_bytes
            values = read_values(data_file, stream, stored, skipped, part.take)
        return volume_sample(
            values,
            name=file.stem,
            source=PurePosixPath(file.name).name,
            affine=affine,
            scale=header.scale(part.frame),
            choices=choices,
            modality=part.modality,
            notes=(*part.notes, *type_notes(stored.dtype)),
        )


class _Header:
    """The attributes of a .HEAD file, numbers as numbers."""

    def __init__(self, file: File) -> None:
        self.file = file
        if file.size > LONGEST_HEADER:
            raise self._unusable(f"header ({file.size:,} bytes)")
        text = file.read().decode("latin-1")
        found = list(_ATTRIBUTE.finditer(text))
        ends = [match.start() for match in found[1:]] + [len(text)]
        self._values = {
            match[2]: (match[1], text[match.end() : end])
            for match, end in zip(found, ends, strict=True)
        }

    def _unusable(self, what: str) -> DamagedFile:
        return DamagedFile(
            f"{self.file.shown} is no sound AFNI header: its {what} cannot be used; copy it again."
        )

    def numbers(self, name: str, least: int) -> list[float]:
        """The numbers of an attribute; raises DamagedFile for fewer than `least`."""
        kind, text = self._values.get(name, ("float", ""))
        try:
            numbers = [float(word) for word in text.split()] if kind != "string" else []
        except ValueError:
            numbers = []
        if len(numbers) < least or not np.isfinite(numbers).all():
            raise self._unusable(name)
        return numbers

    def stored(self) -> tuple[Stored, str]:
        """How the values lie, and what several of them per voxel mean."""
        shape = [int(n) for n in self.numbers("DATASET_DIMENSIONS", 3)[:3]]
        frames = int(self.numbers("DATASET_RANK", 2)[1])
        if min(*shape, frames) < 1:
            raise self._unusable("DATASET_DIMENSIONS or DATASET_RANK")
        kinds = {int(n) for n in self.numbers("BRICK_TYPES", 1)[:frames]}
        if len(kinds) > 1 or not kinds <= _TYPES.keys():
            raise UnreadableFile(
                f"{self.file.shown} holds sub-bricks of the types {sorted(kinds)[:6]}: expected "
                "one type of 0, 1, 3, 4, 5 or 6 for all; convert it with 3dcalc -datum."
            )
        name, inner, meaning = _TYPES[kinds.pop()]
        big = "MSB_FIRST" in self._values.get("BYTEORDER_STRING", ("", ""))[1]
        dtype = np.dtype((">" if big else "<") + name)
        stored = Stored((shape[0], shape[1], shape[2]), dtype, inner, frames)
        check_limits(self.file, stored)
        return stored, meaning

    def affine(self) -> np.ndarray:
        """Array index to RAS+ mm; AFNI's own coordinates are left, posterior, superior."""
        name = "IJK_TO_DICOM_REAL" if "IJK_TO_DICOM_REAL" in self._values else "IJK_TO_DICOM"
        rows = np.array(self.numbers(name, 12)[:12]).reshape(3, 4)
        return checked_affine(self.file, LPS @ np.vstack([rows, [0, 0, 0, 1]]))

    def scale(self, frame: int) -> tuple[float, float]:
        """(slope, 0) of a sub-brick; a factor of 0 means that there is none."""
        factors = self.numbers("BRICK_FLOAT_FACS", 0)
        factor = factors[frame] if frame < len(factors) else 0.0
        return factor or 1.0, 0.0
