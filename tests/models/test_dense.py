"""Dense evaluation against cutting every window, one by one."""

from itertools import product

import numpy as np
import pytest
import torch
from scipy import special
from torch import nn

from models import registry
from models.dense import NotDense, dense, dense_pieces, run_dense
from models.nd import Nd
from models.run import run

# float32 sums in another order; scores are of size 0.1 to 10
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def cut_windows(net, array, size, stride):
    """The slow way: each window through the network by itself."""
    counts = [(n - s) // t + 1 for n, s, t in zip(array.shape[1:], size, stride, strict=True)]
    scores = []
    for place in product(*map(range, counts)):
        low = [p * t for p, t in zip(place, stride, strict=True)]
        box = tuple(slice(a, a + s) for a, s in zip(low, size, strict=True))
        scores.append(run(net, array[(slice(None), *box)])[0].numpy())
    return np.stack(scores, axis=-1).reshape(-1, *counts)


def noise(channels, *shape):
    return np.random.default_rng(0).standard_normal((channels, *shape), dtype=np.float32)


def seeded(make, *arguments):
    torch.manual_seed(0)
    net = make(*arguments).eval()
    for module in net.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            nn.init.uniform_(module.running_mean, -1, 1)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.uniform_(module.bias, -1, 1)
    return net


def lenet(dim):
    return registry.create("lenet5", dim)


def odd(dim):
    """Odd strides, an overlapping pool, dilation, a grid that leaves samples over."""
    nd = Nd(dim)
    return nn.Sequential(
        nd.conv(2, 4, 3, stride=3, dilation=2),
        nd.batch_norm(4),
        nn.LeakyReLU(),
        nd.max_pool(3, stride=2),
        nd.conv(4, 6, 2),
        nn.Flatten(),
        nn.ReLU(),
        nn.Linear(6 * 2**dim, 5),
        nn.BatchNorm1d(5),
        nn.Dropout(),
        nn.Linear(5, 3),
        nn.Softmax(dim=1),
    )


def pooled(dim):
    """An average pool, then bins of two units each before the linear layer."""
    nd = Nd(dim)
    return nn.Sequential(
        nd.conv(2, 4, 2, stride=2),
        nn.Tanh(),
        nd.avg_pool(2, stride=1),
        nd.adaptive_avg_pool(3),
        nn.Flatten(),
        nn.Linear(4 * 3**dim, 3),
    )


class Branches(nn.Module):
    """Two paths of one layout joined and added, a mean and functions instead of modules."""

    def __init__(self, dim):
        super().__init__()
        nd = Nd(dim)
        self.one, self.other = nd.conv(2, 3, 3, stride=2), nd.conv(2, 3, 3, stride=2)
        self.third = nd.conv(6, 4, 2)
        self.head = nn.Linear(4, 3)
        self.dim = dim

    def forward(self, x):
        a, b = torch.relu(self.one(x)), self.other(x)
        x = self.third(torch.cat([a + b, a], dim=1))
        x = torch.sigmoid(x).mean(dim=tuple(range(2, 2 + self.dim)))
        return self.head(x.view(x.size(0), -1))


# network, channels, window, total stride
CASES = {
    "lenet": (lenet, 1, 32, 4),
    "odd": (odd, 2, 24, 6),
    "pooled": (pooled, 2, 14, 2),
    "branches": (Branches, 2, 9, 2),
}
EXTRA = {1: (21,), 2: (9, 14), 3: (5, 0, 7)}  # samples beyond one window, per axis


@pytest.mark.parametrize("every", [False, True], ids=["at its stride", "everywhere"])
@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("case", CASES)
def test_dense_answers_are_those_of_the_windows_cut_out(case, dim, every):
    make, channels, side, step = CASES[case]
    extra = (2, 0, 1) if every and dim == 3 else EXTRA[dim]  # each position costs a window
    net, size = seeded(make, dim), (side,) * dim
    stride = (1 if every else step,) * dim
    array = noise(channels, *(n + more for n, more in zip(size, extra, strict=True)))
    found = dense(net, size, every=every)
    assert found.exact
    assert found.stride == stride
    slow = cut_windows(net, array, size, stride)
    np.testing.assert_allclose(run_dense(found, array), slow, **CLOSE)


@pytest.mark.parametrize("chunk", [8, 24])
def test_chunks_along_the_first_axis_change_nothing(chunk):
    net = seeded(odd, 2)
    array = noise(2, 71, 30)
    whole = dense(net, (24, 24))
    shares = [share for share, _ in dense_pieces(whole, array, chunk)]
    assert 0 < shares[0] < shares[-1] <= 1
    found = run_dense(whole, array, chunk=chunk)
    np.testing.assert_allclose(found, run_dense(whole, array), **CLOSE)


def test_a_padded_network_is_told_apart_and_is_only_close():
    net = registry.load("resnet3d-hippocampus")
    found = dense(net, (20, 20, 20))
    assert not found.exact
    assert "conv1" in found.borders
    assert found.stride == (8, 8, 8)
    alone = noise(1, 20, 20, 20)
    # A scan that ends where the window ends has the window's own zeros around it.
    np.testing.assert_allclose(run_dense(found, alone)[:, 0, 0, 0], run(net, alone)[0], **CLOSE)
    array = noise(1, 44, 44, 44)
    slow = cut_windows(net, array, (20, 20, 20), (8, 8, 8))
    fast = run_dense(found, array)
    difference = np.abs(special.softmax(fast, axis=0) - special.softmax(slow, axis=0))
    inside = float(difference[:, 1:-1, 1:-1, 1:-1].max())
    assert 1e-3 < inside < 1.0  # a window inside sees neighbours where its own pass has zeros
    assert fast.shape == slow.shape


def test_a_padded_network_over_pictures_has_an_option_a_shortcut_too():
    net = seeded(registry.create, "resnet20", 2)
    found = dense(net, (32, 32))
    assert not found.exact
    alone = noise(3, 32, 32)
    np.testing.assert_allclose(run_dense(found, alone)[:, 0, 0], run(net, alone)[0], **CLOSE)


def test_the_copy_leaves_the_network_and_its_mode_alone():
    net = seeded(odd, 1).train()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    found = dense(net, (24,))
    for parameter in found.net.parameters():
        parameter.data.zero_()
    assert net.training
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())


class Gate(nn.Module):
    """A squeeze-and-excitation gate: what the whole window averages scales each of its units."""

    def __init__(self):
        super().__init__()
        self.conv, self.pool = nn.Conv1d(1, 2, 3), nn.AdaptiveAvgPool1d(1)
        self.head = nn.Linear(2 * 6, 3)

    def forward(self, x):
        x = self.conv(x)
        return self.head((x * self.pool(x)).flatten(1))


@pytest.mark.parametrize(
    ("net", "words"),
    [
        (Gate(), "different grids"),
        (nn.Sequential(nn.Conv1d(1, 2, 3), nn.ReLU()), "one row of scores"),
        (nn.Sequential(nn.Conv1d(1, 2, 3), nn.GroupNorm(1, 2), nn.Flatten()), "GroupNorm"),
        (nn.Sequential(nn.Conv1d(1, 2, 3), nn.AdaptiveAvgPool1d(4), nn.Flatten()), "whole bins"),
        (nn.Sequential(nn.Conv1d(1, 2, 3, padding="same"), nn.Flatten()), "same"),
    ],
)
def test_a_network_without_a_dense_form_says_what_stands_in_its_way(net, words):
    with pytest.raises(NotDense, match=words):
        dense(net, (8,))


def test_an_input_smaller_than_a_window_is_refused():
    found = dense(seeded(odd, 2), (24, 24))
    with pytest.raises(ValueError, match="at least a window"):
        run_dense(found, noise(2, 40, 23))
