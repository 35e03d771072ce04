"""Samples with a class for every position: a folder's images and labels, by split."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dashboard.data.prepare import prepare
from dashboard.data.readers import UnreadableFile, open_files
from dashboard.data.sample import Sample
from dashboard.recipes.recipe import UnsuitableData
from models.spec import InputSpec

SUFFIX = ".nii.gz"


@dataclass(frozen=True)
class Delineated:
    """A sample and `labels` (*S) uint8 on its own grid, 0 the background."""

    name: str
    sample: Sample
    labels: np.ndarray


@dataclass(frozen=True)
class Fed:
    """A case as a network takes it, without padding: `values` (C, *F), `labels` (*F) int64."""

    values: np.ndarray
    labels: np.ndarray


def names_of(folder: Path, split: str | None) -> tuple[str, tuple[str, ...]]:
    """A split's name and the cases in it; by default "test", else all, named "all".

    A split is listed in `{split}.txt`, one name a line. Raises UnsuitableData where `folder` has
    no images/ and labels/, or no such list.
    """
    for part in ("images", "labels"):
        if not (folder / part).is_dir():
            raise UnsuitableData(
                f"{folder} has no folder {part}/; expected images/ and labels/ with NAME{SUFFIX}"
            )
    if split is None and (folder / "test.txt").is_file():
        split = "test"
    if split is None:
        found = sorted(path.name.removesuffix(SUFFIX) for path in _files(folder / "images"))
        return "all", _some(folder, tuple(found))
    listed = folder / f"{split}.txt"
    if not listed.is_file():
        there = sorted(path.stem for path in folder.glob("*.txt"))
        raise UnsuitableData(
            f"got split {split}, expected one of: {', '.join(there) or 'none is listed here'}"
        )
    return split, _some(folder, tuple(listed.read_text(encoding="utf-8").split()))


def read_cases(folder: Path, names: Sequence[str], classes: int) -> Iterator[Delineated]:
    """The named cases, one by one; UnsuitableData says which file does not fit."""
    for name in names:
        sample = _open(folder / "images" / f"{name}{SUFFIX}")
        stored = _open(folder / "labels" / f"{name}{SUFFIX}")
        if stored.array.shape != sample.array.shape or not np.allclose(
            stored.affine, sample.affine, atol=1e-3
        ):
            raise UnsuitableData(f"image and label of {name} differ in shape or place")
        values = stored.values((0,))
        labels = np.rint(values).astype(np.int64)
        if labels.min() < 0 or labels.max() >= classes or np.abs(values - labels).max() > 1e-3:
            raise UnsuitableData(
                f"got labels {values.min():g} to {values.max():g} in {name}, "
                f"expected whole numbers from 0 to {classes - 1}"
            )
        yield Delineated(name, sample, labels.astype(np.uint8))


def fed(case: Delineated, spec: InputSpec, classes: int) -> Fed:
    """What `prepare` feeds of a case, and its labels brought the same way, class by class."""
    prepared = prepare(case.sample, spec)
    inside = (slice(None), *(slice(n) for n in prepared.valid))
    plain = replace(spec, normalise="none")
    maps = [
        prepare(_as_sample(case, case.labels == k), plain).array[inside][0] for k in range(classes)
    ]
    return Fed(prepared.array[inside], np.argmax(maps, axis=0))


def _as_sample(case: Delineated, mask: np.ndarray) -> Sample:
    """A mask in the place of its case."""
    of = case.sample
    return Sample(
        array=mask[None].astype(np.float32),
        name=case.name,
        modality="mask",
        channels=("mask",),
        units=("",),
        axis_unit=of.axis_unit,
        sampling_rate=of.sampling_rate,
        affine=of.affine,
        position=of.position,
    )


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.glob(f"*{SUFFIX}") if not path.name.startswith(".")]


def _some(folder: Path, names: tuple[str, ...]) -> tuple[str, ...]:
    """The names, all of which have an image and a label; UnsuitableData otherwise."""
    if not names:
        raise UnsuitableData(f"{folder} has no cases there; expected images/NAME{SUFFIX}")
    for name in names:
        for part in ("images", "labels"):
            # A name is a file's name, never a way out of the folder.
            if Path(name).name != name or not (folder / part / f"{name}{SUFFIX}").is_file():
                raise UnsuitableData(f"got the name {name[:80]}, and no {part}/ file of it")
    return names


def _open(path: Path) -> Sample:
    try:
        sample = open_files([path], {"kind": "mr"})
    except UnreadableFile as error:
        raise UnsuitableData(f"cannot read {path.name}: {error}") from error
    if sample.dim != 3:
        raise UnsuitableData(f"got {sample.kind} {path.name}, expected a volume")
    return sample
