"""Places and receptive fields against what the networks do.

Oracle 1, for every network: an impulse is sent through a network whose weights are all 1 and
biases 0, every answer being cut to 0 or 1 after each module. What is 1 at the end is exactly what
the impulse can reach, in every layer at once and without overflow. Oracle 2, for the small ones:
the support of a gradient under random positive weights (so that nothing cancels).
"""

import threading

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from models import registry
from models.probes.geometry import OUTPUT, geometry
from models.run import run

EVERY = [(spec.name, dim) for spec in registry.specs() for dim in spec.dims]


def transparent(net: nn.Module) -> nn.Module:
    """`net` with weights 1, biases 0 and norms that change nothing, in eval mode, on the CPU."""
    net = net.to_empty(device="cpu").eval()
    for name, tensor in net.state_dict().items():
        ones = name.endswith(("weight", "running_var"))
        tensor.fill_(1 if ones else 0)
    return net


def reached(net: nn.Module, x: torch.Tensor) -> dict[str, np.ndarray]:
    """Per module: which units (N, *S) an impulse in `x` reaches."""
    found: dict[str, np.ndarray] = {}

    def cut(name):
        def hook(module, inputs, output):
            found[name] = (output > 0).any(dim=1).numpy()
            return (output > 0).to(output.dtype)

        return hook

    handles = [m.register_forward_hook(cut(n)) for n, m in net.named_modules() if n]
    with torch.inference_mode():
        net(x)
    for handle in handles:
        handle.remove()
    return found


def impulses(shape: tuple[int, ...], axis: int, places: list[int], channels: int) -> torch.Tensor:
    """One input per place: an impulse there along `axis`, in the middle of the other axes."""
    x = torch.zeros(len(places), channels, *shape)
    for i, place in enumerate(places):
        index = [n // 2 for n in shape]
        index[axis] = place
        x[(i, slice(None), *index)] = 1
    return x


@pytest.mark.parametrize(("name", "dim"), EVERY)
def test_every_unit_an_impulse_reaches_is_one_whose_field_holds_it(name, dim):
    spec = registry.find(name)
    with torch.device("meta"):
        net = registry.create(name, dim)
    net = transparent(net)
    places = geometry(net, dim)
    widest = max(place.field[0] for place in places.values() if place)
    enlarging = (nn.Upsample, nn.modules.conv._ConvTransposeNd)
    upsamples = any(isinstance(module, enlarging) for module in net.modules())
    coarsest = max(place.stride[0] for place in places.values() if place)
    # Half a field and two of the coarsest strides show either edge from the two ends.
    needed = 2 * widest + 70 if upsamples else widest // 2 + 70
    length = -(-needed // spec.input.multiple) * spec.input.multiple
    for axis in range(dim):
        # One long axis, the others as short as the network allows: axes do not mix.
        shape = list(spec.input.size_for(dim) or (spec.input.multiple,) * dim)
        if spec.input.size is None:
            shape[axis] = length
        middle = range(shape[axis] // 2, shape[axis] // 2 + (coarsest if upsamples else 1))
        spots = [0, *middle, shape[axis] - 1]
        found = reached(net, impulses(tuple(shape), axis, spots, spec.input.channels))
        for layer, hits in found.items():
            if places[layer] is None:
                assert hits[0].size == 1, f"{layer} has positions, but no place"
                continue
            check = check_span if upsamples else check_exactly
            check(layer, places[layer], axis, along(hits, axis), spots)


def along(hits: np.ndarray, axis: int) -> np.ndarray:
    """(N, *S) to (N, units of one axis): reached at any place of the others."""
    return hits.any(axis=tuple(i + 1 for i in range(hits.ndim - 1) if i != axis))


def field_holds(place, axis: int, units: int, spots: list[int]) -> np.ndarray:
    centre = place.offset[axis] + place.stride[axis] * np.arange(units)
    return np.abs(centre - np.array(spots)[:, None]) <= (place.field[axis] - 1) / 2 + 1e-9


def check_exactly(layer, place, axis, hits, spots):
    expected = field_holds(place, axis, hits.shape[1], spots)
    np.testing.assert_array_equal(hits, expected, err_msg=layer)


def check_span(layer, place, axis, hits, spots):
    """Units of different phase see different samples: none outside the field, all of it by some.

    The spots in the middle go through a whole period of the coarsest stride.
    """
    assert not (hits & ~field_holds(place, axis, hits.shape[1], spots)).any(), layer
    units = np.arange(hits.shape[1])
    relative = np.array(spots)[:, None] - place.stride[axis] * units - place.offset[axis]
    seen = relative[1:-1][hits[1:-1]]
    reach = (place.field[axis] - 1) / 2
    assert (seen.min(), seen.max()) == pytest.approx((-reach, reach)), layer


SMALL = [("lenet5", 1), ("lenet5", 2), ("resnet20", 1), ("resnet3d-hippocampus", 3)]


@pytest.mark.parametrize(("name", "dim"), SMALL)
def test_the_field_is_the_support_of_a_gradient(name, dim):
    torch.manual_seed(0)
    net = registry.create(name, dim).double().eval()
    for parameter in net.parameters():
        nn.init.uniform_(parameter, 0.1, 1.0)
    spec = registry.find(name).input
    shape = spec.size_for(dim) or (60,) * dim
    x = torch.ones(1, spec.channels, *shape, dtype=torch.double, requires_grad=True)
    answers = {}
    handles = [
        module.register_forward_hook(lambda m, i, out, layer=layer: answers.update({layer: out}))
        for layer, module in net.named_modules()
    ]
    net(x)
    for handle in handles:
        handle.remove()
    for layer, place in geometry(net, dim).items():
        if place is None or layer == OUTPUT or "relu" in layer:
            continue
        unit = tuple(n // 2 for n in answers[layer].shape[2:])
        answer = answers[layer][(0, slice(None), *unit)].sum()
        (gradient,) = torch.autograd.grad(answer, x, retain_graph=True)
        support = gradient[0].any(dim=0).numpy()
        for axis in range(dim):
            along_axis = support.any(axis=tuple(i for i in range(dim) if i != axis))
            # Pooling passes the gradient of one of equal values only: bounds, not every sample.
            pools = any(isinstance(m, nn.modules.pooling._MaxPoolNd) for m in net.modules())
            expected = field_holds(place, axis, unit[axis] + 1, list(range(shape[axis])))[:, -1]
            if pools:
                assert not (along_axis & ~expected).any(), layer
            else:
                np.testing.assert_array_equal(along_axis, expected, err_msg=layer)


class Reducing(nn.Module):
    """One of every operation that keeps or reduces the grid, along one axis."""

    def __init__(self) -> None:
        super().__init__()
        self.dilated = nn.Conv1d(1, 2, 3, padding=1, dilation=3)
        self.grouped = nn.Conv1d(2, 4, 4, stride=2, padding=1, groups=2)
        self.pool = nn.MaxPool1d(3, stride=2, ceil_mode=True)
        self.average = nn.AvgPool1d(3, stride=1, padding=1)
        self.same = nn.Conv1d(4, 4, 4, padding="same")
        self.pad = nn.ConstantPad1d((3, 1), 0.0)
        self.last = nn.Conv1d(8, 1, 2)

    def forward(self, x):
        x = self.grouped(functional.relu(self.dilated(x)))
        x = self.same(self.average(self.pool(x)))
        x = self.pad(x)[:, :, 1::3]
        x = functional.avg_pool1d(functional.pad(x, (1, 0)), 2, 1)
        x = functional.max_pool1d(x, kernel_size=2, stride=1)
        return self.last(torch.cat([x, torch.sigmoid(x) * 2 - 1], dim=1)[..., 2:])


class Enlarging(nn.Module):
    """A reduced grid, one operation that enlarges it, and a shortcut around both."""

    def __init__(self, enlarge: nn.Module, factor: int) -> None:
        super().__init__()
        self.down = nn.Conv1d(1, 2, 3, stride=factor, padding=1)
        self.enlarge = enlarge
        self.last = nn.Conv1d(3, 1, 3)

    def forward(self, x):
        fine = self.enlarge(self.down(x))
        return self.last(torch.cat([fine, x], dim=1))


HAND_MADE = [
    Reducing(),
    Enlarging(nn.Upsample(scale_factor=4), 4),
    Enlarging(nn.Upsample(scale_factor=3, mode="linear"), 3),
    Enlarging(nn.ConvTranspose1d(2, 2, 4, stride=2, padding=1), 2),
    Enlarging(nn.ConvTranspose1d(2, 2, 3, stride=3, dilation=2, padding=1), 3),
]


# torch warns that an even "same" kernel needs a copy; that kernel is the case to test.
@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")
@pytest.mark.parametrize("net", HAND_MADE, ids=lambda net: str(type(net).__name__))
def test_every_rule_holds_in_a_hand_made_network(net):
    net = transparent(net)
    places = geometry(net, 1)
    length = 480
    spots = [0, *range(200, 248), length - 1]  # whole periods of every stride: 2, 3, 4, 12
    found = reached(net, impulses((length,), 0, spots, 1))
    assert set(found) == set(places) - {OUTPUT}
    for layer, hits in found.items():
        check_span(layer, places[layer], 0, hits, spots)
    assert places[OUTPUT] == places["last"]


def test_pooled_and_flattened_layers_have_no_place():
    places = geometry(registry.create("resnet20", 2), 2)
    assert places["avgpool"] is places["flatten"] is places["linear"] is places[OUTPUT] is None
    assert places["layer3"] == places["layer3.2"] == places["layer3.2.relu2"]


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3, stride=2)

    def forward(self, x):
        return self.conv(self.conv(x))


def test_a_module_called_again_has_a_place_per_call():
    places = geometry(Twice(), 2)
    assert places["conv"].field == (3, 3)
    assert places["conv:2"].field == (7, 7)
    assert places["conv:2"].stride == (4, 4)


class Branching(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 3)

    def forward(self, x):
        return self.conv(x) if x.sum() > 0 else x


def test_a_network_that_depends_on_values_has_no_geometry_and_that_is_no_error():
    assert geometry(Branching(), 1) == {}


def test_geometry_is_derived_once_per_network():
    net = registry.create("lenet5", 1)
    assert geometry(net, 1) is geometry(net, 1)


def test_deriving_a_geometry_does_not_disturb_networks_that_run_in_other_threads():
    # torch.fx replaces nn.Module.__call__ for the whole process while it traces.
    net = registry.create("resnet20", 1).eval()
    x = np.ones((3, 64), dtype=np.float32)
    expected = run(net, x)
    fresh = [registry.create("resnet18", 1) for _ in range(4)]
    failures, done = [], threading.Event()

    def predict() -> None:
        while not done.is_set():
            try:
                if not torch.equal(run(net, x), expected):
                    failures.append("another answer")
            except (NameError, TypeError, RuntimeError, AttributeError) as error:
                failures.append(repr(error))

    other = threading.Thread(target=predict)
    other.start()
    derived = [geometry(each, 1) for each in fresh]
    done.set()
    other.join()
    assert failures == []
    assert all(each == derived[0] for each in derived)
