"""Gram matrices of activations: which channels fire together.

Gatys, Ecker, Bethge 2016, "Image style transfer using convolutional neural networks", eq. 3; the
sums are divided by positions and channels, so that maps of different size can be compared.
"""

from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

Array = TypeVar("Array", np.ndarray, Tensor)


def gram(a: Array, dim: int | None = None) -> Array:
    """G[i, j] = sum over positions of a[i] a[j], divided by positions * channels: (.., C, C).

    Numpy arrays are (C, *S), tensors (N, C, *S) (with two axes (C, S)); `dim`, the number of
    spatial axes, says otherwise: what stands before the channels is kept. Tensors keep their
    gradient. Raises ValueError for an array without channels or positions.
    """
    if 0 in a.shape:
        raise ValueError(f"got an array of shape {tuple(a.shape)}, expected channels and positions")
    rows = _rows(a, dim)
    channels, positions = rows.shape[-2:]
    product = rows @ (rows.mT if isinstance(rows, Tensor) else np.swapaxes(rows, -1, -2))
    return product / (channels * positions)  # (.., C, C)


def gram_distance(a: Array, b: Array, dim: int | None = None) -> Array:
    """Frobenius norm of the difference of two Gram matrices, one number per batch entry.

    `a` and `b` have as many channels; their positions may differ.
    """
    difference = gram(a, dim) - gram(b, dim)
    if isinstance(difference, Tensor):
        return torch.linalg.matrix_norm(difference)
    return np.linalg.norm(difference, axis=(-2, -1))


def _rows(a: Array, dim: int | None) -> Array:
    """`a` as (.., C, P), at least single precision, one row of positions per channel."""
    if dim is None:
        dim = a.ndim - 1 if isinstance(a, np.ndarray) or a.ndim == 2 else a.ndim - 2
    if not 1 <= dim < a.ndim:
        raise ValueError(f"got {a.ndim} axes, expected channels and {dim} spatial axes")
    rows = a.reshape(*a.shape[: a.ndim - dim], -1)  # (.., C, P)
    if isinstance(rows, Tensor):
        return rows.to(torch.promote_types(rows.dtype, torch.float32))
    return rows.astype(np.result_type(rows.dtype, np.float32), copy=False)
