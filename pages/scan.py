"""Scan: a volume in three linked planes, its values, and what a network says about it."""

import streamlit as st

from dashboard.ui import state
from dashboard.ui.pickers import pick_model, pick_position, pick_sample
from dashboard.ui.scan.answer import show_answer
from dashboard.ui.scan.inspector import show_inspector
from dashboard.ui.scan.place import make_place
from dashboard.ui.scan.views import pick_view
from dashboard.ui.texts import explain
from dashboard.ui.words import sample_facts

place = make_place(state.view())

with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    pick_sample(place.sample, kind="volume")
    st.markdown(f":gray[:small[{sample_facts(place.sample)}]]")
    pick_model(place.sample, place.spec.name)
    pick_position(place.sample, place.position)
    st.page_link(
        "../pages/explorer.py", label="Open in the layer explorer", icon=":material/layers:"
    )
    st.space("stretch")
    answer = st.container(width="content")

picture, inspector = st.columns([2.9, 1], gap="medium")
with picture.container(gap="xsmall"):
    draw = pick_view()
    draw(place)
with inspector.container(gap="small"):
    show_inspector(place)
with answer:
    show_answer(place)  # last: the planes do not wait for the network

explain("scan")
state.share(state.view())
