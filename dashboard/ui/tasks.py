"""Work of more than a second: a bar, a word to cancel it, and the way back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import streamlit as st

from dashboard.ui import shell
from dashboard.ui.words import literal

CANCELLED = "cancelled"  # session key: names of tasks that were cancelled

_silent: ContextVar[bool] = ContextVar("silent", default=False)


@contextmanager
def silently() -> Iterator[None]:
    """No bars inside: for work that nobody asked for and nobody waits for."""
    before = _silent.set(True)
    try:
        yield
    finally:
        _silent.reset(before)


@contextmanager
def progress(name: str, words: str) -> Iterator[Callable[[float], None]]:
    """A bar with a Cancel button; yields `report(fraction)`, to be called now and then.

    Pressing Cancel asks Streamlit for a rerun, which ends the work at its next report. The rerun
    then stops here, with a button that starts again; what was loaded stays.
    """
    if _silent.get():
        yield lambda fraction: None
        return
    words = literal(words)  # names of files are in it
    cancelled: set[str] = st.session_state.setdefault(CANCELLED, set())
    if name in cancelled:
        st.info(f"{words} was cancelled.", icon=":material/cancel:")
        st.button("Start again", on_click=cancelled.discard, args=(name,))
        shell.stop()
    place = st.empty()
    with place.container(horizontal=True, vertical_alignment="center"):
        bar = st.progress(0.0, text=words)
        st.button("Cancel", key=f"cancel-{name}", on_click=cancelled.add, args=(name,))
    yield lambda fraction: bar.progress(min(max(fraction, 0.0), 1.0), text=words)
    place.empty()
