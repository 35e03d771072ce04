"""Train a network, epoch by epoch, as a generator of steps that can be stopped and resumed."""

from collections.abc import Callable, Iterable, Iterator
from math import cos, isfinite, pi
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from models.records import Step

Batches = Callable[[int], Iterable[tuple[Tensor, ...]]]
Loss = Callable[..., Tensor]

WARM_UP = 0.1  # part of the training during which the learning rate rises


class Diverged(ArithmeticError):
    """The loss became infinite or NaN."""


def fit(
    net: nn.Module,
    batches: Batches,
    loss: Loss,
    *,
    epochs: int,
    learning_rate: float = 1e-3,
    weight_decay: float = 1e-2,
    device: torch.device | str = "cpu",
    checkpoint: Path | None = None,
    resume: bool = False,
) -> Iterator[Step]:
    """Train `net` in place with AdamW under one rise and one cosine fall of the learning rate.

    `batches(epoch)` gives an iterable of known length of tuples of tensors, and must depend on
    `epoch` alone if a resumed training is to equal an uninterrupted one; `loss(net, *batch)`
    gives a scalar. Yields a step per batch (values: epoch, loss, learning_rate) and one per epoch
    (values: also epoch_loss, the mean over its batches). `checkpoint` is rewritten after every
    epoch; `resume` goes on from it when it exists. Closing the generator stops the training; the
    net is left in evaluation mode. Raises Diverged when the loss is not finite, ValueError when
    the checkpoint was made for another number of epochs.
    """
    net.to(device)
    optimizer = build_optimizer(net, weight_decay)
    first = 0
    if resume and checkpoint is not None and checkpoint.exists():
        first = _restore(checkpoint, net, optimizer, epochs)
    try:
        for epoch in range(first, epochs):
            yield from _epoch(net, batches, loss, optimizer, epoch, epochs, learning_rate, device)
            if checkpoint is not None:
                _store(checkpoint, net, optimizer, epoch + 1, epochs)
    finally:
        net.eval()


def shuffled(count: int, batch: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Indices (B,) of one random pass over `count` cases in batches; the last may be smaller."""
    yield from torch.randperm(count, generator=generator).split(batch)


def build_optimizer(net: nn.Module, weight_decay: float) -> torch.optim.AdamW:
    """AdamW that decays kernels and matrices, never biases or the scales of norms."""
    parameters = [p for p in net.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]])


def rate_at(progress: float) -> float:
    """Learning rate at `progress` (0..1) of the training, relative to the highest.

    A function of progress alone: a resumed training needs no state of a scheduler.
    """
    if progress < WARM_UP:
        return 0.05 + 0.95 * progress / WARM_UP
    return 0.5 * (1 + cos(pi * (progress - WARM_UP) / (1 - WARM_UP)))


def _epoch(
    net: nn.Module,
    batches: Batches,
    loss: Loss,
    optimizer: torch.optim.Optimizer,
    epoch: int,
    epochs: int,
    learning_rate: float,
    device: torch.device | str,
) -> Iterator[Step]:
    """The steps of one epoch; the last of them carries the epoch's mean loss."""
    series = batches(epoch)
    count = len(series)
    losses = []
    for index, batch in enumerate(series):
        progress = (epoch + index / count) / epochs
        rate = learning_rate * rate_at(progress)
        # Whoever consumes the steps may have switched the net to evaluation in between.
        net.train()
        losses.append(_update(net, batch, loss, optimizer, rate, device))
        if not isfinite(losses[-1]):
            raise Diverged(f"the loss became {losses[-1]} in epoch {epoch + 1}; lower the rate")
        values = {"epoch": epoch + 1, "loss": losses[-1], "learning_rate": rate}
        if index + 1 == count:
            values["epoch_loss"] = sum(losses) / count
        message = f"epoch {epoch + 1}/{epochs}, loss {sum(losses) / len(losses):.4f}"
        yield Step((epoch + (index + 1) / count) / epochs, message, values)


def _update(
    net: nn.Module,
    batch: tuple[Tensor, ...],
    loss: Loss,
    optimizer: torch.optim.Optimizer,
    rate: float,
    device: torch.device | str,
) -> float:
    """One step down the gradient of one batch; returns its loss."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad(set_to_none=True)
    value = loss(net, *(tensor.to(device) for tensor in batch))
    value.backward()
    optimizer.step()
    return float(value.detach())


def _store(
    checkpoint: Path, net: nn.Module, optimizer: torch.optim.Optimizer, done: int, epochs: int
) -> None:
    state = {
        "net": net.state_dict(),
        "optimizer": optimizer.state_dict(),
        "done": done,
        "epochs": epochs,
        "random": _random_state(),
    }
    # A stop in the middle of writing must leave the last good checkpoint in place.
    unfinished = checkpoint.with_name(checkpoint.name + ".part")
    torch.save(state, unfinished)
    unfinished.replace(checkpoint)


def _restore(
    checkpoint: Path, net: nn.Module, optimizer: torch.optim.Optimizer, epochs: int
) -> int:
    """Load net, optimizer and random state; returns how many epochs are done."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    if state["epochs"] != epochs:
        raise ValueError(
            f"got {epochs} epochs, expected the {state['epochs']} that {checkpoint.name} was made "
            f"for; resume with --epochs {state['epochs']} or start anew"
        )
    net.load_state_dict(state["net"])
    optimizer.load_state_dict(state["optimizer"])
    _set_random_state(state["random"])
    return state["done"]


def _random_state() -> dict[str, Any]:
    """What dropout draws from, on the processor and on the graphics cards."""
    state = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def _set_random_state(state: dict[str, Any]) -> None:
    torch.set_rng_state(state["cpu"])
    if "cuda" in state and torch.cuda.device_count() == len(state["cuda"]):
        torch.cuda.set_rng_state_all(state["cuda"])
