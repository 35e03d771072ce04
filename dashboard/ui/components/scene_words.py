"""Under a chart in space: the word that saves its view, and the keeper of how it was turned.

Streamlit makes a chart anew when its figure changes, which would turn it back to the start.
"""

from pathlib import Path

import streamlit as st

FOLDER = Path(__file__).parent

_words = st.components.v2.component(
    "scene_words",
    html='<span class="save"></span>',
    css=(FOLDER / "save.css").read_text(encoding="utf-8"),
    js=(FOLDER / "scene_words.js").read_text(encoding="utf-8"),
)


def save_scene(chart_key: str, name: str) -> None:
    """A button that saves the view of the chart with this key as NAME.png; keeps its turn."""
    data = {"chart": f"st-key-{chart_key}", "name": name}
    _words(key=f"scene-{chart_key}", data=data, width="content")
