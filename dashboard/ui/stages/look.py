"""How the explorer shows a channel of a scan: in planes or in space, smoothed, with its grid."""

from dataclasses import dataclass, replace

import streamlit as st

from dashboard.figures.native_grid import MOST_LINES
from dashboard.ui.scene import Scene

LOOK = "stage-look"  # session key


@dataclass(frozen=True)
class Look:
    """`shown` in "planes" or as "surface"; over planes `smooth` between units, `grid` around."""

    shown: str = "planes"
    smooth: bool = False
    grid: bool = False


PLAIN = Look()


def current_look() -> Look:
    """The look chosen last in this session."""
    return st.session_state.get(LOOK, PLAIN)


def pick_details(scene: Scene) -> Look:
    """For planes whether units are smoothed and outlined; the current look."""
    look = current_look()
    if look.shown == "planes":
        fine = max(scene.layer.maps.shape[1:]) > MOST_LINES
        _toggle(look, "smooth", "Linear between the units instead of the nearest one")
        _toggle(look, "grid", "Units too fine to be outlined" if fine else "Borders of units", fine)
    return look


def pick_shown(look: Look) -> None:
    """The switch between planes and surface."""
    st.segmented_control(
        "Channel shown in",
        ("planes", "surface"),
        default=look.shown,
        required=True,
        key="look-shown",
        on_change=_keep,
        args=("shown",),
        label_visibility="collapsed",
    )


def _toggle(look: Look, name: str, text: str, disabled: bool = False) -> None:
    key = f"look-{name}"
    value = getattr(look, name)
    st.toggle(name, value, key=key, help=text, disabled=disabled, on_change=_keep, args=(name,))


def _keep(name: str) -> None:
    st.session_state[LOOK] = replace(current_look(), **{name: st.session_state[f"look-{name}"]})
