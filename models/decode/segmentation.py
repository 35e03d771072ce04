"""From a segmenting network's scores to a class for every voxel, on the sample's own grid."""

from collections.abc import Sequence

import numpy as np
import torch
from scipy import ndimage

from models.records import Mask

SLAB = 1 << 22  # voxels resampled at once: bounds memory whatever the scan
MOST_KEPT = 1 << 26  # probabilities kept; of more only the labels stay


def decode(
    output: torch.Tensor | np.ndarray,
    names: Sequence[str],
    to_sample: np.ndarray,
    valid: Sequence[int],
    shape: Sequence[int],
) -> Mask:
    """Scores (K, *F) or (1, K, *F) as a Mask of a sample of `shape` (*S).

    `to_sample` (dim+1, dim+1) takes fed index to sample index, each fed axis along one sample
    axis; `valid` is the fed shape without padding. Probabilities are read linearly at every voxel
    of the sample and the largest wins; labels are 0 where nothing was fed. Raises ValueError for
    a wrong number of axes or classes.
    """
    scores = torch.as_tensor(output).detach().cpu().float()
    dim = len(shape)
    scores = scores[0] if scores.ndim == dim + 2 and len(scores) == 1 else scores
    if scores.ndim != dim + 1 or len(scores) != len(names):
        raise ValueError(
            f"got scores {tuple(scores.shape)}, expected ({len(names)} classes, {dim} axes)"
        )
    shares = torch.softmax(scores[(slice(None), *(slice(n) for n in valid))], dim=0).numpy()
    region = fed_region(to_sample, valid, shape)
    size = tuple(s.stop - s.start for s in region)
    labels = np.zeros(shape, np.uint8)
    kept = None
    if len(names) * np.prod(size, dtype=float) <= MOST_KEPT:
        kept = np.zeros((len(names), *size), np.float16)
    thick = max(1, SLAB // max(1, int(np.prod(size[1:]))))
    for start in range(region[0].start, region[0].stop, thick):
        slab = (slice(start, min(start + thick, region[0].stop)), *region[1:])
        found = resampled(shares, to_sample, slab)
        labels[slab] = found.argmax(axis=0)
        if kept is not None:
            kept[:, start - region[0].start :][:, : len(found[0])] = found
    everything = all(s.stop - s.start == n for s, n in zip(region, shape, strict=True))
    return Mask(tuple(names), labels, kept, None if everything else region)


def resampled(maps: np.ndarray, to_sample: np.ndarray, box: Sequence[slice]) -> np.ndarray:
    """Maps (K, *F) read linearly at the voxels of `box` of the sample, edges repeated."""
    inverse = np.linalg.inv(to_sample)
    matrix = inverse[:-1, :-1]
    start = matrix @ np.array([s.start for s in box], dtype=float) + inverse[:-1, -1]
    size = tuple(s.stop - s.start for s in box)
    read = [
        ndimage.affine_transform(one, matrix, start, output_shape=size, order=1, mode="nearest")
        for one in maps
    ]
    return np.stack(read)  # (K, *box)


def fed_region(
    to_sample: np.ndarray, valid: Sequence[int], shape: Sequence[int]
) -> tuple[slice, ...]:
    """The box of a sample of `shape` that fed voxels stand for, one slice per sample axis.

    A fed voxel stands for half a step on either side; what is left of the sample at an end of the
    box belongs to it where it is less than one step.
    """
    matrix, offset = to_sample[:-1, :-1], to_sample[:-1, -1]
    step = np.abs(matrix).sum(axis=1)
    ends = np.stack([offset, matrix @ (np.array(valid) - 1.0) + offset])
    low, high = ends.min(axis=0), ends.max(axis=0)
    last = np.array(shape) - 1
    tiny = 1e-6  # 6 voxels at step 0.1 end at 50, not at 49.999...
    first = np.where(low < step - tiny, 0, np.ceil(low - step / 2 - tiny))
    stop = np.where(last - high < step - tiny, last, np.floor(high + step / 2 + tiny)) + 1
    first = np.clip(first, 0, np.array(shape))
    stop = np.clip(stop, first, np.array(shape))
    return tuple(slice(int(a), int(b)) for a, b in zip(first, stop, strict=True))
