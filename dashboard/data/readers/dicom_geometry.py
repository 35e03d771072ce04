"""Where the slices of one volume lie: their order, the grid that holds them, its affine.

Sources: DICOM PS3.3, C.7.6.2.1.1 (position of a voxel); like SimpleITK's series reader, slices
ascend along the normal that their two directions span. Unlike it, a slice lies where its file says:
a tilted gantry shears the affine, and a missing slice leaves its place empty.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dashboard.data.readers.dicom_records import Plane
from dashboard.data.readers.dicom_stacks import depths, levels_of, usual_step
from dashboard.data.readers.errors import DamagedFile

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_UNEVEN = 0.1  # of a step: a slice farther from its place on an even grid makes the stack uneven
_ASIDE = 2.0  # pixels: slices shifted farther against a straight stack are refused
_MOST_EMPTY = 1 / 3  # of the slices there are
_TILT = 0.1  # degrees
DEFAULT_DIRECTIONS = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


@dataclass(frozen=True)
class Grid:
    """Places for the slices of a volume.

    `slots` says where each of `planes` goes among `count` slices, `repeats` are slices of a place
    that is taken, with that place. `blend` is None, or the place of each of its own slices among
    the planes (whole part: the plane before, rest: the weight of the next). `affine` (4, 4) takes
    (column, row, slice) to RAS+ mm.
    """

    planes: tuple[Plane, ...]
    slots: tuple[int, ...]
    repeats: tuple[tuple[Plane, int], ...]
    count: int
    blend: np.ndarray | None
    affine: np.ndarray
    notes: tuple[str, ...]


def grid_of(planes: Sequence[Plane]) -> Grid:
    """The grid of one volume's slices, in any order given.

    A slice that is missing leaves an empty place. Where distances differ in other ways, the
    volume is interpolated at even ones. Raises DamagedFile for slices that no grid holds.
    """
    ordered = sorted(planes, key=lambda plane: plane.order)
    levels = levels_of(ordered)
    first: dict[int, Plane] = {}
    repeats: list[tuple[Plane, int]] = []
    for plane, level in zip(ordered, levels.tolist(), strict=True):
        if first.setdefault(level, plane) is not plane:
            repeats.append((plane, level))
    kept = [first[level] for level in range(len(first))]
    heights = depths(kept)
    slots, blend, notes = _slots(heights)
    step, aside = _step(kept, heights, _span(slots, blend))
    affine = _affine(kept[0], step)
    return Grid(
        planes=tuple(kept),
        slots=tuple(slots),
        repeats=tuple((plane, slots[level]) for plane, level in repeats),
        count=slots[-1] + 1,
        blend=blend,
        affine=affine,
        notes=(*notes, *aside, *_tilt(affine, kept), *_unknown(kept[0])),
    )


def _span(slots: Sequence[int], blend: np.ndarray | None) -> int:
    """Steps from the first to the last slice of the volume."""
    return (slots[-1] + 1 if blend is None else len(blend)) - 1


def _slots(heights: np.ndarray) -> tuple[list[int], np.ndarray | None, list[str]]:
    """Places of the slices; how to interpolate even ones; notes on what is missing or uneven."""
    count = len(heights)
    if count < 3:
        return list(range(count)), None, []
    steps = np.diff(heights)
    # Step by step, so that a rounded distance does not add up over a long stack.
    places = np.concatenate([[0], np.cumsum(np.maximum(np.rint(steps / usual_step(steps)), 1))])
    step = (heights[-1] - heights[0]) / places[-1]
    off = np.abs(heights - heights[0] - places * step).max() / step
    empty = int(places[-1]) + 1 - count
    if off <= _UNEVEN and empty <= max(1, count * _MOST_EMPTY):
        slots = places.astype(int).tolist()
        return slots, None, _missing(slots, heights[0], step)
    return list(range(count)), *_even(heights)


def _missing(slots: Sequence[int], start: float, step: float) -> list[str]:
    there = set(slots)
    empty = [place for place in range(slots[-1]) if place not in there]
    if not empty:
        return []
    shown = ", ".join(f"{place + 1} ({start + place * step:.4g} mm)" for place in empty[:6])
    more = f" and {len(empty) - 6} more" if len(empty) > 6 else ""
    many = "slices are" if len(empty) > 1 else "slice is"
    return [
        f"{len(empty)} {many} missing, place {shown}{more} of {slots[-1] + 1}: left empty, filled "
        "with the lowest value"
    ]


def _even(heights: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Even places between the first and last slice, about as close as the closest two."""
    steps = np.diff(heights)
    span = heights[-1] - heights[0]
    count = min(int(np.ceil(span / steps.min() - 1e-3)) + 1, 2 * len(heights))
    wanted = np.linspace(heights[0], heights[-1], count)
    blend = np.interp(wanted, heights, np.arange(len(heights)))
    return blend, [
        f"slices lie {steps.min():.3g} to {steps.max():.3g} mm apart: interpolated linearly at "
        f"every {span / (count - 1):.3g} mm"
    ]


def _step(planes: Sequence[Plane], heights: np.ndarray, span: int) -> tuple[np.ndarray, list[str]]:
    """LPS mm from one slice of the volume to the next, and a note where slices lie aside."""
    first = planes[0]
    directions = np.array(first.orientation or DEFAULT_DIRECTIONS)
    normal = np.cross(directions[:3], directions[3:])
    if span == 0 or not first.placed:
        return normal * (first.thickness or 1.0), []
    positions = np.array([plane.position for plane in planes])
    whole = positions[-1] - positions[0]
    along = (heights - heights[0]) / (heights[-1] - heights[0])
    aside = np.abs(positions - positions[0] - along[:, None] * whole).max()
    edge = min(first.spacing or (1.0,))
    if aside > _ASIDE * edge:
        raise DamagedFile(
            f"The {len(planes)} slices, first of them {first.image.file.shown}, are shifted "
            f"sideways by up to {aside:.3g} mm against a straight stack: no single grid holds "
            "them; give fewer of them."
        )
    shifted = f"slices are shifted sideways by up to {aside:.2g} mm, which is left out of account"
    return whole / span, [shifted] if aside > edge / 4 else []


def _affine(first: Plane, step: np.ndarray) -> np.ndarray:
    """(column, row, slice) to RAS+ mm; PixelSpacing is between rows, then between columns."""
    row, column = np.array(first.orientation or DEFAULT_DIRECTIONS).reshape(2, 3)
    between_rows, between_columns = first.spacing or (1.0, 1.0)
    affine = np.eye(4)
    affine[:3, 0] = row * between_columns
    affine[:3, 1] = column * between_rows
    affine[:3, 2] = step
    affine[:3, 3] = first.position if first.placed else (0.0, 0.0, 0.0)
    return _LPS_TO_RAS @ affine


def _tilt(affine: np.ndarray, planes: Sequence[Plane]) -> list[str]:
    """A note where the stack leans: the gantry was tilted."""
    if len(planes) < 2:
        return []
    step = affine[:3, 2]
    normal = np.cross(affine[:3, 0], affine[:3, 1])
    cosine = abs(step @ normal) / (np.linalg.norm(step) * np.linalg.norm(normal))
    tilt = float(np.degrees(np.arccos(min(cosine, 1.0))))
    told = f"the stack leans by {tilt:.1f} degrees (gantry tilt): the affine shears the slices back"
    return [told] if tilt > _TILT else []


def _unknown(first: Plane) -> list[str]:
    """Notes on what had to be assumed."""
    notes = []
    if not first.placed:
        notes.append("the file does not say where its slices lie: stacked in their order")
    if first.spacing is None:
        notes.append("the file gives no size of a pixel: taken as 1 mm")
    if first.thickness is None and not first.placed:
        notes.append("the file gives no distance of slices: taken as 1 mm")
    return notes
