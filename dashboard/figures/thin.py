"""Fewer points for the browser without losing a peak.

Every bucket of samples keeps its lowest and its highest value in their order of time. Buckets are
aligned to the record's own index, so that moving the window does not make the line shimmer, and
are evenly spaced, so that no time axis travels with the values.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np


@dataclass(frozen=True)
class Series:
    """Evenly spaced values: `values` (T,) or (C, T); value k lies at `start` + k * `step` (s).

    `per_point` says how many samples each value stands for: 1 where nothing was thinned.
    """

    start: float
    step: float
    values: np.ndarray
    per_point: float = 1.0

    def __len__(self) -> int:
        return self.values.shape[-1]

    @property
    def times(self) -> np.ndarray:
        """(T,) time of every value, s."""
        return self.start + self.step * np.arange(len(self))

    @property
    def end(self) -> float:
        """Time of the last value, s."""
        return self.start + self.step * max(len(self) - 1, 0)

    def within(self, low: float, high: float) -> "Series":
        """The part from `low` to `high` (s) and one value beyond on either side."""
        first = int(np.clip(np.floor((low - self.start) / self.step), 0, len(self)))
        last = int(np.clip(np.ceil((high - self.start) / self.step) + 1, first, len(self)))
        start = self.start + first * self.step
        return Series(start, self.step, self.values[..., first:last], self.per_point)


def bucket_size(count: int, points: int) -> int:
    """Samples per bucket such that `count` samples give at most about `points` values."""
    return 1 if count <= points else ceil(2 * count / max(points, 2))


def thin(series: Series, points: int, *, first_index: int = 0) -> Series:
    """`series` with at most about `points` values per row, lowest and highest of each bucket kept.

    `first_index` is the record's index of the first value; bucket edges are multiples of the
    bucket size in that index. NaN is a gap: a bucket of nothing else stays NaN. A kept value is
    drawn within three quarters of a bucket (of a pixel, as it is used) of its own time.
    """
    size = bucket_size(len(series), points)
    if size < 3:  # pairs of a bucket of two would only shuffle the samples
        return series
    lead_in = first_index % size
    count = ceil((lead_in + len(series)) / size)
    tail = count * size - lead_in - len(series)
    rows = np.atleast_2d(np.asarray(series.values, dtype=np.float32))
    padded = np.pad(rows, ((0, 0), (lead_in, tail)), constant_values=np.nan)
    kept = _low_and_high(padded.reshape(len(rows), count, size))  # (C, count, 2)
    values = kept.reshape(len(rows), 2 * count)
    if series.values.ndim == 1:
        values = values[0]
    start = series.start + (size / 4 - 0.5 - lead_in) * series.step
    return Series(start, series.step * size / 2, values, size / 2)


def _low_and_high(buckets: np.ndarray) -> np.ndarray:
    """Lowest and highest of (C, B, size) as (C, B, 2), the earlier one first; NaN ignored."""
    low_at = np.where(np.isnan(buckets), np.inf, buckets).argmin(axis=2)
    high_at = np.where(np.isnan(buckets), -np.inf, buckets).argmax(axis=2)
    order = np.sort(np.stack([low_at, high_at], axis=2), axis=2)
    return np.take_along_axis(buckets, order, axis=2)


def strongest(values: np.ndarray, columns: int) -> tuple[np.ndarray, int]:
    """(C, T) reduced to at most `columns` columns; each keeps its value of largest magnitude.

    Returns the reduced array and how many columns each stands for.
    """
    size = max(1, ceil(values.shape[-1] / max(columns, 1)))
    if size == 1:
        return values, 1
    count = ceil(values.shape[-1] / size)
    tail = count * size - values.shape[-1]
    padded = np.pad(values, ((0, 0), (0, tail)), constant_values=0)
    buckets = padded.reshape(len(values), count, size)
    at = np.abs(np.nan_to_num(buckets)).argmax(axis=2, keepdims=True)
    return np.take_along_axis(buckets, at, axis=2)[..., 0], size


@dataclass(frozen=True)
class Counts:
    """Values as int16 for the browser: value = `counts` * `unit`. Gaps need float32 (NaN)."""

    counts: np.ndarray
    unit: float


def as_counts(values: np.ndarray, unit: float) -> Counts:
    """`values` in steps of `unit` as int16, or float32 where there is a gap to keep.

    The rounding is at most half a `unit`. Raises ValueError when a value does not fit.
    """
    scaled = np.asarray(values, dtype=np.float64) / unit
    if not np.isfinite(scaled).all():
        return Counts(np.rint(scaled).astype(np.float32), unit)
    if scaled.size and np.abs(scaled).max() > 32767:
        raise ValueError(f"got {np.abs(values).max():g}, expected at most {32767 * unit:g}")
    return Counts(np.rint(scaled).astype(np.int16), unit)
