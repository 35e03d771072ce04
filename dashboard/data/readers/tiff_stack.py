"""Reads TIFF: several pages are a volume, one page is a picture.

tifffile and Pillow meet the file in a child process (`tiff_child`). A TIFF says nothing of how a
body lies in it; as ITK has it, columns run to the left, rows to the back, pages to the head.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, prod
from pathlib import Path, PurePosixPath

import numpy as np

from dashboard.data.readers.errors import DamagedFile, UnreadableFile, UnsafeFile, short
from dashboard.data.readers.files import File, Files, memory_file
from dashboard.data.readers.image_file import MOST_PIXELS, picture_sample
from dashboard.data.readers.isolated import Limits, run_isolated, run_with_facts
from dashboard.data.readers.volume_parts import COLOUR, COMPONENTS, Part, chosen_file, chosen_part
from dashboard.data.readers.volume_place import LPS, checked_affine, chosen_spacing, placed
from dashboard.data.readers.volume_sample import volume_sample
from dashboard.data.readers.volume_values import (
    MOST_FILE_BYTES,
    Stored,
    check_limits,
    kept_type,
    type_notes,
)
from dashboard.data.sample import Sample

CHILD = Path(__file__).with_name("tiff_child.py")
MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
MOST_PAGES = 10_000
SECONDS = 120
_CHILD_ITSELF = 1536 * 1024**2  # bytes of address space: the interpreter and its libraries
_FACTS_BYTES = 64 * 1024
# The axis that pages are stacked along: the first of these letters (tifffile's) that is there.
_STACKED = "ZIQRHTPVAEC"
_MM_PER_UNIT = {
    **dict.fromkeys(("mm", "millimeter"), 1.0),
    **dict.fromkeys(("cm", "centimeter"), 10.0),
    **dict.fromkeys(("um", "µm", "μm", "micron", "microns", "micrometer", "\\u00b5m"), 1e-3),
    **dict.fromkeys(("nm", "nanometer"), 1e-6),
    **dict.fromkeys(("inch", "in"), 25.4),
    **dict.fromkeys(("m", "meter"), 1e3),
}


@dataclass(frozen=True)
class _Pages:
    """The pages of a file: `leading` axes (letter, count) before rows and columns."""

    file: File
    leading: tuple[tuple[str, int], ...]
    rows: int
    columns: int
    samples: int
    dtype: np.dtype
    step: tuple[float, float, float] | None
    series: int

    @property
    def stacked(self) -> int:
        """Which leading axis makes a volume of pages."""
        letters = [letter for letter, _ in self.leading]
        known = [letters.index(letter) for letter in _STACKED if letter in letters]
        return known[0] if known else 0

    @property
    def is_picture(self) -> bool:
        """One page of grey or colour as pictures have it."""
        plain = self.dtype.kind in "ub" and self.dtype.itemsize <= 2
        return not self.leading and plain and self.samples <= 4

    def numbers(self, frame: int) -> list[int]:
        """The page numbers of one volume, in order."""
        if not self.leading:
            return [0]
        counts = [count for _, count in self.leading]
        order = np.moveaxis(np.arange(prod(counts)).reshape(counts), self.stacked, -1)
        return order.reshape(-1, counts[self.stacked])[frame].tolist()


class TiffReader:
    """TIFF stacks as volumes, single TIFF pages as pictures."""

    name = "TIFF"
    suffixes = (".tif", ".tiff")

    def sniff(self, files: Files) -> bool:
        """By suffix; a lone file without one by its mark."""
        return bool(_tiffs(files))

    def read(self, files: Files, choices: Mapping[str, str]) -> Sample:
        """The stack (column, row, page), or the picture.

        `choices`: "record", "frame", "channel", "spacing" ("0.7,0.7,2" mm), "kind". Raises
        DamagedFile, UnreadableFile with the reason, UnsafeFile (too large), ChoiceNeeded.
        """
        file = chosen_file(_tiffs(files), choices)
        pages = _pages(file)
        if pages.is_picture:
            return _picture(pages)
        stored, meaning = _stored(pages)
        check_limits(file, stored)
        part = chosen_part(file, stored, choices, meaning)
        affine, notes = _place(pages, choices)
        if pages.series > 1:
            notes.append(f"the first of {pages.series} sets of pages in the file")
        return volume_sample(
            _values(pages, stored, part),
            name=file.stem,
            source=PurePosixPath(file.name).name,
            affine=affine,
            choices=choices,
            modality=part.modality,
            notes=(*notes, *part.notes, *type_notes(stored.dtype)),
        )


def _tiffs(files: Files) -> list[File]:
    bare = files.with_suffix("") if len(files) == 1 else []
    return files.with_suffix(*TiffReader.suffixes) + [
        file for file in bare if file.head(4).startswith(MAGICS)
    ]


def _limits(file: File, output: int) -> Limits:
    return Limits(SECONDS, output, _CHILD_ITSELF + 2 * file.size)


def _pages(file: File) -> _Pages:
    """What the child process tells of the file, checked."""
    if not file.head(4).startswith(MAGICS):
        raise DamagedFile(
            f"{file.shown} does not start like a TIFF file: save it again, or give another copy."
        )
    if file.size > MOST_FILE_BYTES:
        raise UnsafeFile(
            f"{file.shown} has {file.size:,} bytes: of TIFF at most {MOST_FILE_BYTES // 2**30} "
            "GiB are read; crop or resample it."
        )
    failed = f"{file.shown} is a damaged TIFF file: its pages cannot be listed; save it again."
    facts, _ = run_with_facts(CHILD, [], file.read(), _limits(file, _FACTS_BYTES), failed)
    in_page = str(facts["page_axes"])
    if in_page not in ("YX", "YXS", "SYX"):
        raise UnreadableFile(
            f"{file.shown} has pages with the axes {short(in_page, 20)}: expected rows and "
            "columns, and colours at most; save it as a plain stack of pages."
        )
    page = dict(zip(in_page, facts["page"], strict=True))
    axes = [(a, n) for a, n in zip(facts["axes"], facts["shape"], strict=True) if a not in "YXS"]
    return _Pages(
        file=file,
        leading=tuple((axis, count) for axis, count in axes if count > 1),
        rows=page["Y"],
        columns=page["X"],
        samples=page.get("S", 1),
        dtype=np.dtype(facts["dtype"]).newbyteorder("="),
        step=_step(facts["sizes"], facts["units"]),
        series=int(facts["series"]),
    )


def _stored(pages: _Pages) -> tuple[Stored, str]:
    """The volumes that the pages make, and what several samples per pixel mean."""
    if pages.dtype.kind not in "iufb" or min(pages.rows, pages.columns) < 1:
        raise UnreadableFile(
            f"{pages.file.shown} holds {pages.dtype} of {pages.columns} x {pages.rows} pixels: "
            "expected real numbers; save it as 16 or 32 bit."
        )
    count = prod(n for _, n in pages.leading)
    depth = pages.leading[pages.stacked][1] if pages.leading else 1
    if count > MOST_PAGES:
        raise UnsafeFile(
            f"{pages.file.shown} holds {count:,} pages: at most {MOST_PAGES:,} are read; give a "
            "part of it."
        )
    shape = (pages.columns, pages.rows, depth)
    colour = pages.samples in (3, 4) and pages.dtype.kind == "u" and pages.dtype.itemsize <= 2
    stored = Stored(shape, pages.dtype, pages.samples, count // depth)
    return stored, COLOUR if colour else COMPONENTS


def _step(sizes: list[str], units: list[str]) -> tuple[float, float, float] | None:
    """mm per column, row and page; None where the file does not say all of them."""
    lengths = []
    for size, unit in zip(sizes, units, strict=True):
        factor = _MM_PER_UNIT.get(unit.strip().lower())
        try:
            length = float(size) * factor if factor else 0.0
        except ValueError:
            length = 0.0
        lengths.append(length if isfinite(length) and length > 0 else 0.0)
    return (lengths[0], lengths[1], lengths[2]) if all(lengths) else None


def _place(pages: _Pages, choices: Mapping[str, str]) -> tuple[np.ndarray, list[str]]:
    """Array index to RAS+ mm, and what had to be assumed for it."""
    notes = [
        "a TIFF does not say how a body lies: columns taken to the left, rows to the back, pages "
        "to the head"
    ]
    if not pages.leading:
        notes.append("a single plane: one voxel along the third axis")
    step = chosen_spacing(choices) or pages.step
    if step is None:
        notes.append("the file gives no voxel size: taken as 1 mm")
    affine = LPS @ placed(np.diag(step or (1.0, 1.0, 1.0)), np.zeros(3))
    return checked_affine(pages.file, affine), notes


# Pixels


def _values(pages: _Pages, stored: Stored, part: Part) -> np.ndarray:
    """One volume (column, row, page)."""
    failed = (
        f"{pages.file.shown} has pages that cannot be decoded: it is damaged, or packed in a way "
        "that is not known here; save it again with LZW, deflate or no compression."
    )
    numbers = [str(n) for n in pages.numbers(part.frame)]
    size = stored.frame_bytes
    output = run_isolated(
        CHILD, ["pages", *numbers], pages.file.read(), _limits(pages.file, size), failed
    )
    if len(output) != size:
        raise DamagedFile(failed)
    given = np.frombuffer(output, stored.dtype)
    kept = kept_type(stored.dtype)
    if part.take is None and kept.kind in "iu":
        return given.astype(kept, copy=False).reshape(stored.shape, order="F")
    first = part.take or (lambda piece: piece[:, 0])
    values = np.empty(stored.shape, kept, order="F")
    planes = given.reshape(stored.shape[2], -1, stored.inner)
    for k, plane in enumerate(planes):
        values[..., k] = first(plane).reshape(stored.shape[:2], order="F")
    return values


def _picture(pages: _Pages) -> Sample:
    """The only page, as a PNG would be read."""
    file = pages.file
    if pages.rows * pages.columns > MOST_PIXELS:
        raise UnsafeFile(
            f"{file.shown} declares too many pixels: at most {MOST_PIXELS // 1_000_000} million "
            "are read; make the picture smaller."
        )
    failed = f"{file.shown} is damaged or cut short and cannot be decoded: save it again."
    most = pages.rows * pages.columns * 8 + _FACTS_BYTES
    png = run_isolated(CHILD, ["picture"], file.read(), _limits(file, most), failed)
    return picture_sample(memory_file(file.name, png))
