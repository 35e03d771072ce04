"""A panel: head line, figure, caption with its downloads; the same under every figure."""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from dashboard.figures.drawing import Figure
from dashboard.figures.theme import Theme
from dashboard.ui.components.save import save

CONFIG = {"displayModeBar": False, "scrollZoom": False, "doubleClick": "reset"}


@dataclass(frozen=True)
class Download:
    """A word under a figure: `make()` gives the bytes when it is pressed."""

    word: str
    file_name: str
    mime: str
    make: Callable[[], bytes]


def head(title: str, rest: str = "") -> None:
    """A panel's head: the name in bold, its plain half behind it."""
    st.markdown(f"**{title}** :gray[{rest}]" if rest else f"**{title}**")


def chart(
    figure: Figure,
    key: str,
    theme: Theme,
    alt: str,
    on_select: Callable[[str], None] | None = None,
    selection_mode: str = "points",
) -> str:
    """Draw a Plotly figure; returns the key it was drawn under (the theme is part of it).

    `on_select(key)` runs when something is clicked or boxed; the selection is then in session
    state under that key.
    """
    full = f"{key}-{theme.name}"
    if on_select is None:
        st.plotly_chart(figure, key=full, theme="streamlit", config=CONFIG, alt=alt)
    else:
        st.plotly_chart(
            figure,
            key=full,
            theme="streamlit",
            config=CONFIG,
            alt=alt,
            selection_mode=selection_mode,
            on_select=lambda: on_select(full),
        )
    return full


def caption(
    text: str,
    key: str,
    downloads: tuple[Download, ...] = (),
    chart_key: str | None = None,
    saver: Callable[[str, str], None] = save,
) -> None:
    """The row under a figure: what was drawn and how, then the words that save it.

    `saver(chart_key, name)` draws those that the browser makes from the chart itself.
    """
    with st.container(horizontal=True, key=f"save-{key}", vertical_alignment="center"):
        st.markdown(f":gray[:small[{text}]]")
        st.space("stretch")
        if chart_key:
            saver(chart_key, key)
        for item in downloads:
            st.download_button(
                item.word,
                item.make,
                item.file_name,
                item.mime,
                key=f"save-{key}-{item.word}",
                type="tertiary",
                on_click="ignore",
            )


def npz(**arrays: np.ndarray) -> bytes:
    """Arrays as the bytes of a compressed .npz."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def csv_of(matrix: np.ndarray) -> bytes:
    """A matrix as CSV bytes, nine significant digits."""
    buffer = io.StringIO()
    np.savetxt(buffer, matrix, delimiter=",", fmt="%.9g")
    return buffer.getvalue().encode()


def selected_point(key: str) -> dict | None:
    """The last point clicked on a chart, as Plotly reports it (x, y, ...)."""
    points = st.session_state[key].selection.points
    return points[-1] if points else None


def selected_box(key: str) -> tuple[float, float] | None:
    """The x range of the last box drawn on a chart, low first."""
    boxes = st.session_state[key].selection.box
    if not boxes:
        return None
    low, high = sorted(float(x) for x in boxes[-1]["x"][:2])
    return low, high
