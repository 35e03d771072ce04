"""Train and measure a classifier of images or volumes; what differs is one row per network."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import ceil, isfinite
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from dashboard.analysis.analyze import scores
from dashboard.data.prepare import NORMALISERS, prepare
from dashboard.data.sample import Sample
from dashboard.recipes.labelled import Labelled, read_labelled, select, to_train_and_validate
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
from models.records import Card, Step
from models.spec import DOMAINS, InputSpec, ModelSpec
from models.training import metrics
from models.training.loop import fit, shuffled

EVALUATED_TOGETHER = 250


@dataclass(frozen=True)
class Classification:
    """How the network `name` is trained.

    `augment` changes a batch (N, C, *S) of values in 0..1, in fed index order; `held_out` cases
    are kept aside where the data name no validation split; `checks` measures the trained network
    on samples that come with the app, which are another source of data. `trained_on`, `license`
    and `notes` go into the card. `stored` turns the images of a data set, once, into what
    `augment` gets; `sizes` are the images' extents that are read, the first that the data have
    (default: that of the network's input), `extent_mm` the length of each of their axes;
    `balanced` weighs each class by the inverse of how often it occurs.
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
    stored: Callable[[np.ndarray], np.ndarray] | None = None
    sizes: tuple[tuple[int, ...], ...] = ()
    extent_mm: float | None = None
    balanced: bool = False

    def read(self, data: Path, spec: ModelSpec) -> list[Labelled]:
        """The cases of a folder, of the first of `sizes` that it has; raises UnsuitableData."""
        size, *others = self.sizes or (spec.input.size,)
        return read_labelled(data, size, spec.classes, others)

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
        for chosen in shuffled(len(self.cases), self.row.batch, generator):
            index = chosen.numpy()
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
    spec: ModelSpec | None = None,
) -> Iterator[Step]:
    """Train on one part of `data`, measure on the other, write weights and card.

    The steps that end an epoch also have the validation accuracy so far. `spec` replaces that of
    the registry where other classes or values are trained on.
    """
    spec = spec or registry.find(row.name)
    training, validation = to_train_and_validate(row.read(data, spec), row.held_out)
    torch.manual_seed(seed)
    net = spec.build(len(spec.input.size), spec.input.channels, spec.classes)
    checkpoint = checkpoint_of(out)
    started = perf_counter()
    given = (
        training if row.stored is None else replace(training, images=row.stored(training.images))
    )
    steps = fit(
        net,
        lambda epoch: Epoch(given, row, spec.input, seed * 100_000 + epoch),
        partial(_loss, row.label_smoothing, _class_weights(row, training, spec.classes)),
        epochs=epochs or row.epochs,
        learning_rate=row.learning_rate,
        device=device,
        checkpoint=checkpoint,
        resume=resume,
    )
    fed = np.stack([feed(image, spec.input, row.extent_mm) for image in validation.images])
    for step in steps:
        ended = "epoch_loss" in step.values
        yield _with_accuracy(step, net, spec, fed, validation) if ended else step
    answers = _answers(net, spec, fed)
    measured = measure(answers, validation.labels, class_names(spec, spec.classes))
    card = _card(row, spec, training, validation, command_of(row.name, data, seed))
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
    spec: ModelSpec | None = None,
) -> Iterator[Step]:
    """Measure on a folder of NPZ files, every image fed as the app feeds it.

    `predictions` receives probabilities.npz: `p` (N, classes) and `index` (N,), the place of each
    case in its split, files in the order of their names. `spec` as in `train`.
    """
    spec = spec or registry.find(row.name)
    cases = select(row.read(data, spec), split)
    net = registry.Registry([spec]).load(row.name, device=device, weights=weights)
    started = perf_counter()
    found = []
    for start in range(0, len(cases), EVALUATED_TOGETHER):
        images = cases.images[start : start + EVALUATED_TOGETHER]
        fed = np.stack([feed(image, spec.input, row.extent_mm) for image in images])
        found.append(_answers(net, spec, fed))
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


def feed(image: np.ndarray, spec: InputSpec, extent_mm: float | None = None) -> np.ndarray:
    """What `prepare` feeds for one image or patch (C, *S) of a data set: (C', *S') float32.

    `extent_mm` is the length of a volume's axes; None: its voxels measure 1 mm.
    """
    size = image.shape[1:]
    spacing = [1.0 if extent_mm is None else extent_mm / n for n in size]
    sample = Sample(
        array=image,
        name="",
        modality=(*DOMAINS[spec.domain].modalities, "image")[0],
        channels=("value",) * len(image),
        units=("",) * len(image),
        axis_unit="mm" if len(size) == 3 else "px",
        affine=np.diag([*spacing, 1.0]) if len(size) == 3 else None,
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


def _loss(smoothing: float, weights: Tensor | None, net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    weights = None if weights is None else weights.to(x.device)
    return functional.cross_entropy(net(x), y, weights, label_smoothing=smoothing)


def _class_weights(row: Classification, training: Labelled, classes: int) -> Tensor | None:
    """Inverse frequencies of the classes with mean 1 over the cases, None where not asked for."""
    if not row.balanced:
        return None
    counts = np.bincount(training.labels, minlength=classes).clip(1)
    return torch.tensor(len(training) / (classes * counts), dtype=torch.float32)


def _answers(net: nn.Module, spec: ModelSpec, fed: np.ndarray) -> np.ndarray:
    """Probabilities (N, classes) of inputs (N, C, *S), as the app's analysis gives them."""
    parts = [
        torch.softmax(scores(net, spec, fed[start : start + EVALUATED_TOGETHER]).float(), dim=1)
        for start in range(0, len(fed), EVALUATED_TOGETHER)
    ]
    return torch.cat(parts).numpy()


def _with_accuracy(
    step: Step, net: nn.Module, spec: ModelSpec, fed: np.ndarray, validation: Labelled
) -> Step:
    """The step that ends an epoch, with the accuracy on the cases kept aside."""
    answer = _answers(net, spec, fed).argmax(axis=1)
    accuracy = metrics.accuracy(validation.labels, answer)
    message = f"{step.message}, validation accuracy {accuracy:.4f}"
    return Step(step.fraction, message, {**step.values, "validation_accuracy": accuracy})


def _card(
    row: Classification, spec: ModelSpec, training: Labelled, validation: Labelled, command: str
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
        command=command,
        license=row.license,
        metrics=found,
        seconds=round(seconds, 1),
        notes=row.notes,
    )
