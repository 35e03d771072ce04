"""Beside the picture: readout, window, slab, overlay, region, and the network's placed answer."""

import streamlit as st

from dashboard.ui.scan.answer import show_placed
from dashboard.ui.scan.looking import pick_looking
from dashboard.ui.scan.measuring import show_labels, show_region
from dashboard.ui.scan.overlay_choice import pick_overlay
from dashboard.ui.scan.place import Place
from dashboard.ui.scan.readout import show_readout
from dashboard.ui.scan.windowing import pick_window


def show_inspector(place: Place) -> None:
    """Everything that is read from the scan or chosen about its look."""
    if not place.phone:  # there it is the fourth of the tiles
        show_readout(place)
    pick_window(place)
    show_placed(place)
    show_region(place)
    with st.container(gap="xsmall"):
        pick_overlay(place)
        show_labels(place)
    pick_looking(place)
