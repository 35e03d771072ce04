"""Batch augmentations: the same code for signals, images and volumes, checked against scipy."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from models.training import augment

DIMS = (1, 2, 3)


def batch(dim: int, n: int = 6, size: int = 12, channels: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(dim)
    return torch.rand(n, channels, *(size,) * dim, generator=generator)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


EVERY = {
    "flip": lambda x, g: augment.flip(x, 0, g),
    "gamma": lambda x, g: augment.gamma(x, 0.5, g),
    "contrast": lambda x, g: augment.contrast(x, 0.1, 0.2, g),
    "window": lambda x, g: augment.window(x, 0.8, 0.4, g),
    "shading": lambda x, g: augment.shading(x, 0.3, g),
    "noise": lambda x, g: augment.noise(x, 0.1, g),
    "affine": lambda x, g: augment.affine(x, g, turn=0.2, scale=0.1, shear=0.1, shift=1, bend=1),
    "blur": lambda x, g: augment.blur(x, 1.0, g),
    "low_resolution": lambda x, g: augment.low_resolution(x, range(4, 8), g),
    "thickness": lambda x, g: augment.thickness(x, g),
}


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("name", EVERY)
def test_every_change_keeps_the_shape_and_repeats_with_its_seed(name, dim):
    x = batch(dim, channels=2)
    kept = x.clone()
    changed = EVERY[name](x, seeded(1))
    assert changed.shape == x.shape
    assert changed.dtype == x.dtype
    assert torch.isfinite(changed).all()
    assert not torch.equal(changed, x)
    assert torch.equal(x, kept)
    assert torch.equal(changed, EVERY[name](x, seeded(1)))
    assert not torch.equal(changed, EVERY[name](x, seeded(2)))


@pytest.mark.parametrize("dim", DIMS)
def test_flip_mirrors_the_named_axis_of_some_samples(dim):
    x = batch(dim, n=40)
    for axis in range(dim):
        flipped = augment.flip(x, axis, seeded())
        mirrored = [torch.equal(b, a.flip(1 + axis)) for a, b in zip(x, flipped, strict=True)]
        untouched = [torch.equal(b, a) for a, b in zip(x, flipped, strict=True)]
        assert all(a or b for a, b in zip(mirrored, untouched, strict=True))
        assert 10 <= sum(mirrored) <= 30


@pytest.mark.parametrize("dim", DIMS)
def test_warp_without_change_gives_the_input(dim):
    x = batch(dim)
    same = augment.warp(x, torch.eye(dim).repeat(len(x), 1, 1), torch.zeros(1), "border")
    torch.testing.assert_close(same, x, atol=1e-5, rtol=0)


@pytest.mark.parametrize("dim", DIMS)
def test_warp_equals_the_affine_transform_of_scipy(dim):
    generator = np.random.default_rng(dim)
    x = batch(dim, n=1)
    matrix = np.eye(dim) + generator.uniform(-0.1, 0.1, (dim, dim))
    moved = generator.uniform(-1, 1, dim)
    middle = (np.array(x.shape[2:]) - 1) / 2
    expected = ndimage.affine_transform(
        x[0, 0].numpy(), matrix, middle + moved - matrix @ middle, order=1, mode="nearest"
    )
    warped = augment.warp(
        x,
        torch.tensor(matrix, dtype=torch.float32)[None],
        torch.tensor(moved, dtype=torch.float32).reshape(1, *(1,) * dim, dim),
        "border",
    )
    np.testing.assert_allclose(warped[0, 0].numpy(), expected, atol=1e-4)  # float32 grids


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("width", [0.6, 1.5])
def test_smoothing_equals_the_gaussian_filter_of_scipy(dim, width):
    x = batch(dim, n=1)
    expected = ndimage.gaussian_filter(
        x[0, 0].numpy(), width, mode="nearest", radius=max(1, round(3 * width))
    )
    np.testing.assert_allclose(augment.smooth(x, width)[0, 0].numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("dim", DIMS)
def test_a_line_becomes_thicker_or_thinner(dim):
    x = torch.zeros(50, 1, *(9,) * dim)
    x[:, :, 3:6] = 1.0
    ink = augment.thickness(x, seeded()).sum(dim=tuple(range(1, x.ndim))) / x[0].sum()
    assert ink.min() < 0.6
    assert ink.max() > 1.4


def test_low_resolution_keeps_the_mean():
    x = batch(2, size=12)
    coarse = augment.low_resolution(x, [4], seeded())
    torch.testing.assert_close(coarse.mean(), x.mean(), atol=0.02, rtol=0)
    assert coarse.var() < x.var() / 2


@pytest.mark.parametrize("dim", DIMS)
def test_a_window_keeps_the_order_of_values_and_shading_is_one_smooth_factor(dim):
    x = torch.linspace(0, 1, 12).reshape(-1, *(1,) * (dim - 1)).expand(3, 1, *(12,) * dim)
    moved = augment.window(x, 0.8, 0.4, seeded(3))
    assert (moved.diff(dim=2) >= 0).all()
    assert 0 <= float(moved.min()) <= float(moved.max()) <= 1
    flat = torch.full((2, 2, *(12,) * dim), 0.5)
    factor = augment.shading(flat, 0.3, seeded(4)) / 0.5
    torch.testing.assert_close(factor[:, :1], factor[:, 1:])  # one coil for all channels
    assert float(factor.log().abs().max()) <= 0.3 + 1e-6
    assert float(factor.log().diff(dim=2).abs().max()) <= 0.6 / (11 / 3) + 1e-6
