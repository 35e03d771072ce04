"""A window of the ECG on paper, with its beats."""

import streamlit as st

from dashboard.figures.beats import BeatMarks
from dashboard.figures.clock import clock
from dashboard.figures.signals import Lead, clicked_time, ecg_paper, samples_per_pixel
from dashboard.figures.thin import Series
from dashboard.ui import cache, panels, state
from dashboard.ui.ecg.heart import Heart
from dashboard.ui.window import Window, window, window_controls


def show_paper(heart: Heart) -> None:
    """The window on ECG paper: leads, beats, the file's annotations, class probabilities."""
    sample = heart.sample
    shown = window(sample, heart.position)
    with st.container(horizontal=True, vertical_alignment="center"):
        panels.head("Window", f"{clock(shown.start)} to {clock(shown.span[1])}")
        st.space("stretch")
        window_controls(sample, shown, "paper-window")
    compared = heart.compared
    reference = compared and BeatMarks(
        compared.positions / sample.sampling_rate, compared.symbols, differs=compared.differs
    )
    width = 340 if heart.phone else 970
    figure = ecg_paper(
        _leads(heart, shown),
        shown.span,
        theme=heart.theme,
        beats=heart.marks,
        reference=reference,
        lanes=cache.lanes(
            *heart.key, cache.block_of(sample.digest, heart.answer.spec.name, heart.position)
        ),
        position=heart.position[0] / sample.sampling_rate,
        width=width,
        phone=heart.phone,
    )
    inside = heart.marks.within(*shown.span)
    alt = f"{len(inside)} beats between {clock(shown.start)} and {clock(shown.span[1])}."
    key = panels.chart(figure, "paper", heart.theme, alt, on_select=_moved)
    per_pixel = samples_per_pixel(shown.span, sample.sampling_rate, width)
    text = f"25 mm/s, 10 mm/mV · {per_pixel:.1f} samples per px" + (
        ", min and max kept" if per_pixel > 1 else ""
    )
    panels.caption(
        f"{text} · below: class probability of each cell, 0 to 1 · {heart.source}",
        "paper",
        chart_key=key,
    )


def _leads(heart: Heart, shown: Window) -> list[Lead]:
    """The window's values of the leads chosen, the analysed one first."""
    sample, rate = heart.sample, heart.sample.sampling_rate
    first = max(0, int(shown.start * rate) - 1)
    last = int(shown.span[1] * rate) + 2
    chosen = st.session_state.get("leads-shown") or default_leads(heart)
    rows = [i for i, name in enumerate(sample.channels) if name in chosen] or [heart.lead]
    return [
        Lead(
            sample.channels[row],
            Series(first / rate, 1 / rate, sample.values((row, slice(first, last)))),
            first,
        )
        for row in rows
    ]


def default_leads(heart: Heart) -> list[str]:
    """The leads drawn at first: the one analysed and the next, or all where there are three."""
    names = list(heart.sample.channels)
    if len(names) <= 3 and not heart.phone:
        return names
    return [names[i] for i in sorted({heart.lead, (heart.lead + 1) % len(names)})]


def _moved(key: str) -> None:
    point = panels.selected_point(key)
    if point is not None:
        sample = state.sample(state.view().sample)
        state.change(position=(float(sample.to_index([clicked_time(point)])[0]),))
