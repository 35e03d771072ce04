"""How the finders of beats are trained, cross-validated over whole records, and measured."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import nn

from dashboard.data.sample import Sample
from dashboard.recipes.beat_records import (
    Scored,
    pooled,
    read_record,
    record_files,
    score_record,
    training_record,
    write_predictions,
)
from dashboard.recipes.beat_rhythm_head import fit_rhythm
from dashboard.recipes.recipe import Recipe, UnsuitableData, evaluation_step, parameters_of
from models import registry, zoo
from models import weights as files
from models.records import AAMI, Card, Step
from models.spec import ModelSpec
from models.training.beats import BeatRecord, Window, WindowBatches, grid_loss
from models.training.loop import fit

EPOCHS = 20
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 0.02

SCORING = (
    "Gross statistics in the manner of ANSI/AAMI EC57: one-to-one matching within 150 ms on the "
    "beats the network itself finds, lead MLII; nothing is scored inside ventricular flutter."
)
LIMITS = (
    "Calibration: of the beats that have a partner, in 15 bins of the probability of their class.",
    "No paced rhythm was seen in training. Research and teaching; not a medical device.",
)


@dataclass(frozen=True)
class BeatFinder:
    """A network that finds and names beats, and how its card says that it names them.

    One with a `rhythm` head gets that fitted after the training; one without must learn the rhythm
    from windows that keep their pauses (`irregular` 0).
    """

    spec: ModelSpec
    naming: str
    irregular: float = Window.irregular

    @property
    def window(self) -> Window:
        """The windows the network is trained on."""
        fed = self.spec.input
        return Window(
            rate=fed.sampling_rate,
            stride=int(self.spec.decoder["stride"]),
            channels=fed.channels,
            irregular=self.irregular,
        )

    def recipe(self) -> Recipe:
        """The two verbs of the command line for this network."""
        return Recipe(self.spec.name, partial(train, self), partial(evaluate, self))


@dataclass(frozen=True)
class Plan:
    """What one training depends on, apart from its records."""

    row: BeatFinder
    window: Window
    epochs: int = EPOCHS
    seed: int = 0
    device: str | torch.device = "cpu"
    resume: bool = False


def train(
    row: BeatFinder,
    data: Path,
    out: Path,
    *,
    epochs: int | None = None,
    seed: int = 0,
    device: str | torch.device = "cpu",
    resume: bool = False,
    folds: int = 0,
    window: Window | None = None,
) -> Iterator[Step]:
    """Train on every unpaced record of `data`; weights to `out`, the card beside it.

    `folds` of whole records are cross-validated first and fill the card's metrics; 0 leaves
    them empty. Checkpoints lie beside `out` until the end. Raises UnsuitableData.
    """
    found = record_files(data, paced=False)
    if folds and not 2 <= folds <= len(found):
        raise UnsuitableData(f"got {folds} folds, expected 2 to {len(found)} for as many records")
    plan = Plan(row, window or row.window, epochs or EPOCHS, seed, device, resume)
    return _train(found, out, plan, folds)


def _train(found: Sequence[Path], out: Path, plan: Plan, folds: int) -> Iterator[Step]:
    spec = plan.row.spec
    samples = [read_record(path) for path in found]
    records = [training_record(sample, spec) for sample in samples]
    scores = yield from _cross_validate(samples, records, out, plan, folds)
    started = perf_counter()
    net = _fresh(plan)
    steps = _fitted(net, records, _checkpoint(out), plan)
    yield from _part(steps, folds, folds + 1, "all records")
    files.save(net, out)
    card = _card(net, out, records, scores, plan, folds, perf_counter() - started)
    zoo.write_card(card, out.with_suffix(".json"))
    for fold in (None, *range(folds)):
        _checkpoint(out, fold).unlink(missing_ok=True)
    yield Step(1.0, f"{spec.name}: trained on {len(records)} records", {"card": card})


def _cross_validate(
    samples: Sequence[Sample], records: Sequence[BeatRecord], out: Path, plan: Plan, folds: int
) -> Iterator[Step]:
    """Train without each fold in turn and score it; returns the scores by record.

    Fold k holds every `folds`-th record from the k-th on, in the order of their names.
    """
    scores: dict[str, Scored] = {}
    for fold in range(folds):
        known = [record for i, record in enumerate(records) if i % folds != fold]
        net = _fresh(plan)
        steps = _fitted(net, known, _checkpoint(out, fold), plan)
        yield from _part(steps, fold, folds + 1, f"fold {fold + 1}/{folds}")
        scores |= {s.name: score_record(net, plan.row.spec, s)[0] for s in samples[fold::folds]}
    return scores


def _fresh(plan: Plan) -> nn.Module:
    """The network with the random weights of the plan's seed, which dropout goes on from."""
    torch.manual_seed(plan.seed)
    return registry.create(plan.row.spec.name, dim=1)


def _fitted(
    net: nn.Module, records: Sequence[BeatRecord], checkpoint: Path, plan: Plan
) -> Iterator[Step]:
    """The one way the network is trained: every fold and the shipped weights alike."""
    yield from fit(
        net,
        WindowBatches(records, plan.window, plan.seed),
        grid_loss,
        epochs=plan.epochs,
        learning_rate=LEARNING_RATE,
        weight_decay=WEIGHT_DECAY,
        device=plan.device,
        checkpoint=checkpoint,
        resume=plan.resume,
    )
    if hasattr(net, "rhythm"):
        fit_rhythm(net.rhythm, records, plan.window.rate)


def _checkpoint(out: Path, fold: int | None = None) -> Path:
    return out.with_suffix(".checkpoint" if fold is None else f".fold{fold}.checkpoint")


def _part(steps: Iterator[Step], index: int, count: int, title: str) -> Iterator[Step]:
    """The steps of part `index` of `count`, as fractions of the whole."""
    for step in steps:
        fraction = min((index + step.fraction) / count, 0.999)
        yield replace(step, fraction=fraction, message=f"{title}, {step.message}")


def evaluate(
    row: BeatFinder,
    data: Path,
    *,
    split: str | None = None,
    weights: Path | None = None,
    device: str | torch.device = "cpu",
    predictions: Path | None = None,
    paced: bool = False,
) -> Iterator[Step]:
    """Score the network on the WFDB records of `data` that have reference beats (.atr).

    `split` names a text file of record names in `data`; without it `test.txt` where there is one,
    else every record. Raises UnsuitableData.
    """
    found = record_files(data, paced=paced, split=split)
    net = registry.load(row.spec.name, device=device, weights=weights)
    used = split or ("test" if (data / "test.txt").is_file() else "everything")
    return _evaluate(row.spec, found, data, used, net, predictions)


def _evaluate(
    spec: ModelSpec,
    found: Sequence[Path],
    data: Path,
    split: str,
    net: nn.Module,
    predictions: Path | None,
) -> Iterator[Step]:
    started = perf_counter()
    scores: dict[str, Scored] = {}
    for index, path in enumerate(found):
        scores[path.stem], beats = score_record(net, spec, read_record(path))
        if predictions is not None:
            predictions.mkdir(parents=True, exist_ok=True)
            write_predictions(predictions / f"{path.stem}.csv", beats)
        yield Step((index + 0.9) / len(found), f"{path.stem}: {len(beats)} beats")
    metrics = pooled(scores.values()).as_metrics()
    metrics["records"] = {name: entry.as_metrics() for name, entry in scores.items()}
    seconds = perf_counter() - started
    count = parameters_of(net)
    yield evaluation_step(spec.name, data, split, len(found), metrics, count, seconds)


def _card(
    net: nn.Module,
    out: Path,
    records: Sequence[BeatRecord],
    scores: Mapping[str, Scored],
    plan: Plan,
    folds: int,
    seconds: float,
) -> Card:
    weights = plan.row.spec.weights[0]
    return Card(
        name=out.stem,
        dim=1,
        sha256=files.sha256(out),
        parameters=parameters_of(net),
        classes=AAMI,
        trained_on=weights.trained_on,
        split=_split_text([record.name for record in records], folds),
        command=_command(plan, folds),
        license=weights.license,
        metrics=_card_metrics(scores),
        seconds=round(seconds, 1),
        notes=(*_one_record_notes(records), SCORING, plan.row.naming, *LIMITS),
    )


def _card_metrics(scores: Mapping[str, Scored]) -> dict[str, Any]:
    """Cross-validated gross metrics, and per record the confusion all others follow from."""
    if not scores:
        return {}
    confusions = {name: scores[name].scores.confusion.tolist() for name in sorted(scores)}
    return pooled(scores.values()).as_metrics() | {"record_confusions": confusions}


def _split_text(names: Sequence[str], folds: int) -> str:
    if not folds:
        return "trained on every record, not validated"
    parts = "; ".join(" ".join(names[fold::folds]) for fold in range(folds))
    return f"cross-validated in {folds} folds of whole records ({parts}), then trained on all"


def _command(plan: Plan, folds: int) -> str:
    """The command line that makes these weights; options that have their default are left out."""
    options = {"folds": (folds, 0), "epochs": (plan.epochs, EPOCHS), "seed": (plan.seed, 0)}
    given = [f" --{name} {value}" for name, (value, usual) in options.items() if value != usual]
    name = plan.row.spec.name
    start = f"python -m dashboard train {name} --data DIR --out {name}.safetensors"
    return start + "".join(given)


def _one_record_notes(records: Sequence[BeatRecord]) -> list[str]:
    """Classes of which one record owns more than half: their numbers say little of other people."""
    notes = []
    for kind, name in enumerate(AAMI):
        counts = {record.name: int((record.labels == kind).sum()) for record in records}
        owner = max(counts, key=counts.get)
        if counts[owner] > sum(counts.values()) / 2:
            notes.append(
                f"{counts[owner]} of the {sum(counts.values())} {name} beats lie in record "
                f"{owner}: {name} can hardly be learned from the others, nor judged by them."
            )
    return notes


ROWS = (
    BeatFinder(
        registry.find("ecg-beats"),
        "S and N have one shape: a logistic regression over RR ratios and the presence of P waves "
        "tells them apart, fitted to the reference beats of the training records. To compare with: "
        "ecg-unet, a published architecture on the same folds, and its card.",
    ),
    BeatFinder(
        registry.find("ecg-unet"),
        "A published architecture to compare ecg-beats with, on the same folds: it sees the lead "
        "alone and has a logit for each class. Trained alike, but for pauses that are not drawn "
        "anew, since it must tell S from N by them.",
        irregular=0.0,
    ),
)
RECIPES = tuple(row.recipe() for row in ROWS)
