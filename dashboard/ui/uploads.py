"""Files from the browser to a sample of the session, with questions and refusals in words."""

from collections.abc import Mapping, Sequence

import streamlit as st

from dashboard.data import physionet
from dashboard.data.readers import FORMATS, ChoiceNeeded, UnreadableFile, open_files
from dashboard.ui import state
from dashboard.ui.words import literal

ROUND = "upload_round"
PENDING = "upload_pending"
REFUSAL = "upload_refusal"


def upload_box() -> bool:
    """The drop zone; True when a new sample has just been loaded.

    What was loaded before stays whatever happens. The uploader is renewed after each reading, so
    that the uploaded bytes do not stay in the server's memory.
    """
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("#### Your own file")
        way = st.segmented_control(
            "What to upload",
            ["files or zip", "folder"],
            default="files or zip",
            required=True,
            label_visibility="collapsed",
        )
        record = _ask_physionet()
    many = "directory" if way == "folder" else True
    turn = st.session_state.setdefault(ROUND, 0)
    files = st.file_uploader(
        "Drop an ECG record, an image or a scan", accept_multiple_files=many, key=f"files-{turn}"
    )
    st.markdown(
        ":gray[:small[A record of several files (.hea with .dat) goes in together. "
        "Formats and limits are in the table.]]"
    )
    if files:
        st.session_state[ROUND] = turn + 1
        named = sorted(((f.name, f.getvalue()) for f in files), key=lambda pair: pair[0])
        if open_into_session(named):
            return True
        st.rerun()
    if record:
        with st.spinner("Fetching from PhysioNet …", show_time=True):
            loaded = open_into_session([record])
        if loaded:
            return True
    return _ask() or _refuse()


def _ask_physionet() -> str:
    """A popover that asks for a record of PhysioNet; the reference just given, else ""."""
    with (
        st.popover("PhysioNet", type="tertiary", icon=":material/cloud_download:"),
        st.form("physionet", border=False),
    ):
        name = st.text_input("Database and record", placeholder="mitdb/100", max_chars=200)
        st.markdown(
            ":gray[:small[Fetched from physionet.org by the machine this app runs on. "
            "Open databases only.]]"
        )
        pressed = st.form_submit_button("Fetch")
    return f"{physionet.PREFIX}{name.strip()}" if pressed and name.strip() else ""


def open_into_session(files: Sequence, choices: Mapping[str, str] | None = None) -> bool:
    """Read files into a sample and make it current; on failure leave a question or a sentence.

    `files` are what `open_files` takes, or references to PhysioNet ("physionet:mitdb/100").
    """
    choices = dict(choices or {})
    st.session_state.pop(PENDING, None)
    st.session_state.pop(REFUSAL, None)
    try:
        files = physionet.expand(files)
        state.add_upload(open_files(files, choices))
    except ChoiceNeeded as question:
        st.session_state[PENDING] = (list(files), choices, question)
        return False
    except (UnreadableFile, state.StoreFull) as refusal:
        st.session_state[REFUSAL] = str(refusal)
        return False
    return True


def _ask() -> bool:
    """The open question of a file that does not say everything; True when answered well."""
    if PENDING not in st.session_state:
        return False
    files, choices, question = st.session_state[PENDING]
    with st.form("upload_question", border=True):
        st.markdown(f"**{question.question}**")
        if question.options:
            given = st.selectbox(question.key, question.options, label_visibility="collapsed")
        else:
            given = st.text_input(question.key, label_visibility="collapsed")
        answered = st.form_submit_button("Continue")
    if answered and given:
        if open_into_session(files, {**choices, question.key: given}):
            return True
        st.rerun()
    return False


def _refuse() -> bool:
    if REFUSAL in st.session_state:
        st.error(st.session_state[REFUSAL], icon=":material/block:")
        if state.uploads():
            st.markdown(f":gray[:small[Still loaded: {literal(state.uploads()[-1].name)}.]]")
    return False


def format_table() -> None:
    """Formats and limits, where the upload is."""
    rows = [{"": row.kind, "formats": row.formats, "limits": row.limits} for row in FORMATS]
    st.table(rows, border="horizontal", hide_header=True, hide_index=True)
