"""Running a network, in one piece and in many."""

import gc
import threading
import weakref

import numpy as np
import pytest
import torch
from torch import nn

from models import registry
from models.run import lock_of, run, run_chunked, run_mirrored


def test_a_single_input_gets_a_batch_axis_and_a_batch_keeps_its_own():
    net = registry.create("lenet5", 2)
    x = np.random.default_rng(0).normal(size=(2, 1, 32, 32)).astype(np.float32)
    both = run(net, x)
    assert both.shape == (2, 10)
    # float32 sums of other batch sizes differ in their last bits
    torch.testing.assert_close(run(net, x[0])[0], both[0], rtol=1e-4, atol=1e-6)
    assert not both.requires_grad


def test_a_pass_leaves_modes_and_statistics_alone():
    net = registry.create("resnet20", 1)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    run(net, np.ones((3, 16)))
    assert all(module.training for module in net.modules())
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())


def test_modes_are_restored_after_an_error():
    net = registry.create("resnet20", 1)
    with pytest.raises(RuntimeError):
        run(net, np.ones((4, 16)))
    assert all(module.training for module in net.modules())


class Several(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 2, 3)

    def forward(self, x):
        y = self.conv(x)
        return {"map": y, "both": (y, [y + 1])}


def test_structured_outputs_keep_their_structure():
    out = run(Several(), np.zeros((1, 8)))
    torch.testing.assert_close(out["both"][1][0], out["map"] + 1)


def test_there_is_one_lock_per_network_and_it_goes_with_it():
    net, other = nn.Conv1d(1, 1, 1), nn.Conv1d(1, 1, 1)
    assert lock_of(net) is lock_of(net)
    assert lock_of(net) is not lock_of(other)
    gone = weakref.ref(other)
    del other
    gc.collect()
    assert gone() is None


def test_a_pass_waits_for_the_lock():
    net, finished = nn.Conv1d(1, 1, 1), threading.Event()

    def predict() -> None:
        run(net, np.zeros((1, 4)))
        finished.set()

    with lock_of(net):
        other = threading.Thread(target=predict)
        other.start()
        assert not finished.wait(0.05)
    other.join()
    assert finished.is_set()


def test_a_network_without_convolutions_has_no_rank():
    with pytest.raises(ValueError, match="its rank is unknown"):
        run(nn.Linear(2, 2), np.zeros((1, 2)))


# Piece by piece


class DownAndUp(nn.Module):
    """Strides, dilation, pooling, and a coarse branch that comes back up."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        conv = (nn.Conv1d, nn.Conv2d)[dim - 1]
        pool = (nn.MaxPool1d, nn.MaxPool2d)[dim - 1]
        self.first = conv(1, 4, 7, stride=2, padding=3)
        self.pool = pool(3, stride=2, padding=1)
        self.coarse = conv(4, 4, 3, stride=2, padding=1)
        self.dilated = conv(4, 4, 3, padding=4, dilation=4)
        self.up = nn.Upsample(scale_factor=2)
        self.last = conv(8, 3, 3, padding=1)

    def forward(self, x):
        fine = torch.relu(self.pool(self.first(x)))
        rhythm = self.up(torch.relu(self.dilated(self.coarse(fine))))
        return self.last(torch.cat([fine, rhythm], dim=1))


def assert_chunked_equals_whole(net, x, chunk, **options):
    whole = run(net, x)
    pieces = run_chunked(net, x, chunk, **options)
    assert pieces.shape == whole.shape
    # float32 convolutions of other lengths may sum in another order
    torch.testing.assert_close(pieces, whole, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("length", [64, 256, 1024, 1000 - 8])
@pytest.mark.parametrize("chunk", [1, 64, 100, 250, 5000])
def test_pieces_equal_one_pass(length, chunk):
    torch.manual_seed(0)
    x = np.random.default_rng(0).normal(size=(1, length)).astype(np.float32)
    assert_chunked_equals_whole(DownAndUp(1), x, chunk)


def test_pieces_of_an_image_run_along_its_first_axis():
    torch.manual_seed(0)
    x = np.random.default_rng(0).normal(size=(2, 1, 256, 24)).astype(np.float32)
    assert_chunked_equals_whole(DownAndUp(2), x, chunk=40)


@pytest.mark.parametrize("length", [50, 101, 500])
def test_lengths_that_no_stride_divides_are_allowed(length):
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv1d(1, 2, 5, stride=3), nn.MaxPool1d(2, ceil_mode=True), nn.Conv1d(2, 1, 2)
    )
    x = np.random.default_rng(0).normal(size=(1, length)).astype(np.float32)
    assert_chunked_equals_whole(net, x, chunk=30)


def test_too_small_an_overlap_shows_and_a_given_multiple_is_kept():
    torch.manual_seed(0)
    net, x = DownAndUp(1), np.random.default_rng(0).normal(size=(1, 1024)).astype(np.float32)
    assert_chunked_equals_whole(net, x, chunk=100, overlap=128, multiple=32)
    assert not torch.allclose(run_chunked(net, x, 100, overlap=0), run(net, x), atol=1e-3)


def test_the_beat_network_gives_the_same_cells_in_pieces():
    torch.manual_seed(0)
    net = registry.create("ecg-beats", 1)
    x = np.random.default_rng(0).normal(size=(3, 32 * 400)).astype(np.float32)
    assert_chunked_equals_whole(net, x, chunk=4000)


def test_a_classifier_cannot_be_run_in_pieces():
    with pytest.raises(ValueError, match="not fully convolutional"):
        run_chunked(registry.create("resnet20", 1), np.zeros((3, 64)), 16)


def test_a_chunked_run_tells_how_far_it_is_and_stops_when_told():
    net = nn.Sequential(nn.Conv1d(1, 2, 3, padding=1))
    array = np.zeros((1, 1000), np.float32)
    heard: list[float] = []
    run_chunked(net, array, 256, on_progress=heard.append)
    assert heard == [0.256, 0.512, 0.768, 1.0]

    def stop(fraction: float) -> None:
        if fraction > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_chunked(net, array, 256, on_progress=stop)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_the_mirrored_answer_is_the_mean_over_every_set_of_reversed_axes(dim):
    torch.manual_seed(dim)
    net = registry.create("resnet20", dim, in_channels=1).eval()
    x = torch.randn(2, 1, *(9,) * dim)
    found = run_mirrored(net, x)
    with torch.inference_mode():
        loop = []
        for signs in np.ndindex(*(2,) * dim):
            turned = x
            for axis, reverse in enumerate(signs):
                turned = turned.flip(2 + axis) if reverse else turned
            loop.append(net(turned))
    torch.testing.assert_close(found, torch.stack(loop).mean(dim=0), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(run_mirrored(net, x.flip(2)), found, rtol=1e-5, atol=1e-6)
