"""Values of another grid read where a plane of a scan has its pixels, and drawn over it."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from dashboard.figures.pictures import palette_png
from dashboard.figures.theme import ACTIVATION, RGB, Scale
from dashboard.figures.volumes import Plane

MOST_LABELS = 64  # a grid with more whole values than this holds amounts, not names

# Okabe and Ito (2008), distinct for colour-blind eyes too; without their green, which is the
# colour of the crosshair. From the seventh label on hues follow by the golden angle.
_FIRST: tuple[RGB, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (204, 121, 167),
    (240, 228, 66),
    (213, 94, 0),
    (0, 114, 178),
)
_GOLDEN = 0.381966  # of a turn


@dataclass(frozen=True)
class Overlay:
    """Values (i, j, k) on a grid of their own, `affine` (4, 4) to the scan's RAS+ mm.

    `scale` (slope, intercept) takes stored values to `unit`. Of labels 0 is nothing and `names`
    are by label; of a map, |values| under `threshold` are left out and colours end at `clip`.
    `key` names the values for caches; `opacity` in 0..1.
    """

    key: str
    title: str
    values: np.ndarray
    affine: np.ndarray
    labels: bool
    names: tuple[str, ...] = ()
    scale: tuple[float, float] | None = None
    unit: str = ""
    threshold: float = 0.0
    clip: float = 1.0
    opacity: float = 0.6
    colours: Scale = ACTIVATION

    def name(self, label: int) -> str:
        """What a label is called: its name, else its number."""
        return self.names[label] if 0 <= label < len(self.names) else f"label {label}"

    def to_grid(self, affine: np.ndarray) -> np.ndarray:
        """(4, 4) from the index of a scan with `affine` to the index of these values."""
        return np.linalg.inv(self.affine) @ affine

    def on(self, where: Plane, affine: np.ndarray) -> np.ndarray:
        """The values in their unit at the pixels of a plane of a scan with `affine`."""
        cut = resliced(where, self.values, self.to_grid(affine), nearest=self.labels)
        return _scaled(cut, self.scale)

    def at(self, world: np.ndarray) -> float:
        """The value of the voxel at RAS+ mm (3,); NaN outside the grid."""
        inverse = np.linalg.inv(self.affine)
        index = np.floor(inverse[:3, :3] @ world + inverse[:3, 3] + 0.5).astype(int)
        if ((index < 0) | (index >= self.values.shape)).any():
            return float("nan")
        return float(_scaled(np.float32(self.values[tuple(index)]), self.scale))


def _scaled(values: np.ndarray, scale: tuple[float, float] | None) -> np.ndarray:
    if scale is None:
        return values
    slope, intercept = scale
    return values * np.float32(slope) + np.float32(intercept)


def resliced(where: Plane, values: np.ndarray, to_grid: np.ndarray, *, nearest: bool) -> np.ndarray:
    """`values` (i, j, k) at the pixels of a plane, float32 (rows, columns), NaN outside the grid.

    `to_grid` (4, 4) takes the index of the plane's scan to that of `values`; nearest voxel, or
    linear between the voxel centres. Only what the plane meets is read.
    """
    index = where.indices() @ to_grid[:3, :3].T + to_grid[:3, 3]  # (rows, columns, 3)
    if nearest:
        near = np.floor(index + 0.5).astype(int)
        inside = ((near >= 0) & (near < values.shape)).all(axis=-1)
        read = values[tuple(np.moveaxis(np.clip(near, 0, np.array(values.shape) - 1), -1, 0))]
        return np.where(inside, read, np.nan).astype(np.float32)
    # A hair of tolerance: the last voxel of a grid that fits exactly must not fall outside.
    limit = np.array(values.shape) - 1
    inside = ((index >= -1e-6) & (index <= limit + 1e-6)).all(axis=-1)
    at = np.moveaxis(np.clip(index, 0, limit), -1, 0)
    read = ndimage.map_coordinates(values, at, output=np.float32, order=1, mode="nearest")
    return np.where(inside, read, np.float32(np.nan))


def label_colour(label: int) -> RGB:
    """The colour of a label from 1 on."""
    if label <= len(_FIRST):
        return _FIRST[label - 1]
    turn = ((label - len(_FIRST)) * _GOLDEN + 0.83) % 1.0
    shade = (1.0, 0.62)[label % 2]
    sector = np.array([turn, turn + 2 / 3, turn + 1 / 3]) * 6
    rgb = np.clip(np.abs(sector % 6 - 3) - 1, 0, 1) * 0.75 + 0.25
    red, green, blue = (round(255 * shade * float(part)) for part in rgb)
    return red, green, blue


def label_picture(labels: np.ndarray, opacity: float) -> bytes:
    """Labels (rows, columns) as a PNG, each in its colour; 0 and NaN are transparent."""
    whole = np.clip(np.nan_to_num(labels), 0, 255).astype(np.uint8)
    palette = np.zeros((256, 4), np.uint8)
    for label in np.unique(whole[whole > 0]):
        palette[label] = (*label_colour(int(label)), round(255 * opacity))
    return palette_png(whole, palette)


def map_picture(
    values: np.ndarray, clip: float, threshold: float, opacity: float, scale: Scale = ACTIVATION
) -> bytes:
    """A map (rows, columns) as a PNG in 254 steps; |values| under `threshold` are transparent."""
    shares = np.clip(np.nan_to_num(values) / np.float32(clip or 1.0), -1, 1)
    steps = (np.rint(shares * 127) + 127).astype(np.uint8)  # 127 is zero
    steps[~(np.abs(values) >= threshold)] = 255  # also where there is no value
    palette = scale.rgba((np.arange(256) - 127) / 127)
    # Over a scan all that passed the threshold must be seen, so alpha does not start at 0.
    palette[:, 3] = np.rint(255 * opacity * np.maximum(palette[:, 3] / 255, 0.35))
    palette[255] = 0
    return palette_png(steps, palette)
