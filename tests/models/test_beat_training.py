"""What the beat grid learns from: targets by hand, windows that keep beats in place, loss."""

import numpy as np
import pytest
import torch
from torch import nn

from models.decode.beats import decode
from models.nets.beat_grid import SHAPES, SPECS
from models.records import AAMI
from models.training.beat_variation import irregular_path, time_path, vary
from models.training.beats import (
    NAMED,
    SHAPE_OF,
    BeatRecord,
    Window,
    WindowBatches,
    cell_targets,
    grid_loss,
)

NONE = np.zeros((0, 2))


class Fixed(nn.Module):
    """A net whose answer is given beforehand."""

    def __init__(self, answer: torch.Tensor) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.answer


def spiky_record(seed: int = 0) -> BeatRecord:
    """Two leads that are 1 within two samples of a beat; their typical beat is that."""
    random = np.random.default_rng(seed)
    positions = np.cumsum(random.integers(60, 140, 200)).astype(float)
    leads = np.zeros((2, int(positions[-1]) + 500), dtype=np.float32)
    for shift in (-2, -1, 0, 1, 2):
        leads[..., positions.astype(int) + shift] = 1.0
    template = np.zeros((2, 49), np.float32)
    template[:, 22:27] = 1.0
    return BeatRecord("spikes", leads, template, positions, random.integers(0, 3, 200), NONE)


def test_targets_of_a_beat_in_the_middle_of_a_cell():
    targets = cell_targets(np.array([20.0]), np.array([2]), NONE, cells=5, stride=8)
    assert targets.beat.tolist() == [0, 0, 1, 0, 0]
    assert targets.label.tolist() == [-1, -1, 2, -1, -1]
    assert targets.offset[2] == 0.5


def test_neighbour_of_a_beat_near_the_edge_is_not_asked_but_told_where_it_is():
    targets = cell_targets(np.array([16.8]), np.array([1]), NONE, cells=5, stride=8)
    assert targets.beat.tolist() == [0, -1, 1, 0, 0]
    assert targets.label.tolist() == [-1, 1, 1, -1, -1]
    assert targets.offset[1] == 1.0
    assert targets.offset[2] == pytest.approx(0.1)


def test_own_cell_overrules_a_neighbours_claim():
    targets = cell_targets(np.array([15.5, 20.0]), np.array([0, 2]), NONE, cells=5, stride=8)
    assert targets.beat.tolist() == [0, 1, 1, 0, 0]
    assert targets.label.tolist() == [-1, 0, 2, -1, -1]


def test_flutter_teaches_nothing():
    beats, labels = np.array([4.0, 20.0, 36.0]), np.array([0, 2, 0])
    targets = cell_targets(beats, labels, np.array([[14.0, 30.0]]), cells=5, stride=8)
    assert targets.beat.tolist() == [1, -1, -1, -1, 1]
    assert targets.label.tolist() == [0, -1, -1, -1, 0]


def test_an_answer_equal_to_the_targets_decodes_to_the_beats_and_costs_little():
    positions, labels = np.array([20.0, 101.0, 250.5]), np.array([0, 2, 4])
    targets = cell_targets(positions, labels, NONE, cells=40, stride=8)
    answer = torch.full((1, 6, 40), -12.0)
    answer[0, 0] = torch.from_numpy(np.where(targets.beat == 1, 12.0, -12.0))
    answer[0, 1] = torch.logit(torch.from_numpy(targets.offset), eps=1e-6)
    for cell in np.flatnonzero(targets.label >= 0):
        answer[0, 2 + SHAPE_OF[targets.label[cell]], cell] = 12.0
    found = decode(answer, SPECS[0], 320)
    np.testing.assert_allclose(found.positions, positions, atol=1e-2)
    np.testing.assert_array_equal(found.labels, labels)
    batch = [torch.from_numpy(a)[None] for a in (targets.beat, targets.offset, targets.label)]
    loss = grid_loss(Fixed(answer), torch.zeros(1, 1, 320), *batch)
    assert loss < 0.5  # what is left is the label smoothing
    assert grid_loss(Fixed(-answer), torch.zeros(1, 1, 320), *batch) > 50


@pytest.mark.parametrize(
    ("meaning", "weights"),
    [((0, 0, 1, 2, 3), (1.0, 1.2, 0.5, 0.5)), ((0, 1, 2, 3, 4), (1.0, 1.5, 1.2, 0.5, 0.5))],
    ids=["shapes", "classes"],
)
def test_loss_is_the_sum_of_three_known_ones(meaning, weights):
    generator = torch.Generator().manual_seed(0)
    count = len(weights)
    answer = torch.randn(2, 2 + count, 12, generator=generator)
    beat = torch.randint(-1, 2, (2, 12), generator=generator).float()
    offset = torch.rand(2, 12, generator=generator)
    label = torch.where(beat == 1, torch.randint(0, 5, (2, 12), generator=generator), -1)
    found = placed = named = weight = 0.0
    for n, g in np.ndindex(2, 12):
        logit = answer[n, :, g].double()
        if beat[n, g] >= 0:
            chance = torch.sigmoid(logit[0])
            found -= torch.log(chance if beat[n, g] == 1 else 1 - chance).item()
        if label[n, g] >= 0:
            placed += abs(torch.sigmoid(logit[1]) - offset[n, g]).item()
            logs, kind = torch.log_softmax(logit[2:], dim=0), meaning[int(label[n, g])]
            named -= 0.98 * weights[kind] * logs[kind].item()
            named -= 0.02 / count * (torch.tensor(weights).double() * logs).sum().item()
            weight += weights[kind]
    asked, here = (beat >= 0).sum().item(), (label >= 0).sum().item()
    slow = 8 * found / asked + placed / here + named / weight
    fast = grid_loss(Fixed(answer), torch.zeros(2, 1, 96), beat, offset, label)
    assert fast.item() == pytest.approx(slow, rel=1e-5)


def test_an_ectopic_beat_teaches_the_shape_of_a_normal_one():
    shapes = dict(zip(AAMI, (SHAPES[i] for i in SHAPE_OF), strict=True))
    assert shapes == {"N": "N", "S": "N", "V": "V", "F": "F", "Q": "Q"}
    assert [len(meaning) for meaning, _ in NAMED.values()] == [len(AAMI)] * 2


def test_a_network_of_the_lead_alone_is_fed_the_first_channel_of_the_same_windows():
    sizes = {"length": 960, "batch": 4, "per_epoch": 8}
    whole = WindowBatches([spiky_record()], Window(**sizes), seed=5)
    alone = WindowBatches([spiky_record()], Window(**sizes, channels=1), seed=5)
    for (x, *targets), (lead, *same) in zip(whole(1), alone(1), strict=True):
        assert torch.equal(lead, x[:, :1])
        assert all(torch.equal(a, b) for a, b in zip(targets, same, strict=True))


def test_beats_of_a_window_stay_on_their_spikes_whatever_the_speed(monkeypatch):
    # Without the variations of shape and gain a beat's sample is (nearly) the spike's full height.
    monkeypatch.setattr(
        "models.training.beats.vary", lambda leads, templates, rate, generator: leads[:, None]
    )
    batches = WindowBatches([spiky_record()], Window(length=960, batch=4, per_epoch=40), seed=1)
    seen = 0
    for x, beat, offset, _ in batches(0):
        rows, cells = np.nonzero(beat.numpy() == 1)
        places = np.rint(8 * (cells + offset.numpy()[rows, cells])).astype(int)
        inside = places < x.shape[2]
        assert (x.numpy()[rows[inside], :, places[inside]] > 0.9).all()
        seen += inside.sum()
    assert seen > 200


def test_an_epoch_depends_on_seed_and_number_alone():
    batches = WindowBatches([spiky_record()], Window(length=960, batch=4, per_epoch=8), seed=3)
    for one, again in zip(batches(2), batches(2), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, again, strict=True))
    first, other = next(iter(batches(2)))[0], next(iter(batches(3)))[0]
    assert not torch.equal(first, other)
    assert len(batches(0)) == 2


@pytest.mark.parametrize("seed", range(10))
def test_time_runs_forward_at_a_plausible_speed(seed):
    steps = np.diff(time_path(3840, 120.0, np.random.default_rng(seed)))
    assert steps.min() > 0.7
    assert steps.max() < 1.4


def test_pauses_drawn_anew_keep_every_beat_and_change_every_interval():
    beats = 100.0 * np.arange(1, 60)  # 72 a minute at 120 Hz
    path = irregular_path(np.arange(3840.0) + 250, beats, 120.0, np.random.default_rng(5))
    assert path[0] == 250
    speed = np.diff(path)
    assert (speed > 0).all()
    places = np.interp(beats[(beats > 250) & (beats < path[-1])], path, np.arange(len(path)))
    inside = [int(place) for place in places if 20 < place < 3780]
    for place in inside:  # 60 ms before to 240 ms after a beat
        np.testing.assert_allclose(speed[place - 7 : place + 29], 1, atol=1e-9)
    intervals = np.diff(places)
    assert intervals.min() > 30
    assert intervals.std() > 8
    assert len(np.unique(np.round(intervals, 3))) > len(intervals) / 2


def test_beats_without_a_pause_between_them_are_left_alone():
    beats, path = 40.0 * np.arange(1, 100), np.arange(2000.0)  # 180 a minute: no pause is free
    found = irregular_path(path, beats, 120.0, np.random.default_rng(0))
    np.testing.assert_allclose(found, path, atol=1e-9)


def test_variations_are_finite_and_differ():
    lead = np.sin(np.arange(960) / 10).astype(np.float32)
    varied = vary(
        np.stack([lead] * 20), np.stack([lead[:49]] * 20), 120.0, np.random.default_rng(0)
    )
    assert varied.dtype == np.float32
    assert np.isfinite(varied).all()
    assert len({row.tobytes() for row in varied[:, 0]}) == 20
    assert np.abs(varied[:, 1]).max() <= 1.0 + 1e-5
