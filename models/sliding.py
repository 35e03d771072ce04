"""A network over an array of any size, window by window, blended into one map.

Windows, their order, weights and padding are those of MONAI's `sliding_window_inference`
(Cardoso et al. 2022, arXiv:2211.02701; Gaussian weights after Isensee et al. 2021, nnU-Net,
"Patch-based inference"), so that the answers are the same. Memory is not: rows that no later
window touches are handed over at once, so that only one window's depth of sums is held.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from time import perf_counter

import numpy as np
import torch
from torch import Tensor, nn

from models.arithmetic import count, without_data
from models.locks import quiet
from models.run import as_batch

MODES = ("constant", "gaussian")
SIGMA = 0.125  # of a window's side, as MONAI's default
LEAST_WEIGHT = 1e-3  # of the middle's: no voxel of a window counts for nothing
_WORK = 24 * 2**20  # bytes that PyTorch itself takes at a first pass, whatever the window


@dataclass(frozen=True)
class Plan:
    """Which windows cover an input of `shape` (*S), and what running them costs.

    `starts` are the windows' first indices along each axis of the input, which is padded by
    `padding` (before, after) with zeros where it is smaller than a window of `size`; `batch`
    windows run at once. `bytes` is what the run takes at most, its answer of `classes` float32
    maps included and the input not; `seconds` what it will take, NaN where nothing was timed.
    """

    shape: tuple[int, ...]
    size: tuple[int, ...]
    starts: tuple[tuple[int, ...], ...]
    padding: tuple[tuple[int, int], ...]
    batch: int
    classes: int
    bytes: int
    seconds: float

    @property
    def windows(self) -> int:
        """Number of windows."""
        return prod(len(starts) for starts in self.starts)

    @property
    def corners(self) -> list[tuple[int, ...]]:
        """First index of every window in the padded input, last axis fastest."""
        return list(product(*self.starts))


def plan(
    shape: Sequence[int],
    size: Sequence[int],
    overlap: float = 0.25,
    *,
    net: nn.Module | None = None,
    channels: int = 1,
    classes: int = 1,
    batch: int = 4,
) -> Plan:
    """The windows of `size` that cover `shape`, each sharing `overlap` (0..1) with the next.

    With `net` its classes and memory are counted on torch's meta device and the seconds follow
    from one window of noise that is run and timed; else `classes` is taken and no activation is
    counted. Raises ValueError for sizes that do not belong together.
    """
    if len(shape) != len(size) or min(*shape, *size) < 1 or not 0 <= overlap < 1 or batch < 1:
        raise ValueError(
            f"got windows {tuple(size)} of overlap {overlap:g} over {tuple(shape)}, expected one "
            "positive extent per axis and an overlap from 0 to below 1"
        )
    size = tuple(int(n) for n in size)
    lacking = [max(window - n, 0) for n, window in zip(shape, size, strict=True)]
    padded = [n + extra for n, extra in zip(shape, lacking, strict=True)]
    starts = tuple(_starts(n, w, overlap) for n, w in zip(padded, size, strict=True))
    padding = tuple((extra // 2, extra - extra // 2) for extra in lacking)
    windows = prod(map(len, starts))
    batch = min(batch, windows)
    seconds, activations = float("nan"), 0
    if net is not None:
        classes = _classes(net, (batch, channels, *size))
        activations = count(net, (batch, channels, *size)).activation_bytes + _WORK
        seconds = windows * window_seconds(net, channels, size)
    held = _held_bytes(shape, starts, size, padded, batch, channels, classes)
    plain = tuple(int(n) for n in shape)
    return Plan(plain, size, starts, padding, batch, classes, held + activations, seconds)


def _starts(length: int, window: int, overlap: float) -> tuple[int, ...]:
    """Where windows start along one axis; the last one is moved back to end with the input."""
    if length == window:
        return (0,)
    step = max(int(window * (1 - overlap)), 1)
    return tuple(min(start, length - window) for start in range(0, length - window + step, step))


def _held_bytes(
    shape: Sequence[int],
    starts: Sequence[Sequence[int]],
    size: Sequence[int],
    padded: Sequence[int],
    batch: int,
    channels: int,
    classes: int,
) -> int:
    """The answer, sums and weights of the rows in work (twice while they move on), a batch."""
    per_row = prod(len(s) for s in starts[1:])
    groups = -(-batch // per_row) + 1  # first indices along the first axis that a batch may span
    step = starts[0][1] - starts[0][0] if len(starts[0]) > 1 else 0
    rows = min(padded[0], size[0] + groups * step)
    sums = 3 * rows * prod(padded[1:]) * (classes + 1)
    windows = batch * prod(size) * (2 * channels + classes + 1)
    return 4 * (classes * prod(shape) + sums + windows)


def _classes(net: nn.Module, shape: Sequence[int]) -> int:
    """Channels of the network's answer; ValueError unless it is as large as the window."""
    dtype = next(net.parameters()).dtype
    with torch.inference_mode():
        out = without_data(net)(torch.empty(tuple(shape), dtype=dtype, device="meta"))
    return _checked(out, shape[2:]).shape[1]


def _checked(out: Tensor, size: Sequence[int]) -> Tensor:
    if not isinstance(out, Tensor) or tuple(out.shape[2:]) != tuple(size):
        got = tuple(out.shape[2:]) if isinstance(out, Tensor) else type(out).__name__
        raise ValueError(
            f"the network answers a window of {tuple(size)} with {got}: expected one map per "
            "class, as large as the window"
        )
    return out


def window_seconds(net: nn.Module, channels: int, size: Sequence[int]) -> float:
    """Seconds of one window of noise, the faster of two passes after a first one."""
    noise = np.random.default_rng(0).standard_normal((1, channels, *size), dtype=np.float32)
    seconds = []
    for _ in range(3):
        started = perf_counter()
        with quiet(net):
            net(as_batch(net, noise)).sum().item()  # waits for the device
        seconds.append(perf_counter() - started)
    return min(seconds[1:])


def importance(size: Sequence[int], mode: str) -> Tensor:
    """Weight of every voxel of a window (*size): 1, or a Gaussian about its middle."""
    if mode not in MODES:
        raise ValueError(f"got blending {mode!r}, expected one of {', '.join(MODES)}")
    weights = torch.ones(tuple(size))
    if mode == "constant":
        return weights
    for axis, length in enumerate(size):
        away = torch.arange(length, dtype=torch.float32) - (length - 1) / 2
        along = torch.exp(away**2 / (-2 * (SIGMA * length) ** 2))
        weights *= along.reshape(-1, *(1,) * (len(size) - axis - 1))
    return weights.clamp_(min=max(float(weights.min()), LEAST_WEIGHT))


# Running


@dataclass(frozen=True)
class Slab:
    """Finished rows of a map: `values` (K, rows, *S[1:]) float32 from row `first` on.

    `fraction` of all windows is done. Voxels that no window was run for are NaN.
    """

    first: int
    values: np.ndarray
    fraction: float


def empty_windows(array: np.ndarray, windows: Plan, floor: float) -> np.ndarray:
    """Which windows (W,) hold no value above `floor`: air in a scan, nothing worth running."""
    return np.array([not (_cut(array, windows, c) > floor).any() for c in windows.corners])


def slabs(
    net: nn.Module,
    array: np.ndarray | Tensor,
    windows: Plan,
    *,
    mode: str = "gaussian",
    skip: np.ndarray | None = None,
    accumulate_on: str | torch.device = "cpu",
) -> Iterator[Slab]:
    """Run `net` over `array` (C, *S) and yield rows of the blended answer as they are finished.

    One slab per batch, also where it has no rows, for progress. `skip` (W,) leaves windows out:
    rows that no window was run for may not come at all. Sums are held on the device
    `accumulate_on`. Whoever closes the generator cancels the run.
    """
    if tuple(array.shape[1:]) != windows.shape:
        raise ValueError(f"got {tuple(array.shape[1:])}, the plan is for {windows.shape}")
    corners = windows.corners
    run = [c for i, c in enumerate(corners) if skip is None or not skip[i]]
    weights = importance(windows.size, mode).to(accumulate_on)
    sums = _Sums(windows, weights, run[0][0] if run else 0)
    for at in range(0, len(run), windows.batch):
        chosen = run[at : at + windows.batch]
        fed = np.stack([_cut(array, windows, corner) for corner in chosen])  # (B, C, *size)
        with quiet(net):
            answers = _checked(net(as_batch(net, fed)), windows.size)  # (B, K, *size)
            sums.add(chosen, answers.to(accumulate_on, torch.float32))
        following = run[at + windows.batch][0] if at + windows.batch < len(run) else None
        fraction = (at + len(chosen)) / len(run)
        yield Slab(*sums.finished(following), fraction)


def sliding_window(
    net: nn.Module,
    array: np.ndarray | Tensor,
    windows: Plan,
    *,
    mode: str = "gaussian",
    skip: np.ndarray | None = None,
    accumulate_on: str | torch.device = "cpu",
    on_progress: Callable[[float], None] | None = None,
) -> np.ndarray:
    """`slabs` put together: the answer (K, *S) float32 of `net` over `array` (C, *S).

    `on_progress` hears the share done after each batch; what it raises ends the run.
    """
    out = np.full((windows.classes, *windows.shape), np.nan, dtype=np.float32)
    for slab in slabs(net, array, windows, mode=mode, skip=skip, accumulate_on=accumulate_on):
        out[:, slab.first : slab.first + slab.values.shape[1]] = slab.values
        if on_progress is not None:
            on_progress(slab.fraction)
    return out


def _cut(array: np.ndarray | Tensor, windows: Plan, corner: Sequence[int]) -> np.ndarray:
    """One window (C, *size) of the padded input."""
    places = zip(corner, windows.size, windows.padding, windows.shape, strict=True)
    lows = [(start - before, size, n) for start, size, (before, _), n in places]
    inside = tuple(slice(max(low, 0), min(low + size, n)) for low, size, n in lows)
    cut = np.asarray(array[(slice(None), *inside)], dtype=np.float32)
    if cut.shape[1:] == windows.size:
        return cut
    widths = [(max(-low, 0), max(low + size - n, 0)) for low, size, n in lows]
    return np.pad(cut, ((0, 0), *widths))


class _Sums:
    """Weighted sums and weights of the rows in work, of the padded input along the first axis."""

    def __init__(self, windows: Plan, weights: Tensor, first: int) -> None:
        self.windows, self.weights = windows, weights
        self.across = [
            n + sum(around)
            for n, around in zip(windows.shape[1:], windows.padding[1:], strict=True)
        ]
        self.first = first  # the padded row that the sums start with
        self.sums: Tensor | None = None
        self.total: Tensor | None = None

    def add(self, corners: Sequence[tuple[int, ...]], answers: Tensor) -> None:
        """Add the answers (B, K, *size) of windows, each where it belongs."""
        self._reach(corners[-1][0] + self.windows.size[0], answers.shape[1])
        for corner, answer in zip(corners, answers, strict=True):
            start = (corner[0] - self.first, *corner[1:])
            where = tuple(slice(at, at + n) for at, n in zip(start, self.windows.size, strict=True))
            self.sums[(slice(None), *where)].addcmul_(answer, self.weights)
            self.total[where].add_(self.weights)

    def _reach(self, stop: int, classes: int) -> None:
        """Hold rows up to `stop`."""
        held = 0 if self.sums is None else self.sums.shape[1]
        rows = stop - self.first
        if rows <= held:
            return
        sums = self.weights.new_zeros((classes, rows, *self.across))
        total = self.weights.new_zeros((rows, *self.across))
        if held:
            sums[:, :held], total[:held] = self.sums, self.total
        self.sums, self.total = sums, total

    def finished(self, following: int | None) -> tuple[int, np.ndarray]:
        """Hand over the rows held before `following`, where the next window starts (None: all).

        Returns their first row in the input, and their values.
        """
        end = self.first + self.sums.shape[1]
        stop = end if following is None else min(following, end)
        before = self.windows.padding[0][0]
        low, high = max(self.first, before), min(stop, before + self.windows.shape[0])
        rows = slice(low - self.first, max(high, low) - self.first)
        spatial = zip(self.windows.padding[1:], self.windows.shape[1:], strict=True)
        across = tuple(slice(around[0], around[0] + n) for around, n in spatial)
        values = self.sums[(slice(None), rows, *across)] / self.total[(rows, *across)]
        if stop > self.first:
            self.sums = self.sums[:, stop - self.first :].clone()
            self.total = self.total[stop - self.first :].clone()
            self.first = stop if following is None else following
        return low - before, values.cpu().numpy()
