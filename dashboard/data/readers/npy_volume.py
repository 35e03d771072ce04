"""Volumes in NumPy files: an array of three axes, or one of a set of volumes (MedMNIST)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from dashboard.data.readers.errors import ChoiceNeeded, UnknownFormat, UnreadableFile, short
from dashboard.data.readers.files import File
from dashboard.data.readers.npy_header import NpyArray
from dashboard.data.readers.volume_parts import COMPLEX, COMPONENTS, chosen_part
from dashboard.data.readers.volume_place import checked_affine, chosen_spacing, placed
from dashboard.data.readers.volume_sample import volume_sample
from dashboard.data.readers.volume_values import Stored, check_limits, read_values, type_notes
from dashboard.data.sample import Sample

# Volumes are read piece by piece, so that an npz may expand as far as deflate goes.
MOST_EXPANSION = 1100
AFFINE_NAMES = ("affine", "vox2ras")
SPACING_NAMES = ("spacing", "spacings", "voxel_size", "zooms", "pixdim")
LABEL_NAMES = ("y", "label", "labels", "target", "targets")
_IMAGES, _LABELS = "_images", "_labels"  # MedMNIST: train_images, train_labels ...
MOST_LABEL_BYTES = 2**20
_FIRST, _LAST = "first", "last"


@dataclass(frozen=True)
class _Volumes:
    """An array as volumes: its axes without those of one element, and which of them counts."""

    array: NpyArray
    sizes: tuple[int, ...]
    counted: str  # "first", "last" or "" for a single volume

    @property
    def spatial(self) -> tuple[int, int, int]:
        sizes = self.sizes[1:] if self.counted == _FIRST else self.sizes[:3]
        return sizes[0], sizes[1], sizes[2]

    def stored(self) -> tuple[Stored, bool]:
        """How values lie with the fastest axis first, and whether that turns the axes around."""
        turned = not self.array.by_column
        count = prod(self.sizes) // prod(self.spatial)
        fast = self.counted == (_LAST if turned else _FIRST)
        pair = self.array.dtype.kind == "c"
        dtype = self.array.dtype
        if pair:
            dtype = np.dtype(f"{dtype.byteorder}f{dtype.itemsize // 2}")
        inner = (count if fast else 1) * (2 if pair else 1)
        i, j, k = self.spatial
        shape = (k, j, i) if turned else (i, j, k)
        return Stored(shape, dtype, inner, 1 if fast else count), turned


def holds_volume(arrays: Sequence[NpyArray]) -> bool:
    """Whether a file holds volumes rather than signals: numbers with three axes or more."""
    return bool(_candidates(arrays))


def read_volume(file: File, arrays: Sequence[NpyArray], choices: Mapping[str, str]) -> Sample:
    """The volume in `file` in its array's index order.

    `choices`: "record" (of several arrays), "axis" ("first" or "last": which of four counts
    volumes), "frame", "part", "spacing" ("0.7,0.7,2" mm), "kind". Raises UnknownFormat,
    UnsafeFile (too large), DamagedFile, ChoiceNeeded.
    """
    array = _chosen(file, arrays, choices)
    labels = _labels_of(array, arrays)
    volumes = _volumes(file, array, labels, choices)
    stored, turned = volumes.stored()
    check_limits(file, stored)
    meaning = COMPLEX if array.dtype.kind == "c" else COMPONENTS
    if meaning == COMPLEX and stored.inner > 2:
        raise UnreadableFile(
            f"{file.shown} holds complex numbers with the volumes on the fastest axis: save one "
            "volume of it."
        )
    part = chosen_part(file, stored, choices, meaning)
    affine, notes = _place(file, arrays, choices)
    with array.file.open() as stream:
        start = array.offset + part.frame * stored.frame_bytes
        values = read_values(array.file, stream, stored, start, part.take)
    if array.file is not file:
        notes.append(f"of its arrays {short(array.file.stem)}")
    return volume_sample(
        values.T if turned else values,
        name=file.stem,
        source=file.name,
        affine=affine,
        choices=choices,
        modality=part.modality,
        notes=(*notes, *part.notes, *_label_note(labels, part.frame), *type_notes(stored.dtype)),
    )


def _candidates(arrays: Sequence[NpyArray]) -> list[NpyArray]:
    return [
        array
        for array in arrays
        if array.dtype.kind in "iufbc" and len(array.shape) > 2 and prod(array.shape) > 0
    ]


def _chosen(file: File, arrays: Sequence[NpyArray], choices: Mapping[str, str]) -> NpyArray:
    found = _candidates(arrays)
    names = tuple(array.file.stem for array in found)
    wanted = names[0] if len(names) == 1 else choices.get("record")
    if wanted not in names:
        question = f"{file.shown} holds {len(names)} arrays of volumes: which one?"
        raise ChoiceNeeded("record", question, names)
    return found[names.index(wanted)]


def _labels_of(array: NpyArray, arrays: Sequence[NpyArray]) -> NpyArray | None:
    """The labels of a set of volumes: one whole number for each element of the first axis."""
    partner = array.name.removesuffix(_IMAGES) + _LABELS
    for other in arrays:
        known = other.name in (partner, *LABEL_NAMES)
        single = other.shape[:1] == array.shape[:1] and prod(other.shape) == array.shape[0]
        if known and single and other.dtype.kind in "iu" and other.file.size < MOST_LABEL_BYTES:
            return other
    return None


def _label_note(labels: NpyArray | None, number: int) -> list[str]:
    if labels is None:
        return []
    return [f"label {labels.values().reshape(-1)[number]} in {short(labels.file.stem)}"]


def _volumes(
    file: File, array: NpyArray, labels: NpyArray | None, choices: Mapping[str, str]
) -> _Volumes:
    """Which axes are space; raises ChoiceNeeded where a volume of four axes does not say it."""
    is_set = array.name.endswith(_IMAGES) or labels is not None
    sizes = _without_ones(array.shape, keep_first=is_set)
    if is_set and (len(sizes) == 3 or (len(sizes) == 4 and sizes[3] in (3, 4))):
        raise UnknownFormat(
            f"{file.shown} holds {sizes[0]:,} pictures of {sizes[1]} x {sizes[2]}: expected a "
            "volume or an ECG; save a picture of them as PNG."
        )
    if len(sizes) == 3:
        return _Volumes(array, sizes, "")
    if len(sizes) > 4:
        raise UnknownFormat(
            f"{file.shown} holds an array with the axes {short(str(sizes), 60)}: expected three, "
            "or four of a series; save one volume of it."
        )
    counted = _FIRST if is_set else choices.get("axis", "")
    if counted not in (_FIRST, _LAST):
        raise ChoiceNeeded(
            "axis",
            f"{file.shown} holds an array {sizes}: which axis counts its volumes?",
            (_FIRST, _LAST) if sizes[0] <= sizes[3] else (_LAST, _FIRST),
        )
    return _Volumes(array, sizes, counted)


def _without_ones(shape: tuple[int, ...], keep_first: bool) -> tuple[int, ...]:
    """`shape` without axes of one element, as long as it has more than three."""
    sizes = list(shape)
    for axis in reversed(range(1 if keep_first else 0, len(sizes))):
        if len(sizes) > 3 + keep_first and sizes[axis] == 1:
            del sizes[axis]
    return tuple(sizes)


def _place(
    file: File, arrays: Sequence[NpyArray], choices: Mapping[str, str]
) -> tuple[np.ndarray, list[str]]:
    """Array index to RAS+ mm: from the choice, the file's own affine or spacing, or 1 mm."""
    spacing = chosen_spacing(choices)
    if spacing is None:
        affine = _small(arrays, AFFINE_NAMES, (4, 4))
        if affine is not None:
            return checked_affine(file, affine), []
        given = _small(arrays, SPACING_NAMES, (3,))
        spacing = None if given is None else (given[0], given[1], given[2])
    notes = ["a NumPy file does not say how a body lies: axes taken to the right, front and head"]
    if spacing is None:
        notes.append("the file gives no voxel size: taken as 1 mm")
    affine = placed(np.diag(spacing or (1.0, 1.0, 1.0)), np.zeros(3))
    return checked_affine(file, affine), notes


def _small(
    arrays: Sequence[NpyArray], names: Sequence[str], shape: tuple[int, ...]
) -> np.ndarray | None:
    """The numbers under one of `names`, None where there are none of this shape."""
    for array in arrays:
        if array.name in names and array.shape == shape and array.dtype.kind in "iuf":
            return array.values().astype(float)
    return None
