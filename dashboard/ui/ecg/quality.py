"""How far the analysed lead can be trusted: indices per 10 s, gaps and flat stretches."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.analysis.quality_index import LEAST_KURTOSIS, LEAST_MATCH, LEVELS, Quality
from dashboard.figures.clock import clock
from dashboard.figures.overview import QualityStrip
from dashboard.figures.quality import IndexCurve, clicked_second, quality_curves
from dashboard.ui import panels
from dashboard.ui.ecg.heart import Heart
from dashboard.ui.ecg.paper_cache import lead_quality, lead_stretches
from dashboard.ui.window import go_to, window
from dashboard.ui.words import duration, literal, thousands

ROWS = 200  # stretches in the table at most


def quality_strip(heart: Heart) -> QualityStrip:
    """The analysed lead's quality for the overview."""
    rate = heart.sample.sampling_rate
    found, gaps = lead_quality(*heart.key), lead_stretches(heart.sample.digest, heart.lead)
    return QualityStrip(found.levels, found.seconds, gaps.starts / rate, gaps.ends / rate)


def show_quality(heart: Heart) -> None:
    """Shares of good, doubtful and bad; four indices over time; a table of what is not read."""
    found = lead_quality(*heart.key)
    shown = window(heart.sample, heart.position)
    lead = literal(heart.sample.channels[heart.lead])
    panels.head("Signal quality", f"of {lead}, every 10 s: {_shares(found)}")
    curves, table = st.columns([3.1, 1], gap="medium")
    with curves.container(gap="xsmall"):
        figure = quality_curves(
            index_curves(found),
            found.levels,
            found.seconds,
            shown.span,
            duration=heart.sample.extent[0],
            theme=heart.theme,
            phone=heart.phone,
        )

        def clicked(key: str) -> None:
            point = panels.selected_point(key)
            if point is not None:
                middle = clicked_second(point, heart.sample.extent[0])
                go_to(heart.sample, middle - shown.length / 2, shown.length)

        alt = f"Four indices of signal quality: {_shares(found)}."
        key = panels.chart(figure, "quality", heart.theme, alt, on_select=clicked)
        panels.caption(
            f"{lead} · match: how alike the beats are · bad: under {LEAST_MATCH} (Orphanidou 2015) "
            f"· doubtful: kSQI {LEAST_KURTOSIS:g} or less · a click moves the window",
            "quality",
            (panels.Download("CSV", "quality.csv", "text/csv", lambda: quality_csv(found)),),
            chart_key=key,
        )
    with table.container(gap="xsmall"):
        _show_stretches(heart, shown.length)


def index_curves(found: Quality) -> list[IndexCurve]:
    """The four indices with the ranges that are drawn, and the bounds that levels come from."""
    return [
        IndexCurve("match", found.match, (0.0, 1.0), LEAST_MATCH),
        IndexCurve("kSQI", found.kurtosis, (0.0, 30.0), LEAST_KURTOSIS),
        IndexCurve("pSQI", found.qrs_power, (0.0, 1.0), None),
        IndexCurve("basSQI", found.baseline, (0.0, 1.0), None),
    ]


def quality_csv(found: Quality) -> bytes:
    """start_s, match, kSQI, pSQI, basSQI and the level in words, one row per window."""
    table = pd.DataFrame(
        {
            "start_s": np.arange(len(found)) * found.seconds,
            "match": found.match,
            "kSQI": found.kurtosis,
            "pSQI": found.qrs_power,
            "basSQI": found.baseline,
            "level": [LEVELS[level] for level in found.levels],
        }
    )
    return table.to_csv(index=False, float_format="%.6g").encode()


def _shares(found: Quality) -> str:
    if not len(found):
        return "too short to be judged"
    counts = np.bincount(found.levels, minlength=3)
    return ", ".join(
        f"{100 * count / len(found):.0f} % {name}"
        for name, count in zip(LEVELS, counts, strict=True)
    )


def _show_stretches(heart: Heart, length: float) -> None:
    rate = heart.sample.sampling_rate
    found = lead_stretches(heart.sample.digest, heart.lead)
    lasting = (found.ends - found.starts) / rate
    words = f"{thousands(len(found))}, {duration(float(lasting.sum()))}" if len(found) else "none"
    panels.head("Gaps, flat, saturated", words)
    if not len(found):
        return
    starts = found.starts[:ROWS] / rate
    rows = pd.DataFrame(
        {
            "from": [clock(start, 2) for start in starts],
            "lasts s": np.round(lasting[:ROWS], 2),
            "what": found.kinds[:ROWS],
        }
    )
    key = f"stretches-{heart.sample.digest[:8]}-{heart.lead}"

    def picked() -> None:
        chosen = st.session_state[key].selection.rows
        if chosen:
            middle = starts[chosen[0]] + lasting[chosen[0]] / 2
            go_to(heart.sample, float(middle) - length / 2, length)

    options = {"on_select": picked, "selection_mode": "single-row", "hide_index": True}
    st.dataframe(rows, key=key, height=min(250, 35 * len(rows) + 38), **options)
