"""Reads MetaImage volumes: .mha, or .mhd with the file of its values given together.

Source: MetaIO's description of its tags, itk.org/Wiki/MetaIO/Documentation, and ITK, which takes
the axes of a MetaImage as left, posterior, superior.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import PurePosixPath

import numpy as np

from dashboard.data.readers.errors import DamagedFile, UnreadableFile, UnsafeFile
from dashboard.data.readers.files import File, Files
from dashboard.data.readers.unpacked import from_text, inflated
from dashboard.data.readers.volume_companion import companion
from dashboard.data.readers.volume_parts import COLOUR, COMPONENTS, chosen_file, chosen_part
from dashboard.data.readers.volume_place import LPS, checked_affine, placed
from dashboard.data.readers.volume_sample import volume_sample
from dashboard.data.readers.volume_values import (
    Stored,
    Stream,
    check_limits,
    read_values,
    skip,
    type_notes,
)
from dashboard.data.sample import Sample

LONGEST_HEADER = 64 * 1024
LOCAL = "LOCAL"
MOST_AXES = 10
_DATA = "elementdatafile"
_TYPES = {
    **{"CHAR": "i1", "UCHAR": "u1", "SHORT": "i2", "USHORT": "u2", "INT": "i4", "UINT": "u4"},
    **{"LONG": "i4", "ULONG": "u4", "LONG_LONG": "i8", "ULONG_LONG": "u8"},
    **{"FLOAT": "f4", "DOUBLE": "f8"},
}
_MODALITIES = {"MET_MOD_CT": "ct", "MET_MOD_MR": "mr"}


@dataclass(frozen=True)
class _Header:
    """The tags of a header in small letters, and the bytes it takes."""

    file: File
    tags: Mapping[str, str]
    length: int

    def word(self, *names: str, default: str = "") -> str:
        """The value of the first tag of `names` that is there."""
        return next((self.tags[name] for name in names if name in self.tags), default)

    def numbers(self, count: int, *names: str) -> np.ndarray | None:
        """`count` numbers of a tag, None where it is not there."""
        words = self.word(*names).split()
        if not words:
            return None
        try:
            numbers = np.array([float(word) for word in words])
        except ValueError:
            numbers = np.zeros(0)
        if len(numbers) != count:
            raise DamagedFile(
                f"{self.file.shown} gives {len(words)} values of {names[0]}: expected {count} "
                "numbers; export it again."
            )
        return numbers

    def yes(self, *names: str) -> bool:
        """Whether a tag says True."""
        return self.word(*names).lower() in ("true", "1", "t")


class MetaImageReader:
    """MetaImage volumes of one file, or of a header and the one file it names."""

    name = "MetaImage"
    suffixes = (".mha", ".mhd", ".raw", ".zraw")

    def sniff(self, files: Files) -> bool:
        """By the suffix of its header; a lone file without one by its first tag."""
        return bool(_headers(files))

    def read(self, files: Files, choices: Mapping[str, str]) -> Sample:
        """The volume in its own index order; `choices`: "record", "frame", "channel", "kind".

        Raises DamagedFile, UnreadableFile with the reason, UnsafeFile, ChoiceNeeded.
        """
        found = _headers(files)
        if not found:
            raw = files.with_suffix(".raw", ".zraw")[0]
            raise DamagedFile(
                f"{raw.shown} came without its header, which says its size and type: give "
                f"{raw.stem}.mhd or {raw.stem}.nhdr together with it."
            )
        header = _read_header(chosen_file(found, choices))
        stored, meaning = _stored(header)
        check_limits(header.file, stored)
        affine, notes = _place(header, int(header.word("ndims")))
        part = chosen_part(header.file, stored, choices, meaning)
        data_file = _data_file(header, files)
        with _values(header, data_file, stored) as stream:
            start = part.frame * stored.frame_bytes
            values = read_values(data_file, stream, stored, start, part.take)
        return volume_sample(
            values,
            name=header.file.stem,
            source=PurePosixPath(header.file.name).name,
            affine=affine,
            modality=part.modality or _MODALITIES.get(header.word("modality").upper()),
            choices=choices,
            notes=(*notes, *part.notes, *type_notes(stored.dtype)),
        )


def _headers(files: Files) -> list[File]:
    bare = files.with_suffix("") if len(files) == 1 else []
    marked = [file for file in bare if file.head(16).startswith((b"ObjectType =", b"NDims ="))]
    return files.with_suffix(".mha", ".mhd") + marked


def _read_header(file: File) -> _Header:
    """The tags up to the one that names the data, which ends a header."""
    tags: dict[str, str] = {}
    length = 0
    for line in file.head(LONGEST_HEADER).splitlines(keepends=True):
        length += len(line)
        name, equals, value = line.decode("latin-1").partition("=")
        if not equals:
            if line.strip():
                break
            continue
        tags[name.strip().lower()] = value.strip()
        if name.strip().lower() == _DATA:
            return _Header(file, tags, length)
    raise DamagedFile(
        f"{file.shown} is no sound MetaImage: its header does not end with ElementDataFile; "
        "export it again."
    )


def _stored(header: _Header) -> tuple[Stored, str]:
    """How the values lie, and what several of them per voxel mean."""
    file, axes = header.file, header.word("ndims")
    count = int(axes) if axes.isdecimal() and len(axes) < 3 else 0
    sizes = [] if count < 1 else header.numbers(count, "dimsize")
    if not 2 <= count <= MOST_AXES or sizes is None or not all(1 <= n < 2**31 for n in sizes):
        raise DamagedFile(
            f"{file.shown} gives no usable NDims and DimSize: expected 3 axes of at least 1; "
            "export it again."
        )
    if (sizes != np.rint(sizes)).any():
        raise DamagedFile(f"{file.shown} has a DimSize of broken numbers: export it again.")
    shape = [int(n) for n in sizes] + [1] * (3 - count)
    frames = prod(shape[3:])
    name = header.word("elementtype").upper().removeprefix("MET_").removesuffix("_ARRAY")
    if name not in _TYPES:
        raise UnreadableFile(
            f"{file.shown} holds elements of type MET_{name[:30]}: expected numbers such as "
            "MET_SHORT or MET_FLOAT; export it again."
        )
    big = header.yes("binarydatabyteordermsb", "elementbyteordermsb")
    dtype = np.dtype((">" if big else "<") + _TYPES[name])
    channels = header.numbers(1, "elementnumberofchannels")
    inner = 1 if channels is None else int(channels[0]) if 1 <= channels[0] <= 10_000 else 0
    if inner == 0:
        raise DamagedFile(f"{file.shown} has an unusable ElementNumberOfChannels: export it again.")
    colour = inner in (3, 4) and dtype.kind == "u" and dtype.itemsize <= 2
    stored = Stored((shape[0], shape[1], shape[2]), dtype, inner, frames)
    return stored, COLOUR if colour else COMPONENTS


def _place(header: _Header, axes: int) -> tuple[np.ndarray, list[str]]:
    """Array index to RAS+ mm; the tags are in the order that ITK prefers them."""
    spacing = header.numbers(axes, "elementspacing", "elementsize")
    origin = header.numbers(axes, "offset", "position", "origin")
    matrix = header.numbers(axes * axes, "transformmatrix", "orientation", "rotation")
    notes = [] if spacing is not None else ["the file gives no voxel size: taken as 1 mm"]
    if matrix is None:
        notes.append("the file does not say how it is oriented: first axis to the left")
    if axes == 2:
        notes.append("a single plane: one voxel along the third axis")
    directions, first = np.eye(3), np.zeros(3)
    size = min(axes, 3)
    if matrix is not None:
        # Row n is the direction of axis n (MetaIO), a column of an affine.
        directions[:size, :size] = matrix.reshape(axes, axes).T[:size, :size]
    if spacing is not None:
        directions[:, :size] *= spacing[:size]
    if origin is not None:
        first[:size] = origin[:size]
    return checked_affine(header.file, LPS @ placed(directions, first)), notes


# Values


def _data_file(header: _Header, files: Files) -> File:
    named = header.tags[_DATA]
    if named.upper() == LOCAL:
        return header.file
    if named.upper().startswith("LIST") or "%" in named:
        raise UnreadableFile(
            f"{header.file.shown} spreads its values over many files: expected one; save it as "
            ".mha."
        )
    return companion(header.file, named, files)


@contextmanager
def _values(header: _Header, data_file: File, stored: Stored) -> Iterator[Stream]:
    """A stream that begins with the first value."""
    written = header.word("binarydata", default="True").lower() in ("false", "0", "f")
    packed = header.yes("compresseddata")
    with data_file.open() as stream:
        if data_file is header.file:
            stream.seek(header.length) if stream.seekable() else skip(stream, header.length)
        else:
            skip(stream, _skipped(header, data_file, stored, packed or written))
        if packed:
            yield inflated(stream)
        else:
            yield from_text(stream, stored.dtype) if written else stream


def _skipped(header: _Header, data_file: File, stored: Stored, packed: bool) -> int:
    """Bytes before the values in their own file; -1 says that they are its end."""
    given = header.numbers(1, "headersize")
    size = 0 if given is None else given[0]
    if size == -1 and not packed:
        return max(0, data_file.size - stored.frame_bytes * stored.frames)
    if not 0 <= size <= data_file.size:
        raise UnsafeFile(
            f"{header.file.shown} says its values start at byte {size:g} of "
            f"{data_file.shown}: expected at most {data_file.size:,}; export it again."
        )
    return int(size)
