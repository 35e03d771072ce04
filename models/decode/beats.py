"""From the cells of a beat grid to beats: score, place, class."""

from dataclasses import replace

import numpy as np
import torch
from scipy.special import expit, softmax
from torch import nn

from models.beat_rhythm import rhythm_features
from models.nets.beat_grid import SHAPES
from models.records import AAMI, Beats
from models.spec import ModelSpec

N, S, V = (AAMI.index(name) for name in "NSV")
EARLY_V = 10.0


def decode(output: np.ndarray, spec: ModelSpec, length: int) -> Beats:
    """Beats in the first `length` fed samples of one lead, named by what their cells say.

    `output` (1 + 1 + K, G) or (1, 1 + 1 + K, G), numpy or a tensor on the CPU: logits of beat,
    offset and class per cell; K is 5, or 4 where N and S share their shape (none is S yet). Kept
    are cells above the decoder's threshold that no better cell within its refractory time outdoes.
    `positions` are in fed samples, sorted.
    """
    cells = np.asarray(output, dtype=np.float32).reshape(-1, output.shape[-1])  # (2 + K, G)
    stride = spec.decoder["stride"]
    refractory = spec.decoder["refractory_s"] * spec.input.sampling_rate  # fed samples
    found = np.flatnonzero(cells[0] > _logit(spec.decoder["threshold"]))
    places = stride * (found + expit(cells[1, found]))
    order = np.argsort(places, kind="stable")
    order = order[places[order] < length]
    kept = order[best_apart(places[order], cells[0, found[order]], refractory)]
    probabilities = _named(cells[:, found[kept]]).T  # (B, 5)
    return Beats(
        names=AAMI,
        positions=places[kept].astype(float),
        labels=probabilities.argmax(axis=1),
        scores=expit(cells[0, found[kept]]).astype(float),
        probabilities=probabilities,
    )


def cell_names(logits: int) -> tuple[str, ...]:
    """What the class logits of a cell stand for, by their number."""
    return AAMI if logits == len(AAMI) else SHAPES


def _named(cells: np.ndarray) -> np.ndarray:
    """Probabilities (5, G) of the AAMI classes in cells (2 + K, G) that hold a beat."""
    names = cell_names(len(cells) - 2)
    chances = np.zeros((len(AAMI), cells.shape[1]))
    chances[[AAMI.index(name) for name in names]] = softmax(cells[2:], axis=0)
    return chances


def with_rhythm(
    beats: Beats, lead: np.ndarray, rate: float, head: nn.Module, gaps: np.ndarray | None = None
) -> Beats:
    """Beats named by shape and by rhythm: N is shared out between N and S, and an early V is surer.

    `beats.positions` are samples of the fed `lead` (T,) at `rate` Hz, which has no values in
    `gaps` (T,); `head` is the network's own.
    """
    if not len(beats):
        return beats
    odd = beats.labels == V
    features = rhythm_features(lead, rate, beats.positions, odd, gaps)
    with torch.inference_mode():
        logits = head(torch.as_tensor(features, dtype=head.bias.dtype, device=head.bias.device))
    ectopic = expit(logits.cpu().numpy().astype(float))
    probabilities = _by_rhythm(beats.probabilities.T, ectopic).T
    return replace(beats, probabilities=probabilities, labels=probabilities.argmax(axis=1))


def _by_rhythm(shapes: np.ndarray, ectopic: np.ndarray) -> np.ndarray:
    """Bayes' rule: probabilities (K, B) of a shape, and (B,) of being ectopic, to those of classes.

    A beat of normal shape is S when it is ectopic. Among ectopic beats V is `EARLY_V` times as
    frequent beside S as among all beats beside N, which is what the shape's probabilities count on.
    """
    classes = shapes.copy()
    classes[S] = shapes[N] * ectopic
    classes[N] = shapes[N] * (1 - ectopic)
    classes[V] = shapes[V] * (1 - ectopic + EARLY_V * ectopic)
    return classes / classes.sum(axis=0)


def odd_by_shape(beats: Beats) -> np.ndarray:
    """Which beats (B,) have the shape of V, whatever the rhythm made of it (undone here)."""
    either, ectopic = _ectopic(beats)
    shapes = beats.probabilities.T.copy()
    shapes[N], shapes[S] = either, 0
    shapes[V] /= 1 - ectopic + EARLY_V * ectopic
    return shapes.argmax(axis=0) == V


def _ectopic(beats: Beats) -> tuple[np.ndarray, np.ndarray]:
    """Probability (B,) of N or S, and of S given that it is one of them."""
    either = beats.probabilities[:, N] + beats.probabilities[:, S]
    return either, beats.probabilities[:, S] / np.maximum(either, 1e-12)


def cell_probabilities(cells: np.ndarray, places: np.ndarray, beats: Beats) -> np.ndarray:
    """Per cell (K, G) the probability that a beat of each AAMI class is there.

    `cells` (2 + K, G) as in `decode`. The rhythm of a cell is that of the nearest beat;
    `places` (G,) of the cells are in the index of `beats`.
    """
    chances = _named(cells)
    if len(beats) and cell_names(len(cells) - 2) == SHAPES:
        middles = (beats.positions[1:] + beats.positions[:-1]) / 2
        chances = _by_rhythm(chances, _ectopic(beats)[1][np.searchsorted(middles, places)])
    return (expit(cells[0]) * chances).astype(np.float32)


def best_apart(places: np.ndarray, scores: np.ndarray, distance: float) -> np.ndarray:
    """Non-maximum suppression on a line: which of the sorted `places` to keep, as a mask.

    Greedy by score, the earlier one on a tie; whatever lies closer than `distance` to a kept
    place is dropped. Only groups of places chained closer than `distance` need the loop.
    """
    keep = np.ones(len(places), dtype=bool)
    breaks = np.flatnonzero(np.diff(places) >= distance) + 1
    starts = np.concatenate([[0], breaks])
    ends = np.concatenate([breaks, [len(places)]])
    for start, end in zip(starts, ends, strict=True):
        if end - start > 1:
            keep[start:end] = _greedy(places[start:end], scores[start:end], distance)
    return keep


def _greedy(places: np.ndarray, scores: np.ndarray, distance: float) -> np.ndarray:
    keep = np.zeros(len(places), dtype=bool)
    free = np.ones(len(places), dtype=bool)
    for index in np.argsort(-scores, kind="stable"):
        if free[index]:
            keep[index] = True
            free &= np.abs(places - places[index]) >= distance
    return keep


def _logit(probability: float) -> float:
    return float(np.log(probability) - np.log1p(-probability))
