"""The table of beats beside the paper."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.data.sample import Sample
from dashboard.data.writers.beats_csv import beat_annotations, beats_csv
from dashboard.figures.clock import clock
from dashboard.figures.theme import Theme
from dashboard.ui import panels, state
from dashboard.ui.ecg.heart import Heart
from dashboard.ui.window import Window, go_to, window
from dashboard.ui.words import thousands

ROWS = 400  # beats in the table at most: what follows the window


def show_table(heart: Heart) -> None:
    """Beats from the window on; choosing a row moves the window to it."""
    shown = window(heart.sample, heart.position)
    with st.container(horizontal=True, vertical_alignment="center"):
        doubtful = int(heart.unsure.sum())
        rest = f" · {thousands(doubtful)} unsure (?)" if doubtful else ""
        panels.head("Beats", thousands(len(heart.beats)) + rest)
        only = heart.compared is not None and st.toggle("differences only", key="only-differences")
    rows = beat_rows(heart, shown.start, only)
    columns = {name: chips(heart.theme) for name in (heart.row_name, "ref") if name in rows}
    key = f"beats-{heart.sample.digest[:8]}-{shown.start:.2f}-{only}-{heart.version}"
    st.dataframe(
        rows.drop(columns=["position"]),
        hide_index=True,
        height=380 if not heart.phone else 250,
        key=key,
        on_select=lambda: _chosen(key, heart.sample, rows["position"].to_numpy(), shown),
        selection_mode="single-row",
        column_config=columns,
    )
    beats, rate = heart.beats, heart.sample.sampling_rate
    files = (
        panels.Download(
            "CSV", f"{heart.file_name}.csv", "text/csv", lambda: beats_csv(beats, rate)
        ),
        panels.Download(
            "WFDB",
            f"{heart.file_name}.atr",
            "application/octet-stream",
            lambda: beat_annotations(beats, rate),
        ),
    )
    panels.caption(heart.source, "beats", files)


def _chosen(key: str, sample: Sample, positions: np.ndarray, shown: Window) -> None:
    """Go to the beat of the row just chosen: the window moves only when it lies outside."""
    picked = st.session_state[key].selection.rows
    if not picked:
        return
    position = float(positions[picked[0]])
    time = position / sample.sampling_rate
    state.change(position=(position,))
    if not shown.span[0] <= time <= shown.span[1]:
        go_to(sample, time - shown.length / 2, shown.length)


def chips(theme: Theme) -> object:
    """A narrow column of class letters in their colours."""
    names = list(theme.classes)
    colours = [theme.classes[name] for name in names]
    return st.column_config.MultiselectColumn(options=names, color=colours, width=46)


def beat_rows(heart: Heart, start: float, only_differences: bool) -> pd.DataFrame:
    """At most `ROWS` beats from `start` (s) on: time, class, reference, probability, RR."""
    beats, rhythm = heart.beats, heart.rhythm
    of_beat = None if heart.compared is None else np.array(heart.compared.of_beat, dtype=object)
    keep = rhythm.times >= start - 1e-9
    if only_differences and of_beat is not None:
        keep = of_beat != rhythm.symbols
    at = np.flatnonzero(keep)[:ROWS]
    rows = pd.DataFrame({"time": [clock(t, 2) for t in rhythm.times[at]]})
    rows[heart.row_name] = [[s] for s in rhythm.symbols[at].tolist()]
    if of_beat is not None:
        rows["ref"] = [[s] if s else [] for s in of_beat[at]]
    rows["p"] = [f"{beats.probabilities[k].max():.2f}{' ?' if heart.unsure[k] else ''}" for k in at]
    rows["RR ms"] = np.round(1000 * rhythm.rr[at])
    rows["position"] = beats.positions[at]
    return rows
