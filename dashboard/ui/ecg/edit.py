"""Beats corrected by hand: relabel, move, delete, add, undo and redo; files of the result."""

import math
from collections.abc import Callable
from functools import partial

import streamlit as st

from dashboard.analysis.beat_edits import Add, Delete, Edits, Move, Operation, Relabel
from dashboard.data.writers.beats_csv import beat_annotations, beats_csv, beats_edf
from dashboard.figures.clock import clock
from dashboard.ui import panels
from dashboard.ui.answers import MARKS
from dashboard.ui.ecg import edit_actions as actions
from dashboard.ui.ecg import edited
from dashboard.ui.ecg.heart import Heart
from dashboard.ui.words import literal, relative, thousands

ROWS = 200  # edits listed at most, the latest
NEW_CLASS, SNAP = "edit-new-class", "edit-snap"


def show_edit(heart: Heart) -> None:
    """The chosen beat and what can be done with it, a new beat, the history, the files."""
    edits = actions.current(heart)
    index = actions.chosen_beat(heart, edits)
    panels.head("Edit", _chosen_words(heart, edits, index))
    controls, history = st.columns([3.1, 1], gap="medium")
    with controls.container(gap="small"):
        _change_beat(heart, edits, index)
        _add_beat(heart)
        _undo_and_base(heart, edits)
        if refusal := st.session_state.pop(actions.REFUSAL, None):
            st.warning(refusal, icon=":material/block:")
    with history.container(gap="xsmall"):
        _list_edits(heart, edits)
    text = f"{thousands(len(edits.beats))} beats · {heart.source}"
    panels.caption(text, "edit", _files(heart, edits))


def _files(heart: Heart, edits: Edits) -> tuple[panels.Download, ...]:
    beats, sample, lead = edits.beats, heart.sample, heart.lead
    rate, name = sample.sampling_rate, heart.file_name
    return (
        panels.Download("CSV", f"{name}.csv", "text/csv", lambda: beats_csv(beats, rate)),
        panels.Download(
            "WFDB .atr",
            f"{name}.atr",
            "application/octet-stream",
            lambda: beat_annotations(beats, rate),
        ),
        panels.Download(
            "EDF+", f"{name}.edf", "application/edf", lambda: beats_edf(beats, sample, lead)
        ),
    )


def _chosen_words(heart: Heart, edits: Edits, index: int | None) -> str:
    if index is None:
        return f"no beat within {actions.REACH:g} s of the position: click near one, or add one"
    beats = edits.beats
    time = clock(float(beats.positions[index]) / heart.sample.sampling_rate, 3)
    place = f"beat {thousands(index + 1)} of {thousands(len(beats))}"
    by_hand = "by hand" if edits.edited[index] else f"p {beats.probabilities[index].max():.2f}"
    return f"{place}: {beats.symbols[index]} at {time}, {by_hand}"


def _change_beat(heart: Heart, edits: Edits, index: int | None) -> None:
    """Buttons for the beat nearest to the position."""
    position = -1 if index is None else int(edits.beats.positions[index])
    label = "" if index is None else edits.beats.symbols[index]
    do, here = partial(actions.do, heart), round(heart.position[0])
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall"):
        for icon, key, step in (("left", "J", -1), ("right", "K", 1)):
            st.button(
                "",
                key=f"edit-step{step}",
                icon=f":material/chevron_{icon}:",
                shortcut=key,
                help="The beat before" if step < 0 else "The next beat",
                on_click=actions.step,
                args=(heart, step),
            )
        for name in edits.names:
            st.button(
                MARKS[name],  # the letter stands beside it as the key to press
                key=f"edit-class-{name}",
                shortcut=name,
                help="The beat's class already" if name == label else f"Make the beat {name}",
                disabled=label in ("", name),
                on_click=do,
                args=(Relabel(position, name),),
            )
        st.button(
            "Delete",
            key="edit-delete",
            icon=":material/delete:",
            shortcut="D",
            disabled=not label,
            on_click=do,
            args=(Delete(position),),
        )
        for word, step in (("−1", -1), ("+1", 1)):
            st.button(
                word,
                key=f"edit-nudge{step}",
                shortcut="Shift+Left" if step < 0 else "Shift+Right",
                help="Move the beat by one sample",
                disabled=not label,
                on_click=actions.nudge,
                args=(heart, step),
            )
        if label:
            _time_input(heart, "beat at (s)", position, lambda to: do(Move(position, to)))
        st.button(
            "Move here",
            key="edit-move-here",
            help="Move the beat to the position, the line on the paper",
            disabled=not label or position == here,
            on_click=do,
            args=(Move(position, here),),
        )


def _add_beat(heart: Heart) -> None:
    """A new beat at the position."""

    def add() -> None:
        actions.add(heart, st.session_state[NEW_CLASS], st.session_state[SNAP])

    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        here = round(heart.position[0])
        _time_input(heart, "new beat at (s)", here, actions.go_to_sample)
        names = heart.beats.names
        st.segmented_control("class", names, default=names[0], required=True, key=NEW_CLASS)
        st.button("Add", key="edit-add", icon=":material/add:", shortcut="A", on_click=add)
        st.toggle(
            "snap to the extremum within 50 ms",
            value=True,
            key=SNAP,
            help=f"Of {literal(heart.sample.channels[heart.lead])}, the lead that is analysed",
        )


def _undo_and_base(heart: Heart, edits: Edits) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        left = len(edits.operations) - edits.done
        rows = (
            ("Undo", ":material/undo:", "Mod+Z", edits.done, Edits.undo),
            ("Redo", ":material/redo:", "Mod+Shift+Z", left, Edits.redo),
            ("Discard all", ":material/restart_alt:", None, edits.done, Edits.discard),
        )
        for word, icon, shortcut, count, change in rows:
            st.button(
                word,
                key=f"edit-{word}",
                icon=icon,
                shortcut=shortcut,
                help=None if shortcut else "Redo brings them back one by one",
                disabled=not count,
                on_click=actions.travel,
                args=(heart, change),
            )
        _pick_base(heart)


def _pick_base(heart: Heart) -> None:
    """What the edits start from; nothing where the file brings no beats of its own."""
    bases, base = actions.bases(heart), edited.book(heart.key).base
    if len(bases) < 2:
        return
    key = f"edit-base-{heart.sample.digest[:8]}-{heart.lead}-{base}"
    st.segmented_control(
        "start from",
        bases,
        default=base,
        required=True,
        format_func=lambda name: name or heart.answer.spec.name,
        key=key,
        help="Each keeps its own edits",
        on_change=lambda: actions.choose_base(heart, st.session_state[key]),
    )


def _list_edits(heart: Heart, edits: Edits) -> None:
    """The latest edits, newest first; choosing one goes to its place."""
    count, undone = len(edits.operations), len(edits.operations) - edits.done
    panels.head("Edits", thousands(edits.done) + (f", {undone} undone" if undone else ""))
    if not count:
        st.markdown(":gray[:small[None so far. Click a beat on the paper or in the table.]]")
        return
    numbers = range(count - 1, max(-1, count - 1 - ROWS), -1)
    rate, before = heart.sample.sampling_rate, edits.labels_before
    rows = [
        {
            "edit": _edit_words(edits.operations[number], before[number] or "", rate),
            **({"": "" if number < edits.done else "undone"} if undone else {}),
        }
        for number in numbers
    ]
    places = [actions.place_of(edits.operations[number]) for number in numbers]
    key = f"edit-list-{heart.version}-{count}"

    def chosen() -> None:
        if picked := st.session_state[key].selection.rows:
            actions.go_to_sample(places[picked[0]])

    st.dataframe(
        rows,
        hide_index=True,
        height=150,
        key=key,
        on_select=chosen,
        selection_mode="single-row",
    )


def _edit_words(operation: Operation, before: str, rate: float) -> str:
    time = clock(operation.position / rate, 2)
    match operation:
        case Add(_, label):
            return f"{time} add {label}"
        case Delete():
            return f"{time} delete {before}"
        case Move(position, to):
            return f"{time} move {before} {relative(1000 * (to - position) / rate)} ms"
        case Relabel(_, label):
            return f"{time} {before} to {label}"


def _time_input(heart: Heart, label: str, position: int, changed: Callable[[int], None]) -> None:
    """A time in seconds whose buttons step by one sample; `changed(sample)` hears the new one."""
    rate = heart.sample.sampling_rate
    key = f"edit-{label}-{position}-{heart.version}"
    st.number_input(
        label,
        value=position / rate,
        min_value=0.0,
        max_value=max(heart.sample.shape[0] - 1, 1) / rate,
        step=1 / rate,
        format=f"%.{max(3, math.ceil(math.log10(rate)) + 1)}f",
        key=key,
        width=140,
        on_change=lambda: changed(round(st.session_state[key] * rate)),
    )
