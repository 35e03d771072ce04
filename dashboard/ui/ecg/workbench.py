"""What can be done with the beats of an ECG: one panel at a time under the paper."""

from collections.abc import Callable

import streamlit as st

from dashboard.ui.ecg.heart import Heart
from dashboard.ui.ecg.quality import show_quality

PANELS: dict[str, Callable[[Heart], None]] = {
    "Quality": show_quality,
}


def show_workbench(heart: Heart) -> None:
    """The panels by name; only the chosen one is computed."""
    if not PANELS:
        return
    names = list(PANELS)
    chosen = st.segmented_control("Workbench", names, default=names[0], key="ecg-workbench")
    PANELS[chosen or names[0]](heart)
