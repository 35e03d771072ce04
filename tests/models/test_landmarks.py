"""Landmarks in any dimension: positions from heatmaps, what is lost, moved points, training."""

import numpy as np
import pytest
import torch

from models import registry
from models.decode.landmarks import decode, expected_positions, mass_near
from models.nd import Nd
from models.nets.unet import Design, UNet
from models.run import run
from models.training.landmarks import flipped_with_points, landmark_loss, moved_with_points
from models.training.loop import fit

DIMS = (1, 2, 3)
SIDE = {1: 64, 2: 24, 3: 12}


def peaks(points: torch.Tensor, side: int, width: float, stride: float = 1.0) -> torch.Tensor:
    """Logarithms of Gaussians (N, P, *S) around `points` (N, P, dim), by a plain formula."""
    dim = points.shape[-1]
    index = torch.stack(torch.meshgrid(*[torch.arange(side)] * dim, indexing="ij"), dim=-1)
    places = index * stride + (stride - 1) / 2  # (*S, dim)
    away = places - points.reshape(*points.shape[:2], *(1,) * dim, dim)
    return -0.5 * (away**2).sum(dim=-1) / width**2


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("stride", [1.0, 2.0, 4.0])
def test_the_mean_place_of_a_gaussian_is_its_centre(dim, stride):
    generator = torch.Generator().manual_seed(dim)
    side = SIDE[dim]
    points = (0.35 + 0.3 * torch.rand(2, 3, dim, generator=generator)) * side * stride
    maps = peaks(points, side, 1.2 * stride, stride).double()
    found = expected_positions(maps, stride)
    np.testing.assert_allclose(found, points, atol=0.01 * stride)
    # of a normal distribution's mass one standard deviation holds 68, 39 and 20 %
    near = mass_near(maps, found, 3 * 1.2 * stride, stride)
    assert (near > {1: 0.99, 2: 0.97, 3: 0.95}[dim]).all()
    assert (mass_near(maps, found, 0.4 * stride, stride) < near).all()


@pytest.mark.parametrize("dim", DIMS)
def test_what_a_map_says_about_padding_does_not_count(dim):
    spec = registry.find("landmarks")
    side = SIDE[dim]
    maps = torch.zeros(1, 2, *(side,) * dim)
    maps[(0, slice(None), *(slice(side - 2, None),) * dim)] = 50.0  # a peak in the padding
    maps[(0, slice(None), *(4,) * dim)] = 20.0
    found = decode(maps, spec, (side - 2,) * dim)
    np.testing.assert_allclose(found.positions, np.full((2, dim), 4.0), atol=0.05)
    assert found.names == ("class 0", "class 1")


def test_an_output_of_another_rank_is_refused():
    with pytest.raises(ValueError, match="expected \\(landmarks, \\*S\\) with 3 axes"):
        decode(torch.zeros(2, 8, 8), registry.find("landmarks"), (8, 8, 8))


@pytest.mark.parametrize("dim", DIMS)
def test_points_move_with_what_they_mark(dim):
    generator = torch.Generator().manual_seed(5)
    side = 33
    points = torch.full((4, 1, dim), 16.0) + torch.rand(4, 1, dim, generator=generator) * 6 - 3
    x = peaks(points, side, 1.5).exp()
    x, points = flipped_with_points(x, points, dim - 1, generator)
    moved, reached = moved_with_points(
        x, points, generator, turn=0.5, scale=0.2, shear=0.2, shift=3.0
    )
    assert (reached - points).abs().max() > 1
    places = expected_positions(moved.clamp_min(1e-12).log(), 1.0)  # the centre of what is seen
    np.testing.assert_allclose(places, reached, atol=0.1)


@pytest.mark.parametrize("dim", DIMS)
def test_the_loss_is_least_at_the_points_and_moves_a_map_towards_them(dim):
    side = 12
    points = torch.full((1, 1, dim), 5.0)
    at, off = (peaks(points + shift, side, 1.5) for shift in (0.0, 2.0))
    assert landmark_loss(at, points, 1.0) < landmark_loss(off, points, 1.0)
    maps = off.clone().requires_grad_()
    for _ in range(30):
        (gradient,) = torch.autograd.grad(landmark_loss(maps, points, 1.0), maps)
        maps = (maps - 20 * gradient).detach().requires_grad_()
    before = (expected_positions(off) - points).norm()
    assert (expected_positions(maps) - points).norm() < 0.7 * before


def blobs(count: int, dim: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A bright and a dark blob (N, 1, *S) in noise, and their centres (N, 2, dim)."""
    generator = torch.Generator().manual_seed(seed)
    side = SIDE[dim]
    points = 3 + torch.rand(count, 2, dim, generator=generator) * (side - 7)
    drawn = peaks(points, side, 1.6).exp()
    x = drawn[:, :1] - drawn[:, 1:]
    return x + 0.05 * torch.randn(x.shape, generator=generator), points


@pytest.fixture(scope="module", params=DIMS)
def trained(request):
    """A small network of each dimension, trained for some seconds."""
    dim = request.param
    torch.manual_seed(0)
    net = UNet(Nd(dim), 1, 2, Design(widths=(6, 12)))
    x, points = blobs(96, dim, 1)
    steps = fit(
        net,
        lambda epoch: list(zip(x.split(8), points.split(8), strict=True)),
        lambda net, x, points: landmark_loss(net(x), points, 1.0),
        epochs=12,
        learning_rate=2e-2,
    )
    assert list(steps)[-1].fraction == 1.0
    return dim, net


def test_a_trained_network_finds_blobs_within_a_fraction_of_a_sample(trained):
    dim, net = trained
    x, points = blobs(40, dim, 2)
    apart = (points[:, 0] - points[:, 1]).norm(dim=1) > 5  # one does not hide the other
    error = (expected_positions(run(net, x)) - points).norm(dim=2)[apart]
    assert error.median() < 0.5
    assert error.mean() < 0.9


def test_a_moved_input_moves_the_landmarks_alike(trained):
    dim, net = trained
    side = SIDE[dim]
    points = torch.full((1, 2, dim), side / 2 - 1.0)
    points[0, 1] -= 3.0
    drawn = peaks(points, side, 1.6).exp()
    x = drawn[:, :1] - drawn[:, 1:]
    here = expected_positions(run(net, x))
    there = expected_positions(run(net, x.roll((2,) * dim, tuple(range(2, 2 + dim)))))
    np.testing.assert_allclose(there - here, 2.0, atol=0.4)  # the border is near: it is padded
