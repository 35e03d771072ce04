"""How one operation changes what the units of a map see of the input."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from math import ceil, floor
from typing import Any

from torch import nn
from torch.nn.modules import activation, batchnorm, conv, dropout, instancenorm, padding, pooling

Axis = tuple[Fraction, Fraction, Fraction]  # stride, low, high


@dataclass(frozen=True)
class Reach:
    """Unit u sees the fed samples `stride * u + low` to `stride * u + high`, per axis."""

    stride: tuple[Fraction, ...]
    low: tuple[Fraction, ...]
    high: tuple[Fraction, ...]

    @staticmethod
    def identity(dim: int) -> "Reach":
        """The input itself."""
        return Reach((Fraction(1),) * dim, (Fraction(0),) * dim, (Fraction(0),) * dim)

    def per_axis(self, change: Callable[[int, Axis], Axis]) -> "Reach":
        """Every axis replaced by `change(axis, (stride, low, high))`."""
        axes = zip(self.stride, self.low, self.high, strict=True)
        return Reach(*zip(*(change(i, axis) for i, axis in enumerate(axes)), strict=True))


class Unplaced(Enum):
    """Values without a place on the input."""

    CONSTANT = "does not depend on the input"
    UNKNOWN = "has no position left, or one that is not known here"


Value = Reach | Unplaced


def merge(values: Any) -> Value:
    """What a unit made of units of several maps sees: the span of all of them.

    UNKNOWN where one of them is or the strides differ; what is no map does not count.
    """
    found = [v for v in _flat(values) if v is Unplaced.UNKNOWN or isinstance(v, Reach)]
    if not found:
        return Unplaced.CONSTANT
    if Unplaced.UNKNOWN in found or len({reach.stride for reach in found}) > 1:
        return Unplaced.UNKNOWN
    low = tuple(map(min, zip(*(reach.low for reach in found), strict=True)))
    high = tuple(map(max, zip(*(reach.high for reach in found), strict=True)))
    return Reach(found[0].stride, low, high)


def _flat(values: Any) -> Iterator[Any]:
    if isinstance(values, Mapping):
        values = list(values.values())
    if isinstance(values, (tuple, list)):
        for value in values:
            yield from _flat(value)
    else:
        yield values


# Operations, each for one Reach


def window(reach: Reach, kernel: Any, stride: Any, before: Any, dilation: Any = 1) -> Reach:
    """A convolution or pooling: unit v is made of the units v * stride - before + dilation * k."""

    def change(i: int, axis: Axis) -> Axis:
        step, low, high = axis
        first = -at(before, i)
        last = first + at(dilation, i) * (at(kernel, i) - 1)
        return step * at(stride, i), low + step * first, high + step * last

    return reach.per_axis(change)


def spread(reach: Reach, factor: Any, sources: Callable[[int, int], tuple[int, int]]) -> Reach:
    """An operation that makes `factor` units of one: finer strides.

    `sources(axis, phase)`: of unit factor * m + phase, the first and last unit it is made of,
    relative to m. Units of different phase see different samples; the span of all is kept.
    """

    def change(i: int, axis: Axis) -> Axis:
        step, low, high = axis
        fine = step / at(factor, i)
        ends = [(phase, *sources(i, phase)) for phase in range(at(factor, i))]
        return (
            fine,
            min(low + step * first - fine * phase for phase, first, _ in ends),
            max(high + step * last - fine * phase for phase, _, last in ends),
        )

    return reach.per_axis(change)


def upsampled(reach: Reach, factor: Any, mode: str = "nearest") -> Value:
    """Enlarged by whole factors: nearest repeats a unit, linear mixes the two around."""
    axes = range(len(reach.stride))
    factors = [at(factor, i) if factor is not None else None for i in axes]
    if any(f is None or f != int(f) for f in factors):
        return Unplaced.UNKNOWN
    whole = [int(f) for f in factors]
    if mode == "nearest":
        return spread(reach, whole, lambda i, phase: (0, 0))
    if mode not in ("linear", "bilinear", "trilinear"):
        return Unplaced.UNKNOWN

    def around(i: int, phase: int) -> tuple[int, int]:
        place = Fraction(2 * phase + 1, 2 * whole[i]) - Fraction(1, 2)
        return floor(place), ceil(place)

    return spread(reach, whole, around)


def transposed(reach: Reach, kernel: Any, stride: Any, before: Any, dilation: Any) -> Reach:
    """A transposed convolution: unit v is made of the units (v + before - dilation k) / stride."""

    def sources(i: int, phase: int) -> tuple[int, int]:
        place = phase + at(before, i)
        length = at(dilation, i) * (at(kernel, i) - 1)
        return ceil(Fraction(place - length, at(stride, i))), floor(Fraction(place, at(stride, i)))

    return spread(reach, stride, sources)


def sliced(reach: Reach, index: Any) -> Value:
    """`x[index]`: a step on a spatial axis is a stride, a start an offset."""
    index = index if isinstance(index, tuple) else (index,)
    rank = len(reach.stride) + 2
    if Ellipsis in index:
        gap = index.index(Ellipsis)
        full = (slice(None),) * (rank - len(index) + 1)
        index = (*index[:gap], *full, *index[gap + 1 :])
    if not all(isinstance(part, slice) for part in index):
        return Unplaced.UNKNOWN
    spatial = [*index[2:], *(slice(None),) * (rank - len(index))]
    starts = [part.start or 0 for part in spatial]
    if not all(isinstance(start, int) and start >= 0 for start in starts):
        return Unplaced.UNKNOWN
    steps = [part.step or 1 for part in spatial]
    return window(reach, 1, steps, [-start for start in starts])


def padded(reach: Reach, widths: Sequence[int]) -> Reach:
    """Padded as `functional.pad` says it: pairs (before, after) from the last axis backwards."""
    spatial = tuple(reversed(widths[0 : 2 * len(reach.stride) : 2]))
    return window(reach, 1, 1, (0,) * (len(reach.stride) - len(spatial)) + spatial)


def at(value: Any, i: int) -> Any:
    """Entry of an axis; one value stands for all axes."""
    return value[i] if isinstance(value, (tuple, list)) else value


# Modules: the first row whose types fit is taken, so special cases stand before their bases


def _convolution(m: nn.Module, reach: Reach) -> Value:
    if m.padding == "valid":
        before = 0
    elif m.padding == "same":
        # torch puts the odd sample after.
        before = [d * (k - 1) // 2 for d, k in zip(m.dilation, m.kernel_size, strict=True)]
    else:
        before = m.padding
    return window(reach, m.kernel_size, m.stride, before, m.dilation)


def _transposed_convolution(m: nn.Module, reach: Reach) -> Value:
    return transposed(reach, m.kernel_size, m.stride, m.padding, m.dilation)


def _pooling(m: nn.Module, reach: Reach) -> Value:
    # Ceil mode adds a last unit that hangs over the border; the rule for a unit is the same.
    return window(
        reach, m.kernel_size, m.stride or m.kernel_size, m.padding, getattr(m, "dilation", 1)
    )


def _upsample(m: nn.Module, reach: Reach) -> Value:
    return upsampled(reach, m.scale_factor, m.mode)


def _padding(m: nn.Module, reach: Reach) -> Value:
    return padded(reach, m.padding)


def _same(m: nn.Module, reach: Reach) -> Value:
    return reach


def _unknown(m: nn.Module, reach: Reach) -> Value:
    return Unplaced.UNKNOWN


_POOLS = (pooling._MaxPoolNd, pooling._AvgPoolNd)
_PADS = (
    padding._ConstantPadNd,
    padding._ReflectionPadNd,
    padding._ReplicationPadNd,
    padding._CircularPadNd,
)
# Group and instance norms also use statistics of the whole map; what counts here is the place.
_NORMS = (batchnorm._NormBase, instancenorm._InstanceNorm, nn.GroupNorm, nn.LocalResponseNorm)

MODULES: tuple[tuple[tuple[type[nn.Module], ...], Callable[[Any, Reach], Value]], ...] = (
    ((conv._ConvTransposeNd,), _transposed_convolution),
    ((conv._ConvNd,), _convolution),
    (_POOLS, _pooling),
    ((nn.Upsample,), _upsample),
    (_PADS, _padding),
    ((nn.Identity, dropout._DropoutNd, *_NORMS), _same),
    ((activation.MultiheadAttention,), _unknown),
)


def through_module(module: nn.Module, values: Any) -> Value:
    """What the units of a module's result see, given those of its arguments.

    A module without a rule here (linear, flatten, pooled to a fixed size, recurrent) is UNKNOWN.
    """
    reach = merge(values)
    if not isinstance(reach, Reach):
        return reach
    for types, rule in MODULES:
        if isinstance(module, types):
            return rule(module, reach)
    elementwise = type(module).__module__ == activation.__name__
    return reach if elementwise else Unplaced.UNKNOWN


# Functions and tensor methods, by name

_ARITHMETIC = ("add", "add_", "div", "iadd", "imul", "isub", "itruediv", "mul", "mul_", "neg")
_CURVES = ("abs", "clamp", "exp", "log", "maximum", "minimum", "pow", "sqrt", "sub", "truediv")
_ACTIVATIONS = (
    *("elu", "gelu", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "relu", "relu6"),
    *("sigmoid", "silu", "softplus", "tanh"),
)
_COPIES = ("clone", "contiguous", "detach", "dropout", "float", "to")
ELEMENTWISE = frozenset((*_ARITHMETIC, *_CURVES, *_ACTIVATIONS, *_COPIES))
_FUNCTIONAL_POOLS = frozenset(f"{kind}_pool{dim}d" for kind in ("avg", "max") for dim in (1, 2, 3))
SIZES = frozenset(("size", "dim", "getattr", "numel"))


def through_function(name: str, args: tuple, options: Mapping[str, Any]) -> Value:
    """The same for a function or tensor method of that name."""
    if name in SIZES:
        return Unplaced.CONSTANT
    if name in ("cat", "concat", "concatenate"):
        axis = options.get("dim", args[1] if len(args) > 1 else 0)
        return merge(args[0]) if axis == 1 else Unplaced.UNKNOWN
    if name in ELEMENTWISE:
        return merge((args, options))
    reach = args[0] if args else Unplaced.UNKNOWN
    if not isinstance(reach, Reach):
        return reach if isinstance(reach, Unplaced) else Unplaced.CONSTANT
    if name == "getitem":
        return sliced(reach, args[1])
    if name == "pad":
        return padded(reach, args[1])
    if name in _FUNCTIONAL_POOLS:
        kernel, stride, before, dilation = _pool_options(name, args, options)
        return window(reach, kernel, stride or kernel, before, dilation)
    if name == "interpolate":
        return upsampled(reach, options.get("scale_factor"), options.get("mode", "nearest"))
    return Unplaced.UNKNOWN


def _pool_options(name: str, args: tuple, options: Mapping[str, Any]) -> list[Any]:
    """Kernel, stride, padding and dilation, whether they were given by place or by name."""
    defaults = {"kernel_size": None, "stride": None, "padding": 0, "dilation": 1}
    # The fifth argument of an average is not a dilation but ceil_mode.
    given = dict(zip(defaults, args[1 : 5 if name.startswith("max") else 4], strict=False))
    return [given.get(key, options.get(key, default)) for key, default in defaults.items()]
