"""Long work shows a bar; what was cancelled stays cancelled until someone starts it again."""

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.ui.shell import LATER
from dashboard.ui.tasks import CANCELLED


def script() -> None:
    import streamlit as st

    from dashboard.ui.tasks import progress

    with progress("count", "Counting") as report:
        for step in range(3):
            report((step + 1) / 3)
    st.session_state["counted"] = st.session_state.get("counted", 0) + 1
    st.write("counted to three")


def test_work_runs_to_its_end_and_leaves_no_bar():
    app = AppTest.from_function(script).run()
    assert app.session_state["counted"] == 1
    assert [m.value for m in app.markdown] == ["counted to three"]
    assert not app.button


def test_cancelled_work_is_not_begun_until_started_again():
    app = AppTest.from_function(script)
    app.session_state[CANCELLED] = {"count"}
    app.run()
    assert "counted" not in app.session_state
    assert app.info[0].value == "Counting was cancelled."
    app.button[0].click().run()
    assert app.session_state["counted"] == 1


def quiet_script() -> None:
    import streamlit as st

    from dashboard.ui.tasks import progress, silently

    with silently(), progress("count", "Counting") as report:
        report(0.5)
    st.write("done")


def test_work_that_nobody_asked_for_runs_without_a_bar_and_cannot_be_cancelled():
    app = AppTest.from_function(quiet_script)
    app.session_state[CANCELLED] = {"count"}
    app.run()
    assert [m.value for m in app.markdown] == ["done"]
    assert not app.info


def later_script() -> None:
    import streamlit as st

    from dashboard.ui import shell

    shell.set_up()
    if "asked" in st.session_state:
        shell.later(lambda: st.write("done later"))
    st.write("page")
    shell.run_later()


def test_what_was_put_off_runs_after_its_own_page_and_not_after_another():
    app = AppTest.from_function(later_script)
    app.session_state[LATER] = lambda: pytest.fail("this run was interrupted before its end")
    app.run()
    assert [m.value for m in app.markdown] == ["page"]
    app.session_state["asked"] = True
    app.run()
    assert [m.value for m in app.markdown] == ["page", "done later"]
