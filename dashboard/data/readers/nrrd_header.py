"""What an NRRD header declares, checked before any value is read.

pynrrd parses the fields of a header that was cut out of the file: it opens nothing itself.
Source: teem.sourceforge.net/nrrd/format.html.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from math import prod
from typing import Any

import nrrd
import numpy as np

from dashboard.data.readers.errors import DamagedFile, UnreadableFile, short
from dashboard.data.readers.files import File
from dashboard.data.readers.volume_parts import COLOUR, COMPLEX, COMPONENTS
from dashboard.data.readers.volume_place import LPS, checked_affine, placed
from dashboard.data.readers.volume_values import Stored

LONGEST_HEADER = 1024**2
MOST_AXES = 16
MAGIC = b"NRRD000"
TEXT = ("text", "txt", "ascii")
_END = re.compile(rb"\r?\n\r?\n")
_DATA_FIELD = re.compile(rb"^data ?file:", re.IGNORECASE | re.MULTILINE)
_MANY_FILES = re.compile(rb"^data ?file:\s*(list\b|[^\r\n]*%)", re.IGNORECASE | re.MULTILINE)
_TYPES = {
    **dict.fromkeys(("signed char", "int8", "int8_t"), "i1"),
    **dict.fromkeys(("uchar", "unsigned char", "uint8", "uint8_t"), "u1"),
    **dict.fromkeys(("short", "short int", "signed short", "signed short int"), "i2"),
    **dict.fromkeys(("int16", "int16_t"), "i2"),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int"), "u2"),
    **dict.fromkeys(("uint16", "uint16_t"), "u2"),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t"), "i4"),
    **dict.fromkeys(("uint", "unsigned int", "uint32", "uint32_t"), "u4"),
    **dict.fromkeys(("longlong", "long long", "long long int", "int64", "int64_t"), "i8"),
    **dict.fromkeys(("signed long long", "signed long long int"), "i8"),
    **dict.fromkeys(("ulonglong", "unsigned long long", "uint64", "uint64_t"), "u8"),
    "unsigned long long int": "u8",
    "float": "f4",
    "double": "f8",
}
# The axes of each named space as signs of right, anterior, superior.
_SPACES = {
    **dict.fromkeys(("right-anterior-superior", "ras"), (1, 1, 1)),
    **dict.fromkeys(("left-anterior-superior", "las"), (-1, 1, 1)),
    **dict.fromkeys(("left-posterior-superior", "lps"), (-1, -1, 1)),
}
_IN_SPACE = ("domain", "space", "???", "none")
_COLOURS = ("rgb-color", "rgba-color")
_MM_PER_UNIT = {
    **dict.fromkeys(("mm", "millimeter", "millimeters"), 1.0),
    **dict.fromkeys(("cm", "centimeter", "centimeters"), 10.0),
    **dict.fromkeys(("m", "meter", "meters"), 1000.0),
    **dict.fromkeys(("um", "µm", "micron", "microns", "micrometer"), 0.001),
}


@dataclass(frozen=True)
class Layout:
    """What a header says, checked: the values, what they mean, how they are written and where.

    `length` bytes of the file are its header; `data_file` is what names another file, else "".
    """

    stored: Stored
    meaning: str
    encoding: str
    length: int
    data_file: str
    line_skip: int
    byte_skip: int
    affine: np.ndarray
    notes: tuple[str, ...]


def layout_of(file: File) -> Layout:
    """The checked header of `file`; raises DamagedFile, or UnreadableFile with the reason."""
    fields, length = _fields(file)
    axes = _Axes(file, fields)
    encoding = str(fields.get("encoding", "")).lower()
    affine, notes = _place(file, fields, axes)
    meaning = COMPONENTS
    dtype = _dtype(file, fields, encoding)
    kind = axes.kinds[0] if axes.inner > 1 else ""
    if kind in _COLOURS and axes.inner in (3, 4) and dtype.kind == "u" and dtype.itemsize <= 2:
        meaning = COLOUR
    if kind == "complex" and axes.inner == 2:
        meaning = COMPLEX
    return Layout(
        stored=Stored(axes.shape, dtype, axes.inner, axes.frames),
        meaning=meaning,
        encoding=encoding,
        length=length,
        data_file=str(fields.get("data file", fields.get("datafile", ""))),
        line_skip=int(fields.get("line skip", fields.get("lineskip", 0))),
        byte_skip=int(fields.get("byte skip", fields.get("byteskip", 0))),
        affine=affine,
        notes=tuple(notes),
    )


def _fields(file: File) -> tuple[Mapping[str, Any], int]:
    """The fields that pynrrd makes of the header, and the header's length in bytes."""
    head = file.head(LONGEST_HEADER)
    if not head.startswith(MAGIC):
        raise DamagedFile(
            f"{file.shown} does not start like an NRRD file: expected .nrrd, or .nhdr with the "
            "file of its values; export it again."
        )
    end = _END.search(head)
    detached = _DATA_FIELD.search(head[: end.start()] if end else head) is not None
    if end is None and not (detached and file.size <= LONGEST_HEADER):
        raise DamagedFile(
            f"{file.shown} has no end of its NRRD header within {LONGEST_HEADER // 1024} KiB: it "
            "is cut off; copy it again."
        )
    text = head[: end.start()] if end else head
    if _MANY_FILES.search(text):
        raise UnreadableFile(
            f"{file.shown} spreads its values over many files: expected one; save it as .nrrd."
        )
    try:
        return nrrd.read_header(BytesIO(text + b"\n\n")), end.end() if end else file.size
    except (
        nrrd.NRRDError,
        ValueError,
        TypeError,
        LookupError,
        AssertionError,
        OverflowError,
    ) as error:
        raise _damaged(file, "fields") from error


def _damaged(file: File, what: str) -> DamagedFile:
    return DamagedFile(
        f"{file.shown} is not a sound NRRD file: its header has no usable {what}; export it again."
    )


def _dtype(file: File, fields: Mapping[str, Any], encoding: str) -> np.dtype:
    name = str(fields.get("type", "")).lower()
    if name not in _TYPES:
        raise UnreadableFile(
            f"{file.shown} holds elements of type {short(name or 'none', 30)}: expected numbers "
            "such as short or float; export it again."
        )
    dtype = np.dtype(_TYPES[name])
    endian = str(fields.get("endian", "")).lower()
    if dtype.itemsize == 1 or encoding in TEXT:
        return dtype
    if endian not in ("little", "big"):
        raise _damaged(file, "endian (little or big)")
    return dtype.newbyteorder("<" if endian == "little" else ">")


class _Axes:
    """Which axes of a file are space: three next to each other, with numbers and volumes around.

    `first` is the first axis in space and `count` how many there are (2 or 3).
    """

    def __init__(self, file: File, fields: Mapping[str, Any]) -> None:
        sizes = [int(n) for n in fields.get("sizes", ())]
        if not 2 <= len(sizes) <= MOST_AXES or min(sizes) < 1:
            raise _damaged(file, "sizes (expected 3 axes of at least 1)")
        if fields.get("dimension") != len(sizes):
            raise _damaged(file, "dimension (it differs from the number of sizes)")
        kinds = [str(kind).lower() for kind in fields.get("kinds", ())]
        self.kinds = kinds if len(kinds) == len(sizes) else ["???"] * len(sizes)
        spatial = self._spatial(file, fields, len(sizes))
        self.first, self.count = spatial[0], len(spatial)
        after = self.first + self.count
        if self.count not in (2, 3) or spatial != list(range(self.first, after)):
            raise UnreadableFile(
                f"{file.shown} has {self.count} axes in space among {len(sizes)}: expected 3 "
                "next to each other; export one volume of it."
            )
        shape = [*sizes[self.first : after], 1][:3]
        self.shape = (shape[0], shape[1], shape[2])
        self.inner = prod(sizes[: self.first])
        self.frames = prod(sizes[after:])

    def _spatial(self, file: File, fields: Mapping[str, Any], count: int) -> list[int]:
        directions = fields.get("space directions")
        if directions is not None:
            rows = _rows(file, directions, count)
            return [n for n, row in enumerate(rows) if row is not None] or [0]
        named = [n for n, kind in enumerate(self.kinds) if kind in _IN_SPACE]
        return named[:3] or [0]


def _rows(file: File, directions: Any, count: int) -> list[np.ndarray | None]:
    """The direction of each axis in space, None for those outside of it."""
    given = list(directions)
    if len(given) != count:
        raise _damaged(file, "space directions (one per axis)")
    rows = [None if row is None else np.asarray(row, dtype=float) for row in given]
    return [None if row is None or np.isnan(row).all() else row for row in rows]


def _place(file: File, fields: Mapping[str, Any], axes: _Axes) -> tuple[np.ndarray, Sequence[str]]:
    """Array index to RAS+ mm, and what had to be assumed for it."""
    notes = ["a single plane: one voxel along the third axis"] if axes.count == 2 else []
    chosen = slice(axes.first, axes.first + axes.count)
    steps, origin = np.eye(3), np.zeros(3)
    given = fields.get("space directions")
    if given is not None:
        rows = [row for row in _rows(file, given, len(list(given))) if row is not None]
        steps[:, : axes.count] = _columns(file, rows)
        if axes.count == 2:
            normal = np.cross(steps[:, 0], steps[:, 1])
            steps[:, 2] = normal / max(np.linalg.norm(normal), np.finfo(float).tiny)
    elif (spacings := fields.get("spacings")) is not None and len(spacings) >= chosen.stop:
        steps[range(axes.count), range(axes.count)] = np.abs(np.asarray(spacings)[chosen])
    else:
        notes.append("the file gives no voxel size: taken as 1 mm")
    start = fields.get("space origin")
    if start is not None and given is not None:
        origin[: len(start)] = np.asarray(start, dtype=float)[:3]
    named = str(fields.get("space", "")).lower().removesuffix("-time").removesuffix("t")
    if named not in _SPACES or given is None:
        notes.append("the file does not say how it is oriented: first axis to the left")
    signs = np.diag([*_SPACES.get(named, np.diag(LPS)[:3]), 1.0])
    affine = signs @ placed(steps, origin)
    affine[:3] *= _unit(fields)
    return checked_affine(file, affine), notes


def _columns(file: File, rows: Sequence[np.ndarray]) -> np.ndarray:
    """(3, n) of n directions with 2 or 3 numbers each."""
    columns = np.zeros((3, len(rows)))
    for n, row in enumerate(rows):
        if row.shape not in ((2,), (3,)):
            raise _damaged(file, "space directions (three numbers each)")
        columns[: len(row), n] = row
    return columns


def _unit(fields: Mapping[str, Any]) -> float:
    """mm per unit of length; without a known one the file is taken to be in mm."""
    units = {str(unit).lower() for unit in fields.get("space units", ())}
    return _MM_PER_UNIT.get(units.pop(), 1.0) if len(units) == 1 else 1.0
