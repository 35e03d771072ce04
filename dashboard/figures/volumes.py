"""Three planes of a volume through a point, left on the left or, as radiologists have it, right.

A plane is a slice of the array along the axis closest to the anatomical direction; nothing is
rotated away, and one picture pixel is one voxel. The same geometry serves a layer's own grid, whose
affine is the sample's affine times its unit-to-sample matrix.
"""

from dataclasses import dataclass

import numpy as np

from dashboard.data.sample import Sample
from dashboard.figures.pictures import map_picture, over_picture, placed

# name, RAS axis looked along, RAS axis to the right, RAS axis upwards
VIEWS = (("axial", 2, 0, 1), ("coronal", 1, 0, 2), ("sagittal", 0, 1, 2))
LETTERS = (("L", "R"), ("P", "A"), ("I", "S"))  # low and high end of each RAS axis
CONVENTIONS = ("neurological", "radiological")  # left on the left; seen from the feet: mirrored


@dataclass(frozen=True)
class Plane:
    """Where one slice lies. `to_index` (3, 3): (x, y, 1) in fractions of the picture to index.

    `axes` are the array axes (down, right, along), `flips` whether down and right run against
    the array; `letters` stand left, right, top, bottom; sizes in mm.
    """

    name: str
    axes: tuple[int, int, int]
    flips: tuple[bool, bool]
    along: int
    shape: tuple[int, int]
    width_mm: float
    height_mm: float
    letters: tuple[str, str, str, str]
    to_index: np.ndarray

    def index(self, x: float, y: float) -> np.ndarray:
        """Array index (3,), fractional, of a place in the picture."""
        return self.to_index @ np.array([x, y, 1.0])

    def fraction(self, index: np.ndarray) -> tuple[float, float]:
        """Place (x, y) in the picture of an array index (3,), whatever its slice."""
        down, right, _ = self.axes
        places = []
        for axis, flip, count in zip(
            (right, down), self.flips[::-1], self.shape[::-1], strict=True
        ):
            share = (float(index[axis]) + 0.5) / count
            places.append(1 - share if flip else share)
        return places[0], places[1]

    def box(self, low: np.ndarray, high: np.ndarray) -> tuple[float, float, float, float]:
        """x, y, width, height in the picture of the box between two array indices (3,)."""
        (x1, y1), (x2, y2) = self.fraction(low), self.fraction(high)
        return min(x1, x2), min(y1, y2), abs(x2 - x1), abs(y2 - y1)

    def cut(self, values: np.ndarray) -> np.ndarray:
        """The slice (rows, columns) of a volume (i, j, k), as it is shown."""
        index = tuple(self.along if axis == self.axes[2] else slice(None) for axis in range(3))
        return self.turned(values[index])

    def read(self, sample: Sample, channel: int = 0) -> np.ndarray:
        """The slice (rows, columns) of a sample in its units, float32; reads nothing else."""
        index = [self.along if axis == self.axes[2] else slice(None) for axis in range(3)]
        return self.turned(sample.values((channel, *index)))

    def indices(self) -> np.ndarray:
        """(rows, columns, 3) array index of every pixel."""
        down, right, along = self.axes
        rows, columns = (np.arange(count) for count in self.shape)
        rows = rows[::-1] if self.flips[0] else rows
        columns = columns[::-1] if self.flips[1] else columns
        out = np.empty((*self.shape, 3))
        out[..., down], out[..., right] = rows[:, None], columns[None]
        out[..., along] = self.along
        return out

    def turned(self, cut: np.ndarray) -> np.ndarray:
        """A slice in array order, as it is shown."""
        upright = cut if self.axes[0] < self.axes[1] else cut.T
        return upright[:: -1 if self.flips[0] else 1, :: -1 if self.flips[1] else 1]


def closest_axes(affine: np.ndarray) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """For each RAS axis the array axis closest to it, and whether it runs with it (1) or not (−1).

    The strongest match is taken first, so that oblique volumes get three different axes.
    """
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    axes, signs = [0, 0, 0], [1, 1, 1]
    strength = np.abs(directions)
    for _ in range(3):
        ras, axis = np.unravel_index(np.argmax(strength), strength.shape)
        axes[ras], signs[ras] = int(axis), 1 if directions[ras, axis] >= 0 else -1
        strength[ras, :] = -1
        strength[:, axis] = -1
    return tuple(axes), tuple(signs)


def obliqueness(affine: np.ndarray) -> float:
    """The largest angle, in degrees, between an array axis and the anatomical axis it stands for.

    The letters and names of planes go by the closest axis, so they are off by that much.
    """
    axes, _ = closest_axes(affine)
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    along = np.abs([directions[ras, axis] for ras, axis in enumerate(axes)])
    return float(np.degrees(np.arccos(np.clip(along.min(), -1, 1))))


def plane(
    name: str,
    shape: tuple[int, int, int],
    affine: np.ndarray,
    position: np.ndarray,
    convention: str = "neurological",
) -> Plane:
    """The plane `name` of a grid (`shape`, `affine` to RAS+ mm) through array index `position`.

    The radiological `convention` looks from the feet and from the front: the left of the body is
    on the right of the axial and the coronal plane.
    """
    _, along_ras, right_ras, up_ras = next(view for view in VIEWS if view[0] == name)
    axes, signs = closest_axes(affine)
    down, right, along = axes[up_ras], axes[right_ras], axes[along_ras]
    mirrored = convention == "radiological" and right_ras == 0
    flips = (signs[up_ras] > 0, (signs[right_ras] < 0) != mirrored)  # rows run downwards
    size = np.linalg.norm(affine[:3, :3], axis=0) * shape
    at = int(np.clip(round(float(position[along])), 0, shape[along] - 1))
    (west, east), (south, north) = LETTERS[right_ras], LETTERS[up_ras]
    if mirrored:
        west, east = east, west
    return Plane(
        name,
        (down, right, along),
        flips,
        at,
        (shape[down], shape[right]),
        float(size[right]),
        float(size[down]),
        (west, east, north, south),
        _to_index(shape, (down, right, along), flips, at),
    )


def _to_index(
    shape: tuple[int, ...], axes: tuple[int, int, int], flips: tuple[bool, bool], at: int
) -> np.ndarray:
    down, right, along = axes
    matrix = np.zeros((3, 3))
    for axis, column, flip in ((right, 0, flips[1]), (down, 1, flips[0])):
        matrix[axis, column] = -shape[axis] if flip else shape[axis]
        matrix[axis, 2] = shape[axis] - 0.5 if flip else -0.5
    matrix[along, 2] = at
    return matrix


def planes(
    shape: tuple[int, int, int],
    affine: np.ndarray,
    position: np.ndarray,
    convention: str = "neurological",
) -> tuple[Plane, Plane, Plane]:
    """Axial, coronal and sagittal plane through array index `position`."""
    axial, coronal, sagittal = (
        plane(view[0], shape, affine, position, convention) for view in VIEWS
    )
    return axial, coronal, sagittal


def layer_picture(
    where: Plane, values: np.ndarray, unit_to_sample: np.ndarray, clip: float
) -> bytes:
    """A channel (*U) over a plane of the sample: nearest unit of each voxel, weak ones left out."""
    return over_picture(placed(values, unit_to_sample, where.indices()), clip)


def layer_plane(
    where: Plane, shape: tuple[int, ...], affine: np.ndarray, unit_to_sample: np.ndarray
) -> Plane:
    """The plane of a layer's own grid (`shape`) nearest to a plane of its sample."""
    middle = where.index(0.5, 0.5)
    inverse = np.linalg.inv(unit_to_sample)
    unit = inverse[:3, :3] @ middle + inverse[:3, 3]
    return plane(where.name, tuple(shape), affine @ unit_to_sample, unit)


def atlas_picture(where: Plane, values: np.ndarray, clip: float) -> bytes:
    """A channel (*U) cut along a plane of its own grid, one pixel per unit."""
    return map_picture(where.cut(values), clip)


def scale_bar(field_mm: float) -> float:
    """Length in mm of the bar for a field this wide: 50 mm, or 10, 5, 1 mm on small ones."""
    return next((length for length in (50.0, 10.0, 5.0) if length < 0.6 * field_mm), 1.0)
