"""The whole ECG: counts, heart rate, RR, and the strip that chooses a window."""

import numpy as np
import streamlit as st

from dashboard.figures.clock import clock
from dashboard.figures.overview import chosen_window, ecg_overview
from dashboard.ui import panels
from dashboard.ui.answers import MARKS
from dashboard.ui.ecg.heart import Heart
from dashboard.ui.ecg.quality import quality_strip
from dashboard.ui.window import go_to, window
from dashboard.ui.words import thousands

CLASS_NAMES = {
    "N": "normal",
    "S": "supraventr.",
    "V": "ventricular",
    "F": "fusion",
    "Q": "unknown",
}


def show_numbers(heart: Heart) -> None:
    """Counts per class, heart rate and RR."""
    rhythm = heart.rhythm
    with st.grid(8, min_column_width=104):
        for name, words in CLASS_NAMES.items():
            st.metric(f"{MARKS[name]} {name} {words}", thousands(rhythm.counts[name]))
        st.metric("heart rate", _number(rhythm.heart_rate, "bpm"))
        st.metric("RR median", _number(rhythm.rr_median, "ms"))
        low, high = rhythm.rr_low, rhythm.rr_high
        spread = "–" if np.isnan(low) else f"{low:.0f}–{high:.0f} ms"
        st.metric("RR 5 to 95 %", spread)


def _number(value: float, unit: str) -> str:
    return "–" if np.isnan(value) else f"{value:.0f} {unit}"


def show_overview(heart: Heart) -> None:
    """The whole record; dragging a box chooses the window."""
    shown = window(heart.sample, heart.position)
    panels.head(
        "Whole record",
        "heart rate, where S, V and F beats are, signal quality; drag to choose a window",
    )
    length = heart.sample.extent[0]
    figure = ecg_overview(
        heart.rhythm.times,
        heart.rhythm.symbols,
        heart.rhythm.rates,
        shown.span,
        duration=length,
        theme=heart.theme,
        quality=quality_strip(heart),
        phone=heart.phone,
    )

    def boxed(key: str) -> None:
        boxes = st.session_state[key].selection.box
        if boxes:
            start, end = chosen_window(boxes[-1], length)
            go_to(heart.sample, start, max(end - start, 2.0))

    alt = f"Heart rate over {clock(length)}, median {_number(heart.rhythm.heart_rate, 'bpm')}."
    panels.chart(figure, "overview", heart.theme, alt, on_select=boxed, selection_mode="box")
