"""Train and measure a classifier of images or volumes; what differs is one row per network."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from math import ceil, isfinite
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from dashboard.data.prepare import NORMALISERS, prepare
from dashboard.data.sample import Sample
from dashboard.recipes.labelled import Labelled, read_labelled, select, to_train_and_validate
from dashboard.recipes.recipe import (
    Recipe,
    checkpoint_of,
    evaluation_step,
    parameters_of,
    publish,
)
from models import registry
from models.decode.classes import class_names
from models.records import Card, Step
from models.run import run
from models.spec import DOMAINS, InputSpec, ModelSpec
from models.training import metrics
from models.training.loop import fit

EVALUATED_TOGETHER = 250


@dataclass(frozen=True)
class Classification:
    """How the network `name` is trained.

    `augment` changes a batch (N, C, *S) of values in 0..1, in fed index order; `held_out` cases
    are kept aside where the data name no validation split; `checks` measures the trained network
    on samples that come with the app, which are another source of data. `trained_on`, `license`
    and `notes` go into the card.
    """

    name: str
    augment: Callable[[Tensor, torch.Generator], Tensor]
    checks: Callable[[nn.Module, ModelSpec], Mapping[str, float]]
    epochs: int
    batch: int
    learning_rate: float
    trained_on: str
    license: str
    label_smoothing: float = 0.0
    held_out: int = 0
    notes: tuple[str, ...] = ()

    def recipe(self) -> Recipe:
        """The two verbs of the command line for this network."""
        return Recipe(self.name, partial(train, self), partial(evaluate, self))


@dataclass(frozen=True)
class Epoch:
    """One shuffled, augmented pass over the training cases; the same for the same `seed`."""

    cases: Labelled
    row: Classification
    spec: InputSpec
    seed: int

    def __len__(self) -> int:
        return ceil(len(self.cases) / self.row.batch)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        generator = torch.Generator().manual_seed(self.seed)
        order = torch.randperm(len(self.cases), generator=generator).numpy()
        for start in range(0, len(order), self.row.batch):
            index = order[start : start + self.row.batch]
            values = torch.from_numpy(unit_range(self.cases.images[index]))
            changed = self.row.augment(values, generator).clamp(0, 1)
            yield normalised(changed, self.spec), torch.from_numpy(self.cases.labels[index])


def unit_range(images: np.ndarray) -> np.ndarray:
    """Stored images as float32: 8 bit divided by 255, the rest as it is."""
    return images.astype(np.float32) / np.float32(255 if images.dtype == np.uint8 else 1)


def normalised(batch: Tensor, spec: InputSpec) -> Tensor:
    """Every image of a batch normalised by itself, by the function that the app uses."""
    normalise = NORMALISERS[spec.normalise]
    fed = np.stack([normalise(image, spec) for image in batch.numpy()])
    return torch.from_numpy(fed.astype(np.float32))


def train(
    row: Classification,
    data: Path,
    out: Path,
    *,
    epochs: int | None = None,
    seed: int = 0,
    device: torch.device | str = "cpu",
    resume: bool = False,
) -> Iterator[Step]:
    """Train on one part of `data`, measure on the other, write weights and card.

    The steps that end an epoch also have the validation accuracy so far.
    """
    spec = registry.find(row.name)
    training, validation = to_train_and_validate(
        read_labelled(data, spec.input.size, spec.classes), row.held_out
    )
    torch.manual_seed(seed)
    net = registry.create(row.name, len(spec.input.size))
    checkpoint = checkpoint_of(out)
    started = perf_counter()
    steps = fit(
        net,
        lambda epoch: Epoch(training, row, spec.input, seed * 100_000 + epoch),
        partial(_loss, row.label_smoothing),
        epochs=epochs or row.epochs,
        learning_rate=row.learning_rate,
        device=device,
        checkpoint=checkpoint,
        resume=resume,
    )
    fed = np.stack([feed(image, spec.input) for image in validation.images])
    for step in steps:
        yield _with_accuracy(step, net, fed, validation) if "epoch_loss" in step.values else step
    measured = measure(_answers(net, fed), validation.labels, class_names(spec, spec.classes))
    card = _card(row, spec, training, validation, f"--data {data.name} --seed {seed}")
    found = {**measured, **row.checks(net, spec)}
    card = publish(net, out, card(found, perf_counter() - started))
    checkpoint.unlink(missing_ok=True)
    yield Step(1.0, f"{row.name}: {found['accuracy']:.4f} of {validation.split}", {"card": card})


def evaluate(
    row: Classification,
    data: Path,
    *,
    split: str | None = None,
    weights: Path | None = None,
    device: torch.device | str = "cpu",
    predictions: Path | None = None,
) -> Iterator[Step]:
    """Measure on a folder of NPZ files, every image fed as the app feeds it.

    `predictions` receives probabilities.npz: `p` (N, classes) and `index` (N,), the place of each
    case in its split, files in the order of their names.
    """
    spec = registry.find(row.name)
    cases = select(read_labelled(data, spec.input.size, spec.classes), split)
    net = registry.load(row.name, device=device, weights=weights)
    started = perf_counter()
    found = []
    for start in range(0, len(cases), EVALUATED_TOGETHER):
        images = cases.images[start : start + EVALUATED_TOGETHER]
        found.append(_answers(net, np.stack([feed(image, spec.input) for image in images])))
        done = start + len(images)
        yield Step(done / len(cases), f"{done} of {len(cases)}")
    probabilities = np.concatenate(found)
    seconds = perf_counter() - started
    if predictions is not None:
        predictions.mkdir(parents=True, exist_ok=True)
        index = np.arange(len(cases))
        np.savez_compressed(predictions / "probabilities.npz", p=probabilities, index=index)
    names = class_names(spec, probabilities.shape[1])
    measured = measure(probabilities, cases.labels, names)
    count = parameters_of(net)
    yield evaluation_step(row.name, data, cases.split, len(cases), measured, count, seconds)


def feed(image: np.ndarray, spec: InputSpec) -> np.ndarray:
    """What `prepare` feeds for one image or patch (C, *S) of a data set: (C, *S) float32."""
    size = image.shape[1:]
    sample = Sample(
        array=image,
        name="",
        modality=(*DOMAINS[spec.domain].modalities, "image")[0],
        channels=("value",) * len(image),
        units=("",) * len(image),
        axis_unit="mm" if len(size) == 3 else "px",
        affine=np.eye(4) if len(size) == 3 else None,
    )
    return prepare(sample, spec, position=tuple(n // 2 for n in size)).array


def measure(
    probabilities: np.ndarray, truth: np.ndarray, names: tuple[str, ...]
) -> dict[str, float | dict[str, float] | None]:
    """The numbers of an evaluation; None where one is not defined for these cases."""
    answer = probabilities.argmax(axis=1)
    numbers = {
        "accuracy": metrics.accuracy(truth, answer),
        "balanced_accuracy": metrics.balanced_accuracy(truth, answer, len(names)),
        "auc": metrics.auc(truth, probabilities),
    }
    defined = {name: value if isfinite(value) else None for name, value in numbers.items()}
    return {**defined, "per_class": metrics.per_class(truth, answer, names)}


def _loss(smoothing: float, net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return functional.cross_entropy(net(x), y, label_smoothing=smoothing)


def _answers(net: nn.Module, fed: np.ndarray) -> np.ndarray:
    """Probabilities (N, classes) of inputs (N, C, *S)."""
    parts = [
        torch.softmax(run(net, fed[start : start + EVALUATED_TOGETHER]).float(), dim=1)
        for start in range(0, len(fed), EVALUATED_TOGETHER)
    ]
    return torch.cat(parts).numpy()


def _with_accuracy(step: Step, net: nn.Module, fed: np.ndarray, validation: Labelled) -> Step:
    """The step that ends an epoch, with the accuracy on the cases kept aside."""
    answer = _answers(net, fed).argmax(axis=1)
    accuracy = metrics.accuracy(validation.labels, answer)
    message = f"{step.message}, validation accuracy {accuracy:.4f}"
    return Step(step.fraction, message, {**step.values, "validation_accuracy": accuracy})


def _card(
    row: Classification, spec: ModelSpec, training: Labelled, validation: Labelled, options: str
) -> Callable[[Mapping[str, Any], float], Card]:
    """The card but for what is only known after training: the numbers and the seconds."""
    return lambda found, seconds: Card(
        name=row.name,
        dim=len(spec.input.size),
        sha256="",
        parameters=0,
        classes=class_names(spec, spec.classes),
        trained_on=f"{row.trained_on} ({training.split}: {len(training)})",
        split=f"{validation.split}: {len(validation)} cases, never trained on",
        command=f"python -m dashboard train {row.name} {options} --out {row.name}.safetensors",
        license=row.license,
        metrics=found,
        seconds=round(seconds, 1),
        notes=row.notes,
    )
