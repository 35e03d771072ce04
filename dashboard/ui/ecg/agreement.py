"""A second opinion beside the beats shown: another network, lead or annotator, and differences."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.analysis.agreement import (
    Named,
    Opinion,
    agreement,
    cohen_kappa,
    named_beats,
    named_marks,
    opinions,
)
from dashboard.analysis.ec57 import Outcomes
from dashboard.analysis.reference import annotators
from dashboard.figures.clock import clock
from dashboard.ui import cache, panels, state
from dashboard.ui.answers import MARKS
from dashboard.ui.ecg.cells import show_cells
from dashboard.ui.ecg.heart import Heart
from dashboard.ui.ecg.table import ROWS, chips
from dashboard.ui.words import literal, signed, thousands
from models import registry
from models.records import AAMI


def show_agreement(heart: Heart) -> None:
    """Agreement of the beats shown with a second opinion, and the list of differences."""
    model = heart.answer.spec.name
    offered = opinions(heart.sample, registry.specs(), model, heart.lead)
    with st.container(horizontal=True, vertical_alignment="center"):
        own = f"{model} · {literal(heart.sample.channels[heart.lead])}"
        panels.head("Agreement", f"of {own} with")
        if not offered:
            st.markdown(
                ":gray[nothing: this record has one lead and no annotations, and there is no "
                "second network that finds beats.]"
            )
            return
        titles = {opinion.title: opinion for opinion in offered}
        title = st.selectbox(
            "Second opinion",
            list(titles),
            key=f"opinion-{heart.sample.digest[:8]}-{heart.lead}",
            label_visibility="collapsed",
            width=260,
        )
    second = titles[title]
    both = agreement(named_beats(heart.beats), _beats_of(heart, second), heart.sample.sampling_rate)
    matrix, table, differing = st.columns([1.05, 1.05, 1.2], gap="medium")
    with matrix.container(gap="xsmall"):
        show_cells(heart, both, f"agreement-{title}", ("shown", "second"))
    with table.container(gap="xsmall"):
        _show_numbers(both)
    with differing.container(gap="xsmall"):
        _show_differences(heart, both, title)
    panels.caption(
        f"shown: {heart.source} (rows), second: {literal(second.title)} (columns) · paired one "
        "to one within 150 ms · Cohen's kappa (1960) over beats that both found · missed: only "
        "shown, extra: only second · choosing a row goes there",
        "agreement",
    )


def _beats_of(heart: Heart, second: Opinion) -> Named:
    if second.annotator:
        marks = next(m for m in annotators(heart.sample) if m.name == second.annotator)
        return named_marks(marks)
    with st.spinner("Finding the beats again …", show_time=True):
        answer = cache.answer(heart.sample.digest, second.model, second.lead, None)
    return named_beats(answer.prediction)


def _show_numbers(both: Outcomes) -> None:
    """Kappa and what each class has in common."""
    scores = both.scores
    counts = scores.confusion
    kappa = cohen_kappa(counts[: len(AAMI), : len(AAMI)])
    named, paired = int(np.trace(counts)), int(both.paired.sum())
    with st.container(horizontal=True):
        st.metric("Cohen's kappa", "–" if np.isnan(kappa) else signed(kappa, 3))
        st.metric("found by both", thousands(paired))
        st.metric("named alike", f"{100 * named / paired:.2f} %" if paired else "–")
    rows = []
    for index, name in enumerate(AAMI):
        f1 = scores.rates.f1[index]
        rows.append(
            {
                "": f"{MARKS[name]} {name}",
                "shown": thousands(int(counts[index].sum())),
                "second": thousands(int(counts[:, index].sum())),
                "F1 %": ":gray[–]" if np.isnan(f1) else f"{100 * f1:.2f}",
            }
        )
    st.table(rows, border="horizontal", hide_index=True)


def _show_differences(heart: Heart, both: Outcomes, title: str) -> None:
    """Beats that only one has, or that are named differently; choosing a row goes there."""
    differs = np.flatnonzero(both.rows != both.columns)
    more = f", first {ROWS}" if len(differs) > ROWS else ""
    panels.head("Differences", f"{thousands(len(differs))}{more}")
    at = differs[:ROWS]
    letters = (*AAMI, "")
    rows = pd.DataFrame(
        {"time": [clock(t / heart.sample.sampling_rate, 2) for t in both.places[at]]}
    )
    for name, classes in (("shown", both.rows), ("second", both.columns)):
        rows[name] = [[letters[k]] if letters[k] else [] for k in classes[at]]
    key = f"differences-{heart.sample.digest[:8]}-{title}-{len(differs)}"

    def chosen() -> None:
        picked = st.session_state[key].selection.rows
        if picked:
            state.change(position=(float(both.places[at[picked[0]]]),))

    st.dataframe(
        rows,
        hide_index=True,
        height=290,
        key=key,
        on_select=chosen,
        selection_mode="single-row",
        column_config={name: chips(heart.theme) for name in ("shown", "second")},
    )
