"""How much tracing costs over a plain forward pass, and against TorchLens."""

import importlib.util
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn

from dashboard.analysis.benchmarks.timing import Measure, Unavailable, interleaved
from models import registry
from models.nd import Nd
from models.probes.trace import trace
from models.run import run


def convolutions(net: nn.Module, dim: int) -> list[str]:
    """Dotted names of every convolution."""
    return [name for name, layer in net.named_modules() if isinstance(layer, Nd(dim).conv)]


def trace_overhead(
    name: str, dim: int, shape: tuple[int, ...], rounds: int, limit: float, device: str
) -> Iterator[Measure]:
    """Tracing every convolution against a plain pass of one network on noise of `shape`."""
    channels = shape[0]
    net = registry.create(name, dim=dim, in_channels=channels).eval().to(device)
    fed = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    layers = convolutions(net, dim)
    plain, traced = interleaved(
        [lambda: run(net, fed), lambda: trace(net, fed, layers=layers)],
        rounds=rounds,
        device=device,
    )
    detail = f"{len(layers)} convolutions, plain {plain * 1e3:.0f} ms, traced {traced * 1e3:.0f} ms"
    yield Measure(f"{name}, {shape}: traced / plain", traced / plain, "x", limit, detail=detail)


def trace_2d(device: str) -> Iterator[Measure]:
    """ResNet-18 at 224 x 224."""
    yield from trace_overhead("resnet18", 2, (3, 224, 224), 15, 1.15, device)


def trace_3d(device: str) -> Iterator[Measure]:
    """ResNet-18 at 64 x 64 x 64."""
    yield from trace_overhead("resnet18", 3, (1, 64, 64, 64), 9, 1.15, device)


def trace_1d(device: str) -> Iterator[Measure]:
    """The beat network over 30 minutes."""
    rate = registry.find("ecg-beats").input.sampling_rate
    yield from trace_overhead("ecg-beats", 1, (1, int(1800 * rate)), 15, 1.5, device)


def torchlens(device: str) -> Iterator[Measure]:
    """A full trace of every layer, ours against TorchLens', on one network and input."""
    if importlib.util.find_spec("torchlens") is None:
        raise Unavailable("TorchLens is not installed: `pip install 'torchlens>=1,<3'`")
    net = registry.create("resnet18", dim=2, in_channels=3).eval().to(device)
    fed = np.random.default_rng(0).standard_normal((1, 3, 224, 224), dtype=np.float32)
    layers = [name for name, layer in net.named_modules() if name and not list(layer.children())]
    ours, theirs = interleaved(
        [lambda: trace(net, fed, layers=layers), _torchlens_pass(net, fed, device)],
        rounds=5,
        device=device,
    )
    detail = f"{len(layers)} layers, ours {ours * 1e3:.0f} ms, TorchLens {theirs * 1e3:.0f} ms"
    yield Measure("resnet18, 224 x 224: TorchLens / ours", theirs / ours, "x", 3.0, True, detail)


def _torchlens_pass(net: nn.Module, fed: np.ndarray, device: str) -> Callable[[], object]:
    """TorchLens' own full trace, which leaves torch as it was so that ours is not slowed."""
    import torchlens as lens

    capture = lens.options.CaptureOptions(unwrap_when_done=True)
    tensor = torch.from_numpy(fed).to(device)

    def full_trace() -> object:
        with torch.inference_mode():
            return lens.trace(net, tensor, capture=capture)

    return full_trace
