"""From one abnormal beat to the next: two buttons and the classes they look for."""

import streamlit as st

from dashboard.analysis.beat_search import ABNORMAL, find_beat
from dashboard.figures.theme import CLASS_MARKS
from dashboard.ui import state
from dashboard.ui.ecg.heart import Heart
from dashboard.ui.window import Window, go_to

STEPPED = "stepped"  # session key: what the last step said, shown once
CLASSES = "step-classes"  # session key: the classes that are stepped through


def step_buttons(heart: Heart, shown: Window) -> None:
    """Previous and next beat of the chosen classes; the window follows where it must."""
    classes = tuple(st.session_state.get(CLASSES) or ABNORMAL)
    there = find_beat(heart.beats, 0, 1, classes) is not None
    words = f"beat of class {' '.join(classes)}" if classes != ABNORMAL else "abnormal beat"
    for icon, way, name in (
        (":material/skip_previous:", -1, "Previous"),
        (":material/skip_next:", 1, "Next"),
    ):
        st.button(
            "",
            icon=icon,
            key=f"paper-step{way}",
            type="tertiary",
            disabled=not there,
            help=f"{name} {words}" if there else f"There is no {words}",
            on_click=_step,
            args=(heart, shown, way, classes),
        )


def pick_step_classes() -> None:
    """The classes that the buttons step through."""
    st.pills(
        "Step through beats of class",
        list(CLASS_MARKS),
        selection_mode="multi",
        default=list(ABNORMAL),
        key=CLASSES,
        persist_state="session",
    )


def step_words() -> str:
    """What the last step has to say ("from the first again"), once; else ""."""
    return st.session_state.pop(STEPPED, "")


def _step(heart: Heart, shown: Window, way: int, classes: tuple[str, ...]) -> None:
    found = find_beat(heart.beats, heart.position[0], way, classes)
    if found is None:
        return
    position = float(heart.beats.positions[found.beat])
    time = position / heart.sample.sampling_rate
    state.change(position=(position,))
    margin = 0.05 * shown.length
    if not shown.start + margin <= time <= shown.span[1] - margin:
        go_to(heart.sample, time - shown.length / 2, shown.length)
    if found.wrapped:
        words = ("the first", "the last") if way < 0 else ("the last", "the first")
        st.session_state[STEPPED] = f"that was {words[0]}, now {words[1]} again"
