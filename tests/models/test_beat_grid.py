"""The beat grid network: sizes, graph, and that it treats every part of a lead alike."""

import pytest
import torch
from torch import fx, nn

from models.nets.beat_grid import DILATIONS, SHAPES, SPECS, STRIDE, BeatGrid

SPEC = SPECS[0]


@pytest.fixture(scope="module")
def net() -> nn.Module:
    torch.manual_seed(0)
    made = BeatGrid(1, 3, 5)
    with torch.no_grad():
        for _ in range(3):  # statistics for the norms
            made(torch.randn(4, 3, 512))
    return made.eval()


def test_the_network_is_small(net):
    assert sum(p.numel() for p in net.parameters()) <= 250_000


@pytest.mark.parametrize(("dim", "size"), [(1, 128), (2, 64), (3, 32)])
def test_every_rank_builds_and_every_parameter_gets_a_gradient(dim, size):
    made = BeatGrid(dim, 2, 5)
    output = made(torch.randn(2, 2, *[size] * dim))
    assert output.shape == (2, 1 + dim + 4, *[size // STRIDE] * dim)  # N and S are one shape
    output.square().sum().backward()
    assert all(p.grad is not None for p in made.parameters())


def test_graph_traces_and_computes_the_same(net):
    x = torch.randn(1, 3, 320)
    with torch.inference_mode():
        torch.testing.assert_close(fx.symbolic_trace(net)(x), net(x), rtol=0, atol=0)


def test_each_relu_is_used_once_and_not_in_place(net):
    calls = [n.target for n in fx.symbolic_trace(net).graph.nodes if n.op == "call_module"]
    assert len(calls) == len(set(calls))
    assert not any(m.inplace for m in net.modules() if isinstance(m, nn.ReLU))


def test_shift_of_the_lead_shifts_the_cells(net):
    # Beyond the reach of the borders a shift by the context's stride is exact.
    x = torch.randn(1, 3, 9600)
    with torch.inference_mode():
        still, moved = net(x), net(torch.roll(x, 32, dims=2))
    reach = reach_in_cells()
    inner = slice(reach, still.shape[-1] - reach)
    torch.testing.assert_close(
        torch.roll(still, 4, dims=2)[..., inner], moved[..., inner], rtol=1e-4, atol=1e-5
    )


def test_a_beat_is_judged_by_some_eight_seconds_on_either_side(net):
    x = torch.randn(1, 3, 9600, requires_grad=True)
    net(x)[0, :, 600].sum().backward()
    seen = x.grad[0, 0].nonzero().flatten()
    seconds = (seen.max() - seen.min()).item() / SPEC.input.sampling_rate
    assert 14 < seconds < 40


def test_names_of_the_spec_lead_to_modules(net):
    modules = dict(net.named_modules())
    names = (*SPEC.stages, SPEC.first_conv, SPEC.head, SPEC.default_layer)
    assert set(names) <= set(modules)
    assert modules[SPEC.first_conv].in_channels == SPEC.input.channels
    assert modules[SPEC.head].out_channels == 2 + len(SHAPES)


def reach_in_cells() -> int:
    """Cells on either side that can see past a border: the context's blocks and what is below."""
    steps = sum(2 * d for d in DILATIONS) + 6  # of the context, with its own first block
    return steps * SPEC.input.multiple // STRIDE
