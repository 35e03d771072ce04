"""Which annotators of the file lie over the paper, and which of their symbols."""

from collections import Counter
from dataclasses import dataclass
from html import escape

import numpy as np
import streamlit as st

from dashboard.analysis.reference import reference_marks
from dashboard.data.sample import Marks, Sample
from dashboard.figures.beats import BeatMarks
from dashboard.ui.ecg.beat_steps import pick_step_classes
from dashboard.ui.ecg.heart import Heart

RHYTHM = "+"  # the symbol of a change of rhythm; its note is the new one, such as (AFIB
COMMENT = '"'  # the symbol of a free remark
MOST_ROWS = 4  # annotators drawn at once
LONGEST_NOTE = 14  # characters of a remark
CROWDED = 120  # marks of a row; with more the commonest symbol is left out


@dataclass(frozen=True)
class ShownMarks:
    """What the file's annotators say, as rows of the paper."""

    reference: BeatMarks | None = None
    annotators: dict[str, BeatMarks] | None = None
    rhythm: BeatMarks | None = None


def pick_annotators(heart: Heart, span: tuple[float, float]) -> ShownMarks:
    """A popover of annotators, symbols and the classes stepped through; rows over `span` (s)."""
    marks = heart.sample.annotations
    names = annotator_names(marks)
    with st.popover("Marks", type="tertiary", help="Annotators, symbols, classes to step through"):
        pick_step_classes()
        if not marks:
            st.markdown(":gray[:small[This file carries no annotations.]]")
            return ShownMarks()
        key = f"annotators-{heart.sample.digest[:8]}"
        chosen = st.multiselect(
            "Annotators",
            list(names),
            _default(heart.sample, names),
            max_selections=MOST_ROWS,
            key=key,
            persist_state="session",
        )
        counts = Counter(symbol for name in chosen for symbol in names[name].symbols)
        symbols = st.multiselect(
            "Only these symbols",
            [symbol for symbol, _ in counts.most_common()],
            format_func=lambda symbol: f"{symbol} ({counts[symbol]})",
            placeholder="all",
            key=f"{key}-symbols",
            persist_state="session",
        )
    return marks_shown(heart, [(name, names[name]) for name in chosen], tuple(symbols), span)


def annotator_names(marks: tuple[Marks, ...]) -> dict[str, Marks]:
    """Annotators by name; of two with one name the second is called "name 2"."""
    out: dict[str, Marks] = {}
    for one in marks:
        name, count = one.name or "marks", 2
        while name in out:
            name, count = f"{one.name} {count}", count + 1
        out[name] = one
    return out


def _default(sample: Sample, names: dict[str, Marks]) -> list[str]:
    """The annotator that holds beats, else the first."""
    wanted = reference_marks(sample)
    found = [name for name, marks in names.items() if marks is wanted]
    return found or list(names)[:1]


def marks_shown(
    heart: Heart,
    chosen: list[tuple[str, Marks]],
    symbols: tuple[str, ...],
    span: tuple[float, float],
) -> ShownMarks:
    """Rows of the chosen annotators, only of `symbols` where any are given.

    The one that the network is compared with shows its classes, boxed where they differ; others
    show their symbols as written. Changes of rhythm of all of them make one row.
    """
    rate = heart.sample.sampling_rate
    compared, wanted = heart.compared, reference_marks(heart.sample)
    reference, rows = None, {}
    for name, marks in chosen:
        if marks is wanted and compared is not None:
            reference = _compared(heart, marks, symbols)
            if symbols and not len(reference):
                reference = None
            rest = _rest(marks, compared.positions)
            if symbols and (others := _texts(marks, rest, symbols, rate, span)) is not None:
                rows[f"{name} …"] = others
        else:
            everything = np.arange(len(marks))
            row = _texts(marks, everything, symbols, rate, span)
            rows[name[:7]] = row if row is not None else BeatMarks(np.empty(0), [])
    return ShownMarks(reference, rows, rhythm_names([marks for _, marks in chosen], symbols, rate))


def _compared(heart: Heart, marks: Marks, symbols: tuple[str, ...]) -> BeatMarks:
    compared = heart.compared
    of_beat = np.searchsorted(marks.positions, compared.positions)
    written = np.array(marks.symbols, dtype=object)[np.minimum(of_beat, len(marks) - 1)]
    keep = np.isin(written, symbols) if symbols else np.ones(len(written), bool)
    times = compared.positions[keep] / heart.sample.sampling_rate
    letters = np.array(compared.symbols, dtype=object)[keep]
    return BeatMarks(times, letters, differs=compared.differs[keep])


def _rest(marks: Marks, beats: np.ndarray) -> np.ndarray:
    """Rows of the marks that are no beats."""
    return np.flatnonzero(~np.isin(marks.positions, beats))


def _texts(
    marks: Marks,
    rows: np.ndarray,
    symbols: tuple[str, ...],
    rate: float,
    span: tuple[float, float],
) -> BeatMarks | None:
    """Marks inside `span` (s) as text: symbols, remarks in their words; None for none at all."""
    order = np.argsort(marks.positions[rows], kind="stable")
    keep = [
        int(k)
        for k in rows[order]
        if marks.symbols[k] != RHYTHM and (not symbols or marks.symbols[k] in symbols)
    ]
    if not keep:
        return None
    times = marks.positions[keep] / rate
    first, last = np.searchsorted(times, span)
    inside = keep[first:last]
    if len(inside) > CROWDED:
        common = Counter(marks.symbols[k] for k in inside).most_common(1)[0][0]
        inside = [k for k in inside if marks.symbols[k] != common][:CROWDED]
    return BeatMarks(marks.positions[inside] / rate, [_text(marks, k) for k in inside])


def _text(marks: Marks, row: int) -> str:
    """A mark as written, safe to draw; a remark is cut short."""
    symbol = marks.symbols[row]
    note = marks.notes[row].strip("\0 ") if marks.notes else ""
    if symbol == COMMENT and note:
        symbol = note if len(note) <= LONGEST_NOTE else note[: LONGEST_NOTE - 1] + "…"
    return escape(symbol, quote=False)


def rhythm_names(
    given: list[Marks], symbols: tuple[str, ...], sampling_rate: float
) -> BeatMarks | None:
    """Changes of rhythm in all the marks, in order; None where there are none to show."""
    if symbols and RHYTHM not in symbols:
        return None
    found = [
        (marks.positions[k] / sampling_rate, escape(marks.notes[k].strip("\0 "), quote=False))
        for marks in given
        if marks.notes
        for k, symbol in enumerate(marks.symbols)
        if symbol == RHYTHM and marks.notes[k].strip("\0 ")
    ]
    if not found:
        return None
    found.sort()
    return BeatMarks(np.array([time for time, _ in found]), [text for _, text in found])
