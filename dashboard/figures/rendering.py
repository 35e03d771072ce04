"""A volume as a whole, seen from any side: shaded as a soft surface, or its brightest value.

Rays through the turned volume, front to back (Levoy, "Display of surfaces from volume data", IEEE
CG&A 8, 1988), in numpy on the server: one small picture travels, and nothing is asked of the
visitor's graphics card.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from dashboard.figures.pictures import png

LETTERS = (("L", "R"), ("P", "A"), ("I", "S"))  # low and high end of each RAS axis
SIDE = 160  # px of a picture, and steps along its rays


@dataclass(frozen=True)
class Turned:
    """A volume resampled along the rays of a view: `values` (depth, rows, columns), front first."""

    values: np.ndarray
    letters: tuple[str, str, str, str]  # left, right, top, bottom
    field_mm: float


def camera(azimuth: float, elevation: float) -> np.ndarray:
    """Rows: the picture's right, its up, and the way to the viewer, each in RAS+.

    Degrees: azimuth 0 looks at the face, 90 at the right ear, 180 from behind; elevation 90 from
    above.
    """
    around, above = np.radians((azimuth, elevation))
    viewer = np.array(
        [np.sin(around) * np.cos(above), np.cos(around) * np.cos(above), np.sin(above)]
    )
    right = np.array([-np.cos(around), np.sin(around), 0.0])
    return np.stack([right, np.cross(viewer, right), viewer])


def turned(
    values: np.ndarray,
    affine: np.ndarray,
    azimuth: float,
    elevation: float,
    *,
    side: int = SIDE,
) -> Turned:
    """`values` (i, j, k) with `affine` (4, 4) to RAS+ mm, linear, along the rays of a view.

    The frame is as wide as what is not dark, around the vertical, so that it fits in any view.
    """
    corners = np.array(np.meshgrid(*_content(values))).reshape(3, -1)
    world = affine[:3, :3] @ corners + affine[:3, 3:]
    centre = (world.max(axis=1) + world.min(axis=1)) / 2
    extent = np.ptp(world, axis=1)
    field = max(float(np.hypot(extent[0], extent[1])), float(extent[2]))
    right, up, viewer = camera(azimuth, elevation)
    step = field / side
    # Output (depth, row, column) to world: away from the viewer, down, right.
    to_world = np.stack([-viewer, -up, right], axis=1) * step
    start = centre - to_world @ np.full(3, (side - 1) / 2)
    inverse = np.linalg.inv(affine)
    matrix = inverse[:3, :3] @ to_world
    offset = inverse[:3, :3] @ start + inverse[:3, 3]
    lowest = float(values.min())
    rays = ndimage.affine_transform(
        values, matrix, offset, (side,) * 3, np.float32, order=1, mode="constant", cval=lowest
    )
    letters = (_letter(-right), _letter(right), _letter(up), _letter(-up))
    return Turned(rays, letters, field)


def _content(values: np.ndarray) -> list[tuple[float, float]]:
    """Low and high index, per axis, of the box around all values above a tenth of the range."""
    low, high = float(values.min()), float(values.max())
    bright = values > low + 0.1 * (high - low)
    ends = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        there = np.flatnonzero(bright.any(axis=others))
        first, last = (there[0], there[-1]) if there.size else (0, values.shape[axis] - 1)
        ends.append((float(first) - 0.5, float(last) + 0.5))
    return ends


def _letter(direction: np.ndarray) -> str:
    axis = int(np.argmax(np.abs(direction)))
    return LETTERS[axis][int(direction[axis] > 0)]


def projection_picture(view: Turned, window: tuple[float, float]) -> bytes:
    """The brightest value along each ray (MIP), `window` from black to white, as grey PNG."""
    low, high = window
    shares = (view.values.max(axis=0) - low) / max(high - low, 1e-9)
    grey = np.rint(255 * np.clip(shares, 0, 1)).astype(np.uint8)
    return png(grey[..., None])


def shaded_picture(view: Turned, level: float, softness: float) -> bytes:
    """What lies above `level`, opaque over twice `softness`, lit from the upper left, as grey PNG.

    `softness` is in the volume's unit; what is far away is darker.
    """
    values = view.values
    opacity = np.clip((values - level + softness) / max(2 * softness, 1e-9), 0, 1)
    passed = np.cumprod(1 - 0.6 * opacity, axis=0)  # 0.6: a voxel alone does not hide all
    seen = np.concatenate([np.ones_like(passed[:1]), passed[:-1]]) - passed
    toward, down, across = np.gradient(ndimage.gaussian_filter(values, 0.8, truncate=2))
    length = np.sqrt(toward * toward + down * down + across * across) + 1e-9
    # Values rise inwards: the normal is minus the gradient; light from the left, above, in front.
    light = np.array([0.72, 0.55, 0.42])
    lit = (toward * light[0] + down * light[1] + across * light[2]) / length
    depth = np.linspace(1.0, 0.55, len(values), dtype=np.float32)[:, None, None]
    shade = (0.22 + 0.78 * np.clip(lit, 0, 1)) * depth
    grey = np.rint(255 * np.clip((seen * shade).sum(axis=0), 0, 1)).astype(np.uint8)
    return png(grey[..., None])
