"""A window of the ECG on paper, with its beats, tools and marks."""

import streamlit as st

from dashboard.figures.clock import clock
from dashboard.figures.signals import clicked_time, ecg_paper, samples_per_pixel
from dashboard.ui import cache, panels, state
from dashboard.ui.ecg.annotator_choice import pick_annotators
from dashboard.ui.ecg.beat_steps import step_buttons, step_words
from dashboard.ui.ecg.filter_choice import pick_filters
from dashboard.ui.ecg.heart import Heart
from dashboard.ui.ecg.measuring import calipers_drawn, measuring, pick_measuring, set_leg
from dashboard.ui.ecg.paper_leads import default_leads, layout_words, pick_layout, shown_leads
from dashboard.ui.ecg.printing import page_downloads
from dashboard.ui.window import window, window_controls
from dashboard.ui.words import literal

__all__ = ["default_leads", "show_paper"]


def show_paper(heart: Heart) -> None:
    """The window on ECG paper: leads, beats, the file's annotations, class probabilities."""
    sample = heart.sample
    shown = window(sample, heart.position)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="paper-tools"):
        words = step_words()
        span = f"{clock(shown.start)} to {clock(shown.span[1])}"
        panels.head("Window", f"{span} · {words}" if words else span)
        st.space("stretch")
        window_controls(sample, shown, "paper-window")
        step_buttons(heart, shown)
        layout = pick_layout(sample, shown)
        filters, before = pick_filters(sample.sampling_rate)
        marks = pick_annotators(heart, shown.span)
        pick_measuring(heart)
    leads = shown_leads(heart, shown, layout, filters, before)
    calipers, measured = calipers_drawn(heart, leads, filters)
    width = 340 if heart.phone else 970
    figure = ecg_paper(
        leads.leads,
        shown.span,
        theme=heart.theme,
        beats=heart.marks,
        reference=marks.reference,
        annotators=marks.annotators,
        rhythm=marks.rhythm,
        lanes=cache.lanes(
            *heart.key, cache.block_of(sample.digest, heart.answer.spec.name, heart.position)
        ),
        position=heart.position[0] / sample.sampling_rate,
        measuring=measuring(),
        calipers=calipers,
        width=width,
        phone=heart.phone,
    )
    inside = heart.marks.within(*shown.span)
    alt = f"{len(inside)} beats between {clock(shown.start)} and {clock(shown.span[1])}."

    def clicked(key: str) -> None:
        if measuring():
            set_leg(heart, leads, filters, key)
        else:
            _moved(key)

    key = panels.chart(figure, "paper", heart.theme, alt, on_select=clicked)
    per_pixel = samples_per_pixel(shown.span, sample.sampling_rate, width)
    told = [
        measured and f"**{literal(measured)}**",
        literal(layout_words(layout, sample, shown)),
        filters and f"drawn {filters.words}, zero phase; the network is fed the record as it is",
    ]
    if any(told):
        st.markdown(f":gray[:small[{' · '.join(words for words in told if words)}]]")
    text = f"25 mm/s, 10 mm/mV · {per_pixel:.1f} samples per px" + (
        ", min and max kept" if per_pixel > 1 else ""
    )
    panels.caption(
        f"{text} · below: class probability of each cell, 0 to 1 · {heart.source}",
        "paper",
        page_downloads(heart, shown, layout, filters, before),
        chart_key=key,
    )


def _moved(key: str) -> None:
    point = panels.selected_point(key)
    if point is not None:
        sample = state.sample(state.view().sample)
        state.change(position=(float(sample.to_index([clicked_time(point)])[0]),))
