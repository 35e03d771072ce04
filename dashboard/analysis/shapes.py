"""What the beats of each class look like: cut out, laid over each other, averaged."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dashboard.analysis.intervals import gaps_of
from dashboard.data.sample import Sample
from models.records import Beats

BEFORE, AFTER = 0.3, 0.5  # s around a beat
AVERAGED = 2_000  # beats of a class that are averaged at most, evenly spread over the record
DRAWN = 120  # of these, beats that are drawn


@dataclass(frozen=True)
class Shape:
    """One class: `found` beats, `whole` of them without a gap or an end of the record inside.

    `averaged` of those make `mean`, `deviation`, `median`, `low` and `high` (16 and 84 %), all
    (T,) in the lead's unit; `deviation` is NaN for a single beat. `drawn` (D, T) are some of them
    and `beats` (D,) their places in the list of beats. Every beat is about its own median.
    """

    symbol: str
    found: int
    whole: int
    averaged: int
    beats: np.ndarray
    drawn: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    median: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class Shapes:
    """The shapes of a lead by class letter; `times` (T,) s from the beat."""

    times: np.ndarray
    of_class: Mapping[str, Shape]


def beat_shapes(sample: Sample, lead: int, beats: Beats) -> Shapes:
    """The shape of every class that has a whole beat in a lead; positions in the file's samples.

    A beat is aligned on the sample nearest to its position. Of more than 2,000 beats of a class,
    2,000 evenly spread ones are read and averaged.
    """
    whole = whole_beats(sample, lead, beats.positions)
    labels = np.asarray(beats.labels)
    shapes = {}
    for label, symbol in enumerate(beats.names):
        at = np.flatnonzero((labels == label) & whole)
        if len(at):
            chosen = _spread(at, AVERAGED)
            cut = cut_beats(sample, lead, beats.positions[chosen])
            counts = int((labels == label).sum()), len(at), len(chosen)
            shapes[symbol] = _shape(symbol, counts, chosen, cut)
    return Shapes(_steps(sample.sampling_rate) / sample.sampling_rate, shapes)


def whole_beats(sample: Sample, lead: int, positions: np.ndarray) -> np.ndarray:
    """(B,) whether a lead has every value around each position (B,): no gap, no end of record."""
    steps, centres = _steps(sample.sampling_rate), _nearest(positions)
    first, last = centres + steps[0], centres + steps[-1]
    gaps = gaps_of(sample, lead, shortest=0)
    begun = np.searchsorted(gaps[:, 0], last, side="right")
    over = np.searchsorted(gaps[:, 1], first, side="right")
    return (first >= 0) & (last < sample.shape[0]) & (begun == over)


def cut_beats(sample: Sample, lead: int, positions: np.ndarray) -> np.ndarray:
    """(B, T) float32: a lead around each position (B,) of a whole beat, each about its median."""
    places = _nearest(positions)[:, None] + _steps(sample.sampling_rate)
    cut = sample.values((lead, places))
    return cut - np.median(cut, axis=1, keepdims=True)


def one_beat(sample: Sample, lead: int, position: float) -> np.ndarray | None:
    """(T,) a lead around a position about its median, None where a part of it is missing."""
    ends = round(position) + _steps(sample.sampling_rate)[[0, -1]]
    if ends[0] < 0 or ends[1] >= sample.shape[0]:
        return None
    cut = cut_beats(sample, lead, np.array([position]))[0]
    return cut if np.isfinite(cut).all() else None


def _nearest(positions: np.ndarray) -> np.ndarray:
    return np.rint(np.asarray(positions, dtype=float)).astype(np.int64)


def _steps(rate: float) -> np.ndarray:
    return np.arange(-max(1, round(BEFORE * rate)), max(1, round(AFTER * rate)) + 1)


def _spread(at: np.ndarray, most: int) -> np.ndarray:
    """At most `most` of them, evenly spread."""
    return at if len(at) <= most else at[np.linspace(0, len(at) - 1, most).astype(np.int64)]


def _shape(symbol: str, counts: tuple[int, int, int], at: np.ndarray, cut: np.ndarray) -> Shape:
    """The average of `cut` (B, T), beats `at` (B,) of one class."""
    low, median, high = np.percentile(cut, (16, 50, 84), axis=0)
    shown = _spread(np.arange(len(at)), DRAWN)
    alone = len(cut) < 2
    return Shape(
        symbol,
        *counts,
        beats=at[shown],
        drawn=cut[shown],
        mean=cut.mean(axis=0, dtype=float),
        deviation=np.full(cut.shape[1], np.nan) if alone else cut.std(axis=0, ddof=1, dtype=float),
        median=median,
        low=low,
        high=high,
    )
