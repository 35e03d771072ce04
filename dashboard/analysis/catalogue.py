"""The registry as plain values: what `models --json` prints and the home page lists."""

from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from models import registry, zoo
from models.records import Card
from models.spec import InputSpec, ModelSpec


def catalogue() -> list[dict[str, Any]]:
    """One entry per network of the registry, in its order."""
    cards = zoo.cards()
    return [entry(spec, cards.get(spec.name)) for spec in registry.specs()]


def entry(spec: ModelSpec, card: Card | None = None) -> dict[str, Any]:
    """A network as plain values; `card` is that of its shipped weights, if any."""
    return {
        "name": spec.name,
        "title": spec.title,
        "family": spec.family,
        "task": spec.task,
        "dims": list(spec.dims),
        "parameters": {str(dim): parameters(spec, dim) for dim in spec.dims},
        "input": _input(spec.input),
        "classes": _classes(spec),
        "weights": _weights(spec, card),
        "metrics": dict(card.metrics) if card else {},
        "paper": spec.paper,
    }


# A meta tensor has no values, yet filling one takes a millisecond: for all networks, seconds.
_FILLING = {torch.Tensor.normal_, torch.Tensor.uniform_, torch.Tensor.fill_, torch.Tensor.zero_}


class _Unfilled(TorchFunctionMode):
    """While active, tensors are left unfilled."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        return args[0] if func in _FILLING else func(*args, **(kwargs or {}))


def parameters(spec: ModelSpec, dim: int) -> int:
    """How many parameters the network has in `dim` dimensions; no memory is taken for them."""
    with torch.device("meta"), _Unfilled():
        net = spec.build(dim, spec.input.channels, spec.classes)
    return sum(p.numel() for p in net.parameters())


def _input(spec: InputSpec) -> dict[str, Any]:
    described: dict[str, Any] = {
        "channels": spec.channels,
        "size": "any" if spec.size is None else list(spec.size),
    }
    if spec.sampling_rate is not None:
        described["sampling_rate_hz"] = spec.sampling_rate
    if spec.spacing is not None:
        described["spacing_mm"] = spec.spacing
    return described


def _classes(spec: ModelSpec) -> list[str]:
    weights = spec.weights_for()
    return list(weights.classes) if weights else []


def _weights(spec: ModelSpec, card: Card | None) -> dict[str, Any]:
    weights = spec.weights_for()
    if weights is None:
        return {"shipped": False, "url": "", "sha256": "", "license": "", "trained_on": ""}
    return {
        "shipped": weights.shipped,
        "url": weights.url,
        "sha256": weights.sha256 or (card.sha256 if card else ""),
        "license": weights.license or (card.license if card else ""),
        "trained_on": weights.trained_on or (card.trained_on if card else ""),
    }
