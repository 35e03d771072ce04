"""The inspector of Why: the other answers, the map in numbers, its strongest places."""

from functools import partial

import numpy as np
import streamlit as st

from dashboard.analysis import explain
from dashboard.figures.histograms import histogram, histogram_bar
from dashboard.ui import panels, state
from dashboard.ui.reasons.reason import Reason, random_likeness, spoken
from dashboard.ui.words import literal, position_text, relative, signed

CENTRE = {2: "in the central quarter", 3: "in the central eighth"}
MOST = 5  # answers and places listed
TESTED = "why-tested"  # session key: maps that were compared with random weights


def show_facts(reason: Reason) -> None:
    """Answers to choose from, the map's values, where it is strongest, and a sanity check."""
    _answers(reason)
    _values(reason)
    _places(reason)
    _sanity(reason)


def _answers(reason: Reason) -> None:
    asked = reason.asked
    panels.head("Answers", "logit; click to explain another")
    order = np.argsort(-asked.logits, kind="stable")[:MOST]
    with st.container(key="tight-why-answers", gap="xxsmall"):
        for row in order:
            name = asked.names[row]
            words = literal(spoken(name, asked))
            words = f"**{words}**" if name == reason.found.answer else words
            st.button(
                f"{words} `{relative(float(asked.logits[row]))}`",
                key=f"why-answer-{row}",
                type="tertiary",
                on_click=partial(state.change, answer=name),
            )


def _values(reason: Reason) -> None:
    values = reason.found.map.values
    shares = explain.mass(reason.found)
    panels.head("Map", f"sum {relative(float(values.sum()))}")
    text = f":gray[speaks for it] `{_percent(shares.positive)}`"
    if reason.local and reason.scene.sample.dim > 1:
        text += f" :gray[{CENTRE[reason.scene.sample.dim]}] `{_percent(shares.central)}`"
    st.markdown(text)
    figure = histogram_bar(
        histogram(reason.over.values, reason.over.clip), theme=reason.scene.theme
    )
    panels.chart(figure, "why-histogram", reason.scene.theme, f"Histogram of {reason.over.title}.")


def _percent(share: float) -> str:
    return "–" if np.isnan(share) else f"{100 * share:.0f} %"


def _places(reason: Reason) -> None:
    sample = reason.scene.sample
    found = explain.peaks(reason.found, sample.shape, MOST)
    panels.head("Strongest places", "click to go there" if found else "nothing speaks for it")
    with st.container(key="tight-why-peaks", gap="xxsmall"):
        for row, peak in enumerate(found):
            st.button(
                f"{position_text(sample, peak.position)} `{relative(peak.value)}`",
                key=f"why-peak-{row}",
                type="tertiary",
                on_click=partial(state.change, position=peak.position),
            )


def _sanity(reason: Reason) -> None:
    """The rank correlation with the map of a network that has learned nothing, on request."""
    tested = st.session_state.setdefault(TESTED, set())
    if reason.key not in tested:
        st.button(
            "Compare with random weights",
            key="why-sanity",
            type="tertiary",
            icon=":material/shuffle:",
            on_click=tested.add,
            args=(reason.key,),
            help="How alike is the map of the same network before it learned anything?",
        )
        return
    likeness = random_likeness(reason.key)
    panels.head("Random weights", f"rank correlation `{signed(likeness)}`")
    st.markdown(":gray[:small[Near 1 or −1 the map would hardly depend on what was learned.]]")
