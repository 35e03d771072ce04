"""The dense form of each operation of a window's classifier: one rule per kind."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import torch
from torch import fx, nn
from torch.nn.modules import activation, batchnorm, conv, dropout, pooling

from models.nd import Nd
from models.probes.reach import ELEMENTWISE, at


class NotDense(ValueError):
    """A network that has no dense form; the message names the operation."""


@dataclass(frozen=True)
class Window:
    """How the units of one window lie in the dense map of a value.

    A window has `grid` units per axis, `rate` positions apart in the dense map; neighbouring
    positions belong to windows `stride` samples apart. `flat` values have lost their axes in the
    window's own pass; `borders` names the layers so far that pad.
    """

    grid: tuple[int, ...]
    rate: tuple[int, ...]
    stride: tuple[int, ...]
    flat: bool = False
    borders: tuple[str, ...] = ()

    @property
    def single(self) -> bool:
        """Whether a window has one unit."""
        return all(n == 1 for n in self.grid)


@dataclass(frozen=True)
class Given:
    """What a rule may look at: the node, its module, its shape in a window, the mode."""

    node: fx.Node
    shape: tuple[int, ...]
    every: bool
    module: nn.Module | None = None

    @property
    def spatial(self) -> tuple[int, ...]:
        return self.shape[2:]


# A rule gives the module that stands for an operation, and how what it makes lies.
Rule = Callable[[Given, Window], tuple[nn.Module, Window]]


# Operations with a kernel


def _axes(value: Any, window: Window) -> tuple[int, ...]:
    return tuple(int(at(value, i)) for i in range(len(window.grid)))


def _slid(
    given: Given, window: Window, kernel: Any, stride: Any, padding: Any, dilation: Any, name: str
) -> tuple[dict[str, tuple[int, ...]], Window]:
    """Stride, padding and dilation of a kernel in the dense map, and what it makes of a window.

    A stride is kept where the window's units are neighbours in the dense map; else it becomes
    the distance of the next layer's units.
    """
    steps, rates = _axes(stride, window), window.rate
    keep = [not given.every and rate == 1 for rate in rates]
    borders = window.borders + ((name,) if any(_axes(padding, window)) else ())
    options = {
        "stride": tuple(s if k else 1 for s, k in zip(steps, keep, strict=True)),
        "padding": tuple(p * r for p, r in zip(_axes(padding, window), rates, strict=True)),
        "dilation": tuple(d * r for d, r in zip(_axes(dilation, window), rates, strict=True)),
    }
    passed = replace(
        window,
        grid=given.spatial,
        rate=tuple(r if k else r * s for r, s, k in zip(rates, steps, keep, strict=True)),
        stride=tuple(total * s for total, s in zip(window.stride, options["stride"], strict=True)),
        borders=borders,
    )
    return options, passed


def _convolution(given: Given, window: Window) -> tuple[nn.Module, Window]:
    m = given.module
    if m.padding_mode != "zeros" or isinstance(m.padding, str):
        raise NotDense(f"{given.node.target}: padding {m.padding_mode} {m.padding} is not known")
    options, passed = _slid(
        given, window, m.kernel_size, m.stride, m.padding, m.dilation, str(given.node.target)
    )
    bias = m.bias is not None
    made = Nd(len(window.grid)).conv(
        m.in_channels, m.out_channels, m.kernel_size, groups=m.groups, bias=bias, **options
    )
    made.weight = m.weight
    made.bias = m.bias
    return made, passed


def _max_pool(given: Given, window: Window) -> tuple[nn.Module, Window]:
    m = given.module
    window = _whole_kernels(given, window, m)
    options, passed = _slid(
        given, window, m.kernel_size, m.stride, m.padding, m.dilation, str(given.node.target)
    )
    if m.return_indices or any(
        2 * p > (k - 1) * d + 1
        for p, k, d in zip(
            options["padding"], _axes(m.kernel_size, window), options["dilation"], strict=True
        )
    ):
        raise NotDense(f"{given.node.target}: this pooling has no dense form")
    return Nd(len(window.grid)).max_pool(m.kernel_size, **options), passed


def _average_pool(given: Given, window: Window) -> tuple[nn.Module, Window]:
    m = given.module
    window = _whole_kernels(given, window, m)
    if getattr(m, "divisor_override", None) or (
        any(_axes(m.padding, window)) and not m.count_include_pad
    ):
        raise NotDense(f"{given.node.target}: this average has no dense form")
    name = str(given.node.target)
    options, passed = _slid(given, window, m.kernel_size, m.stride, m.padding, 1, name)
    return _average(given.shape[1], _axes(m.kernel_size, window), options), passed


def _whole_kernels(given: Given, window: Window, pool: nn.Module) -> Window:
    """`ceil_mode` lets a last kernel hang over the window's border: then it pads."""
    reach = [
        d * (k - 1)
        for d, k in zip(
            _axes(getattr(pool, "dilation", 1), window),
            _axes(pool.kernel_size, window),
            strict=True,
        )
    ]
    ends = [
        (units - 1) * step + away + 1 - 2 * pad
        for units, step, away, pad in zip(
            given.spatial,
            _axes(pool.stride, window),
            reach,
            _axes(pool.padding, window),
            strict=True,
        )
    ]
    if all(end <= n for end, n in zip(ends, window.grid, strict=True)):
        return window
    return replace(window, borders=(*window.borders, str(given.node.target)))


def _average(
    channels: int, kernel: tuple[int, ...], options: Mapping[str, tuple[int, ...]]
) -> nn.Module:
    """The mean over a kernel, dilated where asked for, which PyTorch's own pools cannot."""
    nd = Nd(len(kernel))
    if all(d == 1 for d in options["dilation"]):
        return nd.avg_pool(kernel, options["stride"], options["padding"])
    made = nd.conv(channels, channels, kernel, groups=channels, bias=False, **options)
    nn.init.constant_(made.weight, 1 / prod(kernel))
    return made


def _adaptive_pool(given: Given, window: Window) -> tuple[nn.Module, Window]:
    """Pooled to a fixed grid: bins of equal size become kernels at every position."""
    grid = given.spatial
    if any(n % units for n, units in zip(window.grid, grid, strict=True)):
        raise NotDense(f"{given.node.target}: {window.grid} units are no whole bins of {grid}")
    kernel = tuple(n // units for n, units in zip(window.grid, grid, strict=True))
    options = {"stride": (1,) * len(grid), "padding": (0,) * len(grid), "dilation": window.rate}
    rate = tuple(r * k for r, k in zip(window.rate, kernel, strict=True))
    passed = replace(window, grid=grid, rate=rate)
    if isinstance(given.module, pooling._AdaptiveMaxPoolNd):
        return Nd(len(grid)).max_pool(kernel, **options), passed
    return _average(given.shape[1], kernel, options), passed


def _mean(given: Given, window: Window) -> tuple[nn.Module, Window]:
    """`x.mean(...)` over all spatial axes: an average of the window's grid."""
    node, rank = given.node, 2 + len(window.grid)
    axes = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else None)
    axes = {a % rank for a in (axes if isinstance(axes, (tuple, list)) else [axes or 0])}
    if window.flat or axes != set(range(2, rank)):
        raise NotDense("mean over other axes than all spatial ones has no dense form")
    one = (1,) * len(window.grid)
    options = {"stride": one, "padding": (0,) * len(one), "dilation": window.rate}
    made = _average(given.shape[1], window.grid, options)
    return made, replace(window, grid=one, flat=len(given.shape) == 2)


# Operations without a kernel


def _linear(given: Given, window: Window) -> tuple[nn.Module, Window]:
    """A matrix on a flattened window: a convolution with a kernel of the window's grid."""
    m = given.module
    if not window.flat:
        raise NotDense(f"{given.node.target}: a linear layer on maps that are not flattened")
    volume = prod(window.grid)
    channels = m.in_features // volume
    made = Nd(len(window.grid)).conv(
        channels, m.out_features, window.grid, dilation=window.rate, bias=m.bias is not None
    )
    made.weight = nn.Parameter(m.weight.detach().reshape(m.out_features, channels, *window.grid))
    made.bias = m.bias
    return made, replace(window, grid=(1,) * len(window.grid))


def _flatten(given: Given, window: Window) -> tuple[nn.Module, Window]:
    if len(given.shape) != 2 or given.shape[1] % prod(window.grid):
        raise NotDense(f"{given.node.name} to {given.shape[1:]} has no dense form")
    return nn.Identity(), replace(window, flat=True)


def _batch_norm(given: Given, window: Window) -> tuple[nn.Module, Window]:
    """As it is on maps; on flattened values the same per channel, where a window has one unit."""
    m = given.module
    if not m.track_running_stats or (window.flat and not window.single):
        raise NotDense(f"{given.node.target}: this norm has no dense form")
    made = Nd(len(window.grid)).batch_norm(m.num_features, eps=m.eps, affine=m.affine)
    made.load_state_dict(m.state_dict())
    return made, window


def _elementwise(given: Given, window: Window) -> tuple[nn.Module, Window]:
    m = given.module
    if isinstance(m, nn.PReLU) and m.num_parameters > 1 and window.flat and not window.single:
        raise NotDense(f"{given.node.target}: slopes per flattened value have no dense form")
    return m, window


def _softmax(given: Given, window: Window) -> tuple[nn.Module, Window]:
    m = given.module
    if m.dim not in ((1, -1) if window.flat else (1,)) or (window.flat and not window.single):
        raise NotDense(f"{given.node.target}: softmax over other axes than the channels")
    return type(m)(dim=1), window


def _nothing(given: Given, window: Window) -> tuple[nn.Module, Window]:
    """Dropout and the like do nothing in eval mode."""
    return nn.Identity(), window


def _sliced(given: Given, window: Window) -> tuple[nn.Module, Window]:
    """`x[:, :, ::s]`: a kernel of one sample with stride s."""
    index = given.node.args[1]
    spatial = index[2:] if isinstance(index, tuple) else ()
    plain = [isinstance(p, slice) and not p.start and p.stop is None for p in spatial]
    batch_and_channels = list(index[:2]) if plain else []
    if window.flat or not all(plain) or batch_and_channels != [slice(None)] * 2:
        raise NotDense(f"{given.node.name}: this slice has no dense form")
    steps = [p.step or 1 for p in spatial] + [1] * (len(window.grid) - len(spatial))
    options, passed = _slid(given, window, 1, steps, 0, 1, given.node.name)
    return Nd(len(window.grid)).max_pool(1, options["stride"]), passed


class _PadChannels(nn.Module):
    """Zero channels before and after."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.widths = widths

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.pad(x, self.widths)


def _padded(given: Given, window: Window) -> tuple[nn.Module, Window]:
    """`functional.pad` of channels; of space it has no dense form here."""
    widths = tuple(given.node.args[1])
    how = (*given.node.args[2:], *given.node.kwargs.values())  # mode and value
    if any(widths[: 2 * len(window.grid)]) or set(how) - {"constant", None, 0}:
        raise NotDense(f"{given.node.name}: padding outside a layer has no dense form")
    return _PadChannels(widths), window


FUNCTIONS: Mapping[str, Rule] = {
    **dict.fromkeys(("flatten", "view", "reshape", "squeeze"), _flatten),
    "mean": _mean,
    "getitem": _sliced,
    "pad": _padded,
}

# The first row whose types fit is taken, so special cases stand before their bases.
MODULES: tuple[tuple[tuple[type[nn.Module], ...], Rule], ...] = (
    ((conv._ConvTransposeNd,), None),
    ((conv._ConvNd,), _convolution),
    ((pooling._MaxPoolNd,), _max_pool),
    ((pooling._AvgPoolNd,), _average_pool),
    ((pooling._AdaptiveAvgPoolNd, pooling._AdaptiveMaxPoolNd), _adaptive_pool),
    ((nn.Linear,), _linear),
    ((nn.Flatten,), _flatten),
    ((batchnorm._BatchNorm,), _batch_norm),
    ((nn.Identity, dropout._DropoutNd), _nothing),
    ((nn.Softmax, nn.LogSoftmax), _softmax),
    ((nn.MultiheadAttention, nn.Softmin), None),
)


def rule_of(module: nn.Module) -> Rule:
    """The rule of a module; NotDense where there is none."""
    for types, rule in MODULES:
        if isinstance(module, types):
            if rule is not None:
                return rule
            break
    else:
        if type(module).__module__ == activation.__name__:
            return _elementwise
    raise NotDense(f"{type(module).__name__} has no dense form")


def left_as_it_is(given: Given, name: str, found: Sequence[Window]) -> Window:
    """How the answer of a function lies that is the same on a window and on the dense map.

    Such a function works on each unit alone, or on channels. Raises NotDense for others, and
    where units of different layouts would meet (a gate computed from the whole window).
    """
    layouts = {replace(window, borders=()) for window in found}
    if len(layouts) > 1:
        raise NotDense(f"{name} joins maps of different grids")
    borders = dict.fromkeys(name for window in found for name in window.borders)
    window = replace(found[0], borders=tuple(borders))
    if name in ELEMENTWISE:
        return window
    node = given.node
    axis = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else None)
    joins = name in ("cat", "concat")
    mixes = name in ("softmax", "log_softmax") and (window.single or not window.flat)
    if axis != 1 or not (joins or mixes):
        raise NotDense(f"{name} (dim={axis}) has no dense form")
    return window
