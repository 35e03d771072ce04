"""How the values of a scan are spread: exact range, counts and percentiles, in one reading."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

import numpy as np

from dashboard.data.sample import Sample

MOST_READ = 2**21  # voxels counted; of larger scans every second, third ... along each axis
BINS = 256
MOST_VALUES = 2**20  # integers counted one by one


@dataclass(frozen=True)
class ValueCounts:
    """`counts` (B,) in bins of `step` from `start` on, in `unit`; `every` n-th voxel per axis read.

    `low` and `high` are the exact extremes of all voxels; `shares` maps percentages to values.
    """

    counts: np.ndarray
    start: float
    step: float
    low: float
    high: float
    shares: dict[float, float]
    every: int
    unit: str

    def percentiles(self, low: float, high: float) -> tuple[float, float]:
        """The values that `low` and `high` percent of the voxels stay under; 0 and 100 are exact.

        Raises KeyError for a percentage that was not asked for when counting.
        """
        ends = {0: self.low, 100: self.high}
        bottom, top = (ends.get(share, self.shares.get(share)) for share in (low, high))
        if bottom is None or top is None:
            raise KeyError(f"got {low} and {high} %, expected some of {sorted(self.shares)}")
        return (bottom, top) if top > bottom else (self.low, max(self.high, self.low + 1e-6))


def value_counts(
    sample: Sample, percentages: tuple[float, ...] = (), *, most: int = MOST_READ
) -> ValueCounts:
    """Counts of the finite values of a volume's first channel.

    The bins of stored integers hold the same whole number of them each, so that none looks empty;
    percentiles of integers are stored values. A volume without any finite value counts as a single 0.
    """
    stored = sample.array[0]
    every = max(1, ceil((stored.size / most) ** (1 / 3)))
    read = np.asarray(stored[tuple(slice(None, None, every) for _ in stored.shape)])
    read = read[np.isfinite(read)] if read.dtype.kind == "f" else read.ravel(order="K")
    slope, intercept = sample.scale or (1.0, 0.0)
    first, last = _extremes(stored)
    if not read.size:
        read = np.array([first])
    if stored.dtype.kind in "iu":
        edges, counts, at = _of_integers(read, first, last)
    else:
        edges, counts, at = _of_floats(read, first, last)
    shares = [at(p if slope > 0 else 100 - p) for p in percentages]
    ends = sorted(value * slope + intercept for value in (first, last))
    return ValueCounts(
        counts=counts if slope > 0 else counts[::-1],
        start=min(edges[0] * slope, edges[-1] * slope) + intercept,
        step=(edges[1] - edges[0]) * abs(slope),
        low=ends[0],
        high=ends[1],
        shares={p: v * slope + intercept for p, v in zip(percentages, shares, strict=True)},
        every=every,
        unit=sample.units[0],
    )


_Counted = tuple[np.ndarray, np.ndarray, Callable[[float], float]]


def _of_integers(read: np.ndarray, first: float, last: float) -> _Counted:
    """Edges, counts and percentiles of integers; counting each value is faster than sorting."""
    if last - first >= MOST_VALUES:
        return _of_floats(read, first, last)
    of_each = np.bincount(read.astype(np.int64) - int(first), minlength=int(last - first) + 1)
    width = ceil(len(of_each) / BINS)
    counts = np.add.reduceat(of_each, np.arange(0, len(of_each), width))
    up_to = np.cumsum(of_each)

    def at(percentage: float) -> float:
        return first + float(np.searchsorted(up_to, percentage / 100 * up_to[-1]))

    return first - 0.5 + width * np.arange(len(counts) + 1), counts, at


def _of_floats(read: np.ndarray, first: float, last: float) -> _Counted:
    edges = np.linspace(first, last if last > first else first + 1e-6, BINS + 1)
    counts, _ = np.histogram(read, edges)
    return edges, counts, lambda percentage: float(np.percentile(read, percentage))


def _extremes(stored: np.ndarray) -> tuple[float, float]:
    """Lowest and highest finite stored value; 0, 0 where there is none. Reads all, once."""
    low, high = np.fmin.reduce(stored, axis=None), np.fmax.reduce(stored, axis=None)
    if not np.isfinite([low, high]).all():
        finite = stored[np.isfinite(stored)]
        low, high = (finite.min(), finite.max()) if finite.size else (0, 0)
    return float(low), float(high)
