"""How the values of a scan are spread: exact range, counts and percentiles, in one reading."""

from dataclasses import dataclass
from math import ceil

import numpy as np

from dashboard.data.sample import Sample

MOST_READ = 2**22  # voxels counted; of larger scans every second, third ... along each axis
BINS = 256


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

    The bins of stored integers hold the same whole number of them each, so that none looks empty.
    A volume without any finite value counts as a single 0.
    """
    stored = sample.array[0]
    every = max(1, ceil((stored.size / most) ** (1 / 3)))
    read = np.asarray(stored[tuple(slice(None, None, every) for _ in stored.shape)])
    read = read[np.isfinite(read)] if read.dtype.kind == "f" else read.ravel()
    slope, intercept = sample.scale or (1.0, 0.0)
    first, last = _extremes(stored)
    if not read.size:
        read = np.array([first])
    width = (last - first) / BINS
    if stored.dtype.kind in "iu":
        width = float(max(1, ceil((last - first + 1) / BINS)))
        first -= 0.5  # an integer lies in the middle of its bin
    bins = max(1, ceil((last - first) / width)) if width else 1
    edges = first + (width or 1e-6) * np.arange(bins + 1)
    edges[-1] = max(edges[-1], last)  # rounding must not drop the highest
    counts, _ = np.histogram(read, edges)
    shares = np.percentile(read, [_mirrored(p, slope) for p in percentages]) if percentages else []
    ends = sorted(value * slope + intercept for value in _extremes(stored))
    return ValueCounts(
        counts=counts if slope > 0 else counts[::-1],
        start=min(edges[0] * slope, edges[-1] * slope) + intercept,
        step=(edges[1] - edges[0]) * abs(slope),
        low=ends[0],
        high=ends[1],
        shares={p: float(v) * slope + intercept for p, v in zip(percentages, shares, strict=True)},
        every=every,
        unit=sample.units[0],
    )


def _mirrored(percentage: float, slope: float) -> float:
    return percentage if slope > 0 else 100 - percentage


def _extremes(stored: np.ndarray) -> tuple[float, float]:
    """Lowest and highest finite stored value; 0, 0 where there is none. Reads all, once."""
    low, high = np.fmin.reduce(stored, axis=None), np.fmax.reduce(stored, axis=None)
    if not np.isfinite([low, high]).all():
        finite = stored[np.isfinite(stored)]
        low, high = (finite.min(), finite.max()) if finite.size else (0, 0)
    return float(low), float(high)
