"""A network over a whole scan: what each class is everywhere, with a plan of the cost before.

A patch classifier answers for the patch at one crosshair; over a whole scan it answers for every
`step`-th one. "windows" cuts each patch out, normalises it by its own percentiles as the crosshair
answer does, and so gives the same numbers. "dense" runs the network once as convolutions (see
`models.dense`) over the scan normalised once, by the median range of its patches: many times
faster, and not the same where patches are brighter or darker than that or where the network pads.
A segmenting network slides over the scan in windows that overlap and are blended.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod
from time import perf_counter

import numpy as np
from scipy import special
from torch import nn

from dashboard.data.normalise import NORMALISERS
from dashboard.data.prepare import prepare
from dashboard.data.prepare_volume import read_frame, to_ras, whole_frame
from dashboard.data.sample import Sample
from models import sliding
from models.arithmetic import count
from models.decode import segmentation
from models.decode.classes import class_names
from models.dense import Dense, dense, dense_pieces, joined, run_dense
from models.folded import folded
from models.probes.geometry import OUTPUT, geometry
from models.records import Mask, Step
from models.run import run
from models.spec import ModelSpec

WINDOWS, DENSE, SLIDING = "windows", "dense", "sliding"
BATCH = 16  # patches at once
SIDE = 64  # voxels of a window of a network of any input size
OVERLAP = 0.25  # of a window, shared with the next
AIR = 0.1  # of the scan's range (0.5 to 99.5 %): a patch without a brighter voxel is air
DENSE_BYTES = 2**30  # activations of a dense pass, all layers together
WORK_BYTES = 64 * 2**20  # what a first pass takes whatever its size


@dataclass(frozen=True)
class Whole:
    """What running a network over a whole scan takes, known before it starts.

    `windows` patches or windows at most; `shape` (*U) of the map; `step` in fed voxels from one
    answer to the next; `bytes` held at most, the scan not counted; `seconds` from one batch timed
    on this machine. `borders` names layers that make a dense answer differ from the windows'.
    """

    method: str
    windows: int
    size: tuple[int, ...]
    shape: tuple[int, ...]
    step: tuple[int, ...]
    bytes: int
    seconds: float
    borders: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClassMap:
    """Probability of each class everywhere: `probabilities` (K, *U) float32, NaN: not looked at.

    `place` (dim+1, dim+1) takes a unit to the sample index that its answer belongs to: the voxel
    where the crosshair gives that answer.
    """

    names: tuple[str, ...]
    probabilities: np.ndarray
    place: np.ndarray


@dataclass(frozen=True)
class WholeAnswer:
    """A finished run: `seconds` it took, `run` the windows that were not left out as air."""

    plan: Whole
    found: ClassMap | Mask
    run: int
    seconds: float


def methods(spec: ModelSpec) -> tuple[str, ...]:
    """The ways a network goes over a whole scan, the faithful one first; () for other networks."""
    if spec.task == "segmentation":
        return (SLIDING,)
    return (WINDOWS, DENSE) if spec.task == "classification" and spec.input.crop == "patch" else ()


def plan_whole(
    sample: Sample, spec: ModelSpec, net: nn.Module, method: str = "", step: int | None = None
) -> Whole:
    """The plan of one of `methods` (default: the first).

    `step` is that of "windows" in fed voxels, default the network's total stride. Raises
    ValueError for a network without such a method, and for a scan smaller than one window.
    """
    offered = methods(spec)
    if not offered or (method or offered[0]) not in offered:
        raise ValueError(
            f"{spec.name} cannot be run over a whole scan this way ({method or spec.task}): "
            "expected a network for patches of a volume or one that segments"
        )
    method = method or offered[0]
    if method == SLIDING:
        return _plan_sliding(sample, spec, net)
    size, shape = spec.input.size_for(sample.dim), _fed_shape(sample, spec)
    if any(n < window for n, window in zip(shape, size, strict=True)):
        raise ValueError(
            f"got a scan of {' x '.join(map(str, shape))} voxels as {spec.name} takes it, "
            f"expected at least its window of {' x '.join(map(str, size))}"
        )
    whole = dense(net, size)
    if method == DENSE:
        return _plan_dense(net, spec, shape, whole)
    return _plan_windows(net, spec, shape, (step,) * len(size) if step else whole.stride)


def whole_map(
    sample: Sample, spec: ModelSpec, net: nn.Module, plan: Whole, *, skip_air: bool = False
) -> Iterator[Step]:
    """Run a plan; the last step's `values["answer"]` is a WholeAnswer.

    `skip_air` leaves out windows that hold nothing: their probabilities are NaN, their labels
    background. Whoever closes the generator cancels the run, and nothing is left of it.
    """
    started = perf_counter()
    runner = {WINDOWS: _run_windows, DENSE: _run_dense, SLIDING: _run_sliding}[plan.method]
    for event in runner(sample, spec, net, plan, skip_air):
        if isinstance(event, float):
            left = (perf_counter() - started) * (1 / max(event, 1e-6) - 1)
            yield Step(event, f"{spec.name}: about {left:.0f} s left", {"seconds_left": left})
        else:
            found, ran = event
            answer = WholeAnswer(plan, found, ran, perf_counter() - started)
            yield Step(1.0, f"{spec.name}: {ran} windows", {"answer": answer})


# What a runner yields: shares done, then its answer and the number of windows run.
Events = Iterator[float | tuple[ClassMap | Mask, int]]


# Patch by patch


def _fed_shape(sample: Sample, spec: ModelSpec) -> tuple[int, ...]:
    turn, steps = to_ras(sample.affine, spec.input.spacing)
    return whole_frame(turn, steps, sample.shape)[1]


def _plan_windows(
    net: nn.Module, spec: ModelSpec, shape: tuple[int, ...], step: tuple[int, ...]
) -> Whole:
    size, channels = spec.input.size_for(len(shape)), spec.input.channels
    if min(step) < 1:
        raise ValueError(f"got a step of {step} voxels, expected at least 1")
    units = tuple((n - w) // s + 1 for n, w, s in zip(shape, size, step, strict=True))
    windows, batch = prod(units), min(BATCH, prod(units))
    noise = np.random.default_rng(0).standard_normal((batch, channels, *size), dtype=np.float32)
    _patches(net, spec, noise)  # the first pass is slower
    started = perf_counter()
    classes = _patches(net, spec, noise).shape[1]
    seconds = (perf_counter() - started) * windows / batch
    activations = count(net, noise.shape).activation_bytes + WORK_BYTES
    held = 4 * (3 * prod(shape) + 2 * classes * windows) + 4 * noise.nbytes
    return Whole(WINDOWS, windows, size, units, step, held + activations, seconds)


def _patches(net: nn.Module, spec: ModelSpec, patches: np.ndarray) -> np.ndarray:
    """Probabilities (B, K) of patches (B, C, *size), each normalised by itself."""
    policy = NORMALISERS[spec.input.normalise]
    fed = np.stack([policy(patch, spec.input) for patch in patches])
    return special.softmax(run(net, fed.astype(np.float32, copy=False)).numpy(), axis=1)


def _run_windows(
    sample: Sample, spec: ModelSpec, net: nn.Module, plan: Whole, skip_air: bool
) -> Events:
    turn, steps = to_ras(sample.affine, spec.input.spacing)
    matrix, shape = whole_frame(turn, steps, sample.shape)
    scan = read_frame(sample, 0, turn, steps, matrix, shape)
    floor = _floor_of_air(scan) if skip_air else -np.inf
    boxes = []
    for unit in product(*map(range, plan.shape)):
        low = [u * s for u, s in zip(unit, plan.step, strict=True)]
        box = tuple(slice(a, a + n) for a, n in zip(low, plan.size, strict=True))
        if not skip_air or scan[box].max() > floor:
            boxes.append((unit, box))
    maps = None
    for at in range(0, len(boxes), BATCH):
        chosen = boxes[at : at + BATCH]
        patches = np.stack([np.stack([scan[box]] * spec.input.channels) for _, box in chosen])
        found = _patches(net, spec, patches)
        if maps is None:
            maps = np.full((found.shape[1], *plan.shape), np.nan, dtype=np.float32)
        for (unit, _), shares in zip(chosen, found, strict=True):
            maps[(slice(None), *unit)] = shares
        yield (at + len(chosen)) / len(boxes)
    if maps is None:
        maps = np.full((spec.classes, *plan.shape), np.nan, dtype=np.float32)
    yield _class_map(spec, maps, matrix, plan), len(boxes)


def _floor_of_air(scan: np.ndarray) -> float:
    coarse = scan[tuple(slice(None, None, 2) for _ in scan.shape)]
    low, high = np.percentile(coarse, (0.5, 99.5))
    return float(low + AIR * (high - low))


def _class_map(spec: ModelSpec, maps: np.ndarray, matrix: np.ndarray, plan: Whole) -> ClassMap:
    """Unit u belongs to the voxel that a patch is fed around: `size // 2` after its start."""
    unit = np.eye(len(plan.size) + 1)
    unit[:-1, :-1] = np.diag(plan.step)
    unit[:-1, -1] = np.array(plan.size) // 2
    return ClassMap(class_names(spec, len(maps)), maps, matrix @ unit)


# Dense


def _plan_dense(net: nn.Module, spec: ModelSpec, shape: tuple[int, ...], whole: Dense) -> Whole:
    units = whole.positions(shape)
    channels = spec.input.channels
    block = tuple(min(n, 2 * w) for n, w in zip(shape, whole.size, strict=True))
    noise = np.zeros((channels, *block), dtype=np.float32)
    run_dense(whole, noise)  # the first pass is slower
    started = perf_counter()
    classes = len(run_dense(whole, noise))
    seconds = (perf_counter() - started) * prod(shape) / prod(block)
    rows = min(shape[0], _chunk(whole, channels, shape) + _margins(whole))
    activations = count(whole.net, (channels, rows, *shape[1:])).activation_bytes
    held = 4 * (5 * prod(shape) + 4 * classes * prod(units))
    total = held + 3 * activations // 2 + WORK_BYTES  # convolutions reorder what they take
    return Whole(DENSE, prod(units), whole.size, units, whole.stride, total, seconds, whole.borders)


def _chunk(whole: Dense, channels: int, shape: tuple[int, ...]) -> int:
    """Fed rows per piece, so that the activations of all layers stay near DENSE_BYTES."""
    per_row = count(whole.net, (channels, *shape)).activation_bytes / shape[0]
    rows, step = int(DENSE_BYTES / per_row), whole.stride[0]
    if rows >= shape[0]:
        return shape[0]
    return max(step, (rows - _margins(whole)) // step * step)


def _margins(whole: Dense) -> int:
    """Fed rows that a piece needs around its own."""
    place = geometry(whole.net, len(whole.size))[OUTPUT]
    return int(place.field[0]) + 2 * whole.stride[0]


def _run_dense(
    sample: Sample, spec: ModelSpec, net: nn.Module, plan: Whole, skip_air: bool
) -> Events:
    """One pass in pieces along the first axis, each with its margins."""
    prepared = prepare(sample, spec.input, whole=True)
    fed = prepared.array
    whole = dense(net, plan.size)
    pieces = []
    for share, piece in dense_pieces(whole, fed, _chunk(whole, len(fed), fed.shape[1:])):
        pieces.append(piece)
        yield share
    maps = special.softmax(joined(whole, pieces, fed.shape[1:]), axis=0)
    yield _class_map(spec, maps, prepared.to_sample, plan), plan.windows


# Sliding


def _plan_sliding(sample: Sample, spec: ModelSpec, net: nn.Module) -> Whole:
    multiple, sides = spec.input.multiple, spec.input.size_for(sample.dim)
    shape = tuple(-(-n // multiple) * multiple for n in _fed_shape(sample, spec))
    sides = sides or (-(-SIDE // multiple) * multiple,) * sample.dim
    size = tuple(min(n, side) for n, side in zip(shape, sides, strict=True))
    net = folded(net)
    windows = sliding.plan(shape, size, OVERLAP, net=net, channels=spec.input.channels, batch=1)
    decoded = 4 * prod(shape) * (2 * windows.classes + 3) + 3 * prod(sample.shape)
    decoded += 2 * windows.classes * min(prod(sample.shape), segmentation.MOST_KEPT)
    step = tuple(
        s[1] - s[0] if len(s) > 1 else n for s, n in zip(windows.starts, size, strict=True)
    )
    held = windows.bytes + decoded + WORK_BYTES
    return Whole(SLIDING, windows.windows, size, shape, step, held, windows.seconds)


def _run_sliding(
    sample: Sample, spec: ModelSpec, net: nn.Module, plan: Whole, skip_air: bool
) -> Events:
    prepared = prepare(sample, spec.input, whole=True)
    windows = sliding.plan(plan.shape, plan.size, OVERLAP, batch=1)
    skip = None
    if skip_air:
        skip = sliding.empty_windows(prepared.array, windows, _floor_of_air(prepared.array[0]))
    scores = None
    for slab in sliding.slabs(folded(net), prepared.array, windows, skip=skip):
        if scores is None:  # what no window covers is surely background
            scores = np.full((len(slab.values), *plan.shape), -np.inf, dtype=np.float32)
            scores[0] = 0
        rows = slice(slab.first, slab.first + slab.values.shape[1])
        covered = ~np.isnan(slab.values[:1])
        np.copyto(scores[:, rows], slab.values, where=covered)
        yield slab.fraction
    names = class_names(spec, spec.classes)
    if scores is None:
        scores = np.zeros((len(names), *plan.shape), dtype=np.float32)
        scores[0] = 1e3
    mask = segmentation.decode(scores, names, prepared.to_sample, prepared.valid, sample.shape)
    ran = windows.windows - (0 if skip is None else int(skip.sum()))
    yield mask, ran
