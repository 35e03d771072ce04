"""Units of every layer lie where they are said to lie, through prepare, in every rank."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from dashboard.analysis import layers
from dashboard.data.builtin import builtin
from dashboard.data.prepare import Prepared, prepare
from dashboard.data.sample import Sample
from models import registry
from models.probes.trace import trace
from models.spec import ModelSpec


def positive(spec: ModelSpec, dim: int) -> nn.Module:
    """A network whose answer to an impulse cannot cancel: all weights 0.1, batch norms identity."""
    net = registry.create(spec.name, dim, in_channels=1).eval()
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            parameter.fill_(0.0 if name.endswith("bias") else 0.1)
        for module in net.modules():
            if hasattr(module, "running_mean"):
                module.weight.fill_(1.0)
    return net


def plain(spec: ModelSpec) -> ModelSpec:
    """The spec with inputs fed as they are, so that an impulse stays one."""
    return replace(spec, input=replace(spec.input, normalise="none", channels=1))


def views(net: nn.Module, fed: Prepared) -> dict[str, layers.LayerView]:
    """Every layer that has positions, in one pass."""
    names = [r.name for r in trace(net, fed.array) if r.stride is not None]
    return {
        r.name: layers.LayerView(r, fed, layers.place_of(r, fed), 0.0)
        for r in trace(net, fed.array, layers=names)
    }


def support_centre(view: layers.LayerView, silent: layers.LayerView) -> np.ndarray:
    """Unit index of the middle of where two passes differ."""
    differs = np.argwhere(np.abs(view.maps - silent.maps).max(axis=0) > 1e-9)
    return (differs.min(axis=0) + differs.max(axis=0)) / 2


def signal(values: np.ndarray, rate: float) -> Sample:
    return Sample(
        values[None].astype(np.float32), "x", "ecg", ("II",), ("mV",), "s", sampling_rate=rate
    )


@pytest.mark.parametrize("rate", [120.0, 128.0, 250.0, 360.0, 500.0])
def test_an_impulse_lands_within_one_stride_in_every_layer_of_the_beat_network(rate):
    spec = plain(registry.find("ecg-beats"))
    net = positive(spec, 1)
    length, at = int(64 * rate), int(31.3 * rate)
    values = np.zeros(length)
    values[at] = 1.0
    fed = prepare(signal(values, rate), spec.input)
    nothing = prepare(signal(np.zeros(length), rate), spec.input)
    # Resampling spreads the impulse; what is fed is its largest value alone.
    peak = fed.array.argmax()
    fed.array[:] = 0
    fed.array[0, peak] = 1.0
    silent = views(net, nothing)
    for name, view in views(net, fed).items():
        centre = view.position_of(support_centre(view, silent[name]))
        stride = view.place[0, 0]
        # One stride, and half a fed sample for the resampling to the grid of the network.
        assert abs(centre[0] - at) <= stride + 0.5 * fed.to_sample[0, 0], name
        assert abs(view.position_of(view.unit_at((at,)))[0] - at) <= stride / 2 + 1e-9


ROTATED = np.array(
    [[-1.9, 0.3, 0.2, 30.0], [0.25, 1.1, -0.9, -20.0], [0.1, 0.35, 2.6, 12.0], [0, 0, 0, 1.0]]
)


@pytest.mark.parametrize("affine", [np.eye(4), np.diag([-1.0, 1, 1, 1]), ROTATED])
def test_a_marked_voxel_is_found_at_its_world_coordinates_in_every_layer(affine):
    spec = plain(registry.find("resnet3d-hippocampus"))
    net = positive(spec, 3)
    shape, at = (26, 28, 20), np.array([12, 15, 9])
    marked = np.zeros(shape, np.float32)
    marked[tuple(at)] = 1.0
    sample = Sample(marked[None], "x", "mr", ("value",), ("",), "mm", affine=np.asarray(affine))
    fed = prepare(sample, spec.input, whole=True)
    # A whole volume is scaled by its own range to -1 and 1; here the mark alone is not zero.
    fed = replace(fed, array=(fed.array > 0).astype(np.float32))
    nothing = replace(fed, array=np.zeros_like(fed.array))
    truth = sample.to_world(at)
    silent = views(net, nothing)
    found = views(net, fed)
    assert len(found) > 5
    for name, view in found.items():
        centre = support_centre(view, silent[name])
        world = sample.to_world(view.position_of(centre))
        step = np.abs(sample.affine[:3, :3] @ view.place[:3, :3]).max()
        assert np.abs(world - truth).max() <= step, name


def test_a_cut_of_a_long_signal_has_the_activations_of_the_whole(monkeypatch):
    spec = registry.find("ecg-beats")
    net = registry.create(spec.name, 1).eval()
    values = np.random.default_rng(3).standard_normal(120 * 240)
    sample = signal(values, 120.0)
    whole = layers.explored_input(sample, spec, net)
    monkeypatch.setattr(layers, "LONGEST_SIDE", (2**13, 2**11, 2**8))
    part = layers.explored_input(sample, spec, net, position=(120 * 130.0,))
    assert part.array.shape[1] == 2**13
    for name in ("stage2.relu2", "head.cells"):
        a, b = layers.look(net, whole, name), layers.look(net, part, name)
        unit_whole, unit_part = a.unit_at((120 * 130.0,)), b.unit_at((120 * 130.0,))
        np.testing.assert_allclose(a.position_of(unit_whole), b.position_of(unit_part), atol=1e-6)
        np.testing.assert_allclose(a.maps[:, unit_whole[0]], b.maps[:, unit_part[0]], atol=1e-5)


def test_clustered_order_puts_equal_channels_side_by_side():
    rng = np.random.default_rng(0)
    first, second = rng.standard_normal((2, 200))
    maps = np.stack([first, second, first * 2, second * 3, first * 0.5])
    order = layers.clustered_order(layers.gram_of(maps)).tolist()
    groups = [channel % 2 for channel in order]
    assert groups in ([0, 0, 0, 1, 1], [1, 1, 0, 0, 0])


def test_statistics_equal_numpy():
    values = np.random.default_rng(1).standard_normal(1000).astype(np.float32)
    found = layers.statistics(values)
    assert found.mean == pytest.approx(values.mean(), abs=1e-6)
    assert found.positive == pytest.approx((values > 0).sum() / 1000)
    assert found.clip == pytest.approx(np.percentile(np.abs(values), 99.5), rel=1e-6)


@pytest.mark.parametrize("key", ["ecg", "digit", "brain"])
def test_every_network_of_a_rank_can_be_explored_over_the_built_in_samples(key, monkeypatch):
    # A tenth of the usual cost: the test is about shapes and places, not about time.
    monkeypatch.setattr(layers, "MOST_MACS", 10**9)
    sample = builtin(key)
    for name in registry.names(dims=sample.dim):
        if name in ("resnet50", "resnet101", "resnet152"):
            continue  # the same code as resnet34 but for the bottleneck, and slow
        spec = registry.find(name)
        net = registry.create(name, sample.dim).eval()
        fed = layers.explored_input(sample, spec, net)
        traced = trace(net, fed.array)
        assert len(traced) > 5, name
        view = layers.look(net, fed, spec.first_conv)
        position = sample.position or tuple((n - 1) / 2 for n in sample.shape)
        unit = view.unit_at(position)
        assert np.isfinite(view.maps[(slice(None), *unit)]).all(), name


@pytest.mark.parametrize(("seconds", "rate"), [(10, 1000), (10, 500), (10.3, 360), (7, 128)])
def test_a_short_recording_is_explored_whole_whatever_its_length(seconds, rate):
    """A resting ECG of 10 s is no multiple of the network's stride until it is padded."""
    spec = registry.find("ecg-beats")
    net = registry.create("ecg-beats", 1, in_channels=spec.input.channels).eval()
    values = np.random.default_rng(0).normal(size=(1, round(seconds * rate))).astype(np.float32)
    sample = Sample(values, "short", "ecg", ("II",), ("mV",), "s", sampling_rate=float(rate))
    fed = layers.explored_input(sample, spec, net)
    assert layers.fed_shape(sample, spec) == prepare(sample, spec.input).array.shape[1:]
    assert fed.array.shape[1:] == layers.fed_shape(sample, spec)
