"""Feeds an image as it is, or a photographed digit framed as those of MNIST are."""

import numpy as np
from scipy import ndimage

from dashboard.data.normalise import NORMALISERS
from dashboard.data.prepared import Prepared, Request

INK = 0.3  # of the strongest ink: what counts as the digit when it is framed


def whole_image(request: Request) -> Prepared:
    """The image with the network's channels, values in 0..1 before normalising."""
    sample, spec = request.sample, request.spec
    image = with_channels(unit_range(sample.array, sample.values()), spec.channels)
    fed = NORMALISERS[spec.normalise](image, spec)
    return Prepared(fed.astype(np.float32), np.eye(3), sample.shape)


def digit(request: Request) -> Prepared:
    """MNIST's own preparation: bright ink on black, 20 px high or wide, centred by mass.

    LeCun, Cortes, Burges, "The MNIST database of handwritten digits": the digit fits a 20x20
    box, its centre of mass lies in the middle of the 28x28 field. A 28x28 image keeps its frame.
    """
    sample, spec = request.sample, request.spec
    ink = with_channels(unit_range(sample.array, sample.values()), 1)[0]
    if np.median(_border(ink)) > (ink.min() + ink.max()) / 2:  # bright paper, dark ink
        ink = ink.max() - ink
    matrix = np.eye(3)
    if ink.shape != tuple(spec.size):
        ink = np.maximum(ink - np.median(_border(ink)), 0)  # grey paper is no ink
        matrix = _digit_frame(ink, spec.size)
        ink = _read_at(ink, matrix, spec.size)
        ink = ink / max(float(ink.max()), 1e-6)
    fed = NORMALISERS[spec.normalise](ink[None], spec)
    return Prepared(fed.astype(np.float32), matrix, tuple(spec.size))


def _border(image: np.ndarray) -> np.ndarray:
    return np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])


def _digit_frame(ink: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Fed index to image index such that the ink fills a 20/28 box around its centre of mass."""
    present = ink > INK * max(float(ink.max()), 1e-6)
    if not present.any():
        present = np.ones_like(ink, dtype=bool)
    weight = np.where(present, ink, 0) + 1e-9
    extents, centre = [], []
    for axis in range(2):
        along = np.flatnonzero(present.any(axis=1 - axis))
        extents.append(along[-1] + 1 - along[0])
        centre.append((weight.sum(axis=1 - axis) * np.arange(ink.shape[axis])).sum() / weight.sum())
    step = max(extents) / (size[0] * 20 / 28)
    matrix = np.diag([step, step, 1.0])
    matrix[:2, 2] = np.array(centre) - step * (np.array(size) / 2)
    return matrix


def _read_at(image: np.ndarray, matrix: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """`image` read at `matrix` @ index: a reduced one is blurred first, so that nothing aliases.

    An enlarged one is read by cubic splines: lines between 8x8 pixels are too soft for a network
    that knows sharp strokes (scikit-learn's digits: one to three in a hundred more are right).
    """
    step = matrix[0, 0]
    blurred = ndimage.gaussian_filter(image, max(0.0, 0.35 * (step - 1)))
    read = ndimage.affine_transform(
        blurred,
        np.diag(matrix)[:2],
        matrix[:2, 2],
        output_shape=tuple(size),
        order=3 if step < 1 else 1,
    )
    return np.maximum(read, 0)  # splines swing below black


def unit_range(stored: np.ndarray, values: np.ndarray) -> np.ndarray:
    """`values` in 0..1: integers by the range of their type, other numbers by their own."""
    if stored.dtype.kind == "u":
        return values / np.float32(np.iinfo(stored.dtype).max)
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    scaled = (values - np.float32(low)) / np.float32(max(high - low, 1e-6))
    return np.clip(np.nan_to_num(scaled, nan=0.0), 0, 1)


def with_channels(image: np.ndarray, channels: int) -> np.ndarray:
    """`image` (C, H, W) with the wanted channels: luma of RGB, grey repeated, alpha over black."""
    if image.shape[0] in (2, 4):
        image = image[:-1] * image[-1:]
    if image.shape[0] == channels:
        return image
    if image.shape[0] == 3:
        image = np.tensordot(np.float32([0.299, 0.587, 0.114]), image, axes=1)[None]
    return np.repeat(image[:1], channels, axis=0)
