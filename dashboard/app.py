"""Entry of the app: root on the path, page settings, navigation, run."""

import sys
from pathlib import Path

ROOT = str(Path(__file__).resolve().parent.parent)
if sys.path[0] != ROOT:
    sys.path.insert(0, ROOT)  # `streamlit run` puts dashboard/ first, which would hide packages

import streamlit as st  # noqa: E402  the path must be set first

from dashboard.navigation import PAGES  # noqa: E402
from dashboard.ui import shell  # noqa: E402

shell.set_up()
sections: dict[str, list] = {}
for row in PAGES:
    entry = st.Page(row.path, title=row.title, icon=row.icon, default=row is PAGES[0])
    sections.setdefault(row.section, []).append(entry)
current = st.navigation(sections, position="top")
shell.open_command_line_files()
current.run()
shell.footer()
shell.run_later()
