"""MedMNIST's 3D data sets: fetched where missing, and a classifier for whichever one is given.

Yang et al. 2023, "MedMNIST v2", Scientific Data 10:41, doi 10.1038/s41597-022-01721-8. Addresses
and checksums are those of the package medmnist 3.0.2, medmnist/info.py.
"""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import torch
from torch import Tensor

from dashboard.recipes import classification
from dashboard.recipes.classification import Classification
from dashboard.recipes.labelled import Labelled, read_labelled
from dashboard.recipes.recipe import Recipe, UnsuitableData
from models import registry
from models.records import Step
from models.spec import InputSpec, ModelSpec
from models.training import augment

SERVER = "https://zenodo.org/records/10519652/files"
MOST_BYTES = 512 * 1024**2  # the largest of these files has 0.4 GB
ANSWER_SECONDS = 30  # until the server answers or sends the next bytes
ALL_SECONDS = 1800
PIECE_BYTES = 2**20
SIZES = ((28, 28, 28), (64, 64, 64))
MOST_CLASSES = 100


@dataclass(frozen=True)
class File:
    """One file of the record: its checksums as published (`sha256` "" where none is known)."""

    name: str
    md5: str
    sha256: str = ""


# The 28 and the 64 file of each data set, by the name of a folder.
FILES: dict[str, tuple[File, File]] = {
    "adrenalmnist3d": (
        File(
            "adrenalmnist3d.npz",
            "bbd3c5a5576322bc4cdfea780653b1ce",
            "8ffd78c0f000265deb7cf4ee0b454136fb3170f9839ecaa7bb01adf9f88aa7d1",
        ),
        File("adrenalmnist3d_64.npz", "17721accfe9fb005146a47d33bc54b2f"),
    ),
    "fracturemnist3d": (
        File("fracturemnist3d.npz", "6aa7b0143a6b42da40027a9dda61302f"),
        File("fracturemnist3d_64.npz", "f01d7e6316aedf4210da0da5b7437b42"),
    ),
    "nodulemnist3d": (
        File("nodulemnist3d.npz", "8755a7e9e05a4d9ce80a24c3e7a256f3"),
        File("nodulemnist3d_64.npz", "c47c5b7d457bf6332200d2ea6d64ecd8"),
    ),
    "organmnist3d": (
        File("organmnist3d.npz", "a0c5a1ff56af4f155c46d46fbb45a2fe"),
        File("organmnist3d_64.npz", "58a2205adf14a9d0a189cb06dc78bf10"),
    ),
    "synapsemnist3d": (
        File("synapsemnist3d.npz", "1235b78a3cd6280881dd7850a78eadb6"),
        File("synapsemnist3d_64.npz", "43bd14ebf3af9d3dd072446fedc14d5e"),
    ),
    "vesselmnist3d": (
        File("vesselmnist3d.npz", "b41fd4f7e7e2feedddb201585ecafa1b"),
        File("vesselmnist3d_64.npz", "6bb274a8846e1097066dcd64e2c4520f"),
    ),
}
DEFAULT = "adrenalmnist3d"
GREY = InputSpec(size=(28, 28, 28), normalise="percentiles", crop="patch", domain="any")


def recipe_of(row: Classification) -> Recipe:
    """The verbs of a network for shapes that also train and measure it on other 3D data sets."""
    return Recipe(row.name, partial(train, row), partial(evaluate, row))


def train(row: Classification, data: Path, out: Path, **options: Any) -> Iterator[Step]:
    """`classification.train`; data of grey values or other classes get a network of their own."""
    yield from present(data)
    own, spec, told = fitting(row, data)
    yield Step(0.0, told)
    yield from classification.train(own, data, out, spec=spec, **options)


def evaluate(
    row: Classification, data: Path, *, weights: Path | None = None, **options: Any
) -> Iterator[Step]:
    """`classification.evaluate`; weights of other classes are measured on data like theirs."""
    yield from present(data)
    own, spec, told = fitting(row, data)
    if spec != registry.find(row.name) and weights is None:
        raise UnsuitableData(
            f"the shipped weights of {row.name} do not fit this folder ({told}): train a network "
            f"on it and give its file with --weights"
        )
    yield from classification.evaluate(own, data, weights=weights, spec=spec, **options)


def fitting(row: Classification, data: Path) -> tuple[Classification, ModelSpec, str]:
    """How a folder is trained on: row, spec, and one line that says so.

    Two classes of two-valued volumes are shapes, for which `row` was made. Anything else is fed
    as grey values, 28 per axis where the folder has them, to the same layers with one channel.
    """
    spec = registry.find(row.name)
    cases = read_labelled(data, row.sizes[0], MOST_CLASSES, row.sizes[1:])
    classes = max(2, 1 + max(int(case.labels.max()) for case in cases))
    if classes == spec.classes and all(_two_valued(case) for case in cases):
        return row, spec, f"{row.name}: shapes of two classes"
    cases = read_labelled(data, SIZES[0], MOST_CLASSES, SIZES[1:])
    size = cases[0].images.shape[2:]
    channels = cases[0].images.shape[1]
    fed = replace(GREY, size=size, channels=channels)
    own = replace(spec, input=fed, classes=classes, weights=(), decoder={})
    changed = replace(
        row,
        augment=augmented,
        stored=None,
        sizes=(size,),
        extent_mm=None,
        trained_on=f"the MedMNIST3D volumes of {data.name}",
        license="that of the data",
        notes=(f"{row.name} with {classes} classes and the grey values of whole cubes",),
    )
    extent = "x".join(map(str, size))
    return changed, own, f"{row.name} for {classes} classes of grey values, cubes of {extent}"


def _two_valued(case: Labelled) -> bool:
    first = case.images[0]
    return bool(((case.images == first.min()) | (case.images == first.max())).all())


def augmented(x: Tensor, generator: torch.Generator) -> Tensor:
    """Grey cubes a little turned, stretched and moved, darker or lighter; sides stay sides."""
    x = augment.affine(x, generator, turn=0.2, scale=0.1, shift=2.0)
    x = augment.gamma(x, 0.3, generator)
    return augment.noise(x, 0.04, generator)


def present(folder: Path, size: int = 64) -> Iterator[Step]:
    """Fetch a data set into a folder that has no .npz file: the one that the folder is named for.

    A folder of another name gets AdrenalMNIST3D. Raises UnsuitableData with one sentence: not
    reachable, larger than expected, or not what was published.
    """
    if any(folder.glob("*.npz")):
        return
    pair = FILES.get(folder.name.lower(), FILES[DEFAULT])
    file = pair[[28, 64].index(size)]
    yield Step(0.0, f"{folder.name} holds no .npz file: fetching {file.name} from Zenodo")
    (folder / file.name).write_bytes(fetch(file))


def fetch(file: File) -> bytes:
    """The bytes of a published file, checked; UnsuitableData says what else to do."""
    elsewhere = f"download {SERVER}/{file.name}, put it into a folder and give that with --data"
    request = Request(f"{SERVER}/{file.name}?download=1", headers={"User-Agent": "ConvScope"})
    try:
        with urlopen(request, timeout=ANSWER_SECONDS) as answer:
            data = _read(answer, file, elsewhere)
    except HTTPError as error:
        error.close()
        raise UnsuitableData(f"Zenodo answered with error {error.code}: {elsewhere}") from error
    except (OSError, HTTPException) as error:
        raise UnsuitableData(f"Zenodo cannot be reached: {elsewhere}") from error
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    sha256 = hashlib.sha256(data).hexdigest()
    if md5 != file.md5 or file.sha256 not in ("", sha256):
        raise UnsuitableData(
            f"{file.name} came with md5 {md5}, expected {file.md5}: not kept; {elsewhere}"
        )
    return data


def _read(answer: Any, file: File, elsewhere: str) -> bytes:
    deadline = time.monotonic() + ALL_SECONDS
    parts: list[bytes] = []
    size = 0
    while piece := answer.read(PIECE_BYTES):
        size += len(piece)
        if size > MOST_BYTES:
            raise UnsuitableData(
                f"{file.name} is larger than {MOST_BYTES // 1024**2} MiB, more than is published: "
                f"not kept; {elsewhere}"
            )
        if time.monotonic() > deadline:
            raise UnsuitableData(f"{file.name} did not come in {ALL_SECONDS} s: {elsewhere}")
        parts.append(piece)
    return b"".join(parts)
