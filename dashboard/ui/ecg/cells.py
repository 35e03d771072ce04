"""A confusion matrix beside the beats behind its numbers: a click goes to the next such beat."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from dashboard.analysis.ec57 import Outcomes
from dashboard.figures.confusion import clicked_cell, confusion_matrix
from dashboard.ui import panels, state
from dashboard.ui.ecg.heart import Heart
from dashboard.ui.words import thousands
from models.records import AAMI

NEAR = 0.5  # samples: closer to the position than this is the position itself


def show_cells(
    heart: Heart,
    outcomes: Outcomes,
    key: str,
    titles: tuple[str, str],
    counts: np.ndarray | None = None,
) -> str:
    """The matrix of `outcomes` (or `counts`, gross), and steps through the beats of a cell.

    `titles` name rows and columns. Returns the key its chart was drawn under.
    """
    counts = outcomes.scores.confusion if counts is None else counts
    memory = f"{key}-cell"
    chosen: tuple[int, int] | None = st.session_state.get(memory)
    figure = confusion_matrix(
        counts,
        theme=heart.theme,
        rows=(*AAMI, "extra"),
        columns=(*AAMI, "missed"),
        titles=titles,
        chosen=chosen,
        phone=heart.phone,
    )

    def clicked(chart_key: str) -> None:
        point = panels.selected_point(chart_key)
        if point is not None:  # nothing is selected after a second click on the same cell
            st.session_state[memory] = clicked_cell(point)
        if memory in st.session_state:
            _step(heart, outcomes, st.session_state[memory], 1)

    right = int(np.trace(counts[: len(AAMI), : len(AAMI)]))
    alt = f"{thousands(right)} of {thousands(int(counts.sum()))} beats have the same class in both."
    drawn = panels.chart(figure, key, heart.theme, alt, on_select=clicked)
    if chosen is None:
        st.markdown(":gray[:small[Click a number to go through its beats.]]")
    else:
        _steps(heart, outcomes, chosen, key, titles)
    return drawn


def places_of(outcomes: Outcomes, cell: Sequence[int]) -> np.ndarray:
    """Where the beats of a cell lie, in samples, in order."""
    return outcomes.places[(outcomes.rows == cell[0]) & (outcomes.columns == cell[1])]


def next_place(places: np.ndarray, position: float, way: int) -> float | None:
    """The next of the sorted `places` after `position`, or before it (`way` -1), round the end."""
    if not len(places):
        return None
    if way > 0:
        at = int(np.searchsorted(places, position + NEAR, side="right"))
        return float(places[at % len(places)])
    return float(places[int(np.searchsorted(places, position - NEAR, side="left")) - 1])


def _step(heart: Heart, outcomes: Outcomes, cell: Sequence[int], way: int) -> None:
    place = next_place(places_of(outcomes, cell), heart.position[0], way)
    if place is not None:
        state.change(position=(place,))  # the window follows


def _steps(
    heart: Heart, outcomes: Outcomes, cell: tuple[int, int], key: str, titles: tuple[str, str]
) -> None:
    """Which beat of how many this is, with one step back and one ahead."""
    places = places_of(outcomes, cell)
    at = np.flatnonzero(np.abs(places - heart.position[0]) <= NEAR)
    row, column = ((*AAMI, "none")[index] for index in cell)
    which = f"{at[0] + 1} of " if len(at) else ""
    count = f"{which}{thousands(len(places))} in this record"
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", key=f"{key}-steps"
    ):
        words = f"{titles[0]} **{row}**, {titles[1]} **{column}**: {count}"
        st.markdown(f":small[{words}]")
        for icon, way in ((":material/chevron_left:", -1), (":material/chevron_right:", 1)):
            st.button(
                "",
                icon=icon,
                key=f"{key}-step{way}",
                type="tertiary",
                disabled=not len(places),
                help="The one before" if way < 0 else "The next one",
                on_click=_step,
                args=(heart, outcomes, cell, way),
            )
