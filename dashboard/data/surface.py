"""The surface on which a volume has one value, as triangles in world mm.

Lorensen & Cline, "Marching Cubes", SIGGRAPH 1987, in the variant of Lewiner et al., J. Graphics
Tools 8 (2003) that scikit-image has, which leaves no holes. A volume too fine for the wanted number
of triangles is first coarsened by block means, along the axis with the smallest steps first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.measure import marching_cubes

from dashboard.data.coarse import (
    Read,
    block_affine,
    block_means,
    channel_of,
    coarser,
    read_grid,
    steps_for,
)
from dashboard.data.sample import Sample

MOST_TRIANGLES = 60_000
MOST_VOXELS = 2**24  # of the grid that is searched: 67 MB of float32
PRESETS = {"ct": (("bone", 300.0), ("skin", -300.0))}  # level in HU, a customary choice


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
    read = channel_of(sample, channel)
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
    labels: np.ndarray, affine: np.ndarray, *, most: int = MOST_TRIANGLES
) -> dict[int, Surface]:
    """One surface around each label from 1 to 255 of a volume (*S) of labels, by label.

    Each is searched in its own box only; together they have at most `most` faces.
    """
    boxes = ndimage.find_objects(labels.astype(np.uint8, copy=False))
    present = {label: box for label, box in enumerate(boxes, 1) if box is not None}
    found = {}
    for label, box in present.items():
        shift = np.eye(4)
        shift[:3, 3] = [side.start for side in box]
        inside = (labels[box] == label).astype(np.float32)
        found[label] = map_surface(inside, affine @ shift, 0.5, most=most // len(present))
    return found


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
    first = steps_for(shape, spacing, MOST_VOXELS)
    base = grid = read_grid(read, shape, first)
    steps = first
    while True:
        expected = _expected_faces(grid, level)
        if expected <= most:
            vertices, faces = _triangles(grid, level)
            if len(faces) <= most:
                return _placed(vertices, faces, tuple(steps.tolist()), shape, affine, level)
        steps = coarser(steps, spacing, shape, max(expected / most, 1.0), multiple_of=first)
        grid = block_means(base, steps // first)


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
    to_voxel = block_affine(np.array(steps))
    index = vertices @ to_voxel[:3, :3].T + to_voxel[:3, 3]
    index = np.clip(index, -0.5, np.array(shape) - 0.5)
    world = (index @ affine[:3, :3].T + affine[:3, 3]).astype(np.float32)
    mirrored = np.linalg.det(affine[:3, :3]) < 0  # scikit-image counts clockwise
    turned = faces if mirrored else faces[:, ::-1]
    return Surface(world, np.ascontiguousarray(turned, dtype=np.int32), steps, float(level))
