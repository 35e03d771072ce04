"""What every layer of a network answers in one pass."""

import difflib
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.arithmetic import without_data
from models.locks import dim_of, quiet
from models.probes.geometry import Geometry, geometry
from models.run import as_batch


@dataclass(frozen=True)
class LayerRecord:
    """One call of one module.

    `shape` (C, *S) without the batch axis. Unit u has its receptive field, `field` fed samples
    long, centred at fed index `offset + stride * u`, per axis; all three are None where no
    position is left (flattened, pooled to one) or known. `array` (C, *S) for one input, (N, C,
    *S) for a batch; None in a survey.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    stride: tuple[float, ...] | None
    offset: tuple[float, ...] | None
    field: tuple[float, ...] | None
    parameters: int
    array: np.ndarray | None = None


@dataclass(frozen=True)
class Trace:
    """Layers in the order they ran, the network's output, and the seconds of the pass.

    `output` is shaped like the arrays of the layers, None when it is not one tensor.
    """

    records: tuple[LayerRecord, ...]
    output: np.ndarray | None
    seconds: float

    @property
    def names(self) -> list[str]:
        return [record.name for record in self.records]

    def __getitem__(self, name: str) -> LayerRecord:
        for record in self.records:
            if record.name == name:
                return record
        raise UnknownLayer(_near(name, self.names))

    def __iter__(self) -> Iterator[LayerRecord]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)


class UnknownLayer(KeyError):
    """A layer name that the network, or the trace, does not have."""

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError would show the message in quotes


def trace(
    net: nn.Module,
    x: np.ndarray | Tensor,
    layers: Sequence[str] | None = None,
    *,
    on_progress: Callable[[float], None] | None = None,
) -> Trace:
    """Run `x` (C, *S) or (N, C, *S) once and record layers.

    `layers=None` surveys every leaf module: shapes and places, no arrays. Else the named modules
    (blocks and stages too) are recorded with their arrays, which share the memory of the pass on
    a CPU. A module called again is recorded as `NAME:2`, `NAME:3` ... The network is left as it
    was. `on_progress` hears the share (0..1) of the leaf modules that have run; what it raises ends
    the pass. Raises UnknownLayer and, for a wrong number of axes, ValueError.
    """
    modules = _leaves(net) if layers is None else named_layers(net, layers)
    with quiet(net):
        dim = dim_of(net)
        places = geometry(net, dim)
        batch = as_batch(net, x)
        single = np.ndim(x) == dim + 1
        calls: list[_Call] = []
        keep = _shape_only if layers is None else torch.clone if _overwrites(net) else _itself
        with _hooks(modules, calls, keep), _heard(net, on_progress):
            start = time.perf_counter()
            output = net(batch)
            seconds = time.perf_counter() - start
        return Trace(_records(calls, places, single), _as_array(output, single), seconds)


def outline(net: nn.Module, shape: Sequence[int]) -> Trace:
    """The survey of an input of `shape` (C, *S), at once: on a copy of the network without data."""
    return trace(without_data(net), torch.empty(tuple(shape), device="meta"))


def _leaves(net: nn.Module) -> dict[str, nn.Module]:
    return {name: m for name, m in net.named_modules() if name and not any(m.children())}


def named_layers(net: nn.Module, layers: Sequence[str]) -> dict[str, nn.Module]:
    """Modules by dotted name; raises UnknownLayer with near names for one that does not exist."""
    known = dict(net.named_modules())
    for name in layers:
        if name not in known or not name:
            raise UnknownLayer(_near(name, [n for n in known if n]))
    return {name: known[name] for name in layers}


def _near(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=5, cutoff=0.3) or list(known)[:5]
    return f"no layer {name!r}; near names: {', '.join(near)}"


# Hooks


Keep = Callable[[Tensor], Tensor | None]  # what of a module's answer outlives the pass


def _shape_only(tensor: Tensor) -> None:
    return None


def _itself(tensor: Tensor) -> Tensor:
    return tensor


@dataclass(frozen=True)
class _Call:
    name: str
    module: nn.Module
    shape: tuple[int, ...]
    kept: Tensor | None


@contextmanager
def _hooks(modules: Mapping[str, nn.Module], calls: list[_Call], keep: Keep) -> Iterator[None]:
    """Append to `calls` whatever `modules` answer while inside."""
    with _hooked((module, _hook(name, calls, keep)) for name, module in modules.items()):
        yield


@contextmanager
def _heard(net: nn.Module, on_progress: Callable[[float], None] | None) -> Iterator[None]:
    """Tell `on_progress` after every leaf module what share of them has run."""
    if on_progress is None:
        yield
        return
    leaves, done = list(_leaves(net).values()), 0

    def tell(module: nn.Module, inputs: Any, output: Any) -> None:
        nonlocal done
        done += 1
        on_progress(min(1.0, done / len(leaves)))

    with _hooked((leaf, tell) for leaf in leaves):
        yield


@contextmanager
def _hooked(hooks: Iterable[tuple[nn.Module, Callable[..., None]]]) -> Iterator[None]:
    """Forward hooks that are there only inside."""
    handles = [module.register_forward_hook(hook) for module, hook in hooks]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _hook(name: str, calls: list[_Call], keep: Keep) -> Callable[..., None]:
    count = 0

    def record(module: nn.Module, inputs: Any, output: Any) -> None:
        nonlocal count
        tensor = _first_tensor(output)
        if tensor is None:
            return
        count += 1
        call = name if count == 1 else f"{name}:{count}"
        calls.append(_Call(call, module, tuple(tensor.shape[1:]), keep(tensor)))

    return record


def _first_tensor(output: Any) -> Tensor | None:
    """The tensor of a module's answer, of several the first; None where there is none."""
    if isinstance(output, Tensor):
        return output
    if isinstance(output, (tuple, list)):
        return next((value for value in output if isinstance(value, Tensor)), None)
    return None


def _overwrites(net: nn.Module) -> bool:
    """Whether a module works in place, on memory that a layer before it answered with."""
    return any(getattr(module, "inplace", False) for module in net.modules())


# Records


def _records(
    calls: Sequence[_Call],
    places: Mapping[str, Geometry | None],
    single: bool,
) -> tuple[LayerRecord, ...]:
    return tuple(
        LayerRecord(
            name=call.name,
            kind=re.sub(r"[123]d$", "", type(call.module).__name__),
            shape=call.shape,
            parameters=sum(p.numel() for p in call.module.parameters()),
            array=_as_array(call.kept, single),
            **_place(places.get(call.name)),
        )
        for call in calls
    )


def _place(place: Geometry | None) -> dict[str, Any]:
    if place is None:
        return {"stride": None, "offset": None, "field": None}
    return {"stride": place.stride, "offset": place.offset, "field": place.field}


def _as_array(output: Any, single: bool) -> np.ndarray | None:
    """A tensor's values, without the batch axis for a single input; None for anything else."""
    if not isinstance(output, Tensor) or output.is_meta:
        return None
    tensor = output[0] if single else output
    if tensor.dtype == torch.bfloat16:  # numpy has no such type
        tensor = tensor.float()
    return tensor.cpu().numpy()
