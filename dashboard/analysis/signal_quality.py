"""Where a signal cannot be read at all: gaps, flat and saturated stretches.

Vectorised, and reads a record block by block, so a day costs little memory.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

FLAT_SECONDS = 1.0  # the same value for this long is no heart
SATURATED_SECONDS = 0.04  # the same value for this long at an end of the range is clipping
SATURATED_SAMPLES = 5  # at least: a peak sampled coarsely may have two or three equal values
FAR = 0.1  # of the range: an end closer to the median than this is no clipping
MEDIAN_OF = 10_000  # values
GAP, FLAT, SATURATED = "gap", "flat", "saturated"
BLOCK = 2**20  # samples read at once

Read = Callable[[int, int], np.ndarray]  # values (T,) of a lead from one sample to before another


@dataclass(frozen=True)
class Stretches:
    """Stretches of one lead: samples `starts` (R,) to before `ends` (R,), and the `kinds` (R,)."""

    starts: np.ndarray
    ends: np.ndarray
    kinds: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.starts)


@dataclass(frozen=True)
class LeadRange:
    """Lowest and highest value of a lead and its median, NaN where there is none."""

    low: float
    median: float
    high: float

    def at_end(self, levels: np.ndarray) -> np.ndarray:
        """Whether levels (R,) are an end of the range, and that end is far from the usual."""
        far = FAR * (self.high - self.low)
        low = (levels == self.low) & (self.median - self.low > far)
        return low | ((levels == self.high) & (self.high - self.median > far))


def stretches(
    read: Read, length: int, sampling_rate: float, limits: LeadRange | None = None
) -> Stretches:
    """Gaps (NaN), flat and saturated stretches of a lead of `length` samples, in order.

    Flat: one value for 1 s. Saturated: one value for 40 ms (5 samples at least) that is the
    highest or the lowest of the lead (`limits`, of the values read where not given) and not near
    its median: a coarse record rests on one value. What is both is saturated.
    """
    limits = lead_range(read, length) if limits is None else limits
    flat_for = max(2, round(FLAT_SECONDS * sampling_rate))
    clipped_for = max(SATURATED_SAMPLES, round(SATURATED_SECONDS * sampling_rate))
    starts, ends, levels = _runs(read, length, min(flat_for, clipped_for))
    lasting = ends - starts
    gap = np.isnan(levels)
    saturated = limits.at_end(levels) & (lasting >= clipped_for)
    flat = ~gap & ~saturated & (lasting >= flat_for)
    kinds = np.select([gap, saturated, flat], [GAP, SATURATED, FLAT], "")
    keep = kinds != ""
    return Stretches(starts[keep], ends[keep], tuple(kinds[keep].tolist()))


def blocks(length: int, size: int) -> Iterator[tuple[int, int]]:
    """Starts and ends of blocks of `size` that make up `length`, the last one the rest."""
    for start in range(0, length, size):
        yield start, min(start + size, length)


def lead_range(read: Read, length: int) -> LeadRange:
    """The range of a lead; the median is that of some ten thousand of its values."""
    low = high = np.float32(np.nan)
    step = max(1, length // MEDIAN_OF)
    some = [np.empty(0, np.float32)]
    for start, end in blocks(length, BLOCK):
        values = read(start, end)
        low = np.fmin(low, np.fmin.reduce(values))
        high = np.fmax(high, np.fmax.reduce(values))
        some.append(values[-start % step :: step])
    known = np.concatenate(some)
    known = known[np.isfinite(known)]
    median = float(np.median(known)) if known.size else float("nan")
    return LeadRange(float(low), median, float(high))


def _runs(read: Read, length: int, least: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Runs of one value of at least `least` samples, and every gap: starts, ends, values.

    A run that touches the end of a block is kept until the next block says how it goes on.
    """
    starts, ends, levels = [], [], []
    open_start, open_level = 0, None  # the run that reached the end of the last block
    for begin, end in blocks(length, BLOCK):
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
