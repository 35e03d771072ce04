"""Which RR intervals say something about the sinus rhythm: those between two normal beats (N-N)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dashboard.data.sample import Sample
from models.records import Beats

SHORTEST, LONGEST = 0.3, 2.0  # s, 200 and 30 beats per minute: outside, a beat is extra or missing
LEAST_GAP = 0.08  # s; in a shorter one no whole QRS complex can hide
NEIGHBOURS = 5  # intervals on either side that say what is usual here
CHUNK = 1 << 22  # samples looked at together

REASONS = (
    "kept",
    "beside a beat that is not N",
    "across a gap of the signal",
    f"under {SHORTEST} or over {LONGEST:g} s",
    "far from the intervals around",
)
KEPT, NOT_NORMAL, GAP, LENGTH, FAR = range(len(REASONS))


@dataclass(frozen=True)
class Intervals:
    """The K intervals between K + 1 beats in order of time.

    `ends` (K,) s, the beat that ends each; `lengths` (K,) s; `symbols` (K,) class letter of that
    beat; `reasons` (K,) index into `REASONS`, 0 for an N-N interval that is kept.
    """

    ends: np.ndarray
    lengths: np.ndarray
    symbols: np.ndarray
    reasons: np.ndarray

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def kept(self) -> np.ndarray:
        """(K,) which are N-N intervals."""
        return self.reasons == KEPT

    @property
    def pairs(self) -> np.ndarray:
        """(P,) each k for which interval k and the next, k + 1, are both kept."""
        return np.flatnonzero(self.kept[:-1] & self.kept[1:])

    def left_out(self) -> list[tuple[str, int]]:
        """(reason, how many) of those left out, without the reasons that never occur."""
        counts = np.bincount(self.reasons, minlength=len(REASONS))
        return [(REASONS[k], int(counts[k])) for k in range(1, len(REASONS)) if counts[k]]


def intervals_of(
    beats: Beats,
    sampling_rate: float,
    gaps: Sequence[tuple[int, int]] | np.ndarray = (),
    *,
    tolerance: float | None = None,
) -> Intervals:
    """The intervals of beats in order of time, at `sampling_rate` Hz; the first reason counts.

    `gaps` (G, 2): first sample and the one after the last of each gap. With a `tolerance` (0.2
    for 20 %), an interval further than that from the median of the kept ones around it (five on
    either side) is left out as well.
    """
    positions = np.asarray(beats.positions, dtype=float)
    times = positions / sampling_rate
    symbols = np.array(beats.symbols, dtype=str)
    normal = symbols == "N"
    lengths = np.diff(positions) / sampling_rate
    reasons = np.full(len(lengths), KEPT, np.int8)
    # Lowest priority first: what is written later stays.
    reasons[(lengths < SHORTEST) | (lengths > LONGEST)] = LENGTH
    reasons[_crosses(positions, np.asarray(gaps, dtype=float).reshape(-1, 2))] = GAP
    reasons[~(normal[:-1] & normal[1:])] = NOT_NORMAL
    if tolerance is not None:
        reasons[_far(lengths, reasons == KEPT, tolerance)] = FAR
    return Intervals(times[1:], lengths, symbols[1:], reasons)


def _crosses(positions: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    """(K,) whether a gap lies, in part at least, between two beats."""
    begun = np.searchsorted(gaps[:, 0], positions[1:], side="left")
    over = np.searchsorted(gaps[:, 1], positions[:-1], side="right")
    return begun > over


def _far(lengths: np.ndarray, kept: np.ndarray, tolerance: float) -> np.ndarray:
    """(K,) which kept intervals are off the median of the kept ones around them."""
    far = np.zeros(len(lengths), bool)
    at = np.flatnonzero(kept)
    if len(at) < 2:
        return far
    padded = np.pad(lengths[at], NEIGHBOURS, constant_values=np.nan)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * NEIGHBOURS + 1)
    others = np.delete(around, NEIGHBOURS, axis=1)  # (kept, 10)
    usual = np.nanmedian(others, axis=1)
    far[at] = np.abs(lengths[at] - usual) > tolerance * usual
    return far


def gaps_of(sample: Sample, lead: int, shortest: float = LEAST_GAP) -> np.ndarray:
    """(G, 2) first sample and the one after the last of each stretch without values in a lead.

    Stretches under `shortest` s are not gaps. Reads the lead in pieces.
    """
    if sample.array.dtype.kind in "iu":  # stored as whole numbers, which have no NaN
        return np.empty((0, 2), np.int64)
    edges = [np.empty(0, np.int64)]
    before = False
    for start in range(0, sample.shape[0], CHUNK):
        missing = np.isnan(sample.values((lead, slice(start, start + CHUNK))))
        edges.append(start + np.flatnonzero(np.diff(missing, prepend=before)))
        before = bool(missing[-1])
    if before:
        edges.append(np.array([sample.shape[0]]))
    runs = np.concatenate(edges).reshape(-1, 2)
    return runs[runs[:, 1] - runs[:, 0] >= shortest * sample.sampling_rate]
