"""The one way to run a network: under its lock, on its device, no state left behind."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.locks import dim_of, lock_of, quiet
from models.probes.geometry import OUTPUT, Geometry, geometry

__all__ = ["as_batch", "chunks", "lock_of", "run", "run_chunked", "run_mirrored"]


def as_batch(net: nn.Module, array: np.ndarray | Tensor) -> Tensor:
    """`array` (C, *S) or (N, C, *S) as a batch on the network's device, in its precision.

    Raises ValueError when the number of axes is neither.
    """
    dim = dim_of(net)
    tensor = torch.as_tensor(array)
    if tensor.ndim not in (dim + 1, dim + 2):
        raise ValueError(
            f"got an array of {tensor.ndim} axes, expected (C, *S) or (N, C, *S) "
            f"with {dim} spatial axes"
        )
    parameter = next(net.parameters())
    batch = tensor if tensor.ndim == dim + 2 else tensor[None]
    return batch.to(parameter.device, parameter.dtype)


def run(net: nn.Module, array: np.ndarray | Tensor) -> Any:
    """One pass of `array` (C, *S) or (N, C, *S); the output on the CPU, with the batch axis.

    The output keeps its structure: a tensor, or tuples, lists and mappings of tensors.
    """
    with quiet(net):
        return _on_cpu(net(as_batch(net, array)))


def run_mirrored(net: nn.Module, array: np.ndarray | Tensor) -> Tensor:
    """Mean output (N, K) of a classifier over the mirror images of (C, *S) or (N, C, *S).

    Each of the 2**dim images is one pass: every set of spatial axes reversed.
    """
    batch = as_batch(net, array)
    axes = range(2, batch.ndim)
    sets = [chosen for count in range(len(axes) + 1) for chosen in combinations(axes, count)]
    return torch.stack([run(net, batch.flip(chosen)) for chosen in sets]).mean(dim=0)


def _on_cpu(output: Any) -> Any:
    if isinstance(output, Tensor):
        return output.cpu()
    if isinstance(output, Mapping):
        return {name: _on_cpu(value) for name, value in output.items()}
    if isinstance(output, (tuple, list)):
        return type(output)(_on_cpu(value) for value in output)
    return output


def run_chunked(
    net: nn.Module,
    array: np.ndarray | Tensor,
    chunk: int,
    *,
    multiple: int | None = None,
    overlap: int | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> Tensor:
    """`run` of a fully convolutional network, piece by piece along the first spatial axis.

    The result equals that of one pass; memory is that of `chunk` fed samples and their margins.
    A unit is taken from a piece that holds its whole receptive field, so that it never sees the
    piece's border; `overlap` (fed samples on either side) replaces the margins derived from the
    graph. Pieces start at multiples of every stride in the network, or of `multiple`.
    `on_progress` hears the share done (0..1) after each piece; what it raises ends the run. Raises
    ValueError when the output has no place on the input.
    """
    outputs = []
    pieces = chunks(net, array, chunk, multiple=multiple, overlap=overlap)
    for share, piece in pieces:
        outputs.append(piece)
        if on_progress is not None:
            on_progress(share)
    return torch.cat(outputs, dim=2)


def chunks(
    net: nn.Module,
    array: np.ndarray | Tensor,
    chunk: int,
    *,
    multiple: int | None = None,
    overlap: int | None = None,
) -> Iterator[tuple[float, Tensor]]:
    """The pieces of `run_chunked` one by one: the share done, and the piece's own output."""
    dim = dim_of(net)
    places = geometry(net, dim)
    out = places.get(OUTPUT)
    if out is None:
        raise ValueError(f"{type(net).__name__} is not fully convolutional: run it in one piece")
    step = multiple or _common_stride(places.values())
    before, after = (overlap, overlap) if overlap is not None else _margins(out)
    batch = torch.as_tensor(array)
    batch = batch if batch.ndim == dim + 2 else batch[None]
    pieces = _pieces(batch.shape[2], *(_round_up(n, step) for n in (chunk, before, after)))
    for start, end, low, high in pieces:
        result = run(net, batch[:, :, low:high])
        first = round((start - low) / out.stride[0])
        last = result.shape[2] if end is None else first + round((end - start) / out.stride[0])
        yield min(1.0, (start + chunk) / batch.shape[2]), result[:, :, first:last]


def _common_stride(places: Iterable[Geometry | None]) -> int:
    """The smallest step that is a whole number of units in every map."""
    return math.lcm(*(math.ceil(place.stride[0]) for place in places if place is not None))


def _margins(out: Geometry) -> tuple[int, int]:
    """Fed samples needed before a piece's first and after its last one."""
    reach = (out.field[0] - 1) / 2
    before = reach - out.offset[0]
    after = reach + out.offset[0] - out.stride[0] + 1
    return max(0, math.ceil(before)), max(0, math.ceil(after))


def _round_up(length: int, step: int) -> int:
    return math.ceil(length / step) * step


def _pieces(
    length: int, chunk: int, before: int, after: int
) -> Iterator[tuple[int, int | None, int, int]]:
    """(start, end, low, high) per piece: kept from start to end, fed from low to high.

    The last piece has no end: what is left of the output belongs to it.
    """
    for start in range(0, length, chunk):
        last = start + chunk + after >= length
        end = None if last else start + chunk
        yield start, end, max(0, start - before), length if last else start + chunk + after
        if last:
            return
