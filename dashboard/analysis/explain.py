"""Why a network answers as it does at a position: what it is asked, by which method, and the map.

One way for every task and rank. A class is a logit of the patch or sample that was fed, of the
cell of a beat, or of a segmentation summed over the region named so.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from time import perf_counter

import numpy as np
from scipy import stats
from torch import nn

from dashboard.analysis import why
from dashboard.analysis.layers import SHORTEST_SIDE, part_of, total_stride
from dashboard.data.prepare import Prepared
from models.arithmetic import count
from models.decode.classes import class_names
from models.probes import cam
from models.probes.attribution import (
    Attribution,
    Target,
    gradient_times_input,
    integrated_gradients,
    region,
    unit,
)
from models.probes.cam import ClassMap
from models.probes.geometry import OUTPUT, geometry
from models.probes.perturbation import Steps, enlarged, occlusion, score_cam
from models.probes.randomised import randomised
from models.run import run
from models.spec import ModelSpec

MOST_MACS = 2 * 10**10  # multiply-adds of one pass that is differentiated: a second or two
MOST_WINDOWS = 512  # of occlusion, about: passes of the network

Report = Callable[[float], None]


@dataclass(frozen=True)
class Answers:
    """What a network's output for `fed` says at one place: a logit for each of `names`.

    `channels` are those of the output (C, *S); `places` where in it each logit stands, () for an
    output (C,); `default` is the name explained unless another is asked for. `labels` (*S) is
    the channel that wins at every place of a segmentation; None for other tasks.
    """

    fed: Prepared
    names: tuple[str, ...]
    channels: tuple[int, ...]
    places: tuple[tuple[int, ...], ...]
    logits: np.ndarray
    default: str
    labels: np.ndarray | None = None

    def target(self, name: str) -> Target:
        """The number explained for a name; raises ValueError for one that is not answered."""
        if name not in self.names:
            raise ValueError(f"got {name!r}, expected one of {', '.join(self.names)}")
        row = self.names.index(name)
        channel = self.channels[row]
        if self.labels is not None and (self.labels == channel).any():
            return region(channel, self.labels == channel)
        return unit(channel, *self.places[row])


def answers_at(
    net: nn.Module, spec: ModelSpec, prepared: Prepared, position: Sequence[float]
) -> Answers:
    """One pass of what was `prepared`, or of what the cell of a beat at `position` sees of it.

    `position` is a sample index. Raises ValueError for a task that `EXPLAINED` does not name.
    """
    if spec.task not in EXPLAINED:
        raise ValueError(f"got a network for {spec.task}, expected one for {', '.join(EXPLAINED)}")
    return EXPLAINED[spec.task](net, spec, prepared, position)


def _classification(
    net: nn.Module, spec: ModelSpec, prepared: Prepared, position: Sequence[float]
) -> Answers:
    logits = run(net, prepared.array)[0].numpy()
    names = class_names(spec, len(logits))
    channels, places = tuple(range(len(names))), ((),) * len(names)
    return Answers(prepared, names, channels, places, logits, names[logits.argmax()])


def _beat(
    net: nn.Module, spec: ModelSpec, prepared: Prepared, position: Sequence[float]
) -> Answers:
    part, cell = why.field_of(net, prepared, why.cell_at(prepared, spec, position[0]))
    classes = why.class_names(net, spec)
    column = run(net, part.array)[0, :, cell].numpy()
    names, channels = (*classes, why.BEAT), (*range(2, 2 + len(classes)), 0)
    default = classes[column[2:].argmax()]
    places = ((cell,),) * len(names)
    return Answers(part, names, channels, places, column[list(channels)], default)


def _segmentation(
    net: nn.Module, spec: ModelSpec, prepared: Prepared, position: Sequence[float]
) -> Answers:
    output = run(net, prepared.array)[0].numpy()  # (K, *S)
    out = geometry(net, output.ndim - 1)[OUTPUT]
    fed = prepared.index_in_input(position)
    nearest = np.rint((fed - np.array(out.offset)) / np.array(out.stride))
    place = tuple(int(k) for k in np.clip(nearest, 0, np.array(output.shape[1:]) - 1))
    logits = output[(slice(None), *place)]
    names = class_names(spec, len(output))
    channels, places = tuple(range(len(names))), (place,) * len(names)
    default, labels = names[logits.argmax()], output.argmax(axis=0)
    return Answers(prepared, names, channels, places, logits, default, labels)


def _landmarks(
    net: nn.Module, spec: ModelSpec, prepared: Prepared, position: Sequence[float]
) -> Answers:
    """A landmark is the highest value of its map."""
    output = run(net, prepared.array)[0].numpy()  # (P, *S)
    names = class_names(spec, len(output))
    peaks = [np.unravel_index(one.argmax(), one.shape) for one in output]
    places = tuple(tuple(int(k) for k in peak) for peak in peaks)
    logits = output.reshape(len(output), -1).max(axis=1)
    channels = tuple(range(len(names)))
    return Answers(prepared, names, channels, places, logits, names[0])


# By task of the spec: (net, spec, prepared, position) to what the output says there.
EXPLAINED: Mapping[str, Callable[..., Answers]] = {
    "classification": _classification,
    "beats": _beat,
    "segmentation": _segmentation,
    "landmarks": _landmarks,
}


@dataclass(frozen=True)
class Explanation:
    """A map of what speaks for an answer, in the place of the sample it was fed from.

    `place` (dim+1, dim+1) takes an index of the map to sample index; `seconds` is the time of
    all passes.
    """

    map: ClassMap
    fed: Prepared
    answer: str
    seconds: float

    @property
    def nbytes(self) -> int:
        """Memory that keeping it takes."""
        return self.map.parts.nbytes + self.fed.array.nbytes

    @property
    def place(self) -> np.ndarray:
        """Map index to sample index, homogeneous."""
        to_fed = np.diag([*self.map.stride, 1.0])
        to_fed[:-1, -1] = self.map.offset
        return self.fed.to_sample @ to_fed

    @property
    def box(self) -> tuple[np.ndarray, np.ndarray]:
        """Low and high corner, in sample index, of what was fed."""
        shape = self.fed.array.shape[1:]
        ends = self.fed.index_in_sample(np.array([[-0.5] * len(shape), np.array(shape) - 0.5]))
        return ends.min(axis=0), ends.max(axis=0)

    def finer(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values (*U) of the map's grid at every fed place, linear between; and their place."""
        shape = self.fed.array.shape[1:]
        fine = enlarged(values[None], self.map.stride, self.map.offset, shape)[0]
        return fine, self.fed.to_sample


def explain(
    net: nn.Module,
    asked: Answers,
    answer: str,
    method: str,
    layer: str,
    on_progress: Report | None = None,
) -> Explanation:
    """The map of one of METHODS for `answer`; `layer` matters to those of `AT_LAYER`.

    `on_progress` hears the share done (0..1) and may raise to end it. Raises ValueError for a
    layer without a place on the input.
    """
    started = perf_counter()
    found = METHODS[method](
        net, asked.fed.array, asked.target(answer), layer, on_progress or _unheard
    )
    if found.stride is None:
        raise ValueError(f"layer {layer!r} has no place on the input, expected one that has")
    return Explanation(found, asked.fed, answer, perf_counter() - started)


def _unheard(fraction: float) -> None:
    """Nobody asked for progress."""


def _cam(method: str) -> Callable[..., ClassMap]:
    def make(
        net: nn.Module, fed: np.ndarray, target: Target, layer: str, report: Report
    ) -> ClassMap:
        return cam.cam(net, fed, layer, target, method)

    return make


def _score_cam(
    net: nn.Module, fed: np.ndarray, target: Target, layer: str, report: Report
) -> ClassMap:
    return _finished(score_cam(net, fed, layer, target), report)


def _occlusion(
    net: nn.Module, fed: np.ndarray, target: Target, layer: str, report: Report
) -> ClassMap:
    """About MOST_WINDOWS windows that overlap by half, covered with each channel's mean."""
    shape = fed.shape[1:]
    per_axis = round(MOST_WINDOWS ** (1 / len(shape)))
    stride = tuple(max(1, ceil(n / per_axis)) for n in shape)
    size = tuple(2 * step for step in stride)
    mean = fed.mean(axis=tuple(range(1, fed.ndim)), keepdims=True)
    return _finished(occlusion(net, fed, target, size=size, stride=stride, fill=mean), report)


def _integrated(
    net: nn.Module, fed: np.ndarray, target: Target, layer: str, report: Report
) -> ClassMap:
    return _of_input(integrated_gradients(net, fed, target, on_progress=report))


def _gradient(
    net: nn.Module, fed: np.ndarray, target: Target, layer: str, report: Report
) -> ClassMap:
    return _of_input(gradient_times_input(net, fed, target))


def _of_input(found: Attribution) -> ClassMap:
    """Contributions of fed values as a map on the input's own grid."""
    dim = found.values.ndim - 1
    return ClassMap(found.values, found.output, found.method, (1.0,) * dim, (0.0,) * dim)


def _finished(steps: Steps, report: Report) -> ClassMap:
    """What a generator of steps returns, its progress reported."""
    while True:
        try:
            report(next(steps).fraction)
        except StopIteration as end:
            return end.value


AT_LAYER = (*cam.METHODS, "Score-CAM")
METHODS: Mapping[str, Callable[..., ClassMap]] = {
    **{name: _cam(name) for name in cam.METHODS},
    "Score-CAM": _score_cam,
    "occlusion": _occlusion,
    "integrated gradients": _integrated,
    "gradient × input": _gradient,
}


def bounded(net: nn.Module, prepared: Prepared, position: Sequence[float]) -> Prepared:
    """What of a prepared sample is explained: all, or the part about `position` (sample index).

    Halved until a pass costs at most MOST_MACS, cut on multiples of the network's total stride.
    """
    side = max(prepared.array.shape[1:])
    dim, channels = prepared.array.ndim - 1, len(prepared.array)
    while side > SHORTEST_SIDE:
        shape = (channels, *(min(n, side) for n in prepared.array.shape[1:]))
        if count(net, shape).macs <= MOST_MACS:
            break
        side //= 2
    if side >= max(prepared.array.shape[1:]):
        return prepared
    multiple, spans = total_stride(net, dim), []
    centre = prepared.index_in_input(position)
    for n, c in zip(prepared.array.shape[1:], centre, strict=True):
        start = int(np.clip(round((c - side / 2) / multiple) * multiple, 0, max(0, n - side)))
        start -= start % multiple
        spans.append(slice(start, min(n, start + side)))
    return part_of(prepared, spans)


def likeness_to_random(
    net: nn.Module,
    asked: Answers,
    found: Explanation,
    method: str,
    layer: str,
    on_progress: Report | None = None,
) -> float:
    """Rank correlation (−1..1) of a map with that of the same network with random weights.

    Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018, section 3: a method whose map
    hardly changes does not explain what was learned. NaN where a map is constant.
    """
    other = explain(randomised(net), asked, found.answer, method, layer, on_progress)
    first, second = found.map.values.ravel(), other.map.values.ravel()
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(stats.spearmanr(first, second).statistic)


@dataclass(frozen=True)
class Peak:
    """A place where a map is strongest: its value there and its sample index."""

    value: float
    position: tuple[float, ...]


def peaks(found: Explanation, shape: Sequence[int], most: int = 5) -> list[Peak]:
    """The strongest places of a map, strongest first, no two of them neighbours.

    `shape` is that of the sample: places in the padding are left out.
    """
    values, place = found.map.values, found.place
    free = values > 0
    chosen: list[Peak] = []
    while len(chosen) < most and free.any():
        best = np.unravel_index(np.where(free, values, -np.inf).argmax(), values.shape)
        free[tuple(slice(max(0, k - 1), k + 2) for k in best)] = False
        position = place[:-1, :-1] @ np.array(best, float) + place[:-1, -1]
        if ((position > -0.5) & (position < np.array(shape) - 0.5)).all():
            inside = np.clip(position, 0, np.array(shape) - 1)
            chosen.append(Peak(float(values[best]), tuple(float(p) for p in inside)))
    return chosen


@dataclass(frozen=True)
class Mass:
    """Shares (0..1) of a map's |values|: above zero, and in the middle half of every fed axis.

    That middle is a quarter of a fed image and an eighth of a fed volume.
    """

    positive: float
    central: float


def mass(found: Explanation) -> Mass:
    """`Mass` of a map, spread over what was fed; NaN for one that is zero everywhere."""
    values, _ = found.finer(found.map.values)
    total = float(np.abs(values).sum(dtype=np.float64))
    if total == 0:
        return Mass(float("nan"), float("nan"))
    middle = values[tuple(slice(n // 4, n - n // 4) for n in values.shape)]
    above = float(np.maximum(values, 0).sum(dtype=np.float64))
    return Mass(above / total, float(np.abs(middle).sum(dtype=np.float64)) / total)
