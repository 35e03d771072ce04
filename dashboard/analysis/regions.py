"""Numbers of a region of a scan: of a sphere or box around a point, and of each label over it."""

from dataclasses import dataclass

import numpy as np

from dashboard.data.sample import Sample

SHAPES = ("sphere", "box")
MOST_RADIUS = 50.0  # mm


@dataclass(frozen=True)
class Region:
    """`count` voxels of `volume` mm3 together; mean, std (of the population), low and high.

    Values are in the sample's unit; NaN where the region holds no number. `count` is of voxels
    with a number only.
    """

    count: int
    volume: float
    mean: float
    std: float
    low: float
    high: float


def voxel_volume(affine: np.ndarray) -> float:
    """Volume of one voxel in mm3, also where axes are oblique or sheared."""
    return float(abs(np.linalg.det(affine[:3, :3])))


def region(
    sample: Sample, centre: tuple[float, ...], radius: float, shape: str = "sphere"
) -> Region:
    """Statistics of the voxels whose centres lie in a region around array index `centre`.

    A "sphere" of `radius` mm in the space of the patient; a "box" of edges 2 x `radius` along the
    axes of the scan. Reads the box around it and no more. Raises ValueError for a radius that is
    not in 0..MOST_RADIUS.
    """
    if not 0 < radius <= MOST_RADIUS:
        raise ValueError(f"got a radius of {radius:g} mm, expected up to {MOST_RADIUS:g} mm")
    centre = np.asarray(centre, dtype=float)
    reach = _reach(sample.affine, radius) if shape == "sphere" else radius / sample.spacing
    low = np.maximum(np.ceil(centre - reach - 1e-9), 0).astype(int)
    high = np.minimum(np.floor(centre + reach + 1e-9), np.array(sample.shape) - 1).astype(int)
    box = tuple(slice(first, max(last + 1, first)) for first, last in zip(low, high, strict=True))
    values = sample.values((0, *box))
    if shape == "sphere":
        steps = [np.arange(s.start, s.stop) - c for s, c in zip(box, centre, strict=True)]
        offset = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1)  # (i, j, k, 3)
        distance = np.linalg.norm(offset @ sample.affine[:3, :3].T, axis=-1)
        values = values[distance <= radius + 1e-9]
    return _statistics(values.ravel(), voxel_volume(sample.affine))


def _reach(affine: np.ndarray, radius: float) -> np.ndarray:
    """How far a sphere goes along each array axis, in voxels: rows of the inverse, times radius."""
    return radius * np.linalg.norm(np.linalg.inv(affine[:3, :3]), axis=1)


def _statistics(values: np.ndarray, each: float) -> Region:
    numbers = values[np.isfinite(values)].astype(np.float64)
    if not numbers.size:
        return Region(0, 0.0, *(float("nan"),) * 4)
    return Region(
        count=int(numbers.size),
        volume=numbers.size * each,
        mean=float(numbers.mean()),
        std=float(numbers.std()),
        low=float(numbers.min()),
        high=float(numbers.max()),
    )


def regions_of_labels(sample: Sample, labels: np.ndarray, affine: np.ndarray) -> dict[int, Region]:
    """Statistics of `sample` at the voxels of each label from 1 on; 0 is nothing.

    `labels` (i, j, k) may lie on a grid of its own, `affine` (4, 4) to the sample's RAS+ mm: each
    of its voxels then reads the sample's nearest one, and volumes count the voxels of the labels.
    Outside the sample there is no value. Reads one slice of labels after the other.
    """
    to_sample = np.linalg.inv(sample.affine) @ affine
    found: dict[int, list[np.ndarray]] = {}
    for k in range(labels.shape[2]):
        plane = np.nan_to_num(labels[:, :, k]).astype(np.int64)
        i, j = np.nonzero(plane > 0)
        if not len(i):
            continue
        index = np.stack([i, j, np.full(len(i), k)], axis=-1) @ to_sample[:3, :3].T
        near = np.floor(index + to_sample[:3, 3] + 0.5).astype(int)
        inside = ((near >= 0) & (near < sample.shape)).all(axis=1)
        values = np.full(len(i), np.nan, np.float32)
        values[inside] = sample.values((0, *near[inside].T))
        of = plane[i, j]
        for label in np.unique(of):
            found.setdefault(int(label), []).append(values[of == label])
    each = voxel_volume(affine)
    return {label: _labelled(np.concatenate(found[label]), each) for label in sorted(found)}


def _labelled(values: np.ndarray, each: float) -> Region:
    numbers = _statistics(values, each)
    return Region(
        len(values), len(values) * each, numbers.mean, numbers.std, numbers.low, numbers.high
    )
