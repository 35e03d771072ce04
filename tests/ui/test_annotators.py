"""What the annotators of a file put on the paper: rows, symbols, rhythm; no markup."""

from types import SimpleNamespace

import numpy as np
import pytest

from dashboard.analysis.reference import compare
from dashboard.data.sample import Marks, Sample
from dashboard.ui.ecg import annotator_choice
from dashboard.ui.ecg.annotator_choice import CROWDED, annotator_names, marks_shown
from models.records import AAMI, Beats

RATE = 100.0
ATR = Marks(
    "atr",
    np.array([5, 100, 200, 250, 300, 400]),
    ("+", "N", "V", "~", "N", "+"),
    ("(AFIB\0", "", "", "", "", "(N"),
)
OTHER = Marks(
    "qrs", np.array([110, 190, 5_000]), ("N", '"', "A"), ("", "<a href='x'>far too long", "")
)


@pytest.fixture
def heart(monkeypatch):
    """A record of 100 s with two annotators; the network found beats at 1 and 2 s, both N."""
    array = np.zeros((1, 10_000), np.float32)
    sample = Sample(array, "r", "ecg", ("II",), ("mV",), "s", RATE, annotations=(ATR, OTHER))
    beats = Beats(AAMI, np.array([100.0, 200.0]), np.zeros(2, int), np.ones(2), np.eye(5)[[0, 0]])
    monkeypatch.setattr(annotator_choice.state, "by_digest", lambda digest: sample)
    return SimpleNamespace(sample=sample, compared=compare(beats, ATR, RATE))


def shown(heart, chosen=("atr", "qrs"), symbols=(), span=(0.0, 10.0)):
    names = annotator_names(heart.sample.annotations)
    return marks_shown(heart, [(name, names[name]) for name in chosen], symbols, span)


def test_the_compared_annotator_shows_classes_and_marks_of_its_own_beside_them(heart):
    found = shown(heart)
    assert list(found.reference.symbols) == ["N", "V", "N"]
    assert found.reference.differs.tolist() == [False, True, True]
    assert list(found.annotators["atr +"].symbols) == ["~"]


def test_another_annotator_shows_its_symbols_inside_the_window(heart):
    row = shown(heart).annotators["qrs"]
    assert row.times.tolist() == [1.1, 1.9]
    assert shown(heart, span=(49.0, 51.0)).annotators["qrs"].symbols == ["A"]


def test_a_remark_is_cut_short_and_brings_no_markup(heart):
    text = shown(heart).annotators["qrs"].symbols[1]
    assert "<" not in text
    assert text.endswith("…")
    assert len(text) <= 14


def test_rhythm_is_named_in_words_from_all_annotators(heart):
    rhythm = shown(heart).rhythm
    assert rhythm.times.tolist() == [0.05, 4.0]
    assert rhythm.symbols == ["(AFIB", "(N"]
    assert shown(heart, chosen=("qrs",)).rhythm is None


def test_only_the_chosen_symbols_stay(heart):
    found = shown(heart, symbols=("V", "A"))
    assert list(found.reference.symbols) == ["V"]
    assert list(found.annotators) == ["qrs"]
    assert len(found.annotators["qrs"]) == 0
    assert found.rhythm is None


def test_a_crowded_row_leaves_out_the_commonest_symbol(heart, monkeypatch):
    many = Marks("qrs", np.arange(CROWDED + 2) * 5, ("N",) * CROWDED + ("V", "A"))
    object.__setattr__(heart.sample, "annotations", (ATR, many))
    assert shown(heart).annotators["qrs"].symbols == ["V", "A"]


def test_two_annotators_of_one_name_are_told_apart():
    assert annotator_names((ATR, ATR, OTHER, ATR)) == {"atr": 0, "atr 2": 1, "qrs": 2, "atr 3": 3}
