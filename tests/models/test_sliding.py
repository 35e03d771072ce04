"""Sliding windows against MONAI's inferer, and what a run costs against its plan."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from dashboard.analysis.benchmarks.memory import peak_memory
from models.folded import folded
from models.nd import Nd
from models.nets.unet import Design, UNet
from models.run import run
from models.sliding import MODES, empty_windows, importance, plan, slabs, sliding_window

monai = pytest.importorskip("monai.inferers", reason="monai is not installed")

CLOSE = {"rtol": 1e-4, "atol": 1e-5}  # float32 sums in another order, scores of size 1


def noise(*shape):
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def unet(dim, widths=(4, 8)):
    torch.manual_seed(0)
    return UNet(Nd(dim), 1, 3, Design(widths)).eval()


def by_monai(net, array, size, batch, overlap, mode):
    with torch.inference_mode():
        fed = torch.from_numpy(array)[None]
        return monai.sliding_window_inference(fed, size, batch, net, overlap=overlap, mode=mode)[0]


# input, window: more windows than one per axis, an input smaller than a window, an exact fit
SHAPES = {
    "larger": ((19, 23, 17), (8, 12, 8)),
    "smaller": ((5, 23, 6), (8, 8, 8)),
    "fitting": ((8, 16, 10), (8, 8, 4)),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("overlap", [0, 0.25, 0.5])
@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("case", SHAPES)
def test_the_answer_is_that_of_monai(case, dim, overlap, mode):
    shape, size = (extent[:dim] for extent in SHAPES[case])
    net, array = unet(dim), noise(1, *shape)
    windows = plan(shape, size, overlap, classes=3, batch=3)
    ours = sliding_window(net, array, windows, mode=mode)
    theirs = by_monai(net, array, size, 3, overlap, mode)
    np.testing.assert_allclose(ours, theirs, **CLOSE)


def test_windows_are_moved_back_at_the_end():
    windows = plan((10,), (4,), 0.25)
    assert windows.starts == ((0, 3, 6),)
    assert plan((11,), (4,), 0.25).starts == ((0, 3, 6, 7),)
    assert plan((3, 9), (4, 4), 0).padding == ((0, 1), (0, 0))
    assert plan((9, 10), (4, 4), 0.5).windows == 4 * 4


def test_gaussian_weights_fall_from_the_middle_and_never_vanish():
    weights = importance((8, 64), "gaussian")
    expected = [np.exp(-((np.arange(n) - (n - 1) / 2) ** 2) / (2 * (n / 8) ** 2)) for n in (8, 64)]
    np.testing.assert_allclose(weights, np.maximum(np.outer(*expected), 1e-3), rtol=1e-5)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_finished_rows_come_in_order_and_once(dim):
    shape, size = (23, 9, 9)[:dim], (8, 8, 8)[:dim]
    found = list(slabs(unet(dim), noise(1, *shape), plan(shape, size, 0.5, batch=2)))
    rows = [(slab.first, slab.values.shape[1]) for slab in found]
    assert sum(count for _, count in rows) == 23
    assert all(a + n == b for (a, n), (b, _) in pairwise(rows))
    assert found[-1].fraction == 1.0


def test_windows_of_air_are_left_out_and_the_rest_stays_the_same():
    array = np.zeros((1, 40, 10), dtype=np.float32)
    array[:, 16:24] = noise(1, 8, 10)
    net, windows = unet(2), plan((40, 10), (8, 8), 0, classes=3, batch=2)
    skip = empty_windows(array, windows, 0.0)
    assert skip.tolist() == [True] * 4 + [False] * 2 + [True] * 4
    every, some = (sliding_window(net, array, windows, skip=s) for s in (None, skip))
    np.testing.assert_allclose(some[:, 16:24], every[:, 16:24], **CLOSE)
    assert np.isnan(some[:, :16]).all()
    assert np.isnan(some[:, 24:]).all()
    assert np.isnan(sliding_window(net, array, windows, skip=np.ones(10, bool))).all()


class Cancelled(Exception):
    pass


def test_a_cancelled_run_stops_at_once_and_leaves_the_network_free():
    passes = []

    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv1d(1, 2, 3, padding=1)

        def forward(self, x):
            passes.append(len(x))
            return self.conv(x)

    net = Counting().train()

    def report(share):
        if share >= 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        sliding_window(net, noise(1, 100), plan((100,), (10,), 0, classes=2), on_progress=report)
    assert sum(passes) == 8  # the batches of 4 up to half of 10 windows
    assert net.training
    steps = slabs(net, noise(1, 100), plan((100,), (10,), 0, classes=2))
    next(steps)
    steps.close()
    assert run(net, noise(1, 10)).shape == (1, 2, 10)  # the lock is free


def test_an_answer_of_another_size_is_refused():
    net = nn.Conv1d(1, 2, 3)
    with pytest.raises(ValueError, match="as large as the window"):
        plan((20,), (8,), net=net)
    with pytest.raises(ValueError, match="as large as the window"):
        sliding_window(net, noise(1, 20), plan((20,), (8,), classes=2))
    with pytest.raises(ValueError, match="overlap from 0 to below 1"):
        plan((20,), (8,), 1.0)
    with pytest.raises(ValueError, match="the plan is for"):
        sliding_window(net, noise(1, 21), plan((20,), (8,), classes=2))


def test_the_planned_memory_is_not_exceeded_and_far_below_sums_of_the_whole():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv3d(1, 6, 1), nn.ReLU()).eval()
    shape, size = (320, 96, 96), (32, 32, 32)
    array = noise(1, *shape)
    sliding_window(net, array[:, :40], plan((40, 96, 96), size, classes=6))  # the first pass
    windows = plan(shape, size, 0.25, net=net)
    assert windows.classes == 6
    assert windows.seconds > 0
    with peak_memory() as peak:
        rows = sum(s.values.shape[1] for s in slabs(net, array, windows))
    if np.isnan(peak.megabytes):
        pytest.skip("this system does not tell a peak of memory")
    assert rows == 320
    held = windows.bytes / 2**20
    whole = 4 * 6 * np.prod(shape) / 2**20  # MB of the answer, which was not kept here
    assert peak.megabytes <= held - whole
    assert peak.megabytes < whole


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_folding_batch_norms_changes_no_answer_and_no_weight(dim):
    net = unet(dim)
    for module in net.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            nn.init.uniform_(module.running_mean, -1, 1)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 2)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    private, array = folded(net), noise(1, *(8,) * dim)
    np.testing.assert_allclose(run(private, array), run(net, array), **CLOSE)
    norms = [m for m in private.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    assert not norms
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())


def test_a_convolution_used_twice_keeps_its_norm():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv1d(1, 1, 3, padding=1), nn.BatchNorm1d(1)

        def forward(self, x):
            y = self.conv(x)
            return self.norm(y) + y

    net = Twice().eval()
    nn.init.constant_(net.norm.running_mean, 2.0)
    assert isinstance(folded(net).norm, nn.BatchNorm1d)
    np.testing.assert_allclose(run(folded(net), noise(1, 9)), run(net, noise(1, 9)), **CLOSE)
