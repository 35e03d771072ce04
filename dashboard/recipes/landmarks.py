"""Train and measure a network that finds named points, in any number of dimensions."""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from torch import Tensor, nn

from dashboard.analysis.analyze import Analysis, analyze
from dashboard.data.prepare import Prepared, prepare
from dashboard.data.sample import Sample
from dashboard.recipes.recipe import (
    Recipe,
    UnsuitableData,
    checkpoint_of,
    command_of,
    evaluation_step,
    parameters_of,
    publish,
)
from models import registry
from models.decode.classes import class_names
from models.records import Card, Step
from models.spec import ModelSpec
from models.training.landmarks import landmark_loss
from models.training.loop import fit, shuffled

Augment = Callable[[Tensor, Tensor, torch.Generator], tuple[Tensor, Tensor]]
NEAR = (2, 5)  # in the axes' unit: shares of points this near are reported


@dataclass(frozen=True)
class Case:
    """A sample and where its landmarks are: `points` (P, dim) in the sample's index."""

    sample: Sample
    points: np.ndarray


@dataclass(frozen=True)
class LandmarkTraining:
    """How the landmark network `name` is trained.

    `read(folder, split)` gives the cases of "train", "val" or "test" in their order, none where
    the folder does not name that split, or raises UnsuitableData. `augment` changes a batch
    (N, C, *S) as `prepare` feeds it and its points (N, P, dim) in fed index. `trained_on`,
    `license` and `notes` go into the card.
    """

    name: str
    read: Callable[[Path, str], list[Case]]
    augment: Augment
    epochs: int
    batch: int
    learning_rate: float
    trained_on: str
    license: str
    notes: tuple[str, ...] = ()

    def recipe(self) -> Recipe:
        """The two verbs of the command line for this network."""
        return Recipe(self.name, partial(train, self), partial(evaluate, self))


@dataclass(frozen=True)
class Epoch:
    """One shuffled, augmented pass over inputs (N, C, *S); the same for the same `seed`."""

    inputs: Tensor
    points: Tensor
    row: LandmarkTraining
    seed: int

    def __len__(self) -> int:
        return ceil(len(self.inputs) / self.row.batch)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        generator = torch.Generator().manual_seed(self.seed)
        for index in shuffled(len(self.inputs), self.row.batch, generator):
            yield self.row.augment(self.inputs[index], self.points[index], generator)


def train(
    row: LandmarkTraining,
    data: Path,
    out: Path,
    *,
    epochs: int | None = None,
    seed: int = 0,
    device: torch.device | str = "cpu",
    resume: bool = False,
) -> Iterator[Step]:
    """Train on the split "train" of `data`, measure on "val", write weights and card."""
    spec = registry.find(row.name)
    training, validation = (_some(row.read(data, split), split) for split in ("train", "val"))
    inputs, points = together([(case, prepare(case.sample, spec.input)) for case in training], spec)
    torch.manual_seed(seed)
    net = registry.create(row.name, training[0].sample.dim)
    checkpoint = checkpoint_of(out)
    started = perf_counter()
    yield from fit(
        net,
        lambda epoch: Epoch(inputs, points, row, seed * 100_000 + epoch),
        partial(_loss, spec.decoder["stride"]),
        epochs=epochs or row.epochs,
        learning_rate=row.learning_rate,
        device=device,
        checkpoint=checkpoint,
        resume=resume,
    )
    found = [analyze(case.sample, spec, net=net) for case in validation]
    names = class_names(spec, spec.classes)
    measured = measure(distances(found, validation), names, validation[0].sample.axis_unit)
    card = Card(
        name=row.name,
        dim=training[0].sample.dim,
        sha256="",
        parameters=0,
        classes=names,
        trained_on=f"{row.trained_on} (train: {len(training)})",
        split=f"val: {len(validation)} cases, never trained on",
        command=command_of(row.name, data, seed),
        license=row.license,
        metrics=measured,
        seconds=round(perf_counter() - started, 1),
        notes=row.notes,
    )
    card = publish(net, out, card)
    checkpoint.unlink(missing_ok=True)
    yield Step(1.0, f"{row.name}: {measured}", {"card": card})


def evaluate(
    row: LandmarkTraining,
    data: Path,
    *,
    split: str | None = None,
    weights: Path | None = None,
    device: torch.device | str = "cpu",
    predictions: Path | None = None,
) -> Iterator[Step]:
    """Measure on one split of a folder, each sample as the app analyses it.

    The default split is "test", else everything. `predictions` receives landmarks.csv: sample,
    landmark, place in the sample's world coordinates, score.
    """
    spec = registry.find(row.name)
    cases, measured_on = chosen_cases(row, data, split)
    net = registry.load(row.name, device=device, weights=weights)
    started = perf_counter()
    found: list[Analysis] = []
    for case in cases:
        found.append(analyze(case.sample, spec, net=net))
        yield Step(len(found) / len(cases), f"{len(found)} of {len(cases)}")
    seconds = perf_counter() - started
    if predictions is not None:
        _write(found, predictions)
    names, unit = class_names(spec, spec.classes), cases[0].sample.axis_unit
    measured = measure(distances(found, cases), names, unit)
    count = parameters_of(net)
    yield evaluation_step(row.name, data, measured_on, len(cases), measured, count, seconds)


def chosen_cases(row: LandmarkTraining, data: Path, split: str | None) -> tuple[list[Case], str]:
    """The cases of a split and its name: by default those of "test", else all, named "all"."""
    if split is not None:
        return _some(row.read(data, split), split), split
    test = row.read(data, "test")
    if test:
        return test, "test"
    everything = [case for name in ("train", "val") for case in row.read(data, name)]
    return _some(everything, "train or val"), "all"


def _some(cases: list[Case], split: str) -> list[Case]:
    if not cases:
        raise UnsuitableData(f"got no cases of split {split}: expected {split}.txt to name them")
    return cases


def together(fed: Sequence[tuple[Case, Prepared]], spec: ModelSpec) -> tuple[Tensor, Tensor]:
    """Inputs (N, C, *S), the smaller ones padded by their edge, and points (N, P, dim) in them."""
    largest = np.max([prepared.array.shape[1:] for _, prepared in fed], axis=0)
    arrays, points = [], []
    for case, prepared in fed:
        missing = largest - prepared.array.shape[1:]
        arrays.append(np.pad(prepared.array, [(0, 0), *((0, int(n)) for n in missing)], "edge"))
        points.append(prepared.index_in_input(case.points))
    shape = (len(fed), spec.classes, len(largest))
    return (
        torch.from_numpy(np.stack(arrays)),
        torch.from_numpy(np.stack(points).astype(np.float32).reshape(shape)),
    )


def distances(found: Sequence[Analysis], cases: Sequence[Case]) -> np.ndarray:
    """How far (N, P) each point is from where it should be, in the unit of the sample's axes."""
    return np.array(
        [
            np.linalg.norm(
                case.sample.to_world(answer.prediction.positions)
                - case.sample.to_world(case.points),
                axis=1,
            )
            for answer, case in zip(found, cases, strict=True)
        ]
    )


def measure(away: np.ndarray, names: Sequence[str], unit: str) -> dict[str, float]:
    """Mean distance of each landmark and of all, their median, and shares within `NEAR`."""
    numbers = {f"{name}_{unit}": away[:, i].mean() for i, name in enumerate(names)}
    numbers |= {f"mean_{unit}": away.mean(), f"median_{unit}": np.median(away)}
    numbers |= {f"within_{near}_{unit}": (away <= near).mean() for near in NEAR}
    return {name: round(float(value), 4) for name, value in numbers.items()}


def _loss(stride: float, net: nn.Module, x: Tensor, points: Tensor) -> Tensor:
    return landmark_loss(net(x), points, stride)


def _write(found: Sequence[Analysis], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "landmarks.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        dim = found[0].sample.dim
        writer.writerow(["sample", "landmark", *"xyz"[:dim], "score"])
        for answer in found:
            points = answer.prediction
            places = answer.sample.to_world(points.positions)
            for name, place, score in zip(points.names, places, points.scores, strict=True):
                numbers = (f"{value:.4f}" for value in (*place, score))
                writer.writerow([answer.sample.name, name, *numbers])
