"""What finders of beats learn from: windows of fed leads, varied, targets per cell, a loss."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.nets.beat_grid import SHAPES
from models.records import AAMI
from models.training.beat_variation import irregular_path, time_path, vary

SHAPE_OF = np.array([SHAPES.index(name if name in SHAPES else "N") for name in AAMI])
# What a class logit stands for and weighs in the loss, by the number of logits: a shape (N, V, F,
# Q) or an AAMI class (N, S, V, F, Q). F is nearly one record's own, Q eight beats.
NAMED: Mapping[int, tuple[np.ndarray, tuple[float, ...]]] = {
    len(SHAPES): (SHAPE_OF, (1.0, 1.2, 0.5, 0.5)),
    len(AAMI): (np.arange(len(AAMI)), (1.0, 1.5, 1.2, 0.5, 0.5)),
}
OTHER_TEMPLATE = 0.25  # part whose typical beat is another lead's: an electrode has moved
MARGIN = 0.3  # cells: a beat this near to a cell's edge also belongs to the neighbour


@dataclass(frozen=True)
class BeatRecord:
    """One record as it is fed; per beat its place in fed samples and its class.

    `leads` (L, T) float32: its leads and mixtures of them, the analysed one first; `templates`
    (L, K) the typical beat of each;
    `positions` (B,) sorted; `labels` (B,) indices of AAMI classes; `excluded` (E, 2) stretches in
    fed samples (ventricular flutter) that teach nothing.
    """

    name: str
    leads: np.ndarray
    templates: np.ndarray
    positions: np.ndarray
    labels: np.ndarray
    excluded: np.ndarray


@dataclass(frozen=True)
class Window:
    """Sizes of a training window in fed samples, and how many make a batch and an epoch.

    `channels` of what `vary` gives are fed: 1 is the lead alone. `irregular` is the part of the
    windows whose pauses are drawn anew: good for shapes, but it takes from S what makes it S.
    """

    length: int = 3840  # 32 s at 120 Hz
    batch: int = 16
    per_epoch: int = 960
    near_rare: float = 0.3  # part of the windows that are laid around a beat that is not N
    rate: float = 120.0
    stride: int = 8
    channels: int = 3
    irregular: float = 0.35


@dataclass(frozen=True)
class Targets:
    """Per cell: `beat` (G,) 1, 0 or -1 (not asked), `offset` (G,), `label` (G,).

    A label is the index of an AAMI class, or -1 where there is no beat.
    """

    beat: np.ndarray
    offset: np.ndarray
    label: np.ndarray


def cell_targets(
    positions: np.ndarray, labels: np.ndarray, excluded: np.ndarray, cells: int, stride: int
) -> Targets:
    """Targets of one window from beats at `positions` (fed samples of the window).

    A beat next to an edge of its cell also places itself in the neighbouring cell, where no
    objectness is asked: which side the annotator's mark falls on is chance.
    """
    beat = np.zeros(cells, dtype=np.float32)
    offset = np.zeros(cells, dtype=np.float32)
    label = np.full(cells, -1, dtype=np.int64)
    inside = (positions >= 0) & (positions < cells * stride)
    place, kind = positions[inside] / stride, labels[inside]
    home = place.astype(int)
    for step in (-1, 1, 0):  # the own cell last: it overrules a neighbour's claim
        cell = home + step
        reach = place - cell  # 0..1 in the own cell
        near = (reach > -MARGIN) & (reach < 1 + MARGIN) & (cell >= 0) & (cell < cells)
        beat[cell[near]] = 1.0 if step == 0 else -1.0
        offset[cell[near]] = np.clip(reach[near], 0, 1)
        label[cell[near]] = kind[near]
    for low, high in excluded:
        first, last = max(0, int(low // stride)), max(0, int(high // stride) + 1)
        beat[first:last] = -1.0
        label[first:last] = -1
    return Targets(beat, offset, label)


def grid_loss(net: nn.Module, x: Tensor, beat: Tensor, offset: Tensor, label: Tensor) -> Tensor:
    """Is there a beat (all cells), where and which (cells of a beat): one scalar.

    `x` (N, C, T); `beat`, `offset`, `label` (N, G) as in `Targets`. Without a logit of its own an
    S beat teaches the shape of an N beat.
    """
    out = net(x)  # (N, 2 + K, G)
    asked = beat >= 0
    found = functional.binary_cross_entropy_with_logits(out[:, 0][asked], beat[asked])
    here = label >= 0
    placed = functional.l1_loss(torch.sigmoid(out[:, 1][here]), offset[here])
    classes = out[:, 2:].transpose(1, 2)[here]  # (B, K)
    meaning, weights = NAMED[classes.shape[1]]
    wanted = torch.as_tensor(meaning, device=out.device)[label[here]]
    weights = torch.tensor(weights, device=out.device)
    named = functional.cross_entropy(classes, wanted, weights, label_smoothing=0.02)
    return 8 * found + placed + named


class WindowBatches:
    """The batches of one epoch, drawn from `seed` and the epoch's number alone."""

    def __init__(self, records: Sequence[BeatRecord], window: Window, seed: int) -> None:
        self.records, self.window, self.seed = records, window, seed

    def __call__(self, epoch: int) -> "EpochOfWindows":
        return EpochOfWindows(self.records, self.window, np.random.default_rng([self.seed, epoch]))


class EpochOfWindows:
    """Iterates (x, beat, offset, label) batches; `len` is their number."""

    def __init__(
        self, records: Sequence[BeatRecord], window: Window, generator: np.random.Generator
    ) -> None:
        self.records, self.window, self.generator = records, window, generator
        # The classes worth looking for, and the records that have each.
        self.rare = [
            [record for record in records if (record.labels == kind).any()] for kind in (1, 2, 3)
        ]

    def __len__(self) -> int:
        return self.window.per_epoch // self.window.batch

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        for _ in range(len(self)):
            drawn = [self._draw() for _ in range(self.window.batch)]
            leads, templates, targets = zip(*drawn, strict=True)
            varied = vary(np.stack(leads), np.stack(templates), self.window.rate, self.generator)
            stacked = [
                np.stack([getattr(t, name) for t in targets])
                for name in ("beat", "offset", "label")
            ]
            fed = varied[:, : self.window.channels]
            yield tuple(torch.from_numpy(a) for a in (fed, *stacked))

    def _draw(self) -> tuple[np.ndarray, np.ndarray, Targets]:
        """A window of a record along a warped path through time, its typical beat, its targets."""
        record, centre = self._choose()
        path, speed = self._place(record, centre)
        if self.generator.random() < self.window.irregular:
            path = irregular_path(path, record.positions, self.window.rate, self.generator)
            path = np.minimum(path, record.leads.shape[-1] - 1)
        view = self.generator.choice(len(record.leads), p=_favoured(len(record.leads)))
        lead = _read_along(record.leads[view], path)
        if self.generator.random() < OTHER_TEMPLATE:
            view = self.generator.integers(len(record.leads))
        template = _at_speed(record.templates[view], speed)
        cells = self.window.length // self.window.stride
        steps = np.arange(len(path))
        warped = np.interp(record.positions, path, steps, left=-1e6, right=1e6)
        excluded = np.interp(record.excluded, path, steps, left=-1e6, right=1e6)
        targets = cell_targets(warped, record.labels, excluded, cells, self.window.stride)
        return lead, template, targets

    def _place(self, record: BeatRecord, centre: float) -> tuple[np.ndarray, float]:
        """A path through the record that passes near `centre`, and its mean speed."""
        path = time_path(self.window.length, self.window.rate, self.generator)
        start = centre - path[-1] * self.generator.uniform(0.1, 0.9)
        start = float(np.clip(start, 0, record.leads.shape[-1] - 1 - path[-1]))
        return path + np.floor(start), path[-1] / (len(path) - 1)

    def _choose(self) -> tuple[BeatRecord, float]:
        """A record and a place in it: anywhere, or at a beat of a rare class."""
        generator = self.generator
        present = [k for k, holders in enumerate(self.rare) if holders]
        if present and generator.random() < self.window.near_rare:
            # V twice as often as S and four times as often as F, which one record nearly owns.
            share = np.array([1.0, 2.0, 0.5])[present]
            kind = generator.choice(present, p=share / share.sum())
            holders = self.rare[kind]
            # Square roots: neither every holder alike nor one record with most of the beats.
            counts = np.sqrt([(r.labels == kind + 1).sum() for r in holders])
            record = holders[generator.choice(len(holders), p=counts / counts.sum())]
            return record, float(generator.choice(record.positions[record.labels == kind + 1]))
        record = self.records[generator.integers(len(self.records))]
        return record, float(generator.uniform(0, record.leads.shape[-1]))


def _read_along(lead: np.ndarray, path: np.ndarray) -> np.ndarray:
    """A lead (T,) read along `path` (places in it), linear."""
    low = int(path[0])
    part = lead[low : int(path[-1]) + 2]
    return np.interp(path - low, np.arange(len(part)), part).astype(np.float32)


def _at_speed(template: np.ndarray, speed: float) -> np.ndarray:
    """A template (K,) as it looks in a window that is played `speed` times faster."""
    middle = (len(template) - 1) / 2
    places = middle + (np.arange(len(template)) - middle) * speed
    return np.interp(places, np.arange(len(template)), template).astype(np.float32)


def _favoured(count: int) -> np.ndarray:
    """Chance of each lead to be chosen: the first, MLII in most records, in two cases of three."""
    chance = np.full(count, 0.35 / max(1, count - 1))
    chance[0] = 0.65
    return chance / chance.sum()
