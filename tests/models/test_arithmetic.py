"""Arithmetic against torch itself and published counts."""

import itertools
import json
from pathlib import Path

import pytest
import torch
from torch import nn

from models import registry
from models.arithmetic import count, output_size, receptive_field

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "resnets.json").read_text())
SETTINGS = list(itertools.product((7, 8, 13), (1, 2, 3), (1, 2, 3), (0, 1), (1, 2)))


@pytest.mark.parametrize("ceil_mode", [False, True])
def test_output_size_equals_torch(ceil_mode):
    for size, kernel, stride, padding, dilation in SETTINGS:
        if padding > kernel // 2:  # torch refuses more padding in a pool
            continue
        pool = nn.MaxPool1d(kernel, stride, padding, dilation, ceil_mode=ceil_mode)
        expected = pool(torch.zeros(1, 1, size)).shape[-1]
        assert output_size(size, kernel, stride, padding, dilation, ceil_mode) == expected


def test_output_size_takes_tuples_per_axis():
    layer = nn.Conv3d(1, 1, (3, 5, 1), stride=(1, 2, 3), padding=(1, 0, 2), dilation=(2, 1, 1))
    expected = tuple(layer(torch.zeros(1, 1, 9, 10, 11)).shape[2:])
    assert output_size((9, 10, 11), (3, 5, 1), (1, 2, 3), (1, 0, 2), (2, 1, 1)) == expected
    assert output_size((9, 10), 3) == (7, 8)


def test_a_kernel_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="kernel of 5 with dilation 2 does not fit into 8"):
        output_size(8, 5, dilation=2)


def test_receptive_field_of_the_published_stem_and_of_alexnet():
    # Araujo et al. 2019, table 1: AlexNet-v2 has a field of 195 and an effective stride of 32;
    # it is built of valid convolutions and pools.
    alexnet_v2 = [(11, 4), (3, 2), (5, 1, 1, 2), (3, 2), *[(3, 1, 1, 1)] * 3, (3, 2)]
    assert receptive_field(alexnet_v2)[:2] == (195, 32)
    assert receptive_field([(7, 2, 1, 3), (3, 2, 1, 1)]) == (11, 4, 0)


def test_receptive_field_of_nothing_is_one_sample():
    assert receptive_field([]) == (1, 1, 0)


def test_receptive_field_equals_the_support_of_a_gradient():
    layers = [(3, 2, 1, 0), (4, 1, 2, 1), (2, 3, 1, 0)]
    net = nn.Sequential(*(nn.Conv1d(1, 1, k, s, p, d) for k, s, d, p in layers)).double()
    for parameter in net.parameters():
        nn.init.ones_(parameter)
    x = torch.zeros(1, 1, 80, dtype=torch.double, requires_grad=True)
    field, stride, offset = receptive_field(layers)
    unit = 3
    (gradient,) = torch.autograd.grad(net(x)[0, 0, unit], x)
    seen = gradient[0, 0].nonzero().flatten()
    assert int(seen[-1] - seen[0]) + 1 == field
    assert float(seen[0] + seen[-1]) / 2 == offset + stride * unit


def test_receptive_field_takes_tuples_per_axis():
    result = receptive_field([((3, 5), 2), (3, (1, 2), 1, (0, 1))])
    assert result.field == (7, 9)
    assert result.stride == (2, 4)
    assert result.offset == (3, 2)


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_multiply_adds_equal_the_published_ones(name):
    with torch.device("meta"):
        net = registry.create(name, 2)
    result = count(net, (3, 224, 224))
    assert result.parameters == GOLDEN[name]["parameters"]
    # published with three decimals
    assert result.macs / 1e9 == pytest.approx(GOLDEN[name]["gmacs"], abs=0.0005)


def test_counts_of_a_hand_made_network_are_those_on_paper():
    net = nn.Sequential(
        nn.Conv2d(4, 6, 3, groups=2), nn.ConvTranspose2d(6, 5, 2, stride=2), nn.ReLU()
    )
    result = count(net, (4, 8, 8))
    conv, transposed, relu = result.layers
    assert conv.macs == 6 * 6 * 6 * (2 * 9)  # units times weights of one unit
    assert transposed.macs == 6 * 6 * 6 * (5 * 4)  # units taken times weights of one of them
    assert relu.macs == 0
    assert relu.shape == (5, 12, 12)
    assert conv.activation_bytes == 6 * 6 * 6 * 4
    assert result.activation_bytes == 4 * (6 * 36 + 2 * 5 * 144)
    assert result.parameters == sum(p.numel() for p in net.parameters())


def test_counting_leaves_the_network_as_it_was():
    net = nn.Sequential(nn.Conv1d(1, 2, 3), nn.BatchNorm1d(2))
    before = {key: value.clone() for key, value in net.state_dict().items()}
    batched = count(net, (3, 1, 16))
    assert batched.macs == 3 * count(net, (1, 16)).macs
    assert net.training
    assert not net[0]._forward_hooks
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
