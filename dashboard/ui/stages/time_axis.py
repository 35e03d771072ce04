"""The stage of a signal: the lead with the chosen channel, all channels below on one time axis."""

import numpy as np
import streamlit as st

from dashboard.figures.activations import Cell, clicked_cell, pair_curve, signal_and_channel
from dashboard.figures.beats import BeatMarks
from dashboard.figures.thin import Series
from dashboard.ui import panels, state
from dashboard.ui.scene import Scene
from dashboard.ui.window import Window, window, window_controls
from dashboard.ui.words import field_text, literal, relative
from models.records import Beats


def draw(scene: Scene) -> None:
    """Signal, channel and ribbon in one figure, so that one zoom moves both."""
    sample = scene.sample
    shown = window(sample, scene.position)
    with st.container(horizontal=True, vertical_alignment="center"):
        panels.head(
            f"{literal(sample.channels[scene.lead])} and channel {scene.channel}",
            "" if scene.phone else "all channels below, one time axis",
        )
        st.space("stretch")
        window_controls(sample, shown, "stage-window")
    unit = scene.layer.unit_at(scene.position)
    low, high = (edge / sample.sampling_rate for edge in scene.layer.field_box(unit))
    time = scene.layer.position_of(unit)[0] / sample.sampling_rate
    extent = (high - low) if scene.record.field else None
    figure = signal_and_channel(
        lead_series(scene, shown),
        channel_series(scene, slice(None)),
        Cell(scene.channel, float(time), (float(low[0]), float(high[0]))),
        theme=scene.theme,
        window=shown.span,
        clip=scene.clip,
        title=f"{sample.channels[scene.lead]} ({sample.units[scene.lead]})",
        beats=beat_marks(scene),
        field_text=f"receptive field {field_text(extent, sample.axis_unit)}",
        phone=scene.phone,
    )
    value = scene.layer.maps[(scene.channel, *unit)]
    alt = (
        f"{sample.channels[scene.lead]} from {shown.start:.1f} to {shown.span[1]:.1f} s with "
        f"channel {scene.channel} of {scene.record.name}: {value:.3g} at {time:.2f} s."
    )
    key = panels.chart(figure, "ribbon", scene.theme, alt, on_select=choose_cell)
    files = (panels.Download("NPZ", f"{scene.record.name}.npz", "application/zip", scene.npz),)
    panels.caption(f"{scene.caption} · activation {relative(value)}", "stage", files, key)


def draw_pair(scene: Scene) -> None:
    """The two channels of the chosen Gram cell and their product, around the position."""
    sample = scene.sample
    time = scene.position[0] / sample.sampling_rate
    shown = window(sample, scene.position)
    half = min(1.25, shown.length / 2)
    figure = pair_curve(
        channel_series(scene, scene.channel),
        channel_series(scene, scene.other),
        theme=scene.theme,
        window=(time - half, time + half),
        names=(f"channel {scene.channel}", f"channel {scene.other}"),
    )
    alt = f"Channels {scene.channel} and {scene.other} around {time:.2f} s and their product."
    panels.chart(figure, "pair", scene.theme, alt)
    st.markdown(
        f":gray[:small[solid {scene.channel}, dotted {scene.other}, filled: their product]]"
    )


def channel_series(scene: Scene, channel: int | slice) -> Series:
    """Channels of the layer over time, s."""
    step = float(scene.layer.place[0, 0]) / scene.sample.sampling_rate
    start = float(scene.layer.place[0, 1]) / scene.sample.sampling_rate
    return Series(start, step, scene.layer.maps[channel])


def lead_series(scene: Scene, shown: Window) -> Series:
    """The lead (T,) within the window, s."""
    rate = scene.sample.sampling_rate
    first = max(0, int(np.floor(shown.start * rate)) - 1)
    last = int(np.ceil(shown.span[1] * rate)) + 2
    values = scene.sample.values((scene.lead, slice(first, last)))
    return Series(first / rate, 1 / rate, values)


def beat_marks(scene: Scene) -> BeatMarks | None:
    """The network's own beats, None for a network that names none."""
    if scene.answer is None or not isinstance(scene.answer.prediction, Beats):
        return None
    beats = scene.answer.prediction
    return BeatMarks(beats.positions / scene.sample.sampling_rate, beats.symbols, beats.scores)


def choose_cell(key: str) -> None:
    """A click on the ribbon is a channel and a time, on the signal a time."""
    point = panels.selected_point(key)
    if point is None:
        return
    channel, time = clicked_cell(point)
    view = state.view()
    sample = state.sample(view.sample)
    changes = {} if channel is None else {"channel": channel, "other": view.channel}
    state.change(position=(float(sample.to_index([time])[0]),), **changes)
