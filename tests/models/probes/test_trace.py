"""Tracing against running layer by layer, and what it must leave alone."""

import threading

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from models import registry
from models.probes.trace import UnknownLayer, outline, trace
from models.run import run

EVERY_SMALL = [("lenet5", 1), ("lenet5", 2), ("lenet5", 3), ("resnet20", 1), ("resnet20", 2)]


def example(name: str, dim: int) -> np.ndarray:
    spec = registry.find(name).input
    size = spec.size_for(dim) or (16,) * dim
    return np.random.default_rng(0).normal(size=(spec.channels, *size)).astype(np.float32)


def chain() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=2),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16, 3),
    ).eval()


def test_arrays_equal_those_of_running_layer_by_layer():
    net, x = chain(), torch.randn(1, 1, 11, 10)
    found = trace(net, x[0], layers=[str(i) for i in range(6)])
    assert found.names == ["0", "1", "2", "3", "4", "5"]
    for layer, record in zip(net, found, strict=True):
        x = layer(x)
        np.testing.assert_array_equal(record.array, x[0].detach().numpy())
        assert record.shape == tuple(x.shape[1:])
    np.testing.assert_array_equal(found.output, x[0].detach().numpy())
    assert [r.kind for r in found] == ["Conv", "BatchNorm", "ReLU", "MaxPool", "Flatten", "Linear"]
    assert [r.parameters for r in found] == [40, 8, 0, 0, 0, 51]
    assert found["0"].field == (3, 3)
    assert found["5"].stride is found["5"].offset is found["5"].field is None


@pytest.mark.parametrize(("name", "dim"), EVERY_SMALL)
def test_a_survey_names_every_leaf_in_order_without_arrays(name, dim):
    net, x = registry.create(name, dim).eval(), example(name, dim)
    survey = trace(net, x)
    leaves = [key for key, module in net.named_modules() if key and not any(module.children())]
    assert set(survey.names) == set(leaves)
    assert survey.names[0] == registry.find(name).first_conv
    assert all(record.array is None for record in survey)
    full = trace(net, x, layers=survey.names)
    assert [record.shape for record in survey] == [record.array.shape for record in full]
    assert survey.seconds > 0
    np.testing.assert_array_equal(survey.output, run(net, x)[0].numpy())


@pytest.mark.parametrize(("name", "dim"), EVERY_SMALL)
def test_an_outline_equals_the_survey_and_computes_nothing(name, dim):
    net, x = registry.create(name, dim), example(name, dim)
    assert outline(net, x.shape).records == trace(net, x).records
    assert outline(net, x.shape).output is None
    assert all(not parameter.is_meta for parameter in net.parameters())


def test_a_pass_tells_how_far_it_is_and_ends_when_told():
    net, x = chain(), torch.randn(1, 11, 10)
    heard: list[float] = []
    whole = trace(net, x, layers=["0"], on_progress=heard.append)
    np.testing.assert_allclose(heard, np.arange(1, 7) / 6)
    np.testing.assert_array_equal(whole["0"].array, trace(net, x, layers=["0"])["0"].array)

    def stop(share: float) -> None:
        if share > 0.4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trace(net, x, layers=["0"], on_progress=stop)
    assert not any(module._forward_hooks for module in net.modules())
    trace(net, x)  # the lock is free again


def test_stages_can_be_recorded_and_equal_their_last_layer():
    net = registry.create("resnet20", 2)
    found = trace(net, example("resnet20", 2), layers=["layer2", "layer2.2.relu2"])
    np.testing.assert_array_equal(found["layer2"].array, found["layer2.2.relu2"].array)
    assert found["layer2"].stride == (2, 2)


def test_a_batch_keeps_its_axis():
    batch = np.zeros((3, 1, 11, 10), dtype=np.float32)
    found = trace(chain(), batch, layers=["0"])
    assert found["0"].array.shape == (3, 4, 5, 4)
    assert found["0"].shape == (4, 5, 4)
    assert found.output.shape == (3, 3)


def test_arrays_are_in_the_precision_of_the_network():
    net = chain().double()
    found = trace(net, np.zeros((1, 11, 10), dtype=np.float32), layers=["0"])
    assert found["0"].array.dtype == np.float64
    half = trace(net.to(torch.bfloat16), np.zeros((1, 11, 10)), layers=["0"])
    assert half["0"].array.dtype == np.float32  # numpy has no bfloat16


def test_activations_are_not_copied_on_the_cpu():
    net, pointers = chain(), []
    handle = net[0].register_forward_hook(lambda m, i, out: pointers.append(out.data_ptr()))
    found = trace(net, np.zeros((1, 11, 10), dtype=np.float32), layers=["0"])
    handle.remove()
    assert pointers == [found["0"].array.__array_interface__["data"][0]]


def test_a_layer_before_an_in_place_activation_shows_its_own_answer():
    net, x = chain(), np.random.default_rng(0).normal(size=(1, 11, 10))
    expected = trace(net, x, layers=["1"])["1"].array
    net[2].inplace = True
    np.testing.assert_array_equal(trace(net, x, layers=["1"])["1"].array, expected)
    assert (expected < 0).any()


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 3, stride=2)

    def forward(self, x):
        return self.conv(self.conv(x)), "a remark"


def test_a_module_called_again_is_recorded_again():
    found = trace(Twice(), np.zeros((1, 15), dtype=np.float32), layers=["conv"])
    assert found.names == ["conv", "conv:2"]
    assert [record.shape for record in found] == [(1, 7), (1, 3)]
    assert [record.stride for record in found] == [(2,), (4,)]
    assert found.output is None


class Branching(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 3)

    def forward(self, x):
        return functional.relu(self.conv(x)) if x.sum() > -1e9 else x


def test_a_network_that_cannot_be_followed_is_traced_without_places():
    found = trace(Branching(), np.zeros((1, 9), dtype=np.float32), layers=["conv"])
    assert found["conv"].array.shape == (1, 7)
    assert found["conv"].field is None


def test_unknown_layers_are_named_with_near_ones():
    net = registry.create("resnet20", 1)
    with pytest.raises(UnknownLayer, match=r"no layer 'layer1\.0\.conv3'; near names: .*conv"):
        trace(net, example("resnet20", 1), layers=["layer1.0.conv3"])
    survey = trace(net, example("resnet20", 1))
    with pytest.raises(UnknownLayer, match="no layer 'nothing'"):
        survey["nothing"]


@pytest.mark.parametrize("shape", [(9,), (1, 1, 1, 9)])
def test_a_wrong_number_of_axes_is_refused(shape):
    with pytest.raises(ValueError, match=r"expected .* with 1 spatial axes"):
        trace(registry.create("lenet5", 1), np.zeros(shape, dtype=np.float32))


def test_no_hook_mode_gradient_or_statistic_stays_behind():
    net = chain().train()
    net[1].eval()  # as when a norm is frozen
    before = {key: value.clone() for key, value in net.state_dict().items()}
    trace(net, np.ones((2, 1, 11, 10), dtype=np.float32))
    with pytest.raises(RuntimeError):
        trace(net, np.ones((5, 11, 10), dtype=np.float32))  # five channels, one expected
    assert not any(module._forward_hooks for module in net.modules())
    assert [module.training for module in net] == [True, False, True, True, True, True]
    assert all(p.grad is None for p in net.parameters())
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())


def test_one_thread_predicts_while_another_traces_and_neither_sees_the_other():
    net = registry.create("lenet5", 1).eval()
    ones, twos = (np.full((1, 32), value, dtype=np.float32) for value in (1, 2))
    layers = trace(net, ones).names
    expected = trace(net, ones, layers=layers)
    answer = run(net, twos)
    wrong, done = [], threading.Event()

    def predict() -> None:
        while not done.is_set():
            if not torch.equal(run(net, twos), answer):
                wrong.append("another prediction")

    other = threading.Thread(target=predict)
    other.start()
    for _ in range(60):
        found = trace(net, ones, layers=layers)
        if found.names != layers:
            wrong.append(found.names)
        wrong += [
            record.name
            for record in found
            if not np.array_equal(record.array, expected[record.name].array)
        ]
    done.set()
    other.join()
    assert wrong == []
