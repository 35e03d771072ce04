"""The explorer's views of one scene: the maps of a layer, or why an answer was given."""

import streamlit as st

from dashboard.ui import panels, state
from dashboard.ui.inspector import show_inspector
from dashboard.ui.reasons.choices import pick_reason
from dashboard.ui.reasons.facts import show_facts
from dashboard.ui.reasons.reason import make_reason
from dashboard.ui.reasons.stage import show_map
from dashboard.ui.scene import Scene
from dashboard.ui.stage import show_stage

NAMES = {"maps": "Maps", "why": "Why"}
SHARES = [2.9, 1]  # of stage and inspector


def show_view(scene: Scene, view: state.View) -> None:
    """The view's choices, its stage and its inspector."""
    if view.show == "why":
        _why(scene, view)
        return
    _pick_view(view)
    stage, inspector = st.columns(SHARES, gap="medium")
    with stage.container(gap="xsmall"):
        show_stage(scene)
    with inspector.container(gap="xsmall"):
        show_inspector(scene)


def _why(scene: Scene, view: state.View) -> None:
    choices = st.container(horizontal=True, vertical_alignment="center", gap="small")
    with choices:
        _pick_view(view)
    with st.spinner("Explaining …", show_time=True):
        reason = make_reason(scene, view)
    if reason is None:
        panels.head("Why", "cannot be said of this layer: none up to it has places")
        return
    with choices:
        pick_reason(reason)
    stage, inspector = st.columns(SHARES, gap="medium")
    with stage.container(gap="xsmall"):
        show_map(reason)
    with inspector.container(gap="xsmall"):
        show_facts(reason)


def _pick_view(view: state.View) -> None:
    st.segmented_control(
        "View",
        list(NAMES),
        default=view.show if view.show in NAMES else "maps",
        format_func=NAMES.get,
        key="explorer-view",
        on_change=_change_view,
        required=True,
        label_visibility="collapsed",
    )


def _change_view() -> None:
    state.change(show=st.session_state["explorer-view"])
