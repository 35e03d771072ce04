"""From the cells of a beat grid to beats: score, place, class."""

import numpy as np
from scipy.special import expit, softmax

from models.records import AAMI, Beats
from models.spec import ModelSpec


def decode(output: np.ndarray, spec: ModelSpec, length: int) -> Beats:
    """Beats in the first `length` fed samples of one lead.

    `output` (1 + 1 + K, G) or (1, 1 + 1 + K, G), numpy or a tensor on the CPU: logits of beat,
    offset and class per cell. Kept are cells above the decoder's threshold that no better cell
    within its refractory time outdoes. `positions` are in fed samples, sorted.
    """
    cells = np.asarray(output, dtype=np.float32).reshape(-1, output.shape[-1])  # (2 + K, G)
    stride = spec.decoder["stride"]
    refractory = spec.decoder["refractory_s"] * spec.input.sampling_rate  # fed samples
    found = np.flatnonzero(cells[0] > _logit(spec.decoder["threshold"]))
    places = stride * (found + expit(cells[1, found]))
    order = np.argsort(places, kind="stable")
    order = order[places[order] < length]
    kept = order[best_apart(places[order], cells[0, found[order]], refractory)]
    weights = spec.weights_for(1)
    probabilities = softmax(cells[2:, found[kept]].T, axis=1)  # (B, K)
    return Beats(
        names=weights.classes if weights else AAMI,
        positions=places[kept].astype(float),
        labels=probabilities.argmax(axis=1),
        scores=expit(cells[0, found[kept]]).astype(float),
        probabilities=probabilities,
    )


def cell_probabilities(cells: np.ndarray, spec: ModelSpec) -> tuple[tuple[str, ...], np.ndarray]:
    """Class names and, per cell (K, G), the probability that a beat of the class is there."""
    weights = spec.weights_for(1)
    return weights.classes if weights else AAMI, expit(cells[0]) * softmax(cells[2:], axis=0)


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
