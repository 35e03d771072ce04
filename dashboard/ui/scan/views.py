"""The ways a scan is shown: one at a time, in the order of the switch above them."""

from collections.abc import Callable

import streamlit as st

from dashboard.ui.scan.niivue import show_niivue
from dashboard.ui.scan.place import Place
from dashboard.ui.scan.planes import show_planes
from dashboard.ui.scan.rendered import show_volume
from dashboard.ui.scan.solid import show_surface
from dashboard.ui.scan.whole import show_whole

VIEWS: tuple[tuple[str, Callable[[Place], None]], ...] = (
    ("Planes", show_planes),
    ("Surface", show_surface),
    ("Volume", show_volume),
    ("Whole scan", show_whole),
    ("NiiVue", show_niivue),
)


def pick_view() -> Callable[[Place], None]:
    """The switch above the picture, absent while there is only one way; the chosen one draws."""
    titles = [title for title, _ in VIEWS]
    if len(titles) == 1:
        return VIEWS[0][1]
    chosen = st.segmented_control(
        "View",
        titles,
        default=titles[0],
        required=True,
        key="scan-view",
        label_visibility="collapsed",
    )
    return dict(VIEWS)[chosen]
