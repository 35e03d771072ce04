"""The lines between the units of a layer over a plane of its scan: what one number stands for."""

from collections.abc import Sequence

import numpy as np

from dashboard.figures.volumes import Plane

MOST_LINES = 70  # across a plane; more would hide what lies under them


def grid_paths(
    where: Plane, shape: Sequence[int], unit_to_sample: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Up to two paths (P, 2) in fractions of the picture that run along every border of a unit.

    `shape` is that of the map, `unit_to_sample` (4, 4) takes its index to the sample's. None for
    a map of more than MOST_LINES units across.
    """
    strength = np.abs(unit_to_sample[:3, :3])
    through = int(np.argmax(strength[where.axes[2]]))
    first, second = (axis for axis in range(3) if axis != through)
    if max(shape[first], shape[second]) > MOST_LINES:
        return ()
    middle = unit_to_sample[:3, :3]
    inverse = np.linalg.inv(middle)
    centre = inverse @ (where.index(0.5, 0.5) - unit_to_sample[:3, 3])
    paths = []
    for along, across in ((first, second), (second, first)):
        lines = np.arange(shape[across] + 1) - 0.5
        ends = np.array([-0.5, shape[along] - 0.5])
        units = np.empty((len(lines), 2, 3))
        units[..., through] = centre[through]
        units[..., across] = lines[:, None]
        units[..., along] = ends
        units[1::2] = units[1::2, ::-1]  # back and forth: the turns lie on the outer border
        index = units.reshape(-1, 3) @ middle.T + unit_to_sample[:3, 3]
        paths.append(np.array([where.fraction(place) for place in index]))
    return tuple(paths)
