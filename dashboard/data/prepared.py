"""What a network is fed, with the way back to the sample's own index; and what was asked for."""

from dataclasses import dataclass

import numpy as np

from dashboard.data.sample import Sample
from models.spec import InputSpec


@dataclass(frozen=True)
class Request:
    """One preparation: `position` (sample index) is a patch's centre, `whole` feeds all of it."""

    sample: Sample
    spec: InputSpec
    channel: int
    position: tuple[float, ...]
    whole: bool


@dataclass(frozen=True)
class Prepared:
    """What a network is fed: `array` (C, *S) float32.

    `to_sample` is (dim+1, dim+1): index in `array` to index in the sample's array, homogeneous.
    `valid` is the spatial shape before padding; `channel` the sample's channel (lead) used;
    `gaps` (S,) marks input positions that were NaN in a signal, None elsewhere.
    """

    array: np.ndarray
    to_sample: np.ndarray
    valid: tuple[int, ...]
    channel: int = 0
    gaps: np.ndarray | None = None

    def index_in_sample(self, index: np.ndarray) -> np.ndarray:
        """Fed index (..., dim) to (fractional) sample index."""
        matrix = self.to_sample
        return np.asarray(index, dtype=float) @ matrix[:-1, :-1].T + matrix[:-1, -1]

    def index_in_input(self, index: np.ndarray) -> np.ndarray:
        """Sample index (..., dim) to (fractional) fed index; inverse of `index_in_sample`."""
        matrix = np.linalg.inv(self.to_sample)
        return np.asarray(index, dtype=float) @ matrix[:-1, :-1].T + matrix[:-1, -1]
