"""What the buttons of the edit panel do to the edits of the session and to the position.

All read the session at the moment they run: a second press may come before the page is drawn.
"""

import math
from collections.abc import Callable

import numpy as np
import streamlit as st

from dashboard.analysis.beat_edits import (
    Add,
    EditRefused,
    Edits,
    Move,
    Operation,
    certain_beats,
    nearest_beat,
    snapped,
    start,
)
from dashboard.analysis.ec57 import aami_beats
from dashboard.ui import state
from dashboard.ui.ecg import edited
from dashboard.ui.ecg.heart import Heart

REACH = 0.3  # s; a beat further from the position is not the chosen one
REFUSAL = "edit-refusal"


def current(heart: Heart) -> Edits:
    """The edits of the base in sight, as the session has them at this moment."""
    book = edited.book(heart.key)
    return book.histories.get(book.base) or _fresh(heart, book.base)


def bases(heart: Heart) -> list[str]:
    """What can be started from: the network, and the annotators of the file that hold beats."""
    annotators = [
        marks.name
        for marks in heart.sample.annotations
        if len(aami_beats(marks.positions, marks.symbols)[0])
    ]
    return [edited.NETWORK, *dict.fromkeys(annotators)]


def chosen_beat(heart: Heart, edits: Edits) -> int | None:
    """The index of the beat nearest to the position as it is now, within `REACH`."""
    return nearest_beat(edits.beats, _place(heart), REACH * heart.sample.sampling_rate)


def place_of(operation: Operation) -> int:
    """The sample where an operation leaves its beat, or took it away."""
    return operation.to if isinstance(operation, Move) else operation.position


def do(heart: Heart, operation: Operation) -> None:
    """Do one edit and go to where it is; what cannot be done is said in the panel."""
    try:
        _keep(heart, current(heart).do(operation))
    except EditRefused as refusal:
        st.session_state[REFUSAL] = str(refusal)
    else:
        go_to_sample(place_of(operation))


def step(heart: Heart, way: int) -> None:
    """Go to the nearest beat before (`way` -1) or after (1) the position."""
    positions, here = current(heart).beats.positions, round(_place(heart))
    side = "left" if way < 0 else "right"
    index = int(np.searchsorted(positions, here, side=side)) - (way < 0)
    if 0 <= index < len(positions):
        go_to_sample(int(positions[index]))


def nudge(heart: Heart, step: int) -> None:
    """Move the chosen beat by `step` samples."""
    edits = current(heart)
    index = chosen_beat(heart, edits)
    if index is not None:
        position = int(edits.beats.positions[index])
        do(heart, Move(position, position + step))


def add(heart: Heart, label: str, snap: bool) -> None:
    """Add a beat at the position, or with `snap` at the wave beside it."""
    position = round(_place(heart))
    do(heart, Add(_snapped(heart, position) if snap else position, label))


def travel(heart: Heart, change: Callable[[Edits], Edits]) -> None:
    """Undo, redo or discard, and go to the edit that was undone or redone."""
    before = current(heart)
    after = change(before)
    _keep(heart, after)
    if after.done == before.done + 1:
        go_to_sample(place_of(before.operations[before.done]))
    elif after.done == before.done - 1:
        go_to_sample(before.operations[after.done].position)


def choose_base(heart: Heart, base: str) -> None:
    """Show the edits of another base, as they were left."""
    edits = edited.book(heart.key).histories.get(base) or _fresh(heart, base)
    edited.keep(heart.key, base, edits)


def go_to_sample(position: int) -> None:
    """Make a sample the position."""
    state.change(position=(float(position),))


def _place(heart: Heart) -> float:
    return (state.view().position or heart.position)[0]


def _keep(heart: Heart, edits: Edits) -> None:
    edited.keep(heart.key, edited.book(heart.key).base, edits)


def _fresh(heart: Heart, base: str) -> Edits:
    beats = heart.answer.prediction
    if base != edited.NETWORK:
        marks = next(marks for marks in heart.sample.annotations if marks.name == base)
        beats = certain_beats(*aami_beats(marks.positions, marks.symbols))
    return start(beats, heart.sample.shape[0])


def _snapped(heart: Heart, position: int) -> int:
    """`snapped` on the stretch of the analysed lead around the position, read alone."""
    rate = heart.sample.sampling_rate
    first = max(0, position - math.ceil(rate))
    part = heart.sample.values((heart.lead, slice(first, position + math.ceil(rate) + 1)))
    return first + snapped(part, position - first, rate)
