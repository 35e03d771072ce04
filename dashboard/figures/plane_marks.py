"""Outlines of regions on the planes of a scan, in fractions of the picture."""

import numpy as np

from dashboard.figures.volumes import Plane

CORNERS = 64  # of a drawn ellipse


def sphere_outline(
    where: Plane, affine: np.ndarray, centre: np.ndarray, radius: float
) -> np.ndarray:
    """Where a sphere of `radius` mm around array index `centre` meets a plane: (K, 2) of x, y.

    A circle in the space of the patient, so an ellipse on a picture of anisotropic or sheared
    voxels; empty where the plane passes by.
    """
    to_world = affine[:3, :3] @ where.to_index  # (3, 3): x, y, 1 to mm, less the origin
    across = to_world[:, :2]
    start = to_world[:, 2] - affine[:3, :3] @ centre
    gram = across.T @ across
    middle = -np.linalg.solve(gram, across.T @ start)  # of the ellipse, in fractions
    short = start + across @ middle  # from the centre to the plane, at right angles
    left = radius**2 - float(short @ short)
    if left <= 0:
        return np.empty((0, 2))
    angles = np.linspace(0, 2 * np.pi, CORNERS + 1)
    circle = np.stack([np.cos(angles), np.sin(angles)])  # (2, K)
    # |across @ d|^2 = left holds for d = L^-T circle sqrt(left), where gram = L L^T.
    lower = np.linalg.cholesky(gram)
    return (middle[:, None] + np.sqrt(left) * np.linalg.solve(lower.T, circle)).T


def box_outline(where: Plane, spacing: np.ndarray, centre: np.ndarray, radius: float) -> np.ndarray:
    """Where a box of edges 2 x `radius` mm along the array's axes meets a plane: (5, 2) of x, y."""
    along = where.axes[2]
    if abs(where.along - centre[along]) * spacing[along] > radius:
        return np.empty((0, 2))
    x1, y1 = where.fraction(centre - radius / np.asarray(spacing))
    x2, y2 = where.fraction(centre + radius / np.asarray(spacing))
    return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2], [x1, y1]])


def near_points(where: Plane, affine: np.ndarray, points: np.ndarray, within: float) -> np.ndarray:
    """Which of `points` (P, 3), array indices, lie within `within` mm of a plane: bool (P,)."""
    down, right, along = where.axes
    normal = np.cross(affine[:3, down], affine[:3, right])
    step = abs(float(normal @ affine[:3, along])) / float(np.linalg.norm(normal))
    return np.abs(points[:, along] - where.along) * step <= within
