"""What networks answer, and the steps of long work: frozen records without torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

# Beat classes of ANSI/AAMI EC57: normal, supraventricular, ventricular, fusion, unknown.
AAMI = ("N", "S", "V", "F", "Q")


@dataclass(frozen=True)
class Step:
    """One step of a long task: `fraction` done in 0..1, a line to show, numbers to plot."""

    fraction: float
    message: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Classes:
    """Probabilities of one answer over named classes: `probabilities` (K,), sums to 1."""

    names: tuple[str, ...]
    probabilities: np.ndarray

    def ranked(self) -> list[tuple[str, int, float]]:
        """(name, index, probability), most probable first."""
        order = np.argsort(-self.probabilities, kind="stable")
        return [(self.names[i], int(i), float(self.probabilities[i])) for i in order]


@dataclass(frozen=True)
class Beats:
    """Heart beats of one lead.

    `positions` (B,) float: places in the index of whatever they were found in (the network's
    input after decoding, the file's own samples after analysis); `labels` (B,) indices into
    `names`; `scores` (B,) probability that a beat is there; `probabilities` (B, K).
    """

    names: tuple[str, ...]
    positions: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    probabilities: np.ndarray

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def symbols(self) -> list[str]:
        """The class letter of each beat."""
        return [self.names[i] for i in self.labels]

    def only(self, keep: np.ndarray) -> "Beats":
        """The beats that a mask (B,) or indices choose."""
        return Beats(
            self.names,
            self.positions[keep],
            self.labels[keep],
            self.scores[keep],
            self.probabilities[keep],
        )


@dataclass(frozen=True)
class Mask:
    """A class for every voxel, pixel or sample of a sample, on the sample's own grid.

    `labels` (*S) uint8 are indices into `names`, 0 is the background; `region` is one slice per
    axis where the network looked, None for everywhere (labels are 0 outside it); `probabilities`
    (K, *R) float16 are those of the region, None where they were not kept.
    """

    names: tuple[str, ...]
    labels: np.ndarray
    probabilities: np.ndarray | None = None
    region: tuple[slice, ...] | None = None

    @property
    def nbytes(self) -> int:
        """What the arrays hold."""
        return self.labels.nbytes + (0 if self.probabilities is None else self.probabilities.nbytes)

    def counts(self) -> dict[str, int]:
        """Voxels of each class but the background."""
        numbers = np.bincount(self.labels.ravel(), minlength=len(self.names))
        return {name: int(n) for name, n in zip(self.names[1:], numbers[1:], strict=True)}


@dataclass(frozen=True)
class Landmarks:
    """Named points: `positions` (P, dim) float in the sample's index, `scores` (P,) in 0..1."""

    names: tuple[str, ...]
    positions: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True)
class Card:
    """The model card of a shipped network, as stored beside its weights.

    `command` reproduces the numbers in `metrics`; `split` says on what they were measured;
    `license` is that of the weights, which follows the licence of the data.
    """

    name: str
    dim: int
    sha256: str
    parameters: int
    classes: tuple[str, ...]
    trained_on: str
    split: str
    command: str
    license: str
    metrics: Mapping[str, Any]
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
