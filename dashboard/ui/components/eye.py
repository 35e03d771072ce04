"""Knows whether the page is dark or light, also after a switch in the menu; lets taps be clicks."""

from pathlib import Path

import streamlit as st

FOLDER = Path(__file__).parent

_view = st.components.v2.component(
    "convscope_eye",
    html='<span class="eye" aria-hidden="true"></span>',
    css=".eye { color: var(--st-text-color); transition: color 1ms; display: block; height: 0; }",
    js=(FOLDER / "eye.js").read_text(encoding="utf-8"),
)


def eye(key: str = "eye") -> str:
    """Mount the eye (once, in the footer); returns "dark" or "light"."""
    theme = shown_theme(key)
    result = _view(
        key=key,
        data={"theme": theme},
        default={"theme": theme},
        on_theme_change=lambda: None,
        height=1,
    )
    return result.theme


def shown_theme(key: str = "eye") -> str:
    """What the eye saw last; before its first look, what the browser asked for."""
    seen = st.session_state.get(key)
    return (seen and seen.get("theme")) or st.context.theme.type or "light"
