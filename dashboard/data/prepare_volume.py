"""Feeds a patch of a volume, or the whole of it, with its axes turned to RAS+."""

import numpy as np
from scipy import ndimage

from dashboard.data.normalise import NORMALISERS, scale_to
from dashboard.data.prepared import Prepared, Request
from dashboard.data.sample import Sample

SAME_STEP = 0.02  # a spacing within 2 % of the wanted one is not resampled
TYPICAL_PATCH = (20, 20, 20)


def patch(request: Request) -> Prepared:
    """A patch in RAS+ order at `request.position`, or the whole volume in RAS+ order.

    The axes are permuted and flipped to the closest RAS+ (no rotation is resampled away) and
    resampled to `spec.spacing` only where the file's spacing differs from it by more than 2 %.
    A whole volume is scaled by the median range of its own patches, so that its maps agree with
    what single patches give.
    """
    sample, spec = request.sample, request.spec
    turn, steps = to_ras(sample.affine, spec.spacing)
    if request.whole:
        matrix, shape = whole_frame(turn, steps, sample.shape)
        fed = read_frame(sample, request.channel, turn, steps, matrix, shape)
        fed = scale_to(fed, *typical_range(fed, spec.size_for(3) or TYPICAL_PATCH))[None]
    else:
        matrix = patch_frame(turn, steps, np.array(spec.size_for(3)), request.position)
        fed = read_frame(sample, request.channel, turn, steps, matrix, spec.size_for(3))
        fed = NORMALISERS[spec.normalise](fed[None], spec)
    return Prepared(
        fed.astype(np.float32, copy=False), matrix, tuple(fed.shape[1:]), request.channel
    )


def to_ras(affine: np.ndarray, spacing: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Signed permutation (RAS axis to array axis) and steps in array voxels per fed voxel.

    The axes that agree best are matched first, so that two never claim the same direction.
    """
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    directions = affine[:3, :3] / lengths
    turn = np.zeros((3, 3))
    left = np.abs(directions)
    for _ in range(3):
        ras, axis = np.unravel_index(np.argmax(left), left.shape)
        turn[axis, ras] = np.sign(directions[ras, axis]) or 1.0
        left[ras, :] = left[:, axis] = -1
    steps = np.ones(3) if spacing is None else spacing / (np.abs(turn).T @ lengths)
    steps[np.abs(steps - 1) <= SAME_STEP] = 1.0
    return turn, steps


def patch_frame(
    turn: np.ndarray, steps: np.ndarray, size: np.ndarray, position: tuple[float, ...]
) -> np.ndarray:
    """Fed index to sample index: the voxel nearest to `position` is fed at `size // 2`."""
    matrix = np.eye(4)
    matrix[:3, :3] = turn * steps
    matrix[:3, 3] = np.rint(position) - matrix[:3, :3] @ (size // 2)
    return matrix


def whole_frame(
    turn: np.ndarray, steps: np.ndarray, shape: tuple[int, ...]
) -> tuple[np.ndarray, tuple[int, ...]]:
    """Fed index to sample index, and the fed shape, of all of a volume."""
    matrix = np.eye(4)
    matrix[:3, :3] = turn * steps
    highest = np.array(shape) - 1
    matrix[:3, 3] = np.where(turn.sum(axis=1) < 0, highest, 0)
    # A hair more than the quotient: 6 voxels at step 0.1 end at 50, not at 49.999...
    fed = np.floor(np.abs(turn).T @ highest / steps + 1e-6).astype(int) + 1
    return matrix, tuple(int(n) for n in fed)


def read_frame(
    sample: Sample,
    channel: int,
    turn: np.ndarray,
    steps: np.ndarray,
    matrix: np.ndarray,
    shape: tuple[int, ...],
) -> np.ndarray:
    """Sample values at `matrix` @ index, linear, edge values outside; reads only what it needs.

    In the turned view what is left of `matrix` is a start and a step along each axis.
    """
    axes = np.abs(turn).T.argmax(axis=1)  # array axis of each RAS axis
    signs = turn.sum(axis=0)
    limit = np.array(sample.shape)[axes]
    corner = matrix[:3, 3][axes]
    start = np.where(signs < 0, limit - 1 - corner, corner)
    blur = np.maximum(0.0, 0.35 * (steps - 1))  # thinned without aliasing
    margin = np.ceil(4 * blur)
    low = np.clip(np.floor(start - margin), 0, limit - 1).astype(int)
    last = start + steps * (np.array(shape) - 1)
    high = np.clip(np.ceil(last + margin) + 1, low + 1, limit).astype(int)
    values = _turned_box(sample, channel, axes, signs, low, high)
    if blur.any():
        values = ndimage.gaussian_filter(values, blur, mode="nearest")
    if (steps == 1).all() and (start == low).all() and values.shape == shape:
        return values
    return ndimage.affine_transform(
        values, steps, start - low, output_shape=shape, order=1, mode="nearest"
    )


def _turned_box(
    sample: Sample,
    channel: int,
    axes: np.ndarray,
    signs: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
) -> np.ndarray:
    """Values low..high (RAS+ order) of a channel, in RAS+ order; what is no number becomes 0."""
    box: list[slice] = [slice(None)] * 3
    for axis, sign, first, end in zip(axes, signs, low, high, strict=True):
        length = sample.shape[axis]
        box[axis] = slice(first, end) if sign > 0 else slice(length - end, length - first)
    values = sample.values((channel, *box))
    own = np.may_share_memory(values, sample.array)  # float32 without a scale: not ours to change
    values = np.nan_to_num(values, copy=own, posinf=0.0, neginf=0.0)
    values = values.transpose(axes)
    return np.ascontiguousarray(values[tuple(slice(None, None, int(s)) for s in signs)])


def typical_range(volume: np.ndarray, size: tuple[int, ...]) -> tuple[float, float]:
    """Median over the patches that hold something of their 0.5 and 99.5 percentiles."""
    starts = [range(0, max(1, n - s + 1), s) for n, s in zip(volume.shape, size, strict=True)]
    floor = np.percentile(volume[::4, ::4, ::4], 50)
    ranges = []
    for i in starts[0]:
        for j in starts[1]:
            for k in starts[2]:
                block = volume[i : i + size[0], j : j + size[1], k : k + size[2]][::2, ::2, ::2]
                if (block > floor).mean() > 0.5:
                    ranges.append(np.percentile(block, (0.5, 99.5)))
    ranges = ranges or [np.percentile(volume[::4, ::4, ::4], (0.5, 99.5))]
    low, high = np.median(ranges, axis=0)
    return float(low), float(high)
