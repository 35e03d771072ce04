"""Attribution against captum, against hand-set networks, and by what contributions must sum to."""

import threading

import captum.attr
import numpy as np
import pytest
import torch
from torch import nn

from models import registry
from models.nd import Nd
from models.probes.attribution import gradient_times_input, integrated_gradients, unit
from models.probes.trace import trace
from models.run import run

SIDES = {1: (64,), 2: (16, 16), 3: (8, 8, 8)}


class Small(nn.Module):
    """Two convolutions with a smooth bend, and a place left for every output."""

    def __init__(self, dim: int, bend: nn.Module) -> None:
        super().__init__()
        nd = Nd(dim)
        self.conv1 = nd.conv(2, 6, 3, 1, 1)
        self.norm = nd.batch_norm(6)
        self.bend = bend
        self.conv2 = nd.conv(6, 3, 3, 2, 1)

    def forward(self, x):
        return self.conv2(self.bend(self.norm(self.conv1(x))))


def case(dim: int, bend: nn.Module | None = None) -> tuple[nn.Module, np.ndarray, tuple[int, ...]]:
    """A network, an input (2, *S) and the middle unit of its output."""
    torch.manual_seed(dim)
    net = Small(dim, bend or nn.ReLU()).eval()
    x = np.random.default_rng(dim).normal(size=(2, *SIDES[dim])).astype(np.float32)
    return net, x, tuple(side // 4 for side in SIDES[dim])


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_integrated_gradients_equal_those_of_captum(dim):
    net, x, place = case(dim)
    found = integrated_gradients(net, x, unit(1, *place), baseline=0.3, steps=20)
    theirs = captum.attr.IntegratedGradients(net).attribute(
        torch.from_numpy(x)[None],
        baselines=0.3,
        target=(1, *place),
        n_steps=20,
        method="gausslegendre",
    )
    np.testing.assert_allclose(found.values, theirs[0].detach().numpy(), atol=1e-5)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_gradient_times_input_equals_that_of_captum(dim):
    net, x, place = case(dim)
    found = gradient_times_input(net, x, unit(2, *place))
    theirs = captum.attr.InputXGradient(net).attribute(
        torch.from_numpy(x)[None].requires_grad_(), target=(2, *place)
    )
    np.testing.assert_allclose(found.values, theirs[0].detach().numpy(), atol=1e-6)
    assert found.output == pytest.approx(float(run(net, x)[(0, 2, *place)]), abs=1e-5)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_contributions_sum_to_the_difference_of_the_output(dim):
    net, x, place = case(dim, nn.Tanh())  # smooth: the rule of 32 points is exact to float32
    nothing = np.random.default_rng(9).normal(size=x.shape).astype(np.float32)
    found = integrated_gradients(net, x, unit(0, *place), baseline=nothing)
    at = (0, 0, *place)
    assert found.output == pytest.approx(float(run(net, x)[at]), abs=1e-5)
    assert found.baseline == pytest.approx(float(run(net, nothing)[at]), abs=1e-5)
    assert found.values.sum() == pytest.approx(found.output - found.baseline, abs=1e-4)
    assert abs(found.gap) < 1e-4


def test_contributions_of_a_linear_network_are_weights_times_values():
    net = nn.Conv1d(1, 1, 3, bias=True).eval()
    with torch.no_grad():
        net.weight[:] = torch.tensor([[[1.0, -2.0, 3.0]]])
    x = np.array([[5.0, 1.0, 2.0, 4.0, 7.0]], np.float32)
    expected = [[0.0, 1.0, -4.0, 12.0, 0.0]]
    target = unit(0, 1)
    np.testing.assert_allclose(gradient_times_input(net, x, target).values, expected, atol=1e-6)
    np.testing.assert_allclose(integrated_gradients(net, x, target).values, expected, atol=1e-5)


def test_contributions_do_not_depend_on_how_many_points_run_at_once(monkeypatch):
    net, x, place = case(1)
    whole = integrated_gradients(net, x, unit(1, *place)).values
    monkeypatch.setattr("models.probes.attribution.MOST_VALUES", 3 * x.size)
    np.testing.assert_allclose(
        integrated_gradients(net, x, unit(1, *place)).values, whole, atol=1e-6
    )


def test_attribution_leaves_no_state_behind():
    net, x, place = case(2)
    net.train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    integrated_gradients(net, x, unit(1, *place))
    gradient_times_input(net, x, unit(1, *place))
    assert all(p.grad is None and p.requires_grad for p in net.parameters())
    assert all(module.training for module in net.modules())
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


def test_attribution_works_inside_inference_mode():
    net, x, place = case(1)
    expected = gradient_times_input(net, x, unit(1, *place)).values
    with torch.inference_mode():
        found = gradient_times_input(net, x, unit(1, *place)).values
    np.testing.assert_array_equal(found, expected)


def test_one_session_attributes_while_others_trace_and_predict():
    net = registry.load("ecg-beats")
    x = np.random.default_rng(0).normal(size=(3, 640)).astype(np.float32)
    target = unit(3, 40)
    alone = (
        integrated_gradients(net, x, target).values,
        run(net, x).numpy(),
        trace(net, x, layers=["stage2"])["stage2"].array,
    )
    results: dict[int, list[np.ndarray]] = {0: [], 1: [], 2: []}

    def repeat(kind: int) -> None:
        for _ in range(6):
            results[kind].append(
                (
                    lambda: integrated_gradients(net, x, target).values,
                    lambda: run(net, x).numpy(),
                    lambda: trace(net, x, layers=["stage2"])["stage2"].array,
                )[kind]()
            )

    threads = [threading.Thread(target=repeat, args=(kind,)) for kind in results]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for kind, found in results.items():
        assert len(found) == 6
        for one in found:
            np.testing.assert_allclose(one, alone[kind], atol=1e-6)
    assert all(p.grad is None for p in net.parameters())
