"""What an answer becomes when parts of the input are hidden, in any rank: Score-CAM, occlusion.

Both need one pass per channel or window, so they are generators of steps that return their map.
The network's lock is held for one batch at a time.
"""

from collections.abc import Generator, Iterator, Sequence
from itertools import product
from math import ceil

import numpy as np
from torch import nn

from models.probes.attribution import Target
from models.probes.cam import ClassMap, layer_place
from models.probes.trace import trace
from models.records import Step
from models.run import run

MOST_VALUES = 2**19  # input values run at once: bounds memory

Steps = Generator[Step, None, ClassMap]


def score_cam(net: nn.Module, array: np.ndarray, layer: str, target: Target) -> Steps:
    """Each channel of `layer` by the answer for the input (C, *S) seen through it alone.

    Wang et al., "Score-CAM: score-weighted visual explanations for convolutional neural networks",
    CVPR Workshops 2020, algorithm 1: a channel's map, enlarged and scaled to 0..1, is multiplied
    with the input; weights are the softmax of the answers. Yields a `Step` per batch and returns
    the map. Raises UnknownLayer, and ValueError for a layer without a place on the input.
    """
    stride, offset = layer_place(net, layer)
    if stride is None:
        raise ValueError(f"layer {layer!r} has no place on the input, expected one that has")
    array = np.asarray(array)
    maps = trace(net, array, layers=[layer.partition(":")[0]])[layer].array  # (C, *U)
    scores = np.empty(len(maps))
    at_once = max(1, MOST_VALUES // array.size)
    for first in range(0, len(maps), at_once):
        last = min(first + at_once, len(maps))
        masks = enlarged(_unit_range(maps[first:last]), stride, offset, array.shape[1:])
        scores[first:last] = _answers(net, target, masks[:, None] * array)  # (k, C, *S)
        yield Step(last / len(maps), f"channel {last} of {len(maps)}")
    weights = np.exp(scores - scores.max())
    weights /= weights.sum()
    parts = np.float32(weights).reshape(-1, *(1,) * (maps.ndim - 1)) * maps
    (output,) = _answers(net, target, array[None])
    return ClassMap(parts.astype(np.float32), float(output), "Score-CAM", stride, offset)


def occlusion(
    net: nn.Module,
    array: np.ndarray,
    target: Target,
    *,
    size: Sequence[int],
    stride: Sequence[int],
    fill: np.ndarray | float = 0.0,
) -> Steps:
    """What the answer loses when a window of the input (C, *S) is covered with `fill`.

    Zeiler and Fergus, "Visualizing and understanding convolutional networks", ECCV 2014, section
    4.2. Windows of `size` start at multiples of `stride` (one entry per axis each); the last ones
    may hang over the border. The map has one value per window, placed at the window's middle.
    Yields a `Step` per batch and returns the map. `fill` broadcasts to the input. Raises
    ValueError for a size or stride below 1.
    """
    if min(*size, *stride) < 1:
        raise ValueError(f"got windows of {tuple(size)} every {tuple(stride)}, expected 1 or more")
    array = np.asarray(array, dtype=np.float32)
    cover = np.broadcast_to(np.asarray(fill, dtype=np.float32), array.shape)
    grid, windows = _windows(array.shape[1:], size, stride)
    (whole,) = _answers(net, target, array[None])
    lost = np.empty(len(windows))
    at_once = max(1, MOST_VALUES // array.size)
    for first in range(0, len(windows), at_once):
        chosen = windows[first : first + at_once]
        covered = np.repeat(array[None], len(chosen), axis=0)
        for one, window in zip(covered, chosen, strict=True):
            one[window] = cover[window]
        lost[first : first + len(chosen)] = whole - _answers(net, target, covered)
        done = first + len(chosen)
        yield Step(done / len(windows), f"window {done} of {len(windows)}")
    offset = tuple((min(s, n) - 1) / 2 for s, n in zip(size, array.shape[1:], strict=True))
    parts = lost.astype(np.float32).reshape(1, *grid)
    return ClassMap(parts, float(whole), "occlusion", tuple(float(s) for s in stride), offset)


def enlarged(
    values: np.ndarray, stride: Sequence[float], offset: Sequence[float], shape: Sequence[int]
) -> np.ndarray:
    """Maps (N, *U) at every place of a fed input of `shape` (*S): linear between unit centres.

    Unit u lies at `offset + stride * u`; beyond the outermost centres their value is held.
    """
    for axis, (step, start, length) in enumerate(zip(stride, offset, shape, strict=True), 1):
        last = values.shape[axis] - 1
        place = np.clip((np.arange(length) - start) / step, 0, last)
        low = np.minimum(place.astype(int), max(last - 1, 0))
        share = (place - low).astype(np.float32)
        share = share.reshape(-1, *(1,) * (values.ndim - 1 - axis))
        below, above = (np.take(values, k, axis) for k in (low, np.minimum(low + 1, last)))
        values = below + share * (above - below)
    return values


def _answers(net: nn.Module, target: Target, batch: np.ndarray) -> np.ndarray:
    """The target (N,) of inputs (N, C, *S)."""
    return target(run(net, batch)).double().numpy()


def _unit_range(maps: np.ndarray) -> np.ndarray:
    """Every map (N, *U) from 0 to 1; a constant one is 0."""
    axes = tuple(range(1, maps.ndim))
    low, high = maps.min(axis=axes, keepdims=True), maps.max(axis=axes, keepdims=True)
    return (maps - low) / np.where(high > low, high - low, 1)


def _windows(
    shape: Sequence[int], size: Sequence[int], stride: Sequence[int]
) -> tuple[tuple[int, ...], list[tuple[slice, ...]]]:
    """How many windows there are per axis, and each as an index of an input (C, *S)."""
    axes = list(zip(shape, size, stride, strict=True))
    grid = tuple(max(0, ceil((n - wide) / step)) + 1 for n, wide, step in axes)
    return grid, list(_slices(grid, size, stride))


def _slices(
    grid: Sequence[int], size: Sequence[int], stride: Sequence[int]
) -> Iterator[tuple[slice, ...]]:
    for unit in product(*map(range, grid)):
        spans = zip(unit, size, stride, strict=True)
        yield (slice(None), *(slice(u * step, u * step + wide) for u, wide, step in spans))
