"""Words PNG and SVG that save the chart above them, drawn by the browser from the chart itself."""

from pathlib import Path

import streamlit as st

FOLDER = Path(__file__).parent

_save = st.components.v2.component(
    "save",
    html='<span class="save"></span>',
    css=(FOLDER / "save.css").read_text(),
    js=(FOLDER / "save.js").read_text(),
)


def save(chart_key: str, name: str) -> None:
    """Buttons that save the Plotly chart with this key as NAME.png (2x) and NAME.svg.

    The picture is made in the browser, so it shows the zoom on the screen and costs the server
    nothing.
    """
    data = {"chart": f"st-key-{chart_key}", "name": name}
    _save(key=f"saver-{chart_key}", data=data, width="content")
