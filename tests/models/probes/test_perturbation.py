"""Score-CAM and occlusion against one pass per mask, and against captum, in every rank."""

import itertools

import captum.attr
import numpy as np
import pytest
import torch
from torch import nn

from models.probes.attribution import unit
from models.probes.perturbation import enlarged, occlusion, score_cam
from models.probes.trace import trace
from models.run import run
from tests.models.probes.small_nets import SIDES, case

DIMS = pytest.mark.parametrize("dim", [1, 2, 3])


def finished(steps):
    """The steps of a generator and what it returns."""
    seen = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as end:
            return seen, end.value


@DIMS
def test_score_cam_equals_one_pass_per_channel(dim, monkeypatch):
    monkeypatch.setattr("models.probes.perturbation.MOST_VALUES", 2 * np.prod(SIDES[dim]) * 2)
    net, x = case(dim)
    steps, found = finished(score_cam(net, x, "relu2", unit(1)))
    maps = trace(net, x, layers=["relu2"])["relu2"].array
    stride, offset = found.stride, found.offset
    scores = []
    for one in maps:
        mask = np.empty(SIDES[dim])
        for p in itertools.product(*map(range, SIDES[dim])):  # between centres, corner by corner
            place = [
                np.clip((q - o) / s, 0, n - 1)
                for q, o, s, n in zip(p, offset, stride, one.shape, strict=True)
            ]
            value = 0.0
            for corner in itertools.product((0, 1), repeat=dim):
                at = [
                    min(int(q) + c, n - 1) for q, c, n in zip(place, corner, one.shape, strict=True)
                ]
                shares = [
                    q - int(q) if c else 1 - (q - int(q))
                    for q, c in zip(place, corner, strict=True)
                ]
                value += np.prod(shares) * one[tuple(at)]
            mask[p] = value
        reach = one.max() - one.min()
        mask = (mask - one.min()) / reach if reach else np.zeros_like(mask)
        scores.append(float(run(net, np.float32(mask * x))[0, 1]))
    weights = np.exp(scores) / np.exp(scores).sum()
    expected = np.tensordot(weights, maps, axes=1)
    np.testing.assert_allclose(found.values, expected, atol=1e-5)
    assert [s.fraction for s in steps] == pytest.approx([1 / 3, 2 / 3, 1.0])


@DIMS
def test_enlarging_a_grid_of_even_cells_is_torchs_linear_interpolation(dim):
    values = np.random.default_rng(0).random((2, *SIDES[dim])).astype(np.float32)
    shape = tuple(3 * n for n in SIDES[dim])
    mode = ("linear", "bilinear", "trilinear")[dim - 1]
    expected = nn.functional.interpolate(torch.from_numpy(values)[None], size=shape, mode=mode)
    found = enlarged(values, (3.0,) * dim, (1.0,) * dim, shape)
    np.testing.assert_allclose(found, expected[0].numpy(), atol=1e-6)


@DIMS
def test_occlusion_without_overlap_equals_that_of_captum(dim):
    net, x = case(dim)
    size = (2,) * dim
    _, found = finished(occlusion(net, x, unit(1), size=size, stride=size, fill=0.25))
    theirs = (
        captum.attr.Occlusion(net)
        .attribute(
            torch.from_numpy(x)[None], (2, *size), strides=(2, *size), baselines=0.25, target=1
        )[0, 0]
        .numpy()
    )
    even = tuple(slice(0, n // 2 * 2, 2) for n in SIDES[dim])
    whole = tuple(slice(0, n // 2) for n in SIDES[dim])
    np.testing.assert_allclose(found.values[whole], theirs[even], atol=1e-5)


@DIMS
def test_occlusion_with_overlap_is_one_pass_per_window(dim, monkeypatch):
    monkeypatch.setattr("models.probes.perturbation.MOST_VALUES", 1000)
    net, x = case(dim)
    size, stride = (4,) * dim, (3,) * dim
    steps, found = finished(occlusion(net, x, unit(0), size=size, stride=stride))
    assert found.offset == (1.5,) * dim
    assert found.stride == stride
    before = float(run(net, x)[0, 0])
    for window in itertools.product(*map(range, found.values.shape)):
        hidden = x.copy()
        hidden[(slice(None), *(slice(3 * u, 3 * u + 4) for u in window))] = 0
        expected = before - float(run(net, hidden)[0, 0])
        assert found.values[window] == pytest.approx(expected, abs=1e-5)
    last = [3 * (n - 1) + 4 for n in found.values.shape]
    assert all(end >= n for end, n in zip(last, SIDES[dim], strict=True))  # all is covered
    assert steps[-1].fraction == 1.0


def test_a_hidden_place_that_the_network_cannot_see_costs_nothing():
    net = nn.Conv2d(1, 1, 1, bias=False).eval()
    x = np.full((1, 4, 4), 2.0, np.float32)
    _, found = finished(occlusion(net, x, unit(0, 1, 2), size=(1, 1), stride=(1, 1)))
    expected = np.zeros((4, 4), np.float32)
    expected[1, 2] = 2 * float(net.weight.detach())
    np.testing.assert_allclose(found.values, expected, atol=1e-6)


def test_windows_of_no_size_are_refused():
    net, x = case(2)
    with pytest.raises(ValueError, match="1 or more"):
        next(occlusion(net, x, unit(0), size=(0, 2), stride=(1, 1)))
