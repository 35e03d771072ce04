"""Whether probabilities mean what they say: reliability curve, calibration error, unsure beats.

Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", ICML 2017, eq. 2-5.
"""

from dataclasses import dataclass

import numpy as np

from models.records import Beats
from models.spec import ModelSpec

BINS = 15  # as in the paper
UNSURE = 0.6  # of a decoder that does not say what it calls unsure


@dataclass(frozen=True)
class Reliability:
    """Answers by their confidence in equal bins of 0..1; each is (bins,). Adding pools answers.

    `counts` answers per bin, `right` of them were right, `confidence` is the sum of what was
    claimed for them.
    """

    counts: np.ndarray
    right: np.ndarray
    confidence: np.ndarray

    def __add__(self, other: "Reliability") -> "Reliability":
        return Reliability(
            self.counts + other.counts,
            self.right + other.right,
            self.confidence + other.confidence,
        )

    @property
    def edges(self) -> np.ndarray:
        """(bins + 1,): bin m holds confidences above `edges[m]` up to `edges[m + 1]`."""
        return np.linspace(0, 1, len(self.counts) + 1)

    @property
    def accuracies(self) -> np.ndarray:
        """Share of right answers per bin (eq. 2), NaN for an empty bin."""
        return _mean(self.right, self.counts)

    @property
    def claimed(self) -> np.ndarray:
        """Mean confidence per bin, NaN for an empty bin."""
        return _mean(self.confidence, self.counts)

    @property
    def error(self) -> float:
        """Expected calibration error (eq. 3 and 5), 0..1; NaN without answers."""
        if not self.counts.sum():
            return float("nan")
        return float(np.abs(self.right - self.confidence).sum() / self.counts.sum())


def reliability(confidence: np.ndarray, right: np.ndarray, bins: int = BINS) -> Reliability:
    """Bin answers: `confidence` (N,) the probability of the answer given, `right` (N,) bool."""
    confidence = np.asarray(confidence, dtype=float)
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    sums = (None, np.asarray(right, dtype=float), confidence)
    return Reliability(*(np.bincount(place, weights=w, minlength=bins) for w in sums))


def unsure(beats: Beats, spec: ModelSpec) -> np.ndarray:
    """Which beats (B,) the network names with less than `decoder["unsure"]` probability."""
    if not len(beats):
        return np.zeros(0, bool)
    return beats.probabilities.max(axis=1) < spec.decoder.get("unsure", UNSURE)


def _mean(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return np.divide(sums, counts, out=np.full(len(counts), np.nan), where=counts > 0)
