"""What can be done with the beats of an ECG: one panel at a time under the paper."""

from collections.abc import Callable

import streamlit as st

from dashboard.ui.ecg.agreement import show_agreement
from dashboard.ui.ecg.edit import show_edit
from dashboard.ui.ecg.heart import Heart
from dashboard.ui.ecg.quality import show_quality
from dashboard.ui.ecg.report import show_report
from dashboard.ui.ecg.rhythm import show_rhythm
from dashboard.ui.ecg.shapes import show_shapes
from dashboard.ui.ecg.why import show_why

PANELS: dict[str, Callable[[Heart], None]] = {
    "Shapes": show_shapes,
    "Rhythm": show_rhythm,  # not first: its library takes over a second to import
    "Why": show_why,
    "Quality": show_quality,
    "Edit": show_edit,
    "Report": show_report,
    "Agreement": show_agreement,
}


def show_workbench(heart: Heart) -> None:
    """The panels by name; only the chosen one is computed."""
    chosen = st.segmented_control(
        "Workbench",
        list(PANELS),
        default=next(iter(PANELS)),
        required=True,
        key="ecg-workbench",
        label_visibility="collapsed",
    )
    PANELS[chosen](heart)
