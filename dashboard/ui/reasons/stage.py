"""The stage of Why: the map over the input, and what each channel of the layer adds to it."""

import numpy as np
import streamlit as st

from dashboard.analysis.layers import clip_of
from dashboard.figures.activations import Cell, Over, signal_and_channel
from dashboard.figures.pictures import flattened, map_picture
from dashboard.figures.thin import Series
from dashboard.ui import panels
from dashboard.ui.reasons.parts import npz_file, readout, rows_in_words, sheet, value_at
from dashboard.ui.reasons.reason import Reason, spoken
from dashboard.ui.reasons.scan import show_scan
from dashboard.ui.stages.atlas import show_atlas
from dashboard.ui.stages.picture import fed_picture, on_fed, overlay, show_pictures
from dashboard.ui.stages.time_axis import beat_marks, choose_cell, lead_series
from dashboard.ui.window import window, window_controls
from dashboard.ui.words import position_text, shape_text


def show_map(reason: Reason) -> None:
    """The map over the input, in the manner of the sample's own stage."""
    BY_AXIS[reason.scene.sample.axis_unit](reason)


def _signal(reason: Reason) -> None:
    scene, over = reason.scene, reason.over
    sample, rate = scene.sample, scene.sample.sampling_rate
    shown = window(sample, scene.position)
    with st.container(horizontal=True, vertical_alignment="center"):
        panels.head(reason.title, "" if scene.phone else _about(reason))
        st.space("stretch")
        window_controls(sample, shown, "stage-window")
    parts = _series(reason.found.map.parts, reason.found.place, rate)
    time, value = scene.position[0] / rate, value_at(over, scene.position)
    figure = signal_and_channel(
        lead_series(scene, shown),
        parts,
        Cell(min(scene.channel, len(parts.values) - 1), time),
        theme=scene.theme,
        window=shown.span,
        clip=clip_of(reason.found.map.parts),
        title=f"{sample.channels[scene.lead]} ({sample.units[scene.lead]})",
        beats=beat_marks(scene),
        over=Over(
            _series(over.values[None], over.place, rate),
            over.clip,
            spoken(reason.found.answer, reason.asked),
        ),
        phone=scene.phone,
    )
    alt = f"{over.title} over {sample.channels[scene.lead]}: {value:.3g} at {time:.2f} s."
    key = panels.chart(figure, "why-map", scene.theme, alt, on_select=choose_cell)
    panels.caption(reason.caption, "why", (npz_file(reason),), key)


def _about(reason: Reason) -> str:
    """Which beat is explained, and what lies below it."""
    below = f"below, {rows_in_words(reason)}" if rows_in_words(reason) else ""
    beat = f"about the beat at {position_text(reason.scene.sample, reason.at)}" if reason.at else ""
    return "; ".join(text for text in (beat, below) if text)


def _series(values: np.ndarray, place: np.ndarray, rate: float) -> Series:
    """Values (C, K) over time, s."""
    return Series(float(place[0, 1]) / rate, float(place[0, 0]) / rate, values)


def _picture(reason: Reason) -> None:
    scene, over = reason.scene, reason.over
    where = "click to read a place" if not scene.phone else ""
    panels.head(reason.title, where)
    layers = {
        "input": (fed_picture(scene),),
        "both": overlay(scene, over),
        "map": (map_picture(on_fed(scene, over), over.clip),),
    }
    captions = {
        "input": ("input as fed", f"{shape_text(scene.layer.prepared.array.shape[1:])} px"),
        "both": (f"{over.title} on input", ""),
        "map": (over.title, shape_text(reason.found.map.values.shape)),
    }
    marked = scene.layer.prepared.index_in_input(scene.position)
    show_pictures(scene, layers, captions, (marked, None), readout(reason))
    png = panels.Download(
        "PNG",
        f"{reason.file_name}.png",
        "image/png",
        lambda: flattened(layers["both"], background=scene.theme.page),
    )
    panels.caption(reason.caption, "why", (png, npz_file(reason)))
    shown = sheet(reason)
    if len(shown.maps) == 1:
        return
    clip = clip_of(shown.maps)
    show_atlas(scene, lambda m: map_picture(m, clip), rows_in_words(reason), shown)


BY_AXIS = {"s": _signal, "px": _picture, "mm": show_scan}
