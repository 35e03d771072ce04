"""Feeds the shape that a mask holds: the cube around its centre, and how deep each place lies."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from dashboard.data.normalise import NORMALISERS
from dashboard.data.prepare_volume import patch_frame, read_frame, to_ras
from dashboard.data.prepared import Prepared, Request
from dashboard.data.sample import Sample

FINER = 2  # the shape is looked at on a grid this many times finer than the fed one
MARGIN = 4  # fine voxels around the fed cube, so that its border is not taken for a surface
DEEPEST = 16.0  # mm from the surface that the highest fed depth stands for


def shape(request: Request) -> Prepared:
    """The cube of `spec.size` around the centre of mass of a mask, in RAS+ order, two channels.

    The first is the part of each fed voxel that lies inside, the second its mean distance to the
    surface (0..1 for 0..`DEEPEST` mm): thickness, which a class of shapes may differ in. Both are
    taken on a grid `FINER` times finer than `spec.spacing`, whatever the file's spacing; inside
    is what lies above the middle of the lowest and the highest value. The position is not used.
    """
    sample, spec = request.sample, request.spec
    fine, size = fine_cube(sample, request.channel, spec.spacing / FINER, spec.size_for(3))
    channels = pooled(shape_channels(fine.array[0] > 0.5, spec.spacing / FINER))
    to_fine = np.diag([FINER, FINER, FINER, 1.0])
    to_fine[:3, 3] = MARGIN + (FINER - 1) / 2
    fed = NORMALISERS[spec.normalise](channels, spec).astype(np.float32, copy=False)
    return Prepared(fed, fine.to_sample @ to_fine, size, request.channel)


def fine_cube(
    sample: Sample, channel: int, spacing: float, size: Sequence[int]
) -> tuple[Prepared, tuple[int, ...]]:
    """The mask (0..1) on a cubic grid of `spacing` mm around its centre, with its margin.

    `size` is that of the fed grid, which is returned as well.
    """
    inside_of = _inside(sample, channel)
    turn, steps = to_ras(sample.affine, spacing)
    fine = tuple(FINER * n + 2 * MARGIN for n in size)
    matrix = patch_frame(turn, steps, np.array(fine), centre_of_mass(inside_of))
    mask = Sample(
        inside_of[None], sample.name, "mask", ("inside",), ("",), "mm", affine=sample.affine
    )
    array = read_frame(mask, 0, turn, steps, matrix, fine)
    return Prepared(array[None].astype(np.float32), matrix, fine, channel), tuple(size)


def _inside(sample: Sample, channel: int) -> np.ndarray:
    """Where a channel lies above the middle of its lowest and highest value: 0 or 1, uint8."""
    stored = np.asarray(sample.array[channel])
    low, high = np.nanmin(stored), np.nanmax(stored)
    # The scale of stored values may be negative, but what a mask holds is its rarer value's.
    return (stored > float(low) / 2 + float(high) / 2).astype(np.uint8)


def centre_of_mass(inside: np.ndarray) -> tuple[float, ...]:
    """Mean index of the voxels that are not 0; the middle where there are none."""
    centre = []
    for axis in range(inside.ndim):
        others = tuple(a for a in range(inside.ndim) if a != axis)
        weight = inside.sum(axis=others, dtype=np.int64)
        if not weight.any():
            return tuple((n - 1) / 2 for n in inside.shape)
        centre.append(float(weight @ np.arange(len(weight)) / weight.sum()))
    return tuple(centre)


def shape_channels(inside: np.ndarray, spacing: float) -> np.ndarray:
    """(2, *S) float32 of a mask (*S) with voxels of `spacing` mm: itself, and its depth in 0..1."""
    depth = np.zeros(inside.shape, np.float32)
    found = ndimage.find_objects(inside.astype(np.uint8))
    if found and found[0] is not None:
        box = tuple(slice(max(0, s.start - 1), s.stop + 1) for s in found[0])
        depth[box] = ndimage.distance_transform_edt(inside[box]) * (spacing / DEEPEST)
    return np.stack([inside.astype(np.float32), depth.clip(0, 1)])


def pooled(channels: np.ndarray) -> np.ndarray:
    """Means (C, *S) over blocks of `FINER` voxels per axis, the margin left out."""
    inner = channels[(slice(None), *(slice(MARGIN, -MARGIN),) * (channels.ndim - 1))]
    blocks = [part for n in inner.shape[1:] for part in (n // FINER, FINER)]
    return inner.reshape(len(inner), *blocks).mean(axis=tuple(range(2, 2 * inner.ndim - 1, 2)))
