"""Why a network says of one beat what it says: contributions of the fed signal to its cell."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil, floor
from time import perf_counter

import numpy as np
from torch import nn

from dashboard.analysis.layers import part_of, total_stride
from dashboard.data.prepare import Prepared
from models.beat_rhythm import FEATURES, rhythm_features
from models.decode.beats import cell_names, odd_by_shape
from models.probes.attribution import (
    Attribution,
    Target,
    gradient_times_input,
    integrated_gradients,
    unit,
)
from models.probes.geometry import OUTPUT, geometry
from models.records import Beats
from models.spec import ModelSpec

BEAT = "beat"  # the question whether there is a beat at all

# What the channels of a fed signal are and their unit, by the policy that made them.
LEAD = ("lead", "1 is its usual peak to peak")
CHANNELS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "ecg": (LEAD,),
    "ecg-and-likeness": (
        LEAD,
        ("likeness to the record's typical beat", "correlation"),
        ("likeness to the half minute's typical beat", "correlation"),
    ),
}
METHODS: Mapping[str, Callable[[nn.Module, np.ndarray, Target], Attribution]] = {
    "integrated gradients": integrated_gradients,
    "gradient × input": gradient_times_input,
}


@dataclass(frozen=True)
class Evidence:
    """One thing that speaks for (contribution above 0) or against an answer, with its value."""

    name: str
    value: str
    contribution: float


@dataclass(frozen=True)
class Why:
    """Contributions to one logit of the cell of a beat.

    `part` is what was fed: the cell's receptive field; `cell` the cell in it and `beat` the fed
    index in it of the beat; `answer` the question asked (a class or BEAT), `seconds` the time of
    the passes.
    """

    part: Prepared
    cell: int
    beat: int
    answer: str
    attribution: Attribution
    seconds: float

    @property
    def values(self) -> np.ndarray:
        """(C, T) contributions of every fed value."""
        return self.attribution.values

    def share_within(self, low: float, high: float) -> float:
        """Share of all |contribution| that lies from `low` to `high`, in sample index."""
        places = self.part.index_in_sample(np.arange(self.values.shape[1])[:, None])[:, 0]
        total = np.abs(self.values).sum(axis=0)
        inside = (places >= low) & (places <= high)
        return float(total[inside].sum() / total.sum()) if total.any() else 0.0


def why(
    net: nn.Module, spec: ModelSpec, prepared: Prepared, position: float, answer: str, method: str
) -> Why:
    """Contributions to the logit of `answer` in the cell of the beat at `position` (sample index).

    `answer` is BEAT or one of `class_names`, `method` one of METHODS. Only the receptive field
    of the cell is run. Raises ValueError for an answer that the network does not have.
    """
    classes = class_names(net, spec)
    names = (BEAT, None, *classes)
    if answer not in names or answer is None:
        raise ValueError(f"got {answer!r}, expected {BEAT!r} or one of {classes}")
    started = perf_counter()
    part, cell = field_of(net, prepared, cell_at(prepared, spec, position))
    attribution = METHODS[method](net, part.array, unit(names.index(answer), cell))
    beat = float(np.rint(part.index_in_input(np.array([position]))[0]))
    beat = int(np.clip(beat, 0, part.array.shape[1] - 1))
    return Why(part, cell, beat, answer, attribution, perf_counter() - started)


def class_names(net: nn.Module, spec: ModelSpec) -> tuple[str, ...]:
    """What the class logits of a cell stand for: where N and S share a shape, N is both."""
    return cell_names(len(net.get_submodule(spec.head).weight) - 2)  # beat and offset before them


def rhythm_evidence(
    net: nn.Module, spec: ModelSpec, prepared: Prepared, beats: Beats, beat: int
) -> list[Evidence]:
    """What the rhythm says for S (above 0) or for N: the terms of the head's logit for one beat.

    `beats` are all beats of the lead in sample index, `beat` is the index of one of them.
    """
    rate = spec.input.sampling_rate
    places = prepared.index_in_input(beats.positions[:, None])[:, 0]
    lead = prepared.array[0, : prepared.valid[0]]
    features = rhythm_features(lead, rate, places, odd_by_shape(beats), prepared.gaps)[beat]
    weights, bias = (t.cpu().numpy() for t in (net.rhythm.weight, net.rhythm.bias))
    present = float(features[-1])
    ratios = [f"{100 * np.exp(f / present):.0f} %" if present else "–" for f in features[:-1]]
    values = [*ratios, f"{100 * present:.0f} %"]
    rows = zip(FEATURES, values, features * weights, strict=True)
    return [Evidence("always", "", float(bias[0])), *(Evidence(n, v, float(c)) for n, v, c in rows)]


def channel_names(spec: ModelSpec) -> tuple[tuple[str, str], ...]:
    """What each fed channel is, and its unit ("" where that is unknown)."""
    plain = tuple((f"channel {k}", "") for k in range(spec.input.channels))
    return CHANNELS.get(spec.input.normalise, plain)


def cell_at(prepared: Prepared, spec: ModelSpec, position: float) -> int:
    """The cell of a prepared lead that holds a sample index; the ends of the lead at most."""
    fed = float(prepared.index_in_input(np.array([position]))[0])
    last = prepared.valid[0] - 1
    return floor(min(max(fed, 0.0), last) / spec.decoder["stride"])


def field_of(net: nn.Module, prepared: Prepared, cell: int) -> tuple[Prepared, int]:
    """The part of a prepared lead that a cell of the output sees, and the cell's index in it.

    Cut on multiples of the network's total stride, so that the cell's logits equal those of a
    pass over the whole lead. Raises ValueError for a network whose output has no place.
    """
    place = geometry(net, 1).get(OUTPUT)
    if place is None:
        raise ValueError(f"{type(net).__name__} is not fully convolutional: it has no cells")
    multiple = total_stride(net, 1)
    centre, half = place.offset[0] + place.stride[0] * cell, (place.field[0] - 1) / 2
    low = max(0, floor((centre - half) / multiple) * multiple)
    high = min(prepared.array.shape[1], ceil((centre + half + 1) / multiple) * multiple)
    return part_of(prepared, [slice(low, high)]), cell - round(low / place.stride[0])


def by_channel(found: Why, spec: ModelSpec) -> list[Evidence]:
    """What each fed channel contributes in all, with its value at the beat."""
    names, values = channel_names(spec), found.part.array[:, found.beat]
    rows = zip(names, values, found.values, strict=True)
    return [Evidence(name, f"{value:.2f}", float(c.sum())) for (name, _), value, c in rows]


@dataclass(frozen=True)
class Stretch:
    """Fed values `start` to `end` (excluded) of one channel and what they contribute together."""

    channel: int
    start: int
    end: int
    contribution: float


def strongest_stretches(values: np.ndarray, width: int, count: int = 3) -> list[Stretch]:
    """The `count` stretches of `width` in (C, T) that contribute most, up or down, none twice.

    Chosen one after the other by |sum|; stretches of one channel do not overlap.
    """
    width = min(width, values.shape[1])
    sums = np.cumsum(np.pad(values.astype(float), ((0, 0), (1, 0))), axis=1)  # (C, T + 1)
    sums = sums[:, width:] - sums[:, :-width]  # (C, T + 1 - width)
    free = np.ones(sums.shape, bool)
    chosen = []
    while len(chosen) < count and free.any():
        reach = np.where(free, np.abs(sums), -1.0)
        channel, start = (int(k) for k in np.unravel_index(reach.argmax(), reach.shape))
        if sums[channel, start] == 0:
            break
        chosen.append(Stretch(channel, start, start + width, float(sums[channel, start])))
        free[channel, max(0, start - width + 1) : start + width] = False
    return chosen
