import streamlit as st

from dashboard.ui.uploads import upload_box

if upload_box():
    st.switch_page("../pages/explorer.py")
