"""Where the units of every layer lie on the input, derived from the graph of the network.

A unit u of a map sees, along each axis, the fed samples from `stride * u + low` to
`stride * u + high`. Every operation of the graph (torch.fx) changes these three numbers in a way
that follows from its definition: see Dumoulin & Visin 2016, "A guide to convolution arithmetic",
and Araujo, Norris, Sim 2019, "Computing receptive fields of convolutional neural networks",
doi:10.23915/distill.00021, eq. 2-6.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from torch import fx, nn
from torch.fx.proxy import TraceError

from models.locks import lock_of
from models.probes.reach import (
    Reach,
    Unplaced,
    Value,
    merge,
    through_function,
    through_module,
)


@dataclass(frozen=True)
class Geometry:
    """Unit u of a map has its field, `field` samples long, centred at `offset + stride * u`.

    One entry per axis, in fed samples. Where units differ in what they see (after upsampling),
    `field` spans all of them; it is fractional only where strides are.
    """

    stride: tuple[float, ...]
    offset: tuple[float, ...]
    field: tuple[float, ...]


OUTPUT = ""  # the name of the network's own output in what `geometry` returns

_CACHE: WeakKeyDictionary[nn.Module, dict[int, Mapping[str, Geometry | None]]] = WeakKeyDictionary()


def geometry(net: nn.Module, dim: int) -> Mapping[str, Geometry | None]:
    """Geometry of every module that is called, containers included, by dotted name.

    The output of the network has the name "". A module called again has `NAME:2`, `NAME:3` ...
    None: no position is left (flattened, pooled to one number, an operation not known here); a
    network that torch.fx cannot follow gives an empty mapping. The answer is kept as long as the
    network lives; a network whose layers are exchanged needs a fresh module.
    """
    with lock_of(net):
        known = _CACHE.setdefault(net, {})
        if dim not in known:
            known[dim] = _derive(net, dim)
        return known[dim]


def _derive(net: nn.Module, dim: int) -> Mapping[str, Geometry | None]:
    graph = graph_of(net)
    if graph is None:
        return {}
    reached: dict[fx.Node, Value] = {}
    found: dict[str, Geometry | None] = {}
    for node in graph.nodes:
        reached[node] = _reach_of(node, net, dim, reached)
        for key, (name, _) in node.meta.get("nn_module_stack", {}).items():
            found[_call_name(key, name)] = _as_geometry(reached[node])
        if node.op == "output":
            found[OUTPUT] = _as_geometry(reached[node])
    return found


def _call_name(key: str, name: str) -> str:
    """torch.fx marks the second call of a module "name@1", a trace "name:2"."""
    calls = key.rpartition("@")[2]
    return f"{name}:{int(calls) + 1}" if "@" in key else name


def _as_geometry(reach: Value) -> Geometry | None:
    if not isinstance(reach, Reach):
        return None
    centre = [(low + high) / 2 for low, high in zip(reach.low, reach.high, strict=True)]
    field = [high - low + 1 for low, high in zip(reach.low, reach.high, strict=True)]
    return Geometry(
        stride=tuple(map(_number, reach.stride)),
        offset=tuple(map(_number, centre)),
        field=tuple(map(_number, field)),
    )


def _number(value: Any) -> float:
    return int(value) if value == int(value) else float(value)


def _reach_of(node: fx.Node, net: nn.Module, dim: int, reached: dict[fx.Node, Value]) -> Value:
    """What the units of a node's result see of the input."""
    if node.op == "placeholder":
        # The first argument is the sample; others (masks, options) are not followed.
        return Reach.identity(dim) if not reached else Unplaced.UNKNOWN
    if node.op == "get_attr":
        return Unplaced.CONSTANT
    args = fx.map_arg(node.args, lambda n: reached[n])
    options = fx.map_arg(node.kwargs, lambda n: reached[n])
    if node.op == "output":
        return merge(args)
    if node.op == "call_module":
        return through_module(net.get_submodule(node.target), (args, options))
    name = node.target if isinstance(node.target, str) else node.target.__name__
    return through_function(name, args, options)


# Following the graph

_TRACING = threading.Lock()

# What a forward that depends on values or sizes raises when it is fed a proxy.
_CANNOT_FOLLOW = (TraceError, TypeError, ValueError, AttributeError, RuntimeError, IndexError)


class _ThreadTracer(fx.Tracer):
    """A tracer that leaves other threads alone.

    While torch.fx traces, it replaces `nn.Module.__call__` and `__getattr__` for the whole
    process: a network that another session runs at that moment would come through here.
    """

    def __init__(self) -> None:
        super().__init__()
        self.owner = threading.get_ident()

    def call_module(
        self, m: nn.Module, forward: Callable[..., Any], args: tuple, kwargs: dict[str, Any]
    ) -> Any:
        if threading.get_ident() != self.owner:
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        if threading.get_ident() != self.owner:
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)


def graph_of(net: nn.Module) -> fx.Graph | None:
    """The graph of a network's forward, None where torch.fx cannot follow it."""
    with _TRACING:  # two traces at once would restore each other's replacements
        try:
            return _ThreadTracer().trace(net)
        except _CANNOT_FOLLOW:
            return None
