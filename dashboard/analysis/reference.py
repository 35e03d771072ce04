"""Beats beside the reference annotations of their file, paired one to one."""

from dataclasses import dataclass

import numpy as np

from dashboard.analysis.ec57 import WINDOW_SECONDS, aami_beats, match
from dashboard.data.sample import Marks, Sample
from models.records import AAMI, Beats


@dataclass(frozen=True)
class Compared:
    """Reference beats (R,) as AAMI letters and, for each beat of the network (B,), its partner.

    `positions` (R,) in samples; `differs` (R,) true where the network missed the beat or named
    it otherwise; `of_beat` (B,) the reference letter of each found beat, "" for an extra one.
    """

    positions: np.ndarray
    symbols: tuple[str, ...]
    differs: np.ndarray
    of_beat: tuple[str, ...]


def annotators(sample: Sample) -> list[Marks]:
    """The annotators that hold beats, in the file's order."""
    return [m for m in sample.annotations if len(aami_beats(m.positions, m.symbols)[0])]


def reference_marks(sample: Sample) -> Marks | None:
    """The annotator that holds beats; of several the first in the file's order."""
    return next(iter(annotators(sample)), None)


def compare(beats: Beats, marks: Marks, sampling_rate: float) -> Compared:
    """Pair `beats` (positions in samples, sorted) with the beats among `marks` within 150 ms."""
    positions, labels = aami_beats(marks.positions, marks.symbols)
    partner = match(positions, beats.positions, WINDOW_SECONDS * sampling_rate)
    symbols = tuple(AAMI[label] for label in labels)
    of_beat = [""] * len(beats)
    for reference, found in enumerate(partner):
        if found >= 0:
            of_beat[found] = symbols[reference]
    found_symbols = np.array([*beats.symbols, ""])  # index -1: missed
    differs = found_symbols[partner] != np.array(symbols, dtype=found_symbols.dtype)
    return Compared(positions, symbols, differs, tuple(of_beat))
