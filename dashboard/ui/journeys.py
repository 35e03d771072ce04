"""The home page's cards: three samples with a real answer, an activation and a Gram matrix.

Inputs are drawn at once; the networks run after the page, when torch has been imported behind the
first paint, so that the landing page waits for nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module

import numpy as np
import streamlit as st

from dashboard.figures.pictures import input_picture, value_window
from dashboard.figures.thin import Series
from dashboard.figures.volumes import plane
from dashboard.ui import shell, state
from dashboard.ui.cards import SECONDS, Glimpse
from dashboard.ui.components.scenes import signal_tile
from dashboard.ui.components.tiles import Mark, Tile, tiles

OPENED = "journey_opened"  # session key: a card was clicked, which the view already says


@dataclass(frozen=True)
class Journey:
    """A card: what it shows, and where "Look inside" leads."""

    key: str
    title: str
    icon: str
    facts: str
    underlay: Callable[["Journey"], tuple[tuple[bytes, ...], tuple[Mark, ...]]]
    aspect: float = 1.0
    dark: bool = True


def show_journeys() -> None:
    """Three cards; those whose network has not run yet get their pictures after the page."""
    if st.session_state.pop(OPENED, False):
        st.switch_page("../pages/explorer.py")
    for column, row in zip(st.columns(3, gap="medium"), JOURNEYS, strict=True):
        with column.container(border=True, gap="small"):
            _card(row, _glimpses().get(row.key))
    if _waiting():
        shell.later(_wake_next)


def _wake_next() -> None:
    """Run the network of the first card that waits, then draw the page again.

    No timer asks for this: a timer of a page that has just been left would empty the next one.
    """
    shell.wait_for_torch()
    glimpses = import_module("dashboard.ui.glimpses")  # imports torch
    if rows := _waiting():  # another session may have been quicker
        _glimpses()[rows[0].key] = glimpses.make_glimpse(rows[0].key)
    st.rerun()


def _waiting() -> list[Journey]:
    return [row for row in JOURNEYS if row.key not in _glimpses()]


@st.cache_resource(show_spinner=False)
def _glimpses() -> dict[str, Glimpse]:
    """Glimpses made so far, for every session of this server."""
    return {}


def _card(row: Journey, glimpse: Glimpse | None) -> None:
    st.markdown(f"{row.icon} **{row.title}** :gray[:small[{row.facts}]]")
    layers, marks = row.underlay(row)
    caption, small = "input", []
    if glimpse:
        layers, marks = glimpse.layers, glimpse.marks
        caption = f"{row.title.lower()} and channel {glimpse.view.channel}"
        small = [
            Tile("atlas", (glimpse.atlas,), left=f"{glimpse.channels} channels"),
            Tile("gram", (glimpse.gram,), left="Gram matrix"),
        ]
    big = Tile("input", layers, marks, left=caption, dark=row.dark, aspect=row.aspect, span=2)
    tiles(f"card-{row.key}", [big, *small], columns=3, narrow=3, on_click=lambda _: _open(row))
    with st.container(horizontal=True, vertical_alignment="center"):
        text = (
            f"{glimpse.answer} :gray[:small[{glimpse.model}]]" if glimpse else ":gray[waking up …]"
        )
        st.markdown(text)
        st.space("stretch")
        st.button(
            "Look inside",
            key=f"look-{row.key}",
            type="tertiary",
            icon=":material/arrow_forward:",
            icon_position="right",
            on_click=partial(_open, row),
        )


def _open(row: Journey) -> None:
    glimpse = _glimpses().get(row.key)
    st.session_state[state.VIEW] = glimpse.view if glimpse else state.View(sample=row.key)
    st.session_state[OPENED] = True


# What the cards show before their network has run


def _ecg_underlay(row: Journey) -> tuple[tuple[bytes, ...], tuple[Mark, ...]]:
    sample = state.sample(row.key)
    step = 1 / sample.sampling_rate
    lead = Series(0.0, step, sample.values((1, slice(0, int(SECONDS / step)))))
    silent = Series(0.0, SECONDS, np.zeros(2, np.float32))
    return (), signal_tile(row.key, lead, silent, 1.0).marks


def _digit_underlay(row: Journey) -> tuple[tuple[bytes, ...], tuple[Mark, ...]]:
    values = state.sample(row.key).values((0,))
    return (input_picture(values, value_window(values, 0, 100)),), ()


def _brain_underlay(row: Journey) -> tuple[tuple[bytes, ...], tuple[Mark, ...]]:
    sample = state.sample(row.key)
    view = plane("axial", sample.shape, sample.affine, np.array(sample.position))
    values = view.read(sample)
    return (input_picture(values, value_window(values)),), ()


JOURNEYS = (
    Journey("ecg", "ECG", ":material/ecg_heart:", "12 leads, computed", _ecg_underlay, dark=False),
    Journey("digit", "Digit", ":material/draw:", "8 × 8 px, scikit-learn", _digit_underlay),
    Journey("brain", "Scan", ":material/view_in_ar:", "T1 MR, 1 mm, MNI152", _brain_underlay),
)
