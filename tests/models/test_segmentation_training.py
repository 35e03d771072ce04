"""Loss and augmentation of labelled positions in one, two and three dimensions."""

import numpy as np
import pytest
import torch

from models.training import segmentation

SHAPES = {1: (24,), 2: (12, 10), 3: (10, 8, 6)}


def random_case(dim: int, classes: int = 3, count: int = 2):
    generator = torch.Generator().manual_seed(dim)
    scores = torch.randn(count, classes, *SHAPES[dim], generator=generator)
    labels = torch.randint(classes, (count, *SHAPES[dim]), generator=generator)
    return scores, labels


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_loss_equals_a_loop_over_positions(dim):
    scores, labels = random_case(dim)
    shares = torch.softmax(scores, 1).movedim(1, -1).reshape(-1, 3).double().numpy()
    truth = labels.reshape(-1).numpy()
    entropy = -np.mean([np.log(shares[i, k]) for i, k in enumerate(truth)])
    dice = []
    for k in (1, 2):
        both = sum(shares[i, k] for i in range(len(truth)) if truth[i] == k)
        dice.append(2 * both / (shares[:, k].sum() + (truth == k).sum()))
    expected = entropy + 1 - np.mean(dice)
    assert float(segmentation.loss(scores, labels)) == pytest.approx(expected, abs=1e-5)


@pytest.mark.slow
def test_loss_equals_that_of_monai():
    from monai.losses import DiceCELoss

    scores, labels = random_case(3)
    theirs = DiceCELoss(include_background=False, to_onehot_y=True, softmax=True, batch=True)
    expected = float(theirs(scores, labels[:, None]))
    assert float(segmentation.loss(scores, labels)) == pytest.approx(expected, abs=1e-4)


def test_a_sure_and_right_answer_costs_nothing_and_an_absent_class_is_no_error():
    _, labels = random_case(2)
    labels = labels.clamp(max=1)  # class 2 is absent
    sure = 50 * segmentation.one_hot(labels, 3).float()
    assert float(segmentation.loss(sure, labels)) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_values_and_labels_move_together(dim):
    """Values that are the labels must still be near them after the same transform."""
    shape = {1: (64,), 2: (48, 40), 3: (28, 24, 26)}[dim]
    axes = torch.meshgrid(*(torch.arange(n) for n in shape), indexing="ij")
    inside = torch.stack([(a - n / 2.2).abs() < n / 5 for a, n in zip(axes, shape, strict=True)])
    labels = inside.all(dim=0).long()[None].repeat(3, *(1,) * dim)
    values = labels[:, None].float()
    generator = torch.Generator().manual_seed(5)
    moved, names = segmentation.moved_together(
        values, labels, 2, generator, turn=0.3, scale=0.2, shift=2.0, bend=1.0
    )
    assert not torch.equal(names, labels)
    # linear values above one half are where the class map is the larger one
    torch.testing.assert_close((moved[:, 0] > 0.5).long(), names)
    mirrored, flipped = segmentation.mirrored_together(values, labels, dim - 1, generator)
    torch.testing.assert_close(mirrored[:, 0].long(), flipped)


def test_about_half_of_the_cases_are_mirrored():
    labels = torch.zeros(400, 4, dtype=torch.long)
    labels[:, 0] = 1
    _, flipped = segmentation.mirrored_together(
        labels[:, None].float(), labels, 0, torch.Generator().manual_seed(0)
    )
    assert set(flipped.sum(dim=1).tolist()) == {1}
    assert 150 < int(flipped[:, 3].sum()) < 250
