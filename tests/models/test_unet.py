"""The U-Net family: sizes, graph, what is joined to what, and where every map lies."""

import math

import numpy as np
import pytest
import torch
from torch import fx, nn
from torch.nn import functional

from models import registry
from models.nd import Nd
from models.nets.unet import BEATS, Design, UNet
from models.probes.geometry import OUTPUT, geometry
from models.run import run, run_chunked

SPEC = registry.find("ecg-unet")
SMALL = Design(widths=(3, 4, 5))
DESIGNS = [
    SMALL,
    Design(widths=(2, 3, 4, 5), kernel=5, top=1),
    Design(widths=(3, 4, 5), strided=True),
    Design(widths=(3, 4, 5), interpolated=True),
]
EVERY = [(design, dim) for design in DESIGNS for dim in (1, 2, 3)]


def made(design: Design, dim: int, channels: int = 2, outputs: int = 4) -> UNet:
    torch.manual_seed(0)
    return UNet(Nd(dim), channels, outputs, design)


@pytest.mark.parametrize(("design", "dim"), EVERY)
def test_output_has_the_resolution_of_the_top_level_and_all_parameters_count(design, dim):
    net = made(design, dim)
    size = tuple(design.multiple * k for k in (3, 2, 1)[:dim])
    output = net(torch.randn(2, 2, *size))
    assert output.shape == (2, 4, *(n // 2**design.top for n in size))
    (output * torch.randn_like(output)).sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in net.parameters())


@pytest.mark.parametrize(("design", "dim"), EVERY)
def test_graph_traces_and_each_relu_is_its_own_module(design, dim):
    net = made(design, dim).eval()
    traced = fx.symbolic_trace(net)
    x = torch.randn(1, 2, *[2 * design.multiple] * dim)
    with torch.inference_mode():
        torch.testing.assert_close(traced(x), net(x), rtol=0, atol=0)
    calls = [node.target for node in traced.graph.nodes if node.op == "call_module"]
    assert len(calls) == len(set(calls))
    relus = [m for m in net.modules() if isinstance(m, nn.ReLU)]
    assert len(relus) == 2 * (len(design.widths) + len(design.upwards))
    assert not any(m.inplace for m in relus)


def conv_norm_relu(x, weights, name):
    """A convolution and a fresh norm (mean 0, variance 1), by functions and names of weights."""
    kernel = weights[f"{name}.weight"]
    return functional.relu(
        functional.conv1d(x, kernel, padding=kernel.shape[-1] // 2) / math.sqrt(1 + 1e-5)
    )


def test_forward_is_figure_1_of_the_paper_step_by_step():
    net = made(SMALL, 1).eval()
    weights = net.state_dict()

    def twice(x, block):
        return conv_norm_relu(
            conv_norm_relu(x, weights, f"{block}.conv1"), weights, f"{block}.conv2"
        )

    def up(x, skipped, block):
        grown = functional.conv_transpose1d(
            x, weights[f"{block}.grow.weight"], weights[f"{block}.grow.bias"], stride=2
        )
        return twice(torch.cat([skipped, grown], dim=1), f"{block}.convs")

    x = torch.randn(1, 2, 24)
    with torch.inference_mode():
        fine = twice(x, "down0")
        middle = twice(functional.max_pool1d(fine, 2), "down1.convs")
        coarse = twice(functional.max_pool1d(middle, 2), "down2.convs")
        last = up(up(coarse, middle, "up1"), fine, "up0")
        expected = functional.conv1d(last, weights["head.weight"], weights["head.bias"])
        torch.testing.assert_close(net(x), expected)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_parameters_are_those_of_the_arithmetic(dim):
    net = made(Design(widths=(8, 16), kernel=3), dim, channels=1, outputs=2)
    k = 3**dim
    norms = 2 * 2 * (8 + 16 + 8)
    downs = k * (1 * 8 + 8 * 8) + k * (8 * 16 + 16 * 16)
    up = 2**dim * 16 * 8 + 8 + k * (16 * 8 + 8 * 8)
    head = 8 * 2 + 2
    assert sum(p.numel() for p in net.parameters()) == downs + up + head + norms


def test_a_segmenting_design_of_three_dimensions_stays_below_two_million():
    net = made(Design(widths=(16, 32, 64, 128)), 3, channels=1, outputs=3)
    assert sum(p.numel() for p in net.parameters()) < 2_000_000


@pytest.mark.parametrize(("design", "dim"), [(d, 1) for d in DESIGNS] + [(SMALL, 2), (SMALL, 3)])
def test_the_field_of_every_layer_is_the_support_of_its_gradients(design, dim):
    net = made(design, dim).double().eval()
    for parameter in net.parameters():
        nn.init.uniform_(parameter, 0.1, 1.0)
    for module in net.children():
        if hasattr(module, "pool") and not design.strided:
            module.pool = Nd(dim).avg_pool(2)  # the same field, and a gradient to all of it
    places = geometry(net, dim)
    # One long axis, where the field fits twice; the others as short as can be.
    side = design.multiple * (2 + 2 * int(places[OUTPUT].field[0]) // design.multiple)
    shape = (side,) + (design.multiple,) * (dim - 1)
    x = torch.ones(1, 2, *shape, dtype=torch.double, requires_grad=True)
    answers = {}
    for name, module in net.named_modules():
        module.register_forward_hook(lambda m, i, out, name=name: answers.update({name: out}))
    net(x)
    for layer, place in places.items():
        if "relu" in layer:
            continue
        stride, offset = place.stride[0], place.offset[0]
        assert place.stride == (stride,) * dim
        middle = answers[layer].shape[2] // 2
        period = round(design.multiple / stride)  # units of a period each see their own samples
        low, high = [], []
        for unit in range(middle, middle + period):
            (gradient,) = torch.autograd.grad(
                answers[layer][:, :, unit].sum(), x, retain_graph=True
            )
            seen = gradient[0].reshape(2, side, -1).any(dim=2).any(dim=0).nonzero().numpy()
            low.append(seen.min() - stride * unit - offset)
            high.append(seen.max() - stride * unit - offset)
        reach = (place.field[0] - 1) / 2
        assert (min(low), max(high)) == pytest.approx((-reach, reach)), layer


@pytest.mark.parametrize("level", range(len(BEATS.widths)))
def test_maps_of_a_level_lie_on_one_grid_on_the_way_down_and_up(level):
    places = geometry(registry.create("ecg-unet", 1), 1)
    stride = 2**level
    for name in {f"down{level}", f"up{level}"} & set(places):
        assert places[name].stride == (stride,)
        assert places[name].offset == ((stride - 1) / 2,)  # the middle of the samples it is for


def test_cells_of_the_beats_are_centred_on_the_samples_they_stand_for():
    place = geometry(registry.create("ecg-unet", 1), 1)[OUTPUT]
    assert place.stride == (SPEC.decoder["stride"],)
    assert place.offset == (3.5,)
    assert 16 < place.field[0] / SPEC.input.sampling_rate < 24  # s: the rhythm around a beat


def test_the_ecg_network_is_small_and_has_a_logit_for_every_class():
    net = registry.create("ecg-unet", 1)
    assert sum(p.numel() for p in net.parameters()) <= 250_000
    assert net.head.out_channels == 2 + 5
    assert SPEC.input.multiple == 64 == BEATS.multiple
    assert not hasattr(net, "rhythm")


def test_a_long_lead_in_pieces_gives_the_cells_of_one_pass():
    torch.manual_seed(0)
    net = registry.create("ecg-unet", 1).eval()
    lead = np.random.default_rng(0).normal(size=(1, 64 * 220)).astype(np.float32)
    whole = run(net, lead)
    torch.testing.assert_close(run_chunked(net, lead, 64 * 50), whole, rtol=1e-4, atol=1e-5)
