"""Which annotators of the file lie over the paper, and which of their symbols."""

from collections import Counter
from dataclasses import dataclass
from html import escape

import numpy as np
import streamlit as st

from dashboard.analysis.reference import Compared, reference_marks
from dashboard.data.sample import Marks, Sample
from dashboard.figures.beats import BeatMarks
from dashboard.ui import state
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
    digest, names = heart.sample.digest, annotator_names(heart.sample.annotations)
    with st.popover("Marks", type="tertiary", help="Annotators, symbols, classes to step through"):
        pick_step_classes()
        if not names:
            st.markdown(":gray[:small[This file carries no annotations.]]")
            return ShownMarks()
        key = f"annotators-{digest[:8]}"
        chosen = st.multiselect(
            "Annotators",
            list(names),
            _default(heart.sample, names),
            max_selections=MOST_ROWS,
            key=key,
            persist_state="session",
        )
        counts = sum((symbol_counts(digest, names[name]) for name in chosen), Counter())
        symbols = st.multiselect(
            "Only these symbols",
            [symbol for symbol, _ in counts.most_common()],
            format_func=lambda symbol: f"{symbol} ({counts[symbol]})",
            placeholder="all",
            key=f"{key}-symbols",
            persist_state="session",
        )
    return marks_shown(heart, [(name, names[name]) for name in chosen], tuple(symbols), span)


def annotator_names(given: tuple[Marks, ...]) -> dict[str, int]:
    """Rows of the annotators by name; of two with one name the second is called "name 2"."""
    out: dict[str, int] = {}
    for row, marks in enumerate(given):
        name, count = marks.name or "marks", 2
        while name in out:
            name, count = f"{marks.name or 'marks'} {count}", count + 1
        out[name] = row
    return out


@st.cache_resource(max_entries=32, show_spinner=False)
def symbol_counts(digest: str, annotator: int) -> Counter:
    """How often an annotator has written each symbol."""
    return Counter(state.by_digest(digest).annotations[annotator].symbols)


@st.cache_resource(max_entries=32, show_spinner=False)
def rhythm_changes(digest: str, annotator: int) -> tuple[tuple[float, str], ...]:
    """Times (s) at which an annotator's rhythm changes and its names, safe to draw."""
    sample = state.by_digest(digest)
    marks = sample.annotations[annotator]
    if not marks.notes:
        return ()
    return tuple(
        (float(marks.positions[k] / sample.sampling_rate), _clean(marks.notes[k])[:LONGEST_NOTE])
        for k, symbol in enumerate(marks.symbols)
        if symbol == RHYTHM and _clean(marks.notes[k])
    )


def _default(sample: Sample, names: dict[str, int]) -> list[str]:
    """The annotator that holds beats, else the first."""
    wanted = reference_marks(sample)
    found = [name for name, row in names.items() if sample.annotations[row] is wanted]
    return found or list(names)[:1]


def marks_shown(
    heart: Heart,
    chosen: list[tuple[str, int]],
    symbols: tuple[str, ...],
    span: tuple[float, float],
) -> ShownMarks:
    """Rows of the chosen annotators over `span` (s), only of `symbols` where any are given.

    The one that the network is compared with shows its classes, boxed where they differ, and what
    it has marked besides; others show their symbols as written. Changes of rhythm of all of them
    make one row.
    """
    sample = heart.sample
    reference, rows, changes = None, {}, []
    compared, wanted = heart.compared, reference_marks(sample)
    for name, row in chosen:
        marks = sample.annotations[row]
        changes += rhythm_changes(sample.digest, row)
        inside = _inside(marks, sample.sampling_rate, span)
        if marks is wanted and compared is not None:
            reference = _compared(heart, compared, marks, symbols, span)
            inside = inside[~np.isin(marks.positions[inside], compared.positions)]
            others = _texts(marks, inside, symbols, sample.sampling_rate)
            if len(others):
                rows[f"{name[:5]} +"] = others
        else:
            rows[name[:7]] = _texts(marks, inside, symbols, sample.sampling_rate)
    changes = sorted(changes) if not symbols or RHYTHM in symbols else []
    times = np.array([time for time, _ in changes])
    rhythm = BeatMarks(times, [name for _, name in changes]) if changes else None
    return ShownMarks(reference, rows, rhythm)


def _inside(marks: Marks, rate: float, span: tuple[float, float]) -> np.ndarray:
    """Rows of the marks inside `span` (s), in order of time."""
    low, high = span[0] * rate, span[1] * rate
    rows = np.flatnonzero((marks.positions >= low) & (marks.positions <= high))
    return rows[np.argsort(marks.positions[rows], kind="stable")]


def _compared(
    heart: Heart,
    compared: Compared,
    marks: Marks,
    symbols: tuple[str, ...],
    span: tuple[float, float],
) -> BeatMarks:
    """The reference's classes inside `span` (s), of the symbols wanted."""
    rate = heart.sample.sampling_rate
    low, high = np.searchsorted(compared.positions, (span[0] * rate, span[1] * rate))
    rows = range(int(low), int(high))
    if symbols:
        written = dict(zip(marks.positions.tolist(), marks.symbols, strict=True))
        rows = [k for k in rows if written.get(int(compared.positions[k])) in symbols]
    at = np.array(rows, dtype=int)
    letters = [compared.symbols[k] for k in rows]
    return BeatMarks(compared.positions[at] / rate, letters, differs=compared.differs[at])


def _texts(marks: Marks, rows: np.ndarray, symbols: tuple[str, ...], rate: float) -> BeatMarks:
    """Marks as text: symbols, remarks in their words; of many without the commonest symbol."""
    kept = [
        int(k)
        for k in rows
        if marks.symbols[k] != RHYTHM and (not symbols or marks.symbols[k] in symbols)
    ]
    if len(kept) > CROWDED:
        common = Counter(marks.symbols[k] for k in kept).most_common(1)[0][0]
        kept = [k for k in kept if marks.symbols[k] != common][:CROWDED]
    return BeatMarks(marks.positions[kept] / rate, [_text(marks, k) for k in kept])


def _text(marks: Marks, row: int) -> str:
    """A mark as written, safe to draw; a remark is cut short."""
    note = _clean(marks.notes[row]) if marks.notes else ""
    if marks.symbols[row] != COMMENT or not note:
        return escape(marks.symbols[row], quote=False)
    return note if len(note) <= LONGEST_NOTE else note[: LONGEST_NOTE - 1] + "…"


def _clean(note: str) -> str:
    """A note without markup and padding."""
    return escape(note.strip("\0 "), quote=False)
