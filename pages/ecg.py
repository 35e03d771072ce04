"""ECG: a record, its beats found and named, on paper and in numbers."""

import streamlit as st

from dashboard.ui import state
from dashboard.ui.ecg.heart import make_heart
from dashboard.ui.ecg.overview import show_numbers, show_overview
from dashboard.ui.ecg.paper import default_leads, show_paper
from dashboard.ui.ecg.table import show_table
from dashboard.ui.ecg.workbench import show_workbench
from dashboard.ui.pickers import pick_lead, pick_sample
from dashboard.ui.texts import explain
from dashboard.ui.words import sample_facts

with st.spinner("Finding the beats …", show_time=True):
    heart = make_heart(state.view())

with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    pick_sample(heart.sample, kind="ecg")
    st.markdown(f":gray[:small[{sample_facts(heart.sample)}]]")
    pick_lead(heart.sample, heart.lead)
    st.markdown(f":gray[:small[one pass: {heart.source}]]")
    st.space("stretch")
    with st.popover("Leads shown", type="tertiary"):
        names = list(heart.sample.channels)
        st.multiselect("Leads on the paper", names, default_leads(heart), key="leads-shown")
    st.page_link(
        "../pages/explorer.py", label="Open in the layer explorer", icon=":material/layers:"
    )

if heart.answer.reasons:
    st.warning("; ".join(heart.answer.reasons), icon=":material/info:")
show_numbers(heart)
show_overview(heart)
paper, table = st.columns([3.1, 1], gap="medium")
with paper.container(gap="xsmall"):
    show_paper(heart)
with table.container(gap="xsmall"):
    show_table(heart)
show_workbench(heart)

explain("ecg")
state.share(state.view())
