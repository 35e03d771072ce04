"""Labelled images or volumes of a folder's NPZ files, by split."""

import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dashboard.recipes.recipe import UnsuitableData

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Labelled:
    """`images` (N, C, *S) as stored, `labels` (N,) int64, and the split they belong to.

    `split` is "" where neither the file's name nor its arrays say.
    """

    images: np.ndarray
    labels: np.ndarray
    split: str

    def __len__(self) -> int:
        return len(self.labels)

    def part(self, index: slice, split: str) -> "Labelled":
        """Some of the cases, under the name of another split."""
        return Labelled(self.images[index], self.labels[index], split)


def read_labelled(
    folder: Path,
    size: Sequence[int],
    classes: int,
    others: Sequence[Sequence[int]] = (),
) -> list[Labelled]:
    """All cases of spatial `size` in the NPZ files of `folder`, one entry per file and split.

    A file holds `x` (N, *S[, C]) and `y` (its split is the end of its name: `mnist_test.npz`), or
    `{split}_images` and `{split}_labels` as MedMNIST has them. Arrays of another size are left
    out; where there are none of `size`, the first of `others` that the folder has is read. Raises
    UnsuitableData when nothing is left or labels do not fit.
    """
    paths = sorted(folder.glob("*.npz"))
    read = [case for path in paths for case in _read_file(path, len(size))]
    there = {case.images.shape[2:] for case in read if len(case)}
    chosen = next((tuple(s) for s in (size, *others) if tuple(s) in there), None)
    fitting = [case for case in read if case.images.shape[2:] == chosen and len(case)]
    if not fitting:
        wanted = "x".join(map(str, size))
        found = sorted({"x".join(map(str, case.images.shape[2:])) for case in read})
        raise UnsuitableData(
            f"{folder} has {len(paths)} .npz files and no labelled images of {wanted} in them "
            f"(sizes found: {', '.join(found) or 'none'}); expected x and y, or "
            "train_images and train_labels"
        )
    for case in fitting:
        if case.labels.min() < 0 or case.labels.max() >= classes:
            raise UnsuitableData(
                f"got labels {case.labels.min()} to {case.labels.max()} in {folder}, "
                f"expected 0 to {classes - 1}"
            )
    return fitting


def select(cases: Sequence[Labelled], split: str | None) -> Labelled:
    """The cases of one split together; by default those of "test", else all, named "all"."""
    if split is None and any(case.split == "test" for case in cases):
        split = "test"
    chosen = [case for case in cases if split in (None, case.split)]
    if not chosen:
        there = sorted({case.split for case in cases if case.split})
        raise UnsuitableData(
            f"got split {split}, expected one of: {', '.join(there) or 'none is named here'}"
        )
    return Labelled(
        np.concatenate([case.images for case in chosen]),
        np.concatenate([case.labels for case in chosen]),
        split or "all",
    )


def to_train_and_validate(cases: Sequence[Labelled], held_out: int) -> tuple[Labelled, Labelled]:
    """Split "train" and split "val"; without a "val", the last `held_out` cases are kept aside.

    What is marked as "test" is never touched.
    """
    named = {split: [case for case in cases if case.split == split] for split in SPLITS}
    if named["train"] and named["val"]:
        return select(named["train"], "train"), select(named["val"], "val")
    everything = select([case for case in cases if case.split != "test"] or cases, None)
    if named["test"] and len(named["test"]) == len(cases):
        raise UnsuitableData("got test data only, expected data to train on")
    if len(everything) <= held_out:
        raise UnsuitableData(f"got {len(everything)} images, expected more than {held_out}")
    return (
        everything.part(slice(None, -held_out), f"all but the last {held_out}"),
        everything.part(slice(-held_out, None), f"the last {held_out}"),
    )


def _read_file(path: Path, dim: int) -> Iterator[Labelled]:
    if not zipfile.is_zipfile(path):
        raise UnsuitableData(f"cannot read {path.name}: it is not an NPZ file")
    try:
        found = _arrays(path)
    except (OSError, EOFError, ValueError, zlib.error, zipfile.BadZipFile) as error:
        raise UnsuitableData(f"cannot read {path.name}: {error}") from error
    for split, (images, labels) in found.items():
        yield _labelled(path, images, labels, split, dim)


def _arrays(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Images and labels of a file by split, as stored."""
    with np.load(path, allow_pickle=False) as file:
        found = {
            split: (file[f"{split}_images"], file[f"{split}_labels"])
            for split in SPLITS
            if f"{split}_images" in file and f"{split}_labels" in file
        }
        if "x" in file and "y" in file:
            named = re.search(r"(?:^|[_-])(train|val|test)$", path.stem)
            found[named[1] if named else ""] = file["x"], file["y"]
    return found


def _labelled(path: Path, images: np.ndarray, labels: np.ndarray, split: str, dim: int) -> Labelled:
    """Channels moved to the front, labels flat."""
    labels = labels.reshape(-1).astype(np.int64)
    if images.ndim == dim + 2:
        images = np.moveaxis(images, -1, 1)
    elif images.ndim == dim + 1:
        images = images[:, None]
    else:
        images = images.reshape(len(images), 1, -1)  # of another rank: its size fits nowhere
    if len(images) != len(labels):
        raise UnsuitableData(f"{path.name} has {len(images)} images and {len(labels)} labels")
    return Labelled(images, labels, split)
