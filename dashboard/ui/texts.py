"""Prose of a page, folded under the figures: written once in dashboard/texts."""

from pathlib import Path

import streamlit as st

FOLDER = Path(__file__).parent.parent / "texts"


def explain(name: str, title: str = "What this shows, and where it comes from") -> None:
    """The explanation of a page or a panel, closed until someone wants it."""
    with st.expander(title, icon=":material/menu_book:"):
        st.markdown((FOLDER / f"{name}.md").read_text())
