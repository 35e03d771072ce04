"""Loss and random changes of labelled signals, images and volumes: a class for every position."""

import torch
from torch import Tensor
from torch.nn import functional

from models.training import augment

SMALL = 1e-5  # keeps the Dice of an absent class defined


def loss(scores: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy plus soft Dice, of scores (N, K, *S) and labels (N, *S), a scalar.

    Isensee et al. 2021, "nnU-Net", Nature Methods 18:203, section "Training procedure".
    """
    return functional.cross_entropy(scores, labels) + 1 - soft_dice(scores, labels)


def soft_dice(scores: Tensor, labels: Tensor) -> Tensor:
    """Mean over the classes but the background of Dice with probabilities in place of a mask.

    Sums run over the whole batch, so that a class a crop lacks does not count as missed. The
    denominator is the plain sum of Drozdzal et al. 2016, not the sum of squares of Milletari et
    al. 2016, "V-Net", eq. 5.
    """
    shares = torch.softmax(scores, dim=1)
    wanted = one_hot(labels, scores.shape[1]).to(shares)
    axes = (0, *range(2, scores.ndim))
    both = (shares * wanted).sum(axes)[1:]
    total = (shares + wanted).sum(axes)[1:]
    return ((2 * both + SMALL) / (total + SMALL)).mean()


def one_hot(labels: Tensor, classes: int) -> Tensor:
    """Labels (N, *S) as (N, classes, *S) of zeros and ones."""
    return functional.one_hot(labels, classes).movedim(-1, 1)


def moved_together(
    x: Tensor, labels: Tensor, classes: int, generator: torch.Generator, **strengths: float
) -> tuple[Tensor, Tensor]:
    """`augment.affine` of values (N, C, *S), their labels (N, *S) moved with them.

    Each class is moved as a map of its own and the largest wins, which keeps borders smooth where
    the nearest label would make steps.
    """
    channels = x.shape[1]
    stacked = torch.cat([x, one_hot(labels, classes).to(x)], dim=1)  # (N, C + classes, *S)
    moved = augment.affine(stacked, generator, **strengths)
    return moved[:, :channels], moved[:, channels:].argmax(dim=1)


def mirrored_together(
    x: Tensor, labels: Tensor, axis: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Half of the batch mirrored along spatial `axis`, values and labels alike."""
    chance = augment.per_sample(x, 0, 1, generator) < 0.5  # (N, 1, ..., 1)
    return (
        torch.where(chance, x.flip(2 + axis), x),
        torch.where(chance[:, 0], labels.flip(1 + axis), labels),
    )
