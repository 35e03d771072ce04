"""The stretch of a signal on the screen: it stays while the position moves inside it."""

from dataclasses import dataclass

import streamlit as st

from dashboard.data.sample import Sample
from dashboard.ui import state
from dashboard.ui.shell import phone

WINDOW = "window"
LENGTHS = (2, 4, 10, 30)  # s


@dataclass(frozen=True)
class Window:
    """A stretch of one sample: `start` and `length` in s."""

    digest: str
    start: float
    length: float

    @property
    def span(self) -> tuple[float, float]:
        """Start and end, s."""
        return self.start, self.start + self.length


def window(sample: Sample, position: tuple[float, ...]) -> Window:
    """The current window of a signal, moved only when the position has left it."""
    time = float(sample.to_world(position)[0])
    current: Window | None = st.session_state.get(WINDOW)
    length = current.length if current else (4.0 if phone() else 10.0)
    length = min(length, sample.extent[0])
    if current is None or current.digest != sample.digest:
        return show(sample, time - length / 2, length)
    if not current.start <= time <= current.start + length:
        return show(sample, time - length / 2, length)
    return current


def show(sample: Sample, start: float, length: float) -> Window:
    """Make a stretch the current one, kept inside the record and between 0.2 s and 5 minutes."""
    length = float(min(max(length, 0.2), 300.0, sample.extent[0]))
    start = float(min(max(start, 0.0), sample.extent[0] - length))
    st.session_state[WINDOW] = Window(sample.digest, start, length)
    return st.session_state[WINDOW]


def go_to(sample: Sample, start: float, length: float) -> None:
    """Show a stretch and put the position in its middle when it lies outside."""
    shown = show(sample, start, length)
    position = state.view().position
    time = float(sample.to_world(position)[0]) if position else -1.0
    if not shown.span[0] <= time <= shown.span[1]:
        middle = shown.start + shown.length / 2
        state.change(position=(float(sample.to_index([middle])[0]),))


def window_controls(sample: Sample, current: Window, key: str) -> None:
    """Length of the window, one step back and one ahead, and its start as a number."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
        offered = LENGTHS[:-1] if phone() else LENGTHS  # a phone's row has no room for more
        lengths = [s for s in offered if s <= max(sample.extent[0], LENGTHS[0])]
        chosen = st.segmented_control(
            "Window length",
            lengths,
            default=current.length if current.length in lengths else None,
            format_func=lambda s: f"{s} s",
            key=f"{key}-length-{current.length}",
            label_visibility="collapsed",
        )
        if chosen and chosen != current.length:
            middle = current.start + current.length / 2
            go_to(sample, middle - chosen / 2, chosen)
            st.rerun()
        for icon, way in ((":material/chevron_left:", -1), (":material/chevron_right:", 1)):
            st.button(
                "",
                icon=icon,
                key=f"{key}{way}",
                type="tertiary",
                help="One window back" if way < 0 else "One window ahead",
                on_click=go_to,
                args=(sample, current.start + way * current.length, current.length),
            )
