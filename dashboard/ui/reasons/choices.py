"""What Why is asked: the method, the class, which side of zero and which grid."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from dashboard.analysis.explain import METHODS
from dashboard.ui import state
from dashboard.ui.reasons.reason import BOTH, FOR, GRID, NATIVE, SIDE, SMOOTH, Reason, spoken


def pick_reason(reason: Reason) -> None:
    """Pickers on one row; a change moves the view before the page runs again."""
    _picked("method", "Method", list(METHODS), reason.method, str, 180)
    names = list(reason.asked.names)
    _picked("answer", "Class", names, reason.found.answer, lambda n: spoken(n, reason.asked), 160)
    _side(SIDE, "Shown", [BOTH, FOR], reason.side)
    _side(GRID, "Grid", [NATIVE, SMOOTH], reason.grid)


def _picked(
    field: str,
    label: str,
    names: list[str],
    chosen: str,
    written: Callable[[str], str],
    width: int,
) -> None:
    """A select box of a field of the view; what is chosen is part of the key."""
    key = f"why-{field}-{len(names)}-{chosen}"
    st.selectbox(
        label,
        names,
        index=names.index(chosen),
        format_func=written,
        key=key,
        on_change=partial(_move, field, key),
        label_visibility="collapsed",
        width=width,
    )


def _move(field: str, key: str) -> None:
    state.change(**{field: st.session_state[key]})


def _side(key: str, label: str, names: list[str], chosen: str) -> None:
    """One of two, remembered for the session under a key of its own."""

    def move() -> None:
        st.session_state[key] = st.session_state[f"{key}-picked"]

    st.segmented_control(
        label,
        names,
        default=chosen,
        key=f"{key}-picked",
        on_change=move,
        required=True,
        label_visibility="collapsed",
    )
