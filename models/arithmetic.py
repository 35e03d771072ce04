"""The arithmetic of convolutions: sizes, receptive fields, parameters, multiply-adds, memory.

Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning", relations 1-14;
Araujo, Norris, Sim 2019, "Computing receptive fields of convolutional neural networks",
doi:10.23915/distill.00021.
"""

import copy
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from models.locks import dim_of

PerAxis = int | Sequence[int]


def output_size(
    size: PerAxis,
    kernel: PerAxis,
    stride: PerAxis = 1,
    padding: PerAxis = 0,
    dilation: PerAxis = 1,
    ceil_mode: bool = False,
) -> int | tuple[int, ...]:
    """Units per axis after a convolution or pooling; an int for ints, a tuple if any is one.

    `padding` is added on both sides. With `ceil_mode` a last window may hang over the border,
    but never start in the padding after it. Raises ValueError where no window fits.
    """
    values = (size, kernel, stride, padding, dilation)
    rank = max((len(v) for v in values if not isinstance(v, int)), default=0)
    axes = zip(*(_axes(v, rank or 1) for v in values), strict=True)
    sizes = tuple(_one_output_size(*axis, ceil_mode) for axis in axes)
    return sizes if rank else sizes[0]


def _axes(value: PerAxis, rank: int) -> Sequence[int]:
    return (value,) * rank if isinstance(value, int) else value


def _one_output_size(
    size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool
) -> int:
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    if room < 0:
        raise ValueError(
            f"a kernel of {kernel} with dilation {dilation} does not fit into {size} samples "
            f"with padding {padding}"
        )
    if not ceil_mode:
        return room // stride + 1
    units = -(-room // stride) + 1
    return units - 1 if (units - 1) * stride >= size + padding else units


class ReceptiveField(NamedTuple):
    """Unit u sees `field` samples centred at `offset + stride * u`; tuples for tuples."""

    field: Any
    stride: Any
    offset: Any


def receptive_field(layers: Iterable[Sequence[PerAxis]]) -> ReceptiveField:
    """Field, stride and offset after a chain of layers, each (kernel, stride, dilation, padding).

    What is left out at the end of a layer is stride 1, dilation 1, padding 0. Araujo et al. 2019,
    eq. 2-6, with dilation; offsets of even kernels are half-integers.
    """
    rows = [_layer(*layer) for layer in layers]
    rank = max((len(v) for row in rows for v in row if not isinstance(v, int)), default=0)
    chains = [
        _chain([[_axes(value, rank)[i] for value in row] for row in rows]) for i in range(rank)
    ]
    return ReceptiveField(*zip(*chains, strict=True)) if rank else _chain(rows)


def _layer(
    kernel: PerAxis, stride: PerAxis = 1, dilation: PerAxis = 1, padding: PerAxis = 0
) -> tuple[PerAxis, ...]:
    return kernel, stride, dilation, padding


def _chain(rows: Sequence[Sequence[int]]) -> ReceptiveField:
    """The chain along one axis; `step` is the distance of neighbouring units on the input."""
    field, step, offset = 1, 1, 0.0
    for kernel, stride, dilation, padding in rows:
        reach = dilation * (kernel - 1)
        field += reach * step
        offset += (reach / 2 - padding) * step
        step *= stride
    return ReceptiveField(field, step, offset)


# What a network costs


@dataclass(frozen=True)
class LayerCount:
    """One call of a leaf module: multiply-adds and bytes of its answer, for the whole batch."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    macs: int
    activation_bytes: int


@dataclass(frozen=True)
class Count:
    """Costs of one pass, per layer in the order they ran, and in total."""

    layers: tuple[LayerCount, ...]
    parameters: int

    @property
    def macs(self) -> int:
        """Multiply-adds of convolutions and linear layers, as published counts have them."""
        return sum(layer.macs for layer in self.layers)

    @property
    def activation_bytes(self) -> int:
        """Bytes of all answers together: what training keeps, more than inference holds."""
        return sum(layer.activation_bytes for layer in self.layers)


def count(net: nn.Module, input_shape: Sequence[int]) -> Count:
    """Parameters, multiply-adds and activation memory of a pass of (C, *S) or (N, C, *S).

    Counted on a copy without data (torch's meta device): nothing is computed, whatever the size.
    """
    ghost = without_data(net)
    shape = tuple(input_shape)
    if len(shape) == dim_of(net) + 1:
        shape = (1, *shape)
    layers: list[LayerCount] = []
    for name, module in ghost.named_modules():
        if name and not any(module.children()):
            module.register_forward_hook(_counting_hook(name, layers))
    dtype = next(net.parameters()).dtype
    with torch.inference_mode():
        ghost(torch.empty(shape, dtype=dtype, device="meta"))
    return Count(tuple(layers), sum(p.numel() for p in net.parameters()))


def without_data(net: nn.Module) -> nn.Module:
    """A copy in eval mode whose parameters and buffers have shapes, but no memory."""
    tensors: dict[int, Any] = {
        id(p): nn.Parameter(p.detach().to("meta"), requires_grad=False) for p in net.parameters()
    }
    tensors |= {id(b): b.detach().to("meta") for b in net.buffers()}
    return copy.deepcopy(net, tensors).eval()


def _counting_hook(name: str, layers: list[LayerCount]) -> Callable[..., None]:
    def add(module: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
        if not isinstance(output, Tensor):
            return
        layers.append(
            LayerCount(
                name=name,
                kind=re.sub(r"[123]d$", "", type(module).__name__),
                shape=tuple(output.shape[1:]),
                parameters=sum(p.numel() for p in module.parameters()),
                macs=_macs(module, inputs[0], output),
                activation_bytes=output.numel() * output.element_size(),
            )
        )

    return add


def _macs(module: nn.Module, given: Tensor, output: Tensor) -> int:
    """Multiply-adds: every weight of a kernel once per unit it makes (or, transposed, takes)."""
    if isinstance(module, _ConvTransposeNd):
        return given.numel() * prod(module.weight.shape[1:])
    if isinstance(module, _ConvNd):
        return output.numel() * prod(module.weight.shape[1:])
    if isinstance(module, nn.Linear):
        return output.numel() * module.in_features
    return 0
