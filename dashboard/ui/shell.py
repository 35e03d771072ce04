"""What surrounds every page: settings, style, files from the command line, the footer."""

import json
import os
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import streamlit as st

from dashboard.ui import uploads
from dashboard.ui.components.eye import eye, shown_theme

FOLDER = Path(__file__).parent
LATER = "later"  # session key: what this run still has to do
DISCLAIMER = "Research and teaching; not a medical device."
STYLE = """<style>
.stMainBlockContainer {padding-left: clamp(1rem, 2.2vw, 2.25rem);
 padding-right: clamp(1rem, 2.2vw, 2.25rem)}
[class*="st-key-save-"] button, [class*="st-key-save-"] .stDownloadButton,
[class*="st-key-tight-"] button {min-height: 0; padding-top: 0; padding-bottom: 0}
</style>"""


def set_up() -> None:
    """Page settings, logo and the two style rules the theme options cannot express."""
    st.session_state.pop(LATER, None)  # of a run that was interrupted
    st.set_page_config(page_title="ConvScope", page_icon=str(FOLDER / "icon.png"), layout="wide")
    st.logo(str(FOLDER / "logo.svg"), size="medium")
    st.html(STYLE)


def theme_name() -> str:
    """ "light" or "dark": what the browser shows, as the eye component last saw it."""
    return shown_theme()


def phone() -> bool:
    """Whether the browser says it runs on a phone (known on the first run already)."""
    return "Mobi" in st.context.headers.get("User-Agent", "")


def footer() -> None:
    """The disclaimer of every page, and the unseen watcher of the theme."""
    with st.container(horizontal=True):
        st.markdown(f":gray[:small[{DISCLAIMER}]]")
        eye()
    _warm_up()


def stop() -> None:
    """End a page early, with the footer that every page has."""
    footer()
    st.stop()


def open_command_line_files() -> None:
    """Load once what `python -m dashboard open FILE...` named; only the local user sets it."""
    named = os.environ.get("CONVSCOPE_OPEN")
    if not named or st.session_state.get("opened"):
        return
    st.session_state["opened"] = True
    uploads.open_into_session(json.loads(named))


def later(task: Callable[[], None]) -> None:
    """Run `task` at the end of this run of the script, when the whole page has been drawn."""
    st.session_state[LATER] = task


def run_later() -> None:
    """What `later` was given in this run."""
    if task := st.session_state.pop(LATER, None):
        task()


def wait_for_torch() -> None:
    """Until the import behind the first paint has ended."""
    _warm_up().join()


@st.cache_resource(show_spinner=False)
def _warm_up() -> threading.Thread:
    """Import torch after the first paint, so that the first answer does not wait for it."""
    thread = threading.Thread(target=import_module, args=("dashboard.ui.cache",), daemon=True)
    thread.start()
    return thread
