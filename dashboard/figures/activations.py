"""A signal with one channel of a layer over it, and all channels as a ribbon on the same time axis.

The receptive field of the chosen cell is a band over the signal that narrows down to the cell.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.figures.beats import BeatMarks, beat_row
from dashboard.figures.drawing import Drawing, empty_figure
from dashboard.figures.theme import (
    ACTIVATION,
    Theme,
    area,
    axis,
    channel_ticks,
    layout,
    number,
)
from dashboard.figures.thin import Series, strongest, thin

RIBBON_CELLS = 50_000  # int8 cells sent at most: about 67 kB
MAX_TARGETS = 2_000  # invisible click targets
MAX_ROWS = 128  # of targets: closer channels cannot be told apart by a pointer
SIGNAL_POINTS = 4_000
SIGNAL_DOMAIN = (0.5, 1.0)  # vertical share of the figure, 0 at its bottom
RIBBON_DOMAIN = (0.0, 0.43)


@dataclass(frozen=True)
class Cell:
    """The chosen unit: `channel`, its `time` (s) and the input it sees, `field` (low, high) s.

    `field` is None where a unit sees everything.
    """

    channel: int
    time: float
    field: tuple[float, float] | None = None


@dataclass(frozen=True)
class Over:
    """What is drawn as an area over the signal instead of the chosen channel: `values` (1, K).

    `clip` is its value at full colour, `name` what its axis is called.
    """

    series: Series
    clip: float
    name: str


def signal_and_channel(
    signal: Series,
    ribbon: Series,
    cell: Cell,
    *,
    theme: Theme,
    window: tuple[float, float],
    clip: float,
    title: str = "signal",
    beats: BeatMarks | None = None,
    field_text: str = "",
    over: Over | None = None,
    height: int = 590,
    phone: bool = False,
) -> go.Figure:
    """Signal (T,) over all channels `ribbon` (C, K), both in seconds, with the chosen cell.

    `clip` is the activation drawn at full colour; `title` names the signal with its unit. Clicks
    return points that `clicked_cell` turns into (channel or None, time). `over` replaces the
    chosen channel as the area over the signal.
    """
    ribbon, signal = ribbon.within(*window), signal.within(*window)
    if not len(signal) or not ribbon.values.size:
        return empty_figure("Nothing of this layer lies in the window.", theme, height=height)
    left, right, top = (30, 30, 22) if phone else (56, 44, 8)
    frame = layout(theme, height=height, left=left, right=right, top=top, bottom=38)
    drawing = Drawing(theme, frame)
    if over is None:
        chosen = Series(ribbon.start, ribbon.step, ribbon.values[cell.channel][None])
        over, signed = (
            Over(chosen, clip, f"channel {cell.channel}"),
            bool((ribbon.values < 0).any()),
        )
    else:
        over = replace(over, series=over.series.within(*window))
        signed = bool((over.series.values < 0).any())
    if not over.series.values.size:
        return empty_figure("Nothing of this map lies in the window.", theme, height=height)
    level = _signal_level(signal.values, signed=signed)
    _draw_channel(drawing, over.series)
    _draw_signal(drawing, signal)
    _draw_ribbon(drawing, ribbon, clip)
    _draw_targets(drawing, ribbon, window, level.median)
    if beats is not None:
        rows = beat_row(beats, window, theme, level=0.955)
        drawing.traces += [{**row, "yaxis": "y4"} for row in rows]
    _set_axes(drawing, window, len(ribbon.values), level)
    _set_channel_axis(drawing, over.series.values, over.clip, level)
    _name_axes(drawing, title, over.name, phone)
    _mark_cell(drawing, cell, window, len(ribbon.values), field_text)
    return drawing.figure()


def clicked_cell(point: Mapping[str, Any]) -> tuple[int | None, float]:
    """Channel and time (s) of a clicked point of `signal_and_channel`; None: channel unchanged."""
    value = point.get("customdata")
    on_ribbon = value is not None and "text" not in point
    return (round(float(point["y"])) if on_ribbon else None), float(point["x"])


@dataclass(frozen=True)
class _Level:
    """The signal's axis: its median, and how far the axis reaches below and above it.

    `signed` says whether any channel of the layer goes below zero; no single channel moves it.
    """

    median: float
    below: float
    above: float
    signed: bool

    @property
    def zero(self) -> float:
        """Height of the median as a share of the axis."""
        return self.below / (self.below + self.above)


def _signal_level(values: np.ndarray, *, signed: bool) -> _Level:
    """Room for the signal, for the row of beats above it and for the areas of a channel."""
    finite = values[np.isfinite(values)]
    median = float(np.median(finite)) if finite.size else 0.0
    high, low = (finite.max() - median, median - finite.min()) if finite.size else (0.0, 0.0)
    reach = float(max(high, low)) or 1.0
    above = 1.45 * max(float(high), 0.4 * reach)
    return _Level(median, max(1.25 * float(low), (0.55 if signed else 0.35) * above), above, signed)


def _draw_signal(drawing: Drawing, signal: Series) -> None:
    line = thin(signal, SIGNAL_POINTS)
    ink = {"color": drawing.theme.ink, "width": 1.5}
    drawing.line(line.start, line.step, np.float32(line.values), line=ink, name="signal")


def _draw_channel(drawing: Drawing, channel: Series) -> None:
    """The channel (1, K) as steps: one area above zero, one below."""
    values, size = strongest(channel.values, SIGNAL_POINTS)
    start = channel.start + channel.step * (size - 1) / 2
    for sign, hue in ((1, ACTIVATION.high), (-1, ACTIVATION.low)):
        part = np.float32(np.maximum(values[0] * sign, 0) * sign)
        outline = {"width": int(part.any()), "color": area(hue, 0.5)}
        drawing.line(
            start,
            channel.step * size,
            part,
            line={"shape": "hvh", **outline},
            fill="tozeroy",
            fillcolor=area(hue, 0.3),
            yaxis="y2",
            name="channel",
        )


def _draw_ribbon(drawing: Drawing, ribbon: Series, clip: float) -> None:
    values, size = strongest(ribbon.values, RIBBON_CELLS // len(ribbon.values))
    start = ribbon.start + ribbon.step * (size - 1) / 2
    place = {"x0": start, "dx": ribbon.step * size, "y0": 0, "dy": 1, "yaxis": "y3"}
    drawing.cells(values, clip, name="ribbon", **place)


def _draw_targets(
    drawing: Drawing, ribbon: Series, window: tuple[float, float], median: float
) -> None:
    channels, cells = ribbon.values.shape
    rows = np.unique(np.linspace(0, channels - 1, min(channels, MAX_ROWS)).astype(np.int16))
    columns = min(cells, MAX_TARGETS // len(rows))
    at = np.unique(np.linspace(0, cells - 1, columns).astype(int))
    at = at[(ribbon.times[at] >= window[0]) & (ribbon.times[at] <= window[1])]
    drawing.targets(
        np.tile(ribbon.times[at], len(rows)),
        np.repeat(rows, len(at)),
        customdata=np.float32(ribbon.values[np.ix_(rows, at)].ravel()),
        hovertemplate="channel %{y}, %{x:.3f} s<br>%{customdata:+.4g}<extra></extra>",
        hoverinfo=None,
        yaxis="y3",
        name="cells",
    )
    moments = np.linspace(*window, 240)
    drawing.targets(moments, np.full(len(moments), median, np.float32), name="moments")


def _set_axes(drawing: Drawing, window: tuple[float, float], channels: int, level: _Level) -> None:
    theme = drawing.theme
    limits = {"minallowed": window[0], "maxallowed": window[1]}
    strip = {"domain": SIGNAL_DOMAIN, "fixedrange": True}
    span = [level.median - level.below, level.median + level.above]
    rows = {"range": [channels - 0.5, -0.5], "tickvals": channel_ticks(channels)}
    drawing.layout |= {
        "xaxis": axis(theme, "time (s)", range=window, anchor="y3", nticks=6, **limits),
        "yaxis": axis(theme, range=span, nticks=5, **strip),
        "yaxis3": axis(theme, domain=RIBBON_DOMAIN, showline=False, fixedrange=True, **rows),
        "yaxis4": {"overlaying": "y", "range": [0, 1], "visible": False, **strip},
    }


def _set_channel_axis(drawing: Drawing, values: np.ndarray, clip: float, level: _Level) -> None:
    """Second axis of the signal panel whose zero sits on the signal's median."""
    zero = level.zero
    reach = max(clip, min(float(np.abs(np.nan_to_num(values)).max()), 3 * clip))
    span = reach / (0.82 * (min(zero, 1 - zero) if level.signed else 1 - zero))
    ticks = [tick for tick in _around_zero(clip) if tick >= -zero * span]
    drawing.layout["yaxis2"] = axis(
        drawing.theme,
        overlaying="y",
        side="right",
        anchor="x",
        range=[-zero * span, (1 - zero) * span],
        tickvals=ticks,
        ticktext=[number(tick, 1) for tick in ticks],
        fixedrange=True,
        zeroline=True,
        zerolinecolor=drawing.theme.rule,
        zerolinewidth=1,
    )


def _around_zero(clip: float) -> list[float]:
    """−n, 0, n with n the clip rounded down to one digit."""
    unit = 10.0 ** np.floor(np.log10(clip))
    nice = float(np.floor(clip / unit) * unit)
    return [-nice, 0.0, nice]


def _name_axes(drawing: Drawing, title: str, channel: str, phone: bool) -> None:
    if phone:  # a finger on the figure scrolls the page
        drawing.layout["xaxis"]["fixedrange"] = True
        drawing.head(0, SIGNAL_DOMAIN[1], title, "left", -26)
        drawing.head(1, SIGNAL_DOMAIN[1], channel, "right", 26)
        drawing.head(0, RIBBON_DOMAIN[1], "channel", "left", -26)
        return
    for key, text in (("yaxis", title), ("yaxis2", channel), ("yaxis3", "channel")):
        drawing.layout[key]["title"]["text"] = text


def _mark_cell(
    drawing: Drawing, cell: Cell, window: tuple[float, float], channels: int, field_text: str
) -> None:
    line = {"color": drawing.theme.figure_accent, "width": 1.5}
    low, high = cell.channel - 0.5, cell.channel + 0.5
    place = {"x0": 0, "x1": 1, "xref": "x domain", "yref": "y3"}
    drawing.shape("rect", y0=low, y1=high, line=line, **place)
    if not window[0] <= cell.time <= window[1]:
        return
    if cell.field is not None:
        _draw_field(drawing, cell, window, channels)
        place = _beside(cell.field, window)
        drawing.note(y=0.02, text=field_text, xref="x", yref="y4", yanchor="bottom", **place)
    ring = {"symbol": "circle-open", "size": 10, "color": drawing.theme.ink}
    drawing.add(
        "scatter",
        x=[cell.time],
        y=[cell.channel],
        yaxis="y3",
        mode="markers",
        marker={**ring, "line": {"width": 1.8}},
        cliponaxis=False,
        hoverinfo="skip",
        name="chosen",
    )


def _beside(field: tuple[float, float], window: tuple[float, float]) -> dict[str, Any]:
    """Where a label has room: right of the field, left of it, or inside a very wide one."""
    low, high = (float(edge) for edge in np.clip(field, *window))
    length = window[1] - window[0]
    if window[1] - high > 0.28 * length:
        return {"x": high, "xanchor": "left", "xshift": 4}
    if low - window[0] > 0.28 * length:
        return {"x": low, "xanchor": "right", "xshift": -4}
    return {"x": low, "xanchor": "left", "xshift": 4}


def _draw_field(drawing: Drawing, cell: Cell, window: tuple[float, float], channels: int) -> None:
    """Band over the signal, then a funnel (paper height) down to the middle of the cell."""
    first, last = (float(edge) for edge in np.clip(cell.field, *window))
    bottom, top = SIGNAL_DOMAIN
    at = RIBBON_DOMAIN[1] * (1 - (cell.channel + 0.5) / channels)
    path = f"M {first},{top} L {first},{bottom} L {cell.time},{at} L {last},{bottom} L {last},{top}"
    place = {"xref": "x", "yref": "paper"}
    drawing.shape(
        "path",
        path=path + " Z",
        fillcolor=drawing.theme.accent_area,
        line={"width": 0},
        **place,
    )
    line = {"color": drawing.theme.figure_accent, "width": 1.5}
    drawing.shape("path", path=path, line=line, **place)


def pair_curve(
    first: Series,
    second: Series,
    *,
    theme: Theme,
    window: tuple[float, float],
    names: tuple[str, str] = ("first", "second"),
    height: int = 120,
) -> go.Figure:
    """Two channels (K,) in time: solid, dotted, and their product filled in the signed colours.

    The product is scaled to the height of the larger channel.
    """
    first, second = first.within(*window), second.within(*window)
    if not len(first):
        return empty_figure("Nothing in the window.", theme, height=height)
    frame = layout(theme, height=height, left=8, right=8, top=4, bottom=36)
    drawing = Drawing(theme, frame)
    _draw_product(drawing, first, second)
    solid = {"color": theme.ink, "width": 1.3}
    dotted = {"color": theme.quiet, "width": 1.3, "dash": "dot"}
    for series, name, line in ((second, names[1], dotted), (first, names[0], solid)):
        hover = {"hoverinfo": None, "hovertemplate": "%{y:+.3g}<extra>" + name + "</extra>"}
        values = np.float32(series.values)
        drawing.line(series.start, series.step, values, line=line, name=name, **hover)
    drawing.layout |= {
        "xaxis": axis(theme, "time (s)", range=window, nticks=5),
        "yaxis": {"visible": False, "fixedrange": True},
    }
    return drawing.figure()


def _draw_product(drawing: Drawing, first: Series, second: Series) -> None:
    product = np.nan_to_num(first.values * second.values)
    largest = max(float(np.abs(np.nan_to_num(s.values)).max()) for s in (first, second))
    scaled = product * (largest / (float(np.abs(product).max()) or 1.0))
    for sign, hue in ((1, ACTIVATION.high), (-1, ACTIVATION.low)):
        drawing.line(
            first.start,
            first.step,
            np.float32(np.maximum(scaled * sign, 0) * sign),
            line={"width": 0},
            fill="tozeroy",
            fillcolor=area(hue, 0.36),
            name="product",
        )
