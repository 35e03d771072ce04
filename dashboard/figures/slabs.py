"""Slices laid over each other: the highest, lowest or mean value along a plane's direction."""

from dataclasses import dataclass

import numpy as np

from dashboard.data.sample import Sample
from dashboard.figures.volumes import Plane

PROJECTIONS = ("maximum", "minimum", "mean")  # MIP, MinIP and the average
MOST_SLICES = 64  # read for one picture: 64 of 512 x 512 take 5 to 50 ms
_MOST_OF = {"maximum": np.fmax, "minimum": np.fmin}  # NaN only where all are NaN


@dataclass(frozen=True)
class Slab:
    """Slices `first` to `last` of an axis, `step` mm apart; `cut` where more were asked for."""

    first: int
    last: int
    step: float
    cut: bool = False

    @property
    def count(self) -> int:
        """Number of slices."""
        return self.last - self.first + 1


def slice_step(affine: np.ndarray, axis: int) -> float:
    """Distance in mm between two neighbouring slices of an array axis, at right angles to them.

    Equal to the spacing unless the axes are sheared.
    """
    rest = [affine[:3, other] for other in range(3) if other != axis]
    return float(abs(np.linalg.det(affine[:3, :3])) / np.linalg.norm(np.cross(*rest)))


def slab_of(where: Plane, sample: Sample, thickness: float) -> Slab:
    """The slices whose centres lie within half the `thickness` (mm) of a plane, at least its own.

    Never more than MOST_SLICES, and none beyond the scan.
    """
    axis = where.axes[2]
    step = slice_step(sample.affine, axis)
    wanted = int(thickness / 2 / step + 1e-9)
    reach = min(wanted, (MOST_SLICES - 1) // 2)
    first, last = max(where.along - reach, 0), min(where.along + reach, sample.shape[axis] - 1)
    return Slab(first, last, step, cut=reach < wanted)


def slab_values(
    where: Plane, sample: Sample, thickness: float = 0.0, projection: str = "maximum"
) -> np.ndarray:
    """The slab of a plane as shown, (rows, columns) float32 in the sample's unit.

    `projection` is one of PROJECTIONS; what is NaN does not count. Reads the slab and no more.
    """
    slab = slab_of(where, sample, thickness)
    if slab.count == 1:
        return where.read(sample)
    axis = where.axes[2]
    index = [slice(None)] * 3
    index[axis] = slice(slab.first, slab.last + 1)
    stored = sample.array[(0, *index)]
    slope, intercept = sample.scale or (1.0, 0.0)
    if projection == "mean":
        flat = _mean(stored, axis)
    else:
        wanted = projection if slope > 0 else _OTHER[projection]
        flat = _MOST_OF[wanted].reduce(stored, axis=axis).astype(np.float32)
    return where.turned(flat * np.float32(slope) + np.float32(intercept))


_OTHER = {"maximum": "minimum", "minimum": "maximum"}


def _mean(stored: np.ndarray, axis: int) -> np.ndarray:
    """The mean of what is a number, float32; NaN where nothing is."""
    if stored.dtype.kind in "iu":
        return stored.mean(axis=axis, dtype=np.float64).astype(np.float32)
    there = np.isfinite(stored)
    total = stored.sum(axis=axis, dtype=np.float64, where=there)
    count = there.sum(axis=axis)
    return np.where(count, total / np.maximum(count, 1), np.nan).astype(np.float32)
