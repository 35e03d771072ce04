"""Edits of beats in the session, without a browser."""

import re

from streamlit.testing.v1 import AppTest


def script() -> None:
    """A run of a page: the same file is loaded again each time, and buttons edit its beats."""
    import numpy as np
    import streamlit as st

    from dashboard.analysis.beat_edits import Delete, Relabel, certain_beats, start
    from dashboard.data.sample import Marks, Sample
    from dashboard.ui import state
    from dashboard.ui.ecg import edited

    marks = Marks("atr", np.array([100, 350]), ("N", "V"))
    ecg = np.zeros((2, 500), np.float32)
    sample = Sample(
        ecg, "r", "ecg", ("I", "II"), ("mV", "mV"), "s", sampling_rate=250.0, annotations=(marks,)
    )
    key = (state.add_upload(sample), "ecg-beats", 0)
    edits = start(certain_beats(np.array([100, 350]), np.array([0, 2])), 500)
    if st.button("relabel"):
        edited.keep(key, edited.NETWORK, edits.do(Relabel(350, "S")))
    if st.button("start from atr"):
        edited.keep(key, "atr", edits)
    if st.button("undo"):
        edited.keep(key, edited.NETWORK, edited.book(key).histories[edited.NETWORK].undo())
    if st.button("delete from atr"):
        edited.keep(key, "atr", edits.do(Delete(100)))
    found = edited.in_force(key)
    st.text(f"{edited.row_name(key)}|{edited.words(key)}|{edited.version(key) != ''}")
    st.text(edited.words((key[0], key[1], 1)) or "the other lead is untouched")
    if found:
        follow = edited.followers(key, found, sample)
        assert edited.followers(key, found, sample) is follow
        st.text(f"{follow.rhythm.counts} {follow.compared.differs.tolist()}")


def texts(app: AppTest) -> list[str]:
    assert not app.exception
    return [element.value for element in app.text]


def press(app: AppTest, word: str) -> list[str]:
    next(b for b in app.button if b.label == word).click()
    return texts(app.run())


def test_edits_outlive_another_upload_of_the_file_and_what_follows_them_is_fresh(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("CONVSCOPE_STATE", str(tmp_path))
    app = AppTest.from_function(script, default_timeout=30).run()
    assert texts(app) == ["net||False", "the other lead is untouched"]
    shown = press(app, "relabel")
    assert shown[0] == "edit| · **edited (1)**|True"
    assert shown[2].endswith("[False, True]")
    assert "'S': 1" in shown[2]
    assert texts(app.run()) == shown
    shown = press(app, "start from atr")
    assert shown[0] == "file| · **beats of atr**, not edited|True"
    assert "'V': 1" in shown[2]
    assert shown[2].endswith("[False, False]")
    assert re.search(r"'N': 0.*\[True, False\]", press(app, "delete from atr")[2])
    assert press(app, "undo")[0] == "net||False"
    other = AppTest.from_function(script, default_timeout=30).run()
    assert texts(other)[0] == "net||False"
