"""From one heatmap per landmark to positions: the mean place of each map's probability.

Sun et al. 2018, "Integral human pose regression", ECCV, section 3 ("soft-argmax"): finer than the
grid of the maps, and with a gradient. Generic in the number of spatial axes.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from models.decode.classes import class_names
from models.records import Landmarks
from models.spec import ModelSpec


def probabilities(heatmaps: Tensor) -> Tensor:
    """Softmax of each map (N, P, *S) over all of its places."""
    return torch.softmax(heatmaps.flatten(2), dim=2).view_as(heatmaps)


def grids(heatmaps: Tensor, stride: float) -> list[Tensor]:
    """Fed index of the units along each spatial axis: the middle of the `stride` samples of each.

    Each is shaped to go with (N, P, *S): (S_axis,) on its own axis, 1 on the others.
    """
    spatial = heatmaps.shape[2:]
    places = []
    for axis, length in enumerate(spatial):
        index = torch.arange(length, dtype=heatmaps.dtype, device=heatmaps.device)
        shape = [1] * len(spatial)
        shape[axis] = length
        places.append((index * stride + (stride - 1) / 2).reshape(shape))
    return places


def expected_positions(heatmaps: Tensor, stride: float = 1.0) -> Tensor:
    """Mean place (N, P, dim) of the probability of each map (N, P, *S), in fed index."""
    mass = probabilities(heatmaps)
    axes = tuple(range(2, heatmaps.ndim))
    return torch.stack([(mass * place).sum(dim=axes) for place in grids(heatmaps, stride)], dim=-1)


def mass_near(heatmaps: Tensor, positions: Tensor, radius: float, stride: float = 1.0) -> Tensor:
    """Probability (N, P) of each map within `radius` fed samples of its position (N, P, dim)."""
    each = positions.reshape(*positions.shape, *(1,) * (heatmaps.ndim - 2))  # (N, P, dim, 1, ...)
    away = sum(
        (place - each[:, :, axis]) ** 2 for axis, place in enumerate(grids(heatmaps, stride))
    )
    axes = tuple(range(2, heatmaps.ndim))
    return (probabilities(heatmaps) * (away <= radius**2)).sum(dim=axes)


def decode(output: Tensor, spec: ModelSpec, valid: Sequence[int]) -> Landmarks:
    """Landmarks of one input from its heatmaps (1, P, *S) or (P, *S), positions in fed index.

    `valid` is the fed extent before padding: what a map says beyond it does not count. The score
    is the probability within `spec.decoder["radius"]` fed samples of the position: near 1 where
    the network is sure, small where its map is spread or has several peaks. Raises ValueError
    for an output of another rank.
    """
    dim, stride = len(valid), spec.decoder["stride"]
    maps = output.detach().cpu().double()
    maps = maps if maps.ndim == dim + 2 else maps[None]
    if maps.ndim != dim + 2 or len(maps) != 1:
        raise ValueError(
            f"got heatmaps {tuple(output.shape)}, expected (landmarks, *S) with {dim} axes in S"
        )
    maps = maps[(slice(None), slice(None), *(slice(-int(-n // stride)) for n in valid))]
    positions = expected_positions(maps, stride)
    scores = mass_near(maps, positions, spec.decoder["radius"], stride)
    return Landmarks(class_names(spec, maps.shape[1]), positions[0].numpy(), scores[0].numpy())
