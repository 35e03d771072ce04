"""Shapes: the beats of each class laid over each other, with their average."""

import numpy as np
import streamlit as st

from dashboard.analysis.shapes import Shape, Shapes, one_beat
from dashboard.data.writers.intervals_csv import table_csv
from dashboard.figures.overlays import Overlay, beat_overlays, clicked_row
from dashboard.ui import panels, state
from dashboard.ui.ecg import beat_cache
from dashboard.ui.ecg.heart import Heart
from dashboard.ui.texts import explain
from dashboard.ui.words import thousands

MEAN, MEDIAN = "mean ± SD", "median, 16 to 84 %"
NEAR = 0.15  # s; the beat drawn in the accent is no further from the position


def show_shapes(heart: Heart) -> None:
    """One panel per class: beats of a lead, their average, and the beat at the position."""
    names = list(heart.sample.channels)
    with st.container(horizontal=True, vertical_alignment="center"):
        panels.head("Shapes", "beats of each class laid over each other")
        st.space("stretch")
        average = st.segmented_control(
            "Average",
            [MEAN, MEDIAN],
            default=MEAN,
            key="shapes-average",
            label_visibility="collapsed",
        )
        lead = st.selectbox(
            "Lead of the shapes",
            range(len(names)),
            index=heart.lead,
            width=110,
            format_func=lambda k: names[k],
            key=f"shapes-lead-{heart.sample.digest[:8]}-{heart.lead}",
            label_visibility="collapsed",
        )
    found = beat_cache.beat_shapes(heart.sample.digest, lead, heart.beats)
    shapes = list(found.of_class.values())
    chosen = _chosen(heart, lead)
    overlays = [_overlay(shape, average == MEDIAN, chosen) for shape in shapes]
    unit = heart.sample.units[lead] or "value"
    figure = beat_overlays(
        found.times, overlays, f"{names[lead]} ({unit})", theme=heart.theme, phone=heart.phone
    )

    def clicked(key: str) -> None:
        point = panels.selected_point(key)
        if point is not None:
            panel, row = clicked_row(point, overlays, len(found.times))
            beat = shapes[panel].beats[row]
            state.change(position=(float(heart.beats.positions[beat]),))

    alt = "; ".join(f"{shape.found} beats of class {shape.symbol}" for shape in shapes)
    key = panels.chart(figure, "shapes", heart.theme, f"{alt or 'No beats'}.", on_select=clicked)
    table = panels.Download("CSV", "shapes.csv", "text/csv", lambda: shapes_csv(found, unit))
    panels.caption(_counts(shapes, heart), "shapes", (table,), chart_key=key)
    explain("shapes", "About the shapes")


def _chosen(heart: Heart, lead: int) -> tuple[str, np.ndarray] | None:
    """Class and (T,) values of the beat at the position, None where there is no whole one."""
    positions = np.asarray(heart.beats.positions)
    away = np.abs(positions - heart.position[0])
    if not len(away) or away.min() > NEAR * heart.sample.sampling_rate:
        return None
    beat = int(away.argmin())
    values = one_beat(heart.sample, lead, float(positions[beat]))
    label = heart.beats.names[heart.beats.labels[beat]]
    return None if values is None else (label, values)


def _overlay(shape: Shape, median: bool, chosen: tuple[str, np.ndarray] | None) -> Overlay:
    count, drawn = thousands(shape.found), len(shape.drawn)
    title = f"{count} beats" if drawn == shape.found else f"{drawn} of {count} beats"
    low, high = shape.mean - shape.deviation, shape.mean + shape.deviation
    middle = shape.mean
    if median:
        low, middle, high = shape.low, shape.median, shape.high
    own = chosen[1] if chosen and chosen[0] == shape.symbol else None
    return Overlay(shape.symbol, title, shape.drawn, middle, low, high, own)


def _counts(shapes: list[Shape], heart: Heart) -> str:
    """What was averaged and what was left out, in words."""
    averaged = ", ".join(f"{thousands(shape.averaged)} {shape.symbol}" for shape in shapes)
    cut = len(heart.beats) - sum(shape.whole for shape in shapes)
    return (
        f"averaged: {averaged or 'none'} · {thousands(cut)} left out at gaps and ends · each beat "
        f"about its own median · click goes to the beat · {heart.source}"
    )


def shapes_csv(found: Shapes, unit: str) -> bytes:
    """Mean, standard deviation and median of every class over time, as CSV."""
    head, columns = ["time_ms"], [1000 * found.times]
    for name, shape in found.of_class.items():
        head += [f"{kind}_{name} ({unit})" for kind in ("mean", "sd", "median")]
        columns += [shape.mean, shape.deviation, shape.median]
    rows = np.stack(columns, axis=1)
    return table_csv(head, [[f"{v:.6g}" if np.isfinite(v) else "" for v in row] for row in rows])
