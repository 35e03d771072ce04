"""Pairing with a reference, by hand."""

from dataclasses import replace

import numpy as np

from dashboard.analysis.reference import compare, reference_marks
from dashboard.data.sample import Marks, Sample
from models.records import AAMI, Beats


def test_each_beat_gets_the_reference_letter_beside_it_and_misses_are_marked():
    marks = Marks("atr", np.array([90, 100, 460, 820, 1180]), ("+", "N", "V", "A", "L"))
    beats = Beats(
        names=AAMI,
        positions=np.array([103.0, 455.0, 700.0, 1180.0]),
        labels=np.array([0, 0, 2, 0]),
        scores=np.ones(4),
        probabilities=np.zeros((4, 5)),
    )
    found = compare(beats, marks, 360.0)
    assert found.of_beat == ("N", "V", "", "N")
    assert found.symbols == ("N", "V", "S", "N")
    assert found.differs.tolist() == [False, True, True, False]


def test_the_reference_is_the_annotator_that_holds_beats():
    rhythm = Marks("qrs-notes", np.array([5]), ("+",))
    beats = Marks("atr", np.array([5]), ("N",))
    sample = Sample(np.zeros((1, 10), np.float32), "x", "ecg", ("II",), ("mV",), "s", 100.0)
    assert reference_marks(sample) is None
    assert reference_marks(replace(sample, annotations=(rhythm, beats))) is beats
