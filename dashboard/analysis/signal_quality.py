"""Where a signal is not to be trusted: gaps, flat and saturated stretches, and indices per 10 s.

All of it is vectorised and reads a record block by block, so a day costs little memory.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import signal

FLAT_SECONDS = 1.0  # the same value for this long is no heart
SATURATED_SECONDS = 0.04  # the same value for this long at an end of the range is clipping
SATURATED_SAMPLES = 5  # at least: a peak sampled coarsely may have two or three equal values
GAP, FLAT, SATURATED = "gap", "flat", "saturated"
BLOCK = 2**20  # samples read at once
QUALITY_SECONDS = 10.0
GOOD, DOUBTFUL, BAD = 0, 1, 2
LEVELS = ("good", "doubtful", "bad")

Read = Callable[[int, int], np.ndarray]  # values (T,) of a lead from one sample to before another


@dataclass(frozen=True)
class Stretches:
    """Stretches of one lead: samples `starts` (R,) to before `ends` (R,), and the `kinds` (R,)."""

    starts: np.ndarray
    ends: np.ndarray
    kinds: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.starts)


def stretches(read: Read, length: int, sampling_rate: float) -> Stretches:
    """Gaps (NaN), flat and saturated stretches of a lead of `length` samples, in order.

    Flat: one value for 1 s. Saturated: one value for 40 ms (5 samples at least) that is the
    highest or the lowest of the whole lead. What is both is saturated; a lead of one value is
    flat.
    """
    low, high = _range(read, length)
    flat_for = max(2, round(FLAT_SECONDS * sampling_rate))
    clipped_for = max(SATURATED_SAMPLES, round(SATURATED_SECONDS * sampling_rate))
    starts, ends, levels = _runs(read, length, min(flat_for, clipped_for))
    lasting = ends - starts
    gap = np.isnan(levels)
    at_end = ((levels == low) | (levels == high)) & (low < high)
    saturated = at_end & (lasting >= clipped_for)
    flat = ~gap & ~saturated & (lasting >= flat_for)
    kinds = np.select([gap, saturated, flat], [GAP, SATURATED, FLAT], "")
    keep = kinds != ""
    return Stretches(starts[keep], ends[keep], tuple(kinds[keep].tolist()))


def _blocks(length: int, size: int) -> Iterator[tuple[int, int]]:
    for start in range(0, length, size):
        yield start, min(start + size, length)


def _range(read: Read, length: int) -> tuple[float, float]:
    """Lowest and highest value; NaN where there is none."""
    ends = [np.nan, np.nan]
    for start, end in _blocks(length, BLOCK):
        values = read(start, end)
        ends[0] = np.fmin(ends[0], np.fmin.reduce(values))
        ends[1] = np.fmax(ends[1], np.fmax.reduce(values))
    return float(ends[0]), float(ends[1])


def _runs(read: Read, length: int, least: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Runs of one value of at least `least` samples, and every gap: starts, ends, values.

    A run that touches the end of a block is kept until the next block says how it goes on.
    """
    starts, ends, levels = [], [], []
    open_start, open_level = 0, None  # the run that reached the end of the last block
    for begin, end in _blocks(length, BLOCK):
        values = np.asarray(read(begin, end))
        missing = np.isnan(values)
        change = (values[1:] != values[:-1]) & ~(missing[1:] & missing[:-1])
        edges = np.concatenate([[0], np.flatnonzero(change) + 1, [len(values)]]) + begin
        first, last = edges[:-1].copy(), edges[1:]
        level = values[first - begin].astype(float)
        if open_level is not None and _same(open_level, level[0]):
            first[0] = open_start
        elif open_level is not None:  # it ended with its block
            first, last = np.append(open_start, first), np.append(begin, last)
            level = np.append(open_level, level)
        open_start, open_level = int(first[-1]), float(level[-1])
        done = np.arange(len(first)) < len(first) - (end < length)
        keep = done & (np.isnan(level) | (last - first >= least))
        starts.append(first[keep])
        ends.append(last[keep])
        levels.append(level[keep])
    if not starts:
        return np.empty(0, int), np.empty(0, int), np.empty(0)
    return np.concatenate(starts), np.concatenate(ends), np.concatenate(levels)


def _same(one: float, other: float) -> bool:
    return one == other or (np.isnan(one) and np.isnan(other))


@dataclass(frozen=True)
class Quality:
    """Indices of every 10 s (W,), NaN where a gap takes more than half; `levels` 0, 1, 2.

    `kurtosis` (kSQI), `qrs_power` (pSQI: power of 5-15 Hz in that of 5-40 Hz) and `baseline`
    (basSQI: 1 minus the power below 1 Hz in that below 40 Hz). `levels` says good, doubtful or
    bad; `seconds` is the length of a window.
    """

    kurtosis: np.ndarray
    qrs_power: np.ndarray
    baseline: np.ndarray
    levels: np.ndarray
    seconds: float = QUALITY_SECONDS

    def __len__(self) -> int:
        return len(self.levels)


def quality(read: Read, length: int, sampling_rate: float) -> Quality:
    """`Quality` of a lead of `length` samples; the last window is the rest, if 2 s or more.

    kSQI, pSQI and basSQI as Li, Mark and Clifford (Physiol Meas 29:15, 2008) and Clifford et al.
    (Physiol Meas 33:1419, 2012) define them, put together by the simple heuristic fusion of Zhao
    and Zhang (Front Physiol 9:727, 2018); their fourth index, the agreement of two detectors, is
    left out.
    """
    size = max(1, round(QUALITY_SECONDS * sampling_rate))
    at_once = max(1, BLOCK // size) * size
    parts = []
    for start, end in _blocks(length, at_once):
        values = read(start, end)
        whole = len(values) // size * size
        if whole:
            parts.append(_indices(values[:whole].reshape(-1, size), sampling_rate))
        if len(values) - whole >= 2 * sampling_rate:
            parts.append(_indices(values[None, whole:], sampling_rate))
    found = np.concatenate(parts, axis=1) if parts else np.empty((3, 0))
    return Quality(*found, levels=quality_levels(*found))


def _indices(windows: np.ndarray, sampling_rate: float) -> np.ndarray:
    """kSQI, pSQI and basSQI (3, W) of windows (W, T)."""
    windows = windows.astype(np.float64)
    missing = np.isnan(windows)
    unknown = missing.mean(axis=1) > 0.5
    if missing.any():
        counts = np.maximum((~missing).sum(axis=1), 1)
        means = np.where(missing, 0, windows).sum(axis=1) / counts
        windows = np.where(missing, means[:, None], windows)
    centred = windows - windows.mean(axis=1, keepdims=True)
    squares = centred**2
    spread = squares.mean(axis=1)
    flat = spread <= 1e-12
    with np.errstate(divide="ignore", invalid="ignore"):
        kurtosis = (squares**2).mean(axis=1) / spread**2
        frequencies, power = signal.periodogram(centred, sampling_rate, detrend=False)

        def between(low: float, high: float) -> np.ndarray:
            return power[:, (frequencies >= low) & (frequencies <= high)].sum(axis=1)

        qrs_power = between(5, 15) / between(5, 40)
        baseline = 1 - between(0, 1) / between(0, 40)
    out = np.stack([kurtosis, qrs_power, baseline])
    out[:, unknown | flat] = np.nan
    return out


def quality_levels(kurtosis: np.ndarray, qrs_power: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """0 good, 1 doubtful, 2 bad (W,) int8 from three indices; NaN is bad.

    Bounds for fewer than 130 beats per minute. kSQI above 5 is best, else worst; pSQI 0.5 to 0.8
    best, 0.4 to 0.5 fair, else worst; basSQI from 0.95 best, from 0.9 fair, else worst.
    """
    best = (kurtosis > 5, (qrs_power > 0.5) & (qrs_power < 0.8), baseline >= 0.95)
    fair = (kurtosis > 5, (qrs_power > 0.4) & (qrs_power < 0.8), baseline >= 0.9)
    optimal = np.sum(best, axis=0)
    worst = 3 - np.sum(fair, axis=0)
    levels = np.full(np.shape(kurtosis), DOUBTFUL, np.int8)
    levels[(optimal >= 2) & (worst == 0)] = GOOD
    levels[(worst >= 2) | ((worst == 1) & (optimal == 0))] = BAD
    return levels
