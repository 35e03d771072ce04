"""Home: what the app is, three one-click journeys, and the way in for a file of one's own."""

import streamlit as st

from dashboard.ui import state
from dashboard.ui.journeys import show_journeys
from dashboard.ui.texts import explain
from dashboard.ui.uploads import format_table, upload_box

st.title("See what a convolutional network sees")
st.markdown(
    "Drop in an ECG, an image, a CT or MR scan, and a trained network answers. "
    "Then walk through its layers: activations, receptive fields, Gram matrices."
)
show_journeys()

box, formats = st.columns([1, 1.6], gap="large")
with box:
    loaded = upload_box()
with formats:
    format_table()
if loaded:
    pages = {"ecg": "ecg.py", "image": "explorer.py", "volume": "scan.py"}
    st.switch_page(f"../pages/{pages[state.sample(state.view().sample).kind]}")

explain("home")
st.markdown(
    ":gray[:small[Uploads stay on this server, in a folder of your session that is removed when "
    "the session ends. Nothing is sent elsewhere; the name of a PhysioNet record goes to "
    "physionet.org when you ask for it.]]"
)
