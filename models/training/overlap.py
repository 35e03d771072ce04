"""How well a segmentation agrees with a reference: overlap, and distances of surfaces in mm."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage


def dice(truth: np.ndarray, answer: np.ndarray, classes: int) -> np.ndarray:
    """Dice of each class but the background, (classes - 1,), of label arrays of one shape.

    Twice the common voxels over the sum of both counts (Dice 1945, Ecology 26:297); NaN for a
    class that neither has.
    """
    pairs = np.ravel(truth).astype(np.intp) * classes + np.ravel(answer)
    counts = np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
    both, total = np.diag(counts)[1:], (counts.sum(axis=0) + counts.sum(axis=1))[1:]
    return np.divide(2.0 * both, total, out=np.full(classes - 1, np.nan), where=total > 0)


def surface_distances(
    truth: np.ndarray, answer: np.ndarray, spacing: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    """Distances in the unit of `spacing` from each surface element of two masks to the other's.

    (elements of `truth`), (elements of `answer`): the surface of a mask are its voxels that touch
    the outside along an axis. Both are empty where one mask is.
    """
    if not truth.any() or not answer.any():
        return np.empty(0), np.empty(0)
    box = ndimage.find_objects((truth | answer).astype(np.uint8))[0]
    truth, answer = np.pad(truth[box], 1), np.pad(answer[box], 1)
    surfaces = [mask & ~ndimage.binary_erosion(mask) for mask in (truth, answer)]
    away = [ndimage.distance_transform_edt(~surface, spacing) for surface in surfaces]
    return away[1][surfaces[0]], away[0][surfaces[1]]


def hausdorff95(truth: np.ndarray, answer: np.ndarray, spacing: Sequence[float]) -> float:
    """The larger of the two 95th percentiles of surface distances; NaN where a mask is empty.

    As MONAI and most challenges take it (Huttenlocher, Klanderman, Rucklidge 1993, section 2).
    """
    there, back = surface_distances(truth, answer, spacing)
    return float(max(np.percentile(there, 95), np.percentile(back, 95))) if len(there) else np.nan


def surface_distance(truth: np.ndarray, answer: np.ndarray, spacing: Sequence[float]) -> float:
    """Mean over all surface elements of both masks; NaN where a mask is empty."""
    both = np.concatenate(surface_distances(truth, answer, spacing))
    return float(both.mean()) if len(both) else np.nan
