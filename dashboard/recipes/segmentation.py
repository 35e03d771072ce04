"""Train and measure a network that names every position; what differs is one row per network."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dashboard.analysis.analyze import input_of, predict
from dashboard.data.writers.labels_nifti import write_labels
from dashboard.recipes.delineated import Delineated, Fed, fed, names_of, read_cases
from dashboard.recipes.recipe import (
    Recipe,
    checkpoint_of,
    command_of,
    evaluation_step,
    parameters_of,
    publish,
)
from models import registry
from models.decode.classes import class_names
from models.records import Card, Mask, Step
from models.spec import ModelSpec
from models.training import overlap, segmentation
from models.training.loop import fit, shuffled

Augment = Callable[[Tensor, Tensor, torch.Generator], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Segmentation:
    """How the network `name` is trained.

    `size` (*F) is what every case is cut or padded to, a multiple of the network's; `augment`
    changes values (N, C, *F) in 0..1 and labels (N, *F); `bfloat16` runs convolutions in half
    precision; every `measured` epochs the validation cases are segmented; `checks` measures the
    trained network on samples that come with the app, which are another source of data.
    """

    name: str
    size: tuple[int, ...]
    augment: Augment
    epochs: int
    batch: int
    learning_rate: float
    trained_on: str
    license: str
    checks: Callable[[nn.Module, ModelSpec], Mapping[str, float]] = lambda net, spec: {}
    bfloat16: bool = False
    measured: int = 1
    notes: tuple[str, ...] = ()

    def recipe(self) -> Recipe:
        """The two verbs of the command line for this network."""
        return Recipe(self.name, partial(train, self), partial(evaluate, self))


@dataclass(frozen=True)
class Epoch:
    """One shuffled, augmented pass over the training cases; the same for the same `seed`."""

    cases: Sequence[Fed]
    row: Segmentation
    seed: int

    def __len__(self) -> int:
        return ceil(len(self.cases) / self.row.batch)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        generator = torch.Generator().manual_seed(self.seed)
        for chosen in shuffled(len(self.cases), self.row.batch, generator):
            placed = [in_size(self.cases[i], self.row.size, generator) for i in chosen.tolist()]
            values = torch.from_numpy(np.stack([case.values for case in placed]))
            labels = torch.from_numpy(np.stack([case.labels for case in placed]))
            values, labels = self.row.augment((values + 1) / 2, labels, generator)
            yield values.clamp(0, 1) * 2 - 1, labels


def in_size(case: Fed, size: Sequence[int], generator: torch.Generator) -> Fed:
    """A case cut to `size` at a random place where it is longer, padded by its edge elsewhere."""
    values, labels = case.values, case.labels
    for axis, (n, wanted) in enumerate(zip(labels.shape, size, strict=True)):
        spare = n - wanted
        before = int(torch.randint(abs(spare) + 1, (1,), generator=generator))
        if spare >= 0:
            index = range(before, before + wanted)
        else:
            index = np.clip(np.arange(wanted) - before, 0, n - 1)
        values, labels = np.take(values, index, axis + 1), np.take(labels, index, axis)
    return Fed(values, labels)


def train(
    row: Segmentation,
    data: Path,
    out: Path,
    *,
    epochs: int | None = None,
    seed: int = 0,
    device: torch.device | str = "cpu",
    resume: bool = False,
) -> Iterator[Step]:
    """Train on the cases of train.txt, measure on those of val.txt, write weights and card."""
    spec = registry.find(row.name)
    training, validation = (
        list(read_cases(data, names_of(data, split)[1], spec.classes)) for split in ("train", "val")
    )
    torch.manual_seed(seed)
    net = registry.create(row.name, len(row.size))
    checkpoint = checkpoint_of(out)
    started = perf_counter()
    yield from trained(
        row,
        spec,
        net,
        training,
        validation,
        epochs=epochs or row.epochs,
        seed=seed,
        device=device,
        checkpoint=checkpoint,
        resume=resume,
    )
    found = {**measure(segment_all(net, spec, validation), spec), **row.checks(net, spec)}
    card = Card(
        name=row.name,
        dim=len(row.size),
        sha256="",
        parameters=0,
        classes=class_names(spec, spec.classes),
        trained_on=f"{row.trained_on} (train: {len(training)})",
        split=f"val: {len(validation)} volumes, never trained on",
        command=command_of(row.name, data, seed),
        license=row.license,
        metrics=found,
        seconds=round(perf_counter() - started, 1),
        notes=row.notes,
    )
    card = publish(net, out, card)
    checkpoint.unlink(missing_ok=True)
    yield Step(1.0, f"{row.name}: Dice {found['dice']['mean']} of val", {"card": card})


def trained(
    row: Segmentation,
    spec: ModelSpec,
    net: nn.Module,
    training: Sequence[Delineated],
    validation: Sequence[Delineated],
    *,
    epochs: int,
    seed: int = 0,
    device: torch.device | str = "cpu",
    checkpoint: Path | None = None,
    resume: bool = False,
) -> Iterator[Step]:
    """Train `net` in place; every `row.measured` epochs a step has the mean Dice so far."""
    cases = [fed(case, spec.input, spec.classes) for case in training]
    steps = fit(
        net,
        lambda epoch: Epoch(cases, row, seed * 100_000 + epoch),
        partial(_loss, row.bfloat16),
        epochs=epochs,
        learning_rate=row.learning_rate,
        device=device,
        checkpoint=checkpoint,
        resume=resume,
    )
    for step in steps:
        if "epoch_loss" in step.values and step.values["epoch"] % row.measured == 0:
            net.eval()
            found = measure(segment_all(net, spec, validation), spec, surfaces=False)
            mean = found["dice"]["mean"]
            message = f"{step.message}, validation Dice {mean}"
            yield Step(step.fraction, message, {**step.values, "validation_dice": mean})
        else:
            yield step


def evaluate(
    row: Segmentation,
    data: Path,
    *,
    split: str | None = None,
    weights: Path | None = None,
    device: torch.device | str = "cpu",
    predictions: Path | None = None,
) -> Iterator[Step]:
    """Measure on a folder of volumes, each segmented as `analyze` does, in its original space.

    `predictions` receives NAME.nii.gz with the labels found, on the grid of images/NAME.nii.gz.
    """
    spec = registry.find(row.name)
    chosen, names = names_of(data, split)
    net = registry.load(row.name, device=device, weights=weights)
    started = perf_counter()
    scored = []
    for done, case in enumerate(read_cases(data, names, spec.classes), start=1):
        scored.append(segment(net, spec, case))
        if predictions is not None:
            predictions.mkdir(parents=True, exist_ok=True)
            write_labels(scored[-1].mask, case.sample, predictions / f"{case.name}.nii.gz")
        yield Step(done / len(names), f"{done} of {len(names)}")
    seconds = perf_counter() - started
    measured, count = measure(scored, spec), parameters_of(net)
    yield evaluation_step(row.name, data, chosen, len(scored), measured, count, seconds)


@dataclass(frozen=True)
class Scored:
    """A case and the answer about it; `seconds` of preparing, running and decoding."""

    case: Delineated
    mask: Mask
    seconds: float


def segment(net: nn.Module, spec: ModelSpec, case: Delineated) -> Scored:
    """A case through the network, as `analyze` takes it."""
    started = perf_counter()
    mask = predict(net, spec, input_of(case.sample, spec), case.sample)
    return Scored(case, mask, perf_counter() - started)


def segment_all(net: nn.Module, spec: ModelSpec, cases: Sequence[Delineated]) -> list[Scored]:
    """Every case through the network."""
    return [segment(net, spec, case) for case in cases]


def measure(scored: Sequence[Scored], spec: ModelSpec, surfaces: bool = True) -> dict[str, Any]:
    """Numbers of each class, averaged over the cases that have it, and their mean over classes.

    `dice`; with `surfaces` also `hausdorff95` and `surface_distance` in the unit of the axes, over
    the cases where reference and answer have the class, `volume_correlation` (Pearson) and
    `seconds_per_case`, the median. None stands for what is not defined.
    """
    names = class_names(spec, spec.classes)[1:]
    dice = [overlap.dice(s.case.labels, s.mask.labels, spec.classes) for s in scored]
    found = {"dice": _by_name(names, np.stack(dice))}
    if not surfaces:
        return found
    for name, distance in _DISTANCES.items():
        found[name] = _by_name(names, np.stack([_distances(one, distance) for one in scored]))
    found["volume_correlation"] = {
        name: _rounded(_correlation(scored, k)) for k, name in enumerate(names, start=1)
    }
    found["seconds_per_case"] = round(float(np.median([one.seconds for one in scored])), 3)
    return found


_DISTANCES = {
    "hausdorff95": overlap.hausdorff95,
    "surface_distance": overlap.surface_distance,
}


def _distances(scored: Scored, distance: Callable[..., float]) -> list[float]:
    truth, answer, spacing = scored.case.labels, scored.mask.labels, scored.case.sample.spacing
    classes = range(1, len(scored.mask.names))
    return [distance(truth == k, answer == k, spacing) for k in classes]


def _correlation(scored: Sequence[Scored], k: int) -> float:
    """Pearson's between the sizes of class `k` in reference and answer; NaN where undefined."""
    sizes = np.array([[(s.case.labels == k).sum(), (s.mask.labels == k).sum()] for s in scored])
    return float(np.corrcoef(sizes.T)[0, 1]) if (np.ptp(sizes, axis=0) > 0).all() else np.nan


def _by_name(names: Sequence[str], values: np.ndarray) -> dict[str, float | None]:
    """Means over the cases of values (cases, classes), NaN left out, and the mean of those."""
    there = np.isfinite(values)
    sums = np.where(there, values, 0).sum(axis=0)
    means = [total / n if n else np.nan for total, n in zip(sums, there.sum(axis=0), strict=True)]
    numbers = zip((*names, "mean"), (*means, np.mean(means)), strict=True)
    return {name: _rounded(value) for name, value in numbers}


def _rounded(value: float) -> float | None:
    """Four digits; None for what is not defined, which JSON has no number for."""
    return round(float(value), 4) if np.isfinite(value) else None


def _loss(bfloat16: bool, net: nn.Module, x: Tensor, labels: Tensor) -> Tensor:
    with torch.autocast(x.device.type, dtype=torch.bfloat16, enabled=bfloat16):
        scores = net(x)
    return segmentation.loss(scores.float(), labels)
