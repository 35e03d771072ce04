"""Training of landmark networks in any number of dimensions: what is lost, and moved points."""

import torch
from torch import Tensor
from torch.nn import functional

from models.decode.landmarks import expected_positions, grids
from models.training.augment import random_matrices, warp

WIDTH = 1.5  # standard deviation of a target map, in units of the map
FAR = 4.0  # from here on a distance counts by its length, no longer by its square (in units)


def landmark_loss(heatmaps: Tensor, points: Tensor, stride: float) -> Tensor:
    """How far heatmaps (N, P, *S) are from `points` (N, P, dim, fed index).

    The distance of the mean place (Sun et al. 2018, Integral human pose regression, section 3),
    and, so that the map itself is one peak there, its cross entropy with a Gaussian around the
    point (as the regularisers of Nibali et al. 2018, arXiv:1801.07372, section 3.3).
    """
    spread = WIDTH * stride
    each = points.reshape(*points.shape, *(1,) * (heatmaps.ndim - 2))  # (N, P, dim, 1, ...)
    away = sum(
        (place - each[:, :, axis]) ** 2 for axis, place in enumerate(grids(heatmaps, stride))
    )
    target = torch.softmax((-0.5 * away / spread**2).flatten(2), dim=2)  # (N, P, places)
    mismatch = -(target * functional.log_softmax(heatmaps.flatten(2), dim=2)).sum(dim=2).mean()
    missed = functional.smooth_l1_loss(
        expected_positions(heatmaps, stride) / stride, points / stride, beta=FAR
    )
    return mismatch + missed


def moved_with_points(
    x: Tensor,
    points: Tensor,
    generator: torch.Generator,
    *,
    turn: float = 0.0,
    scale: float = 0.0,
    shear: float = 0.0,
    shift: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """`augment.affine` of (N, C, *S), edge values outside, and where `points` (N, P, dim) go."""
    dim = x.ndim - 2
    matrix = random_matrices(len(x), dim, turn, scale, shear, generator)
    moved = (torch.rand(len(x), dim, generator=generator) * 2 - 1) * shift
    middle = (torch.tensor(x.shape[2:], dtype=torch.float32) - 1) / 2
    # What is read at matrix @ (index - middle) + middle + moved comes to lie at the index.
    from_middle = (points - middle - moved[:, None]).transpose(1, 2)  # (N, dim, P)
    reached = torch.linalg.solve(matrix, from_middle).transpose(1, 2) + middle
    return warp(x, matrix, moved.reshape(-1, *(1,) * dim, dim), "border"), reached


def flipped_with_points(
    x: Tensor, points: Tensor, axis: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Half of the cases mirrored along spatial `axis`; the points keep their names."""
    turned = torch.rand(len(x), generator=generator) < 0.5
    mirrored = points.clone()
    mirrored[..., axis] = x.shape[2 + axis] - 1 - points[..., axis]
    chosen = turned.reshape(-1, *(1,) * (x.ndim - 1))
    return torch.where(chosen, x.flip(2 + axis), x), torch.where(
        turned[:, None, None], mirrored, points
    )
