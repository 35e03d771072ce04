"""The surface on which a volume has one value, as triangles in world mm.

Lorensen & Cline, "Marching Cubes", SIGGRAPH 1987, in the variant of Lewiner et al., J. Graphics
Tools 8 (2003) that scikit-image has, which leaves no holes. A volume too fine for the wanted number
of triangles is first coarsened by block means, along the axis with the smallest steps first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from skimage.filters import threshold_otsu
from skimage.measure import marching_cubes

from dashboard.data.sample import Sample

MOST_TRIANGLES = 60_000
MOST_VOXELS = 2**24  # of the grid that is searched: 67 MB of float32
SLAB = 2**22  # stored values turned to float32 at once
PRESETS = {"ct": (("bone", 300.0), ("skin", -300.0))}  # level in HU, a customary choice
FAR_BELOW = np.finfo(np.float32).min / 4  # stands for slabs without any number

Read = Callable[[slice], np.ndarray]


@dataclass(frozen=True)
class Surface:
    """Closed surface around all that lies above `level`.

    `vertices` (V, 3) float32 in RAS+ mm; `faces` (F, 3) int32, counter-clockwise as seen from
    outside; `steps` voxels per step of the grid it was found on, per axis (1: none left out).
    """

    vertices: np.ndarray
    faces: np.ndarray
    steps: tuple[int, int, int]
    level: float

    def __len__(self) -> int:
        return len(self.faces)


def sample_surface(
    sample: Sample, level: float, *, channel: int = 0, most: int = MOST_TRIANGLES
) -> Surface:
    """The surface of one channel of a volume at `level` (the sample's unit), at most `most` faces.

    Reads the volume slab by slab, so that a large scan is never held as a whole in float32.
    """
    if sample.dim != 3 or sample.affine is None:
        raise ValueError(f"got {sample.kind} {sample.array.shape}, expected a volume")

    def read(slab: slice) -> np.ndarray:
        return sample.values((channel, slice(None), slice(None), slab))

    return _surface(read, sample.shape, sample.affine, level, most)


def map_surface(
    values: np.ndarray, affine: np.ndarray, level: float, *, most: int = MOST_TRIANGLES
) -> Surface:
    """The surface of a map (*S) at `level`; `affine` (4, 4) takes its own index to RAS+ mm.

    The surface around what lies below −level is that of `-values`. Raises ValueError for a map
    without three axes.
    """
    if values.ndim != 3:
        raise ValueError(f"got a map {values.shape}, expected three axes")

    def read(slab: slice) -> np.ndarray:
        return np.asarray(values[:, :, slab], dtype=np.float32)

    return _surface(read, values.shape, affine, level, most)


def label_surfaces(
    labels: np.ndarray, affine: np.ndarray, count: int, *, most: int = MOST_TRIANGLES
) -> tuple[Surface, ...]:
    """One surface around each of the labels 1 .. `count` of a volume (*S) of labels.

    Together they have at most `most` faces.
    """

    def read(label: int, slab: slice) -> np.ndarray:
        return (labels[:, :, slab] == label).astype(np.float32)

    share = most // max(count, 1)
    return tuple(
        _surface(partial(read, label), labels.shape, affine, 0.5, share)
        for label in range(1, count + 1)
    )


def default_levels(sample: Sample) -> tuple[tuple[str, float], ...]:
    """Names and levels worth a surface, the best first, in the sample's unit.

    Bone and skin of a CT; halfway between the two values of a mask; else Otsu's threshold (IEEE
    Trans. SMC 9, 1979) of what is not the darkest value. Values are read from every fourth voxel.
    """
    if sample.modality in PRESETS:
        return PRESETS[sample.modality]
    thinned = (slice(0, 1), *(slice(None, None, max(1, min(4, n // 16))) for n in sample.shape))
    values = sample.values(thinned)
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    if sample.modality == "mask" or not values.size or low == high:
        return (("edge", (low + high) / 2),)
    high = float(np.percentile(values, 99.9))  # a few glaring voxels must not widen the bins
    return (("Otsu", float(threshold_otsu(np.minimum(values, high)))),)


def _surface(
    read: Read, shape: Sequence[int], affine: np.ndarray, level: float, most: int
) -> Surface:
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    first = np.ones(3, int)
    while np.prod(_coarse(shape, first)) > MOST_VOXELS:
        first = _coarser(first, spacing, shape, 1.0)
    base = grid = _read_grid(read, shape, first)
    steps = first
    while True:
        expected = _expected_faces(grid, level)
        if expected <= most:
            vertices, faces = _triangles(grid, level)
            if len(faces) <= most:
                return _placed(vertices, faces, tuple(steps.tolist()), shape, affine, level)
        steps = _coarser(steps, spacing, shape, max(expected / most, 1.0), multiple_of=first)
        grid = _block_means(base, steps // first)


def _coarse(shape: Sequence[int], steps: np.ndarray) -> np.ndarray:
    return -(-np.array(shape) // steps)


def _coarser(
    steps: np.ndarray,
    spacing: np.ndarray,
    shape: Sequence[int],
    excess: float,
    multiple_of: np.ndarray | int = 1,
) -> np.ndarray:
    """Larger steps for about `excess` times fewer triangles: the finest axes first, one at least.

    Axes that are down to one step are left as they are.
    """
    unit = np.broadcast_to(multiple_of, 3)
    lengths = np.where(_coarse(shape, steps) > 1, steps * spacing, np.inf)
    wanted = lengths.min() * np.sqrt(excess)
    grown = np.maximum(steps, (wanted / (spacing * unit)).astype(int) * unit)
    grown = np.where(np.isfinite(lengths), grown, steps)
    if (grown == steps).all():
        grown[lengths.argmin()] += unit[lengths.argmin()]
    return grown


def _read_grid(read: Read, shape: Sequence[int], steps: np.ndarray) -> np.ndarray:
    """The volume in block means of `steps`, float32; what is no number becomes the lowest value."""
    if (steps == 1).all():
        return _numbers(read(slice(None)))
    depth = int(steps[2]) * max(1, SLAB // (shape[0] * shape[1] * int(steps[2])))
    slabs = [slice(start, start + depth) for start in range(0, shape[2], depth)]
    return np.concatenate([_block_means(_numbers(read(s)), steps) for s in slabs], axis=2)


def _numbers(values: np.ndarray) -> np.ndarray:
    finite = np.isfinite(values)
    if finite.all():
        return values
    if not finite.any():
        return np.full_like(values, FAR_BELOW)
    return np.where(finite, values, values.min(where=finite, initial=np.float32(np.inf)))


def _block_means(values: np.ndarray, steps: np.ndarray) -> np.ndarray:
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


def _expected_faces(grid: np.ndarray, level: float) -> int:
    """About two triangles for each edge of the grid that crosses the level (Euler's formula)."""
    above = np.pad(grid > level, 1)
    edges = sum(np.count_nonzero(np.diff(above, axis=axis)) for axis in range(3))
    return 2 * edges


def _triangles(grid: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) in index of the grid and faces (F, 3), closed where the grid ends."""
    low, high = float(grid.min()), float(grid.max())
    if not high > level:
        return np.empty((0, 3), np.float32), np.empty((0, 3), np.int32)
    outside = low if low < level else 2 * level - high
    closed = np.pad(grid, 1, constant_values=np.float32(outside))
    vertices, faces, _, _ = marching_cubes(closed, level)
    return vertices - 1, faces


def _placed(
    vertices: np.ndarray,
    faces: np.ndarray,
    steps: tuple[int, int, int],
    shape: Sequence[int],
    affine: np.ndarray,
    level: float,
) -> Surface:
    """Grid index to mm, outside the right way round: a mirrored affine turns every triangle."""
    step = np.array(steps)
    index = np.clip(vertices * step + (step - 1) / 2, -0.5, np.array(shape) - 0.5)
    world = (index @ affine[:3, :3].T + affine[:3, 3]).astype(np.float32)
    mirrored = np.linalg.det(affine[:3, :3]) < 0  # scikit-image counts clockwise
    turned = faces if mirrored else faces[:, ::-1]
    return Surface(world, np.ascontiguousarray(turned, dtype=np.int32), steps, float(level))
