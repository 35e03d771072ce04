"""How the planes are cut and turned: convention, slab, exact pixels."""

import streamlit as st

from dashboard.figures.slabs import PROJECTIONS
from dashboard.figures.volumes import CONVENTIONS
from dashboard.ui.scan import settings
from dashboard.ui.scan.place import Place

MOST_SLAB = 50.0  # mm
SHORT = {"maximum": "MIP", "minimum": "MinIP", "mean": "mean"}


def pick_looking(place: Place) -> None:
    """Which side is left, one slice or a slab of them, and how exact pictures travel."""
    chosen = place.settings

    def keep(name: str) -> None:
        settings.change(**{name: st.session_state[f"scan-{name}"]})

    st.segmented_control(
        "Left and right",
        CONVENTIONS,
        default=chosen.convention,
        required=True,
        key="scan-convention",
        on_change=keep,
        args=("convention",),
        help="Neurological: left on the left. Radiological: seen from the feet, mirrored.",
    )
    st.slider(
        "Slab (mm)",
        0.0,
        MOST_SLAB,
        chosen.slab,
        1.0,
        key="scan-slab",
        format="%g",
        on_change=keep,
        args=("slab",),
        help="0: one slice. Else all slices within half of it on either side, as one picture.",
    )
    if chosen.slab:
        st.segmented_control(
            "Projection",
            PROJECTIONS,
            default=chosen.projection,
            format_func=SHORT.get,
            required=True,
            key="scan-projection",
            on_change=keep,
            args=("projection",),
            label_visibility="collapsed",
        )
    st.toggle(
        "Exact pixels",
        chosen.exact,
        key="scan-exact",
        on_change=keep,
        args=("exact",),
        help="Every voxel as PNG, several times the size. Readout and files are always exact.",
    )
