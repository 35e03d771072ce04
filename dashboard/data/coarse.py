"""A volume made smaller by means over blocks of voxels, read slab by slab."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dashboard.data.sample import Sample

SLAB = 2**22  # stored values turned to float32 at once
FAR_BELOW = np.finfo(np.float32).min / 4  # stands for slabs without any number

Read = Callable[[slice], np.ndarray]


@dataclass(frozen=True)
class CoarseVolume:
    """Block means `values` (i, j, k) float32 with their own `affine` (4, 4) to RAS+ mm.

    `steps` are the voxels of the volume per block, per axis; 1, 1, 1 where nothing was left out.
    """

    values: np.ndarray
    affine: np.ndarray
    steps: tuple[int, int, int]


def coarse_volume(sample: Sample, most_voxels: int, *, channel: int = 0) -> CoarseVolume:
    """One channel of a volume in its unit, of at most `most_voxels`: the finest axes give way.

    What is no number becomes the lowest value nearby. Raises ValueError for other ranks.
    """
    read = channel_of(sample, channel)
    steps = steps_for(sample.shape, sample.spacing, most_voxels)
    values = read_grid(read, sample.shape, steps)
    affine = sample.affine @ block_affine(steps)
    return CoarseVolume(values, affine, tuple(steps.tolist()))


def channel_of(sample: Sample, channel: int) -> Read:
    """What reads slices `slab` of the last axis of a volume's channel, float32 in its unit."""
    if sample.dim != 3 or sample.affine is None:
        raise ValueError(f"got {sample.kind} {sample.array.shape}, expected a volume")
    return lambda slab: sample.values((channel, slice(None), slice(None), slab))


def block_affine(steps: np.ndarray) -> np.ndarray:
    """(4, 4) from the index of a block to the index of the voxel in its middle."""
    matrix = np.diag([*np.asarray(steps, dtype=float), 1.0])
    matrix[:3, 3] = (np.asarray(steps) - 1) / 2
    return matrix


def steps_for(shape: Sequence[int], spacing: Sequence[float], most_voxels: int) -> np.ndarray:
    """Steps (3,) that leave at most `most_voxels` of a grid."""
    steps = np.ones(3, int)
    while np.prod(blocks(shape, steps)) > most_voxels:
        steps = coarser(steps, np.asarray(spacing), shape, 1.0)
    return steps


def blocks(shape: Sequence[int], steps: np.ndarray) -> np.ndarray:
    """How many blocks of `steps` hold a volume of `shape`, per axis."""
    return -(-np.array(shape) // steps)


def coarser(
    steps: np.ndarray,
    spacing: np.ndarray,
    shape: Sequence[int],
    excess: float,
    multiple_of: np.ndarray | int = 1,
) -> np.ndarray:
    """Larger steps towards `excess` times fewer triangles: the finest axes, one of them at least.

    A careful guess, since rough surfaces lose triangles faster than steps squared. Axes that are
    down to one step are left as they are.
    """
    unit = np.broadcast_to(multiple_of, 3)
    lengths = np.where(blocks(shape, steps) > 1, steps * spacing, np.inf)
    wanted = lengths.min() * excess**0.35
    grown = np.maximum(steps, (wanted / (spacing * unit)).astype(int) * unit)
    grown = np.where(np.isfinite(lengths), grown, steps)
    if (grown == steps).all():
        grown[lengths.argmin()] += unit[lengths.argmin()]
    return grown


def read_grid(read: Read, shape: Sequence[int], steps: np.ndarray) -> np.ndarray:
    """The volume in block means of `steps`, float32; what is no number becomes the lowest value."""
    if (steps == 1).all():
        return _numbers(read(slice(None)))
    depth = int(steps[2]) * max(1, SLAB // (shape[0] * shape[1] * int(steps[2])))
    slabs = [slice(start, start + depth) for start in range(0, shape[2], depth)]
    return np.concatenate([block_means(_numbers(read(s)), steps) for s in slabs], axis=2)


def _numbers(values: np.ndarray) -> np.ndarray:
    finite = np.isfinite(values)
    if finite.all():
        return values
    if not finite.any():
        return np.full_like(values, FAR_BELOW)
    return np.where(finite, values, values.min(where=finite, initial=np.float32(np.inf)))


def block_means(values: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Means over blocks of `steps`; a block that sticks out is filled with the edge's values."""
    for axis, step in enumerate(steps.tolist()):
        if step == 1:
            continue
        missing = -values.shape[axis] % step
        if missing:
            edge = [(0, missing if axis == other else 0) for other in range(3)]
            values = np.pad(values, edge, mode="edge")
        split = (*values.shape[:axis], -1, step, *values.shape[axis + 1 :])
        values = values.reshape(split).mean(axis=axis + 1)
    return values
