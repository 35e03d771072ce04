"""Layer explorer: any layer of any network over any sample, one page for every rank."""

import streamlit as st

from dashboard.ui import state
from dashboard.ui.answers import show_answer
from dashboard.ui.inspector import show_inspector
from dashboard.ui.network import pick_layer, show_network
from dashboard.ui.pickers import pick_lead, pick_model, pick_position, pick_sample
from dashboard.ui.scene import make_scene
from dashboard.ui.stage import show_stage
from dashboard.ui.texts import explain

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
stage, inspector = st.columns([2.9, 1], gap="medium")
with stage.container(gap="xsmall"):
    show_stage(scene)
with inspector.container(gap="xsmall"):
    show_inspector(scene)

explain("explorer")
state.share(state.view())
