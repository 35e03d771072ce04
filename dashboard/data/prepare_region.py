"""Feeds a network of any input size the whole of a small volume, or a part of a large one."""

import numpy as np

from dashboard.data.normalise import NORMALISERS, scale_to
from dashboard.data.prepare_volume import (
    patch_frame,
    read_frame,
    to_ras,
    typical_range,
    whole_frame,
)
from dashboard.data.prepared import Prepared, Request
from dashboard.data.sample import Sample
from models.spec import InputSpec

SMALL = (64.0, 80.0, 64.0)  # mm along R, A, S: up to here a volume is fed whole
REGION = (40.0, 56.0, 40.0)  # mm along R, A, S: the part of a larger one


def region(request: Request) -> Prepared:
    """A volume in RAS+ order, whole where it is small, else the part about `request.position`.

    The axes are turned and resampled as `patch` does it. Values are normalised over what is fed
    of the volume, all of a large one by the median range of its own parts; then the end of each
    axis is repeated up to a multiple of `spec.multiple`, which `Prepared.valid` leaves out.
    """
    sample, spec = request.sample, request.spec
    turn, steps = to_ras(sample.affine, spec.spacing)
    small = fed_whole(sample)
    part = _part(np.abs(turn).T @ sample.spacing * steps, spec)
    if small or request.whole:
        matrix, shape = whole_frame(turn, steps, sample.shape)
    else:
        matrix, shape = patch_frame(turn, steps, np.array(part), request.position), part
    fed = read_frame(sample, request.channel, turn, steps, matrix, shape)[None]
    if small or not request.whole:
        fed = NORMALISERS[spec.normalise](fed, spec)
    else:
        fed = scale_to(fed, *typical_range(fed[0], part))
    fed = fed.astype(np.float32, copy=False)
    missing = [(0, -n % spec.multiple) for n in shape]
    return Prepared(np.pad(fed, [(0, 0), *missing], "edge"), matrix, shape, request.channel)


def fed_whole(sample: Sample) -> bool:
    """Whether a volume is so small that it is fed as a whole."""
    turn, _ = to_ras(sample.affine, None)
    extent = np.abs(turn).T @ (np.array(sample.shape) * sample.spacing)  # mm along R, A, S
    return bool((extent <= SMALL).all())


def _part(spacing: np.ndarray, spec: InputSpec) -> tuple[int, ...]:
    """Fed voxels of the part, given mm per fed voxel: REGION up to the next multiple."""
    voxels = np.array(REGION) / spacing
    return tuple(int(n) for n in np.ceil(voxels / spec.multiple - 1e-6) * spec.multiple)
