"""Which slices belong together: copies dropped, series and orientations apart, volumes in time.

A series may hold several volumes: scouts beside slices, two echoes, directions of diffusion,
moments of a heartbeat. What differs in geometry is another stack; what lies at one place again is
another volume of the same stack.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from dashboard.data.readers.dicom_checks import printable
from dashboard.data.readers.dicom_records import Image, Plane
from dashboard.data.readers.dicom_syntaxes import PLAIN
from dashboard.data.readers.errors import UnsafeFile, short
from dashboard.data.readers.leads import unique

SAME_PLACE = 0.01  # of a pixel's edge
_PARALLEL = 1e-3  # largest difference of direction cosines
_MOST_DIRECTIONS = 500
_HOLE = 10  # slices; what lies farther apart is another volume
# How what tells volumes at one place apart is worded.
_WORDS = {
    "echo": "echo {} ms",
    "b": "b {} s/mm2",
    "gradient": "direction {}",
    "inversion": "inversion {} ms",
    "flip": "flip angle {} degrees",
    "time": "time {}",
    "trigger": "trigger {} ms",
    "acquisition": "acquisition {}",
    "stack": "stack {}",
    "kernel": "kernel {}",
}


@dataclass(frozen=True)
class Stack:
    """Parallel slices of one series, size and spacing; `label` begins with a short `key`."""

    key: str
    label: str
    planes: tuple[Plane, ...]


def without_copies(planes: Sequence[Plane]) -> tuple[list[Plane], list[str]]:
    """`planes` without the images that are there twice, byte for byte or in another coding."""
    by_uid: dict[str, dict[Image, tuple]] = {}
    for plane in planes:
        by_uid.setdefault(plane.image.uid, {}).setdefault(plane.image, _place(plane))
    copies = [
        image for uid, group in by_uid.items() if uid and len(group) > 1 for image in _copies(group)
    ]
    if not copies:
        return list(planes), []
    dropped = set(copies)
    names = ", ".join(image.file.shown for image in copies[:3])
    kept = [plane for plane in planes if plane.image not in dropped]
    return kept, [f"left out (copies of other files): {len(copies)}, {names}"]


def _place(plane: Plane) -> tuple:
    image = plane.image
    return image.shape, image.frames, plane.position


def _copies(group: Mapping[Image, tuple]) -> list[Image]:
    """Of images of one number: the same bytes again, or the same place in another coding."""
    contents: set[bytes] = set()
    codings: dict[tuple, str] = {}
    copies: list[Image] = []
    for image in sorted(group, key=lambda image: image.syntax not in PLAIN):
        content = hashlib.blake2b(image.file.read()).digest()
        recoded = codings.setdefault(group[image], image.syntax) != image.syntax
        if recoded or content in contents:
            copies.append(image)
        contents.add(content)
    return copies


def stacks_of(planes: Sequence[Plane]) -> tuple[Stack, ...]:
    """The stacks among `planes`, in the order of their series numbers."""
    alike: dict[tuple, list[Plane]] = {}
    for plane in planes:
        alike.setdefault(_likeness(plane), []).append(plane)
    parts = [
        part
        for group in alike.values()
        for parallel in _parallel(group)
        for part in _unbroken(parallel)
    ]
    parts.sort(key=lambda part: (_number(part), min(plane.order for plane in part)))
    return _labelled(parts)


def _number(part: Sequence[Plane]) -> int:
    number = part[0].image.number
    return -1 if number is None else number


def _likeness(plane: Plane) -> tuple:
    image = plane.image
    spacing = tuple(round(edge, 4) for edge in plane.spacing or ())
    colour = image.samples > 1 or image.photometric == "PALETTE COLOR"
    return image.series, image.number, image.modality, image.shape, spacing, plane.placed, colour


def _parallel(planes: Sequence[Plane]) -> list[list[Plane]]:
    """`planes` by direction, each group in the order given."""
    if not planes[0].placed:
        return [list(planes)]
    directions = np.array([plane.orientation for plane in planes])
    left = np.arange(len(planes))
    groups: list[list[Plane]] = []
    while len(left):
        if len(groups) == _MOST_DIRECTIONS:
            raise UnsafeFile(
                f"The slices lie in more than {_MOST_DIRECTIONS} directions: give the files of one "
                "series."
            )
        near = (np.abs(directions[left] - directions[left[0]]) <= _PARALLEL).all(axis=1)
        groups.append([planes[i] for i in left[near]])
        left = left[~near]
    return groups


def _unbroken(planes: Sequence[Plane]) -> list[list[Plane]]:
    """`planes` apart where a hole of more than 10 slices is between them."""
    depth = depths(planes)
    levels = levels_of(planes)
    if levels.max() < 3:
        return [list(planes)]
    steps = np.diff(depth[np.unique(levels, return_index=True)[1]])
    block = np.concatenate([[0], np.cumsum(steps > _HOLE * usual_step(steps))])[levels]
    blocks: dict[int, list[Plane]] = {}
    for number, plane in zip(block.tolist(), planes, strict=True):
        blocks.setdefault(number, []).append(plane)
    return list(blocks.values())


def usual_step(steps: np.ndarray) -> float:
    """The median of steps between slices, the lower one of two: a gap doubles few of them."""
    return float(np.sort(steps)[(len(steps) - 1) // 2])


def depths(planes: Sequence[Plane]) -> np.ndarray:
    """mm along the normal of the slices (PS3.3, C.7.6.2.1.1); their own counting without place."""
    if not planes[0].placed:
        ranks = np.argsort(np.argsort([_ranked(plane) for plane in planes], kind="stable"))
        return ranks * (planes[0].thickness or 1.0)
    directions = np.array(planes[0].orientation)
    normal = np.cross(directions[:3], directions[3:])
    return np.array([plane.position for plane in planes]) @ normal


def _ranked(plane: Plane) -> float:
    major, frame, _ = plane.order
    return float(major) * 2.0**16 + frame


def levels_of(planes: Sequence[Plane]) -> np.ndarray:
    """For each slice the number of its place along the normal, counted from 0."""
    depth = depths(planes)
    order = np.argsort(depth, kind="stable")
    apart = np.diff(depth[order]) > SAME_PLACE * min(planes[0].spacing or (1.0,))
    levels = np.empty(len(planes), dtype=int)
    levels[order] = np.concatenate([[0], np.cumsum(apart)])
    return levels


def _labelled(parts: Sequence[Sequence[Plane]]) -> tuple[Stack, ...]:
    """Stacks with short keys: the series number, "3.1" and "3.2" where it has several."""
    numbers = [str(part[0].image.number or 0) for part in parts]
    several, counted = Counter(numbers), Counter()
    keys: list[str] = []
    for number in numbers:
        counted[number] += 1
        keys.append(f"{number}.{counted[number]}" if several[number] > 1 else number)
    labels = []
    for key, part in zip(keys, parts, strict=True):
        image = part[0].image
        rows, columns = image.shape
        described = f"{image.description}, " if image.description else ""
        images = "1 image" if len(part) == 1 else f"{len(part)} images"
        kind = image.modality or "DICOM"
        labels.append(f"{key}: {short(described, 40)}{kind} {columns} x {rows}, {images}")
    told = unique(labels)
    return tuple(Stack(k, t, tuple(p)) for k, t, p in zip(keys, told, parts, strict=True))


# Several volumes at one place


def volumes_of(planes: Sequence[Plane]) -> list[tuple[str, list[Plane]]]:
    """The volumes that lie at the same places, each with words for what tells it apart.

    One volume without words where no place is taken twice, or only some are.
    """
    levels = levels_of(planes)
    taken = np.bincount(levels)
    count = int(taken.max())
    if count == 1:
        return [("", list(planes))]
    facts = [{**dict(plane.keys), "place": _aside(plane)} for plane in planes]
    names = [n for n in (*_WORDS, "type", "component", "place") if _may_tell(facts, n, count)]
    for size in (1, 2, 3):
        for chosen in combinations(names, size):
            parts = _partition(planes, levels, facts, chosen)
            if len(parts) == count and all(unlike for unlike, _, _ in parts):
                return [(words, part) for _, words, part in parts]
    if (taken == count).all():
        return _by_order(planes, levels, count)
    return [("", list(planes))]


def _may_tell(facts: Sequence[dict], name: str, count: int) -> bool:
    """Whether `name` takes several values, but no more than there are volumes."""
    return 1 < len({fact.get(name) for fact in facts}) <= count


def _aside(plane: Plane) -> tuple[int, ...]:
    """Where the slice lies within its plane, to the nearest mm: two breasts side by side."""
    if not plane.placed:
        return ()
    directions = np.array(plane.orientation).reshape(2, 3)
    return tuple(np.rint(directions @ np.array(plane.position)).astype(int).tolist())


def _partition(
    planes: Sequence[Plane], levels: np.ndarray, facts: Sequence[dict], names: Sequence[str]
) -> list[tuple[bool, str, list[Plane]]]:
    """Groups equal in `names`: whether no place is taken twice, their words, their slices."""
    groups: dict[tuple, list[int]] = {}
    for i, fact in enumerate(facts):
        groups.setdefault(tuple(fact.get(name) for name in names), []).append(i)
    parts = []
    for values, members in sorted(groups.items(), key=lambda group: _sortable(group[0])):
        once = len({int(levels[i]) for i in members}) == len(members)
        said = ", ".join(_worded(n, v) for n, v in zip(names, values, strict=True))
        parts.append((once, said, [planes[i] for i in members]))
    return parts


def _sortable(values: Sequence[object]) -> tuple:
    """A key that sorts numbers as such, then texts."""
    numbers = (value if isinstance(value, float) else 0.0 for value in values)
    return tuple((isinstance(v, str), n, str(v)) for v, n in zip(values, numbers, strict=True))


def _worded(name: str, value: object) -> str:
    if value is None:
        return f"no {name}"
    if isinstance(value, float):
        value = f"{value:g}"
    if name == "place":
        value = " ".join(str(mm) for mm in value)
        return f"at {value} mm"
    text = short(printable(str(value).replace("\\", " ").lower()), 40)
    return _WORDS.get(name, "{}").format(text)


def _by_order(
    planes: Sequence[Plane], levels: np.ndarray, count: int
) -> list[tuple[str, list[Plane]]]:
    """Volume n has the n-th slice of each place, in the file's own counting."""
    parts: list[list[Plane]] = [[] for _ in range(count)]
    seen = Counter()
    for i in sorted(range(len(planes)), key=lambda i: planes[i].order):
        parts[seen[int(levels[i])]].append(planes[i])
        seen[int(levels[i])] += 1
    return [(f"volume {n} in the order taken", part) for n, part in enumerate(parts, start=1)]
