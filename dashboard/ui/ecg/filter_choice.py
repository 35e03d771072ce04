"""The filters of the paper: drawn only, never fed to a network."""

import streamlit as st

from dashboard.analysis.signal_filters import BASELINE, LOW_PASS, MAINS, Filters


def pick_filters(sampling_rate: float) -> tuple[Filters, bool]:
    """A popover of filters; returns those that are on and whether the lead before them shows."""
    keep = {"persist_state": "session"}
    with st.popover("Filters", type="tertiary", help="Baseline, mains and low-pass, drawn only"):
        baseline = st.toggle(f"Baseline wander, below {BASELINE} Hz", key="filter-baseline", **keep)
        mains = _pick("Mains (notch)", MAINS, sampling_rate, "filter-mains")
        low_pass = _pick("Low-pass", LOW_PASS, sampling_rate, "filter-low-pass")
        before = st.toggle("Show before, pale (up to 60 s)", True, key="filter-before", **keep)
        st.markdown(
            ":gray[:small[Zero phase: no wave moves in time. Only what is drawn is filtered; the "
            "network is fed the record as it is.]]"
        )
    return Filters(baseline, mains, low_pass).possible(sampling_rate), before


def _pick(label: str, options: tuple[int, ...], sampling_rate: float, key: str) -> int:
    """One of the frequencies (Hz) that the sampling rate can hold, 0 for none."""
    offered = [0, *(f for f in options if f < 0.475 * sampling_rate)]
    chosen = st.segmented_control(
        label,
        offered,
        default=0,
        format_func=lambda f: f"{f} Hz" if f else "off",
        key=f"{key}-{len(offered)}",
        persist_state="session",
    )
    return chosen or 0
