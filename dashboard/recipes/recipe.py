"""What a recipe is: how one shipped network is trained and how it is measured."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from models import weights, zoo
from models.records import Card, Step


class UnsuitableData(ValueError):
    """The data folder does not hold what a recipe reads; the message says what it expects."""


@dataclass(frozen=True)
class Recipe:
    """Training and measuring of the network `name`.

    `train(data, out, *, epochs=None, seed=0, device="cpu", resume=False)` yields steps and ends
    with the weights in `out` (.safetensors) and the model card beside it (.json).
    `evaluate(data, *, split=None, weights=None, device="cpu", predictions=None, **options)`
    yields steps, the last of which holds the result in `values["evaluation"]`; `predictions` is a
    folder that receives what was scored. Both raise UnsuitableData before the first step when
    `data` does not hold what they read.
    """

    name: str
    train: Callable[..., Iterator[Step]]
    evaluate: Callable[..., Iterator[Step]]


def evaluation_step(
    model: str,
    data: Path,
    split: str,
    n: int,
    metrics: Mapping[str, Any],
    parameters: int,
    seconds: float,
) -> Step:
    """The last step of an evaluation: numbers as `evaluate --json` prints them."""
    evaluation = {
        "model": model,
        "data": str(data),
        "split": split,
        "n": n,
        "metrics": dict(metrics),
        "parameters": parameters,
        "seconds": round(seconds, 3),
    }
    return Step(1.0, f"{model}: measured on {n} of {split}", {"evaluation": evaluation})


def parameters_of(net: nn.Module) -> int:
    """Number of trained numbers of a network."""
    return sum(parameter.numel() for parameter in net.parameters())


def publish(net: nn.Module, out: Path, card: Card) -> Card:
    """Store weights in `out` and the card beside it as .json; the card with the file's sha256."""
    weights.save(net, out)
    card = replace(card, sha256=weights.sha256(out), parameters=parameters_of(net))
    zoo.write_card(card, out.with_suffix(".json"))
    return card


def command_of(name: str, data: Path, seed: int) -> str:
    """The command line that trains `name` again, for its card."""
    options = f"--data {data.name} --seed {seed} --out {name}.safetensors"
    return f"python -m dashboard train {name} {options}"


def checkpoint_of(out: Path) -> Path:
    """Where a training towards `out` keeps what `--resume` goes on from."""
    return out.with_suffix(".checkpoint.pt")
