"""Gram matrices against a slow loop, and their properties."""

import numpy as np
import pytest
import torch

from models.probes.gram import gram, gram_distance

SHAPES = [(3, 17), (4, 5, 6), (2, 3, 4, 5)]


def maps(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def slow_gram(a: np.ndarray) -> np.ndarray:
    """(C, *S): every product written out."""
    rows = [a[c].ravel() for c in range(a.shape[0])]
    products = [[sum(p * q for p, q in zip(x, y, strict=True)) for y in rows] for x in rows]
    return np.array(products) / (len(rows) * len(rows[0]))


@pytest.mark.parametrize("shape", SHAPES)
def test_gram_equals_a_slow_loop(shape):
    a = maps(*shape)
    np.testing.assert_allclose(gram(a), slow_gram(a), rtol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_batches_of_tensors_equal_their_single_arrays(shape):
    batch = maps(2, *shape)
    found = gram(torch.from_numpy(batch))
    assert found.shape == (2, shape[0], shape[0])
    for one, a in zip(found, batch, strict=True):
        np.testing.assert_allclose(one.numpy(), slow_gram(a), rtol=1e-12)
    np.testing.assert_allclose(gram(batch, dim=len(shape) - 1), found.numpy(), rtol=1e-12)


def test_a_tensor_of_two_axes_is_channels_and_positions():
    a = maps(3, 8)
    np.testing.assert_allclose(gram(torch.from_numpy(a)).numpy(), slow_gram(a), rtol=1e-12)


def test_gram_is_symmetric_and_positive_semidefinite():
    g = gram(maps(8, 5))  # more channels than positions: rank 5
    np.testing.assert_allclose(g, g.T, rtol=1e-12)
    eigenvalues = np.linalg.eigvalsh(g)
    assert eigenvalues.min() > -1e-12
    assert (eigenvalues > 1e-12).sum() == 5


def test_gram_does_not_depend_on_the_order_or_repetition_of_positions():
    a = maps(3, 12)
    np.testing.assert_allclose(gram(a[:, ::-1]), gram(a), rtol=1e-12)
    np.testing.assert_allclose(gram(np.tile(a, 2)), gram(a), rtol=1e-12)


def test_whole_numbers_and_half_precision_do_not_overflow():
    a = np.full((2, 100), 200, dtype=np.uint8)
    np.testing.assert_allclose(gram(a), 200**2 / 2)
    half = torch.full((1, 2, 100), 300.0, dtype=torch.float16)
    assert float(gram(half)[0, 0, 0]) == 300**2 / 2


def test_distance_is_the_frobenius_norm_of_the_difference():
    a, b = maps(3, 10), maps(3, 4, 5, seed=1)
    expected = np.sqrt(((slow_gram(a) - slow_gram(b)) ** 2).sum())
    assert gram_distance(a, b) == pytest.approx(expected, rel=1e-12)
    assert gram_distance(a, a) == 0
    tensors = gram_distance(torch.from_numpy(a[None]), torch.from_numpy(b[None]))
    assert tensors.tolist() == pytest.approx([expected])


def test_the_distance_has_a_gradient():
    a = torch.from_numpy(maps(1, 3, 10)).requires_grad_()
    b = torch.from_numpy(maps(1, 3, 10, seed=1))
    assert torch.autograd.gradcheck(lambda a: gram_distance(a, b), (a,))


@pytest.mark.parametrize("shape", [(0, 4), (3, 0)])
def test_nothing_to_correlate_is_refused(shape):
    with pytest.raises(ValueError, match="expected channels and positions"):
        gram(np.zeros(shape))


def test_a_rank_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="expected channels and 3 spatial axes"):
        gram(np.zeros((2, 3)), dim=3)
