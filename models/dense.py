"""A patch classifier made fully convolutional: its answer for every window in one pass.

Neighbouring windows share almost all of their convolutions. Run over the whole input, linear
layers turned into convolutions with a kernel of the feature grid, the network computes each of
them once: Sermanet et al. 2014, "OverFeat", section 3.5; Long, Shelhamer, Darrell 2015, "Fully
convolutional networks", section 3.1. Windows then start at multiples of the network's total
stride; with dilated kernels instead of strides ("a trous") at every position: Giusti et al. 2013,
"Fast image scanning with deep max-pooling networks"; Li et al. 2014, arXiv:1412.4526.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import fx, nn

from models.arithmetic import without_data
from models.dense_rules import FUNCTIONS, Given, NotDense, Window, left_as_it_is, rule_of
from models.locks import dim_of, still
from models.probes.geometry import graph_of
from models.probes.reach import SIZES
from models.run import chunks, run

__all__ = ["Dense", "NotDense", "dense", "dense_pieces", "joined", "run_dense"]


@dataclass(frozen=True)
class Dense:
    """A fully convolutional copy of a classifier of windows of `size` (one extent per axis).

    `net` takes (N, C, *S); position p of what it answers, (N, K, *P), belongs to the window that
    starts at `stride` * p. `borders` names the layers that pad: in a window cut out they see
    zeros at its border, here the neighbouring samples.
    """

    net: nn.Module
    size: tuple[int, ...]
    stride: tuple[int, ...]
    borders: tuple[str, ...]

    @property
    def exact(self) -> bool:
        """Whether the answers are those of the windows cut out: the case where no layer pads."""
        return not self.borders

    def positions(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Windows along each axis of an input `shape` (*S); ValueError where none fits."""
        if any(n < window for n, window in zip(shape, self.size, strict=True)):
            raise ValueError(f"got {tuple(shape)}, expected at least a window of {self.size}")
        axes = zip(shape, self.size, self.stride, strict=True)
        return tuple((n - window) // step + 1 for n, window, step in axes)


def dense(net: nn.Module, size: Sequence[int], *, every: bool = False) -> Dense:
    """The fully convolutional copy of a classifier (N, C, *size) to (N, K).

    `every` answers at each sample instead of at each multiple of the total stride. The copy has
    weights of its own. Raises NotDense, a ValueError, for a network with an operation that has no
    dense form (a squeeze-and-excitation gate, a norm over the window) or no answer per window.
    """
    dim = dim_of(net)
    if len(size) != dim:
        raise ValueError(f"got a window of {tuple(size)}, expected {dim} extents")
    with still(net):  # in eval mode: some forwards write their mode into the graph
        graph = graph_of(net)
        if graph is None:
            raise NotDense(f"the forward of {type(net).__name__} cannot be followed by torch.fx")
        shapes = _shapes(net, graph, (2, _channels(net), *size))
        private = fx.GraphModule(copy.deepcopy(net), graph, type(net).__name__)
    last = _convert(private, shapes, tuple(size), every)
    private.requires_grad_(False).eval()
    return Dense(private, tuple(size), last.stride, tuple(dict.fromkeys(last.borders)))


def _channels(net: nn.Module) -> int:
    """Channels that the first convolution takes."""
    return next(
        module.in_channels
        for module in net.modules()
        if isinstance(module, nn.modules.conv._ConvNd)
    )


def _shapes(net: nn.Module, graph: fx.Graph, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Shape of every value of the graph, by the name of its node, for a window of `shape`."""
    ghost = without_data(net)
    found: dict[str, tuple[int, ...]] = {}

    class Follow(fx.Interpreter):
        def run_node(self, n: fx.Node) -> object:
            value = super().run_node(n)
            if isinstance(value, torch.Tensor):
                found[n.name] = tuple(value.shape)
            return value

    with torch.inference_mode():
        dtype = next(net.parameters()).dtype
        Follow(fx.GraphModule(ghost, copy.deepcopy(graph))).run(
            torch.empty(shape, dtype=dtype, device="meta")
        )
    return found


def run_dense(
    whole: Dense, array: np.ndarray | torch.Tensor, *, chunk: int | None = None
) -> np.ndarray:
    """The answers (K, *positions) float32, before softmax, for every window of `array` (C, *S).

    `chunk` fed samples along the first axis are run at once (default: all), with margins, so
    that the answer is that of one pass.
    """
    pieces = [piece for _, piece in dense_pieces(whole, array, chunk or array.shape[1])]
    return joined(whole, pieces, array.shape[1:])


def dense_pieces(
    whole: Dense, array: np.ndarray | torch.Tensor, chunk: int
) -> Iterator[tuple[float, np.ndarray]]:
    """The answers piece by piece along the first axis: the share done, scores (K, rows, *P[1:])."""
    if chunk >= array.shape[1]:
        whole.positions(array.shape[1:])
        yield 1.0, run(whole.net, array)[0].float().numpy()
        return
    for share, piece in chunks(whole.net, array, chunk):
        yield share, piece[0].float().numpy()


def joined(whole: Dense, pieces: Sequence[np.ndarray], shape: Sequence[int]) -> np.ndarray:
    """Pieces put together, without what hangs over the end of an input of `shape` (*S)."""
    inside = tuple(slice(0, n) for n in whole.positions(shape))
    return np.concatenate(pieces, axis=1)[(slice(None), *inside)]


# The graph


def _convert(
    net: fx.GraphModule,
    shapes: Mapping[str, tuple[int, ...]],
    size: tuple[int, ...],
    every: bool,
) -> Window:
    """Change `net` in place into its dense form; returns how its answers lie.

    `shapes` are those of every value, by node name, for a window of `size`. Raises NotDense.
    """
    known: dict[fx.Node, Window | None] = {}
    answer = None
    for node in list(net.graph.nodes):
        if node.op == "output":
            answer = known[node.args[0]] if isinstance(node.args[0], fx.Node) else None
        elif node.op == "placeholder":
            one = (1,) * len(size)
            known[node] = Window(size, one, one)
        else:
            _convert_node(net, node, shapes, every, known)
    if answer is None or not answer.single:
        raise NotDense("the network does not give one row of scores per window")
    net.graph.eliminate_dead_code()
    net.recompile()
    net.delete_all_unused_submodules()
    return answer


def _convert_node(
    net: fx.GraphModule,
    node: fx.Node,
    shapes: Mapping[str, tuple[int, ...]],
    every: bool,
    known: dict[fx.Node, Window | None],
) -> None:
    """Put the dense form of `node` into the graph and its layout into `known`."""
    found = [known[n] for n in node.all_input_nodes if known[n] is not None]
    name = node.target if isinstance(node.target, str) else node.target.__name__
    known[node] = None
    if not found or name in SIZES:
        return
    if any(known[n] is None and n.name in shapes for n in node.all_input_nodes):
        raise NotDense(f"{name} of a stored array has no dense form")
    given = Given(node, shapes[node.name], every)
    if node.op == "call_module":
        module = net.get_submodule(node.target)
        made, window = rule_of(module)(replace(given, module=module), found[0])
    elif name in FUNCTIONS:
        made, window = FUNCTIONS[name](given, found[0])
    else:
        known[node] = left_as_it_is(given, name, found)
        return
    layer = f"dense_{node.name}"
    net.add_module(layer, made.to(next(net.parameters())))
    with net.graph.inserting_before(node):
        call = net.graph.call_module(layer, (node.all_input_nodes[0],))
    node.replace_all_uses_with(call)
    known[call] = window
