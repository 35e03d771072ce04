"""Layers of a network over a sample: which part is run, where each unit lies, how maps compare.

Everything here is free of the number of dimensions: a unit's place is the layer's stride and
offset, then `Prepared.to_sample`, then the sample's own units.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import ceil

import numpy as np
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform
from torch import nn

from dashboard.data.prepare import Prepared, prepare
from dashboard.data.sample import Sample
from models.arithmetic import count
from models.probes.geometry import geometry
from models.probes.gram import gram
from models.probes.trace import LayerRecord, Trace, trace
from models.spec import ModelSpec

# Longest side run at once, by number of axes: about 70 MB for 16 float channels at full size.
LONGEST_SIDE = (2**19, 2**11, 2**8)
SHORTEST_SIDE = 32
MOST_MACS = 10**11  # multiply-adds of a pass: some seconds on two cores


@dataclass(frozen=True)
class LayerView:
    """One layer over a sample: the traced record and what was fed.

    `place` is (dim+1, dim+1): unit index to sample index, None once the positions are gone
    (after global pooling or flattening); `seconds` is the time of the pass.
    """

    record: LayerRecord
    prepared: Prepared
    place: np.ndarray | None
    seconds: float

    @property
    def maps(self) -> np.ndarray:
        """Activations (C, *S) over the part of the sample that is not padding."""
        array = self.record.array
        if self.place is None:
            return array
        lengths = [
            min(n, max(1, ceil((valid - offset) / stride)))
            for n, valid, stride, offset in zip(
                array.shape[1:],
                self.prepared.valid,
                self.record.stride,
                self.record.offset,
                strict=True,
            )
        ]
        return array[(slice(None), *(slice(0, n) for n in lengths))]

    def unit_at(self, position: Sequence[float]) -> tuple[int, ...]:
        """The unit whose centre is nearest to a sample index, inside the map."""
        inverse = np.linalg.inv(self.place)
        index = inverse[:-1, :-1] @ np.asarray(position, dtype=float) + inverse[:-1, -1]
        limits = np.array(self.maps.shape[1:]) - 1
        return tuple(int(i) for i in np.clip(np.rint(index), 0, limits))

    def position_of(self, unit: Sequence[float]) -> np.ndarray:
        """Sample index of a unit's centre."""
        return self.place[:-1, :-1] @ np.asarray(unit, dtype=float) + self.place[:-1, -1]

    def field_box(self, unit: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Low and high corner, in sample index, of the receptive field of a unit."""
        centre = self.position_of(unit)
        half = np.abs(self.prepared.to_sample[:-1, :-1]) @ np.asarray(self.record.field) / 2
        return centre - half, centre + half


def field_extent(record: LayerRecord, prepared: Prepared, sample: Sample) -> np.ndarray | None:
    """Receptive field per sample axis in the sample's own unit (s, px, mm); None when global."""
    if record.field is None:
        return None
    steps = np.abs(prepared.to_sample[:-1, :-1]) @ np.asarray(record.field)
    return steps * np.asarray(sample.spacing)


def place_of(record: LayerRecord, prepared: Prepared) -> np.ndarray | None:
    """Unit index to sample index as a homogeneous matrix; None when the layer has no positions."""
    if record.stride is None or record.offset is None:
        return None
    unit_to_input = np.diag([*record.stride, 1.0])
    unit_to_input[:-1, -1] = record.offset
    return prepared.to_sample @ unit_to_input


def explored_input(
    sample: Sample,
    spec: ModelSpec,
    net: nn.Module,
    *,
    channel: int = 0,
    position: Sequence[float] | None = None,
    whole: bool = True,
) -> Prepared:
    """What the explorer feeds: the whole sample, or the part around `position` when it is large.

    A part is cut on multiples of the network's total stride, so that activations further inside
    than the receptive field equal those of the whole. A network of one fixed size that is fed
    whole samples gets a piece of that size.
    """
    prepared = prepare(sample, spec.input, channel=channel, position=position, whole=whole)
    return explored_part(prepared, sample, spec, net, position)


def explored_part(
    prepared: Prepared,
    sample: Sample,
    spec: ModelSpec,
    net: nn.Module,
    position: Sequence[float] | None = None,
) -> Prepared:
    """What of a prepared sample the explorer feeds, see `explored_input`."""
    if position is None:
        position = sample.position or tuple((n - 1) / 2 for n in sample.shape)
    centre = prepared.index_in_input(position)
    size = _piece_size(sample, spec)
    if size is not None:
        return piece(prepared, centre, size)
    longest = explored_side(sample, spec, net)
    if max(prepared.array.shape[1:]) <= longest:
        return prepared
    return cut(prepared, centre, longest, total_stride(net, sample.dim))


def explored_side(sample: Sample, spec: ModelSpec, net: nn.Module) -> int:
    """The longest side that is run at once: halved until a pass costs at most MOST_MACS."""
    if size := _piece_size(sample, spec):
        return min(size)
    shape, side = fed_shape(sample, spec), LONGEST_SIDE[sample.dim - 1]
    if spec.input.size_for(sample.dim) is not None and spec.input.crop != "patch":
        return side
    while side > SHORTEST_SIDE:
        run = (spec.input.channels, *(max(SHORTEST_SIDE, min(n, side)) for n in shape))
        if count(net, run).macs <= MOST_MACS:
            break
        side //= 2
    return side


def _piece_size(sample: Sample, spec: ModelSpec) -> tuple[int, ...] | None:
    """The one size of a network that is fed whole samples; None where any size will do."""
    return spec.input.size_for(sample.dim) if spec.input.crop == "whole" else None


def fed_shape(sample: Sample, spec: ModelSpec) -> tuple[int, ...]:
    """Spatial shape of a sample as fed: at the network's own rate or spacing, and padded."""
    wanted = 1 / spec.input.sampling_rate if spec.input.sampling_rate else spec.input.spacing
    lengths = sample.shape if wanted is None else [extent / wanted for extent in sample.extent]
    unit = spec.input.multiple
    # Rounded first: 10 s at 120 Hz are 1200 samples, not the 1201 that binary fractions make.
    return tuple(ceil(round(length, 6) / unit) * unit for length in lengths)


def piece(prepared: Prepared, centre: np.ndarray, size: Sequence[int]) -> Prepared:
    """A piece of exactly `size` about `centre`, zeros where `prepared` has nothing."""
    spans = []
    for n, c, wanted in zip(prepared.array.shape[1:], centre, size, strict=True):
        start = int(np.clip(round(c) - wanted // 2, 0, max(0, n - wanted)))
        spans.append(slice(start, min(n, start + wanted)))
    part = part_of(prepared, spans)
    missing = [(0, w - n) for w, n in zip(size, part.array.shape[1:], strict=True)]
    return replace(part, array=np.pad(part.array, [(0, 0), *missing]))


def total_stride(net: nn.Module, dim: int) -> int:
    """The coarsest stride of any layer: cuts on its multiples keep every grid in place."""
    strides = [max(g.stride) for g in geometry(net, dim).values() if g is not None]
    return int(max(strides, default=1))


def cut(prepared: Prepared, centre: np.ndarray, longest: int, multiple: int) -> Prepared:
    """The part of `prepared` within `longest` fed positions around `centre`, on half-size blocks.

    Blocks snap to `longest // 2`, so that moving a little does not change what is run.
    """
    spans = []
    block = max(multiple, longest // 2 // multiple * multiple)
    for n, c in zip(prepared.array.shape[1:], centre, strict=True):
        start = int(min(max(0, round(c / block - 0.5) * block - block // 2), max(0, n - longest)))
        start -= start % multiple
        spans.append(slice(start, min(n, start + longest)))
    return part_of(prepared, spans)


def part_of(prepared: Prepared, spans: Sequence[slice]) -> Prepared:
    """The part of a prepared input within `spans`, still in its place."""
    matrix = prepared.to_sample.copy()
    matrix[:-1, -1] += matrix[:-1, :-1] @ np.array([s.start for s in spans], dtype=float)
    valid = tuple(
        max(0, min(v, s.stop) - s.start) for v, s in zip(prepared.valid, spans, strict=True)
    )
    gaps = None if prepared.gaps is None else prepared.gaps[spans[0]]
    array = prepared.array[(slice(None), *spans)]
    return replace(prepared, array=array, to_sample=matrix, valid=valid, gaps=gaps)


def look(
    net: nn.Module,
    prepared: Prepared,
    layer: str,
    on_progress: Callable[[float], None] | None = None,
) -> LayerView:
    """Run the network once and keep one layer; `NAME:2` is the second call of a module.

    `on_progress` hears the share of the pass that is done and may raise to end it.
    """
    names = [layer.partition(":")[0]]
    traced = trace(net, prepared.array, layers=names, on_progress=on_progress)
    record = traced[layer]
    return LayerView(record, prepared, place_of(record, prepared), traced.seconds)


def activity(traced: Trace) -> dict[str, np.ndarray]:
    """Mean absolute activation per channel (C,) of every traced layer that kept its array."""
    return {
        r.name: np.abs(r.array.reshape(r.array.shape[0], -1)).mean(axis=1)
        for r in traced.records
        if r.array is not None
    }


def clip_of_all(traced: Trace) -> float:
    """The 99.5th percentile of |activation| over all layers, each counting alike."""
    kept = [r.array.ravel() for r in traced.records if r.array is not None]
    return clip_of(np.concatenate([a[:: max(1, a.size // 4096)] for a in kept]))


@dataclass(frozen=True)
class Statistics:
    """Statistics of activations: mean, standard deviation, share above zero, 99.5 % of |a|."""

    mean: float
    std: float
    positive: float
    clip: float


def statistics(values: np.ndarray) -> Statistics:
    """`Statistics` of an array of activations of any shape."""
    return Statistics(
        float(values.mean()), float(values.std()), float((values > 0).mean()), clip_of(values)
    )


def clip_of(values: np.ndarray) -> float:
    """The 99.5th percentile of |values|, where colour scales end; of 2**21 values at most."""
    flat = np.abs(values).ravel()
    step = max(1, flat.size // 2**21)
    clip = float(np.percentile(flat[::step], 99.5)) if flat.size else 0.0
    return clip or float(flat.max(initial=0.0)) or 1.0


def gram_of(maps: np.ndarray) -> np.ndarray:
    """Gram matrix (C, C) of maps (C, *S), divided by positions and channels."""
    return np.asarray(gram(maps.reshape(len(maps), -1)))  # (C, positions)


def clustered_order(matrix: np.ndarray) -> np.ndarray:
    """Channel order that puts alike channels together: average linkage on cosine distance."""
    if len(matrix) < 3:
        return np.arange(len(matrix))
    norms = np.sqrt(np.maximum(np.diag(matrix), 1e-12))
    distance = np.clip(1 - matrix / np.outer(norms, norms), 0, 2)
    np.fill_diagonal(distance, 0)
    distance = (distance + distance.T) / 2
    return hierarchy.leaves_list(hierarchy.linkage(squareform(distance, checks=False), "average"))
