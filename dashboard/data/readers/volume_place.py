"""Where a volume lies: affines from what files say, checked, in RAS+ mm."""

import math
from collections.abc import Mapping

import numpy as np

from dashboard.data.readers.errors import ChoiceNeeded, DamagedFile
from dashboard.data.readers.files import File

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])  # left, posterior, superior to RAS+ and back
_FARTHEST = 1e7  # mm
_FINEST = 1e-6  # mm


def placed(directions: np.ndarray, origin: np.ndarray) -> np.ndarray:
    """(4, 4) from the steps of the array axes, the columns of (3, 3), and the first voxel."""
    affine = np.eye(4)
    affine[:3, :3] = directions
    affine[:3, 3] = origin
    return affine


def checked_affine(file: File, affine: np.ndarray) -> np.ndarray:
    """`affine` if it places voxels; raises DamagedFile if it is not finite, flat or too far off."""
    if not (np.abs(affine) < _FARTHEST).all():  # also where it is not a number
        raise no_place(file)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    # The volume of a voxel of unit edges: 0 where two axes point the same way.
    if not (spacing > _FINEST).all() or abs(np.linalg.det(affine[:3, :3] / spacing)) < 1e-3:
        raise no_place(file)
    return affine


def no_place(file: File) -> DamagedFile:
    """The refusal of a geometry that places nothing."""
    return DamagedFile(
        f"{file.shown} gives no usable voxel size or orientation (zero, not a number or "
        "contradictory): set them and export it again."
    )


def chosen_spacing(choices: Mapping[str, str]) -> tuple[float, float, float] | None:
    """mm per voxel along i, j, k from the choice "spacing" ("0.7,0.7,2"); None without one.

    Raises ChoiceNeeded for what is no three positive numbers.
    """
    text = str(choices.get("spacing", "")).strip()
    if not text:
        return None
    try:
        numbers = [float(part) for part in text.replace(",", " ").split()]
    except ValueError:
        numbers = []
    if len(numbers) != 3 or not all(_FINEST < n < _FARTHEST and math.isfinite(n) for n in numbers):
        raise ChoiceNeeded(
            "spacing", "The voxel size is three positive numbers of mm, such as 0.7,0.7,2."
        )
    return numbers[0], numbers[1], numbers[2]
