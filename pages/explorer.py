"""Layer explorer: any layer of any network over any sample, one page for every rank."""

import streamlit as st

from dashboard.ui import state
from dashboard.ui.answers import show_answer
from dashboard.ui.network import pick_layer, show_network
from dashboard.ui.pickers import pick_lead, pick_model, pick_position, pick_sample
from dashboard.ui.scene import make_scene
from dashboard.ui.texts import explain
from dashboard.ui.views import show_view

with st.spinner("Running the network …", show_time=True):
    scene = make_scene(state.view())

with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    pick_sample(scene.sample)
    pick_lead(scene.sample, scene.lead)
    pick_model(scene.sample, scene.spec.name)
    pick_layer(scene)
    pick_position(scene.sample, scene.position)
    st.space("stretch")
    show_answer(scene)

show_network(scene)
show_view(scene, state.view())

explain("why" if state.view().show == "why" else "explorer")
state.share(state.view())
