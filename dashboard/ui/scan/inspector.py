"""Beside and under the picture: what is read from a scan, and how it is looked at."""

import streamlit as st

from dashboard.ui.scan.answer import show_placed
from dashboard.ui.scan.looking import pick_looking
from dashboard.ui.scan.measuring import show_labels, show_region
from dashboard.ui.scan.overlay_choice import pick_overlay
from dashboard.ui.scan.place import Place
from dashboard.ui.scan.readout import show_readout
from dashboard.ui.scan.windowing import pick_window, show_histogram


def show_inspector(place: Place) -> None:
    """Readout, window, what lies over the scan, and how the planes are cut."""
    if not place.phone:  # there it is the fourth of the tiles
        show_readout(place)
    pick_window(place)
    pick_overlay(place)
    show_placed(place)
    pick_looking(place)


def show_numbers(place: Place) -> None:
    """The histogram of the scan beside the numbers of a region."""
    values, numbers = st.columns([1.7, 1], gap="medium")
    with values.container(gap="xsmall"):
        show_histogram(place)
    with numbers.container(gap="xsmall"):
        show_region(place)
        show_labels(place)
