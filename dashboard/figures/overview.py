"""A whole record at a glance: heart rate, where S, V and F beats are, and the chosen window."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.figures.drawing import Drawing, empty_figure
from dashboard.figures.theme import TICK_LABEL, Theme, axis, class_colour, layout

COLUMNS = 1_000  # of time; each keeps its lowest and highest rate
UNITS = {1.0: "s", 60.0: "min", 3600.0: "h"}
LANES = ("S", "V", "F")
RATE_DOMAIN = (0.0, 0.62)
LANE_DOMAIN = (0.66, 1.0)


def ecg_overview(
    times: np.ndarray,
    symbols: Sequence[str] | np.ndarray,
    rates: np.ndarray,
    window: tuple[float, float],
    *,
    duration: float,
    theme: Theme,
    height: int = 130,
    phone: bool = False,
) -> go.Figure:
    """Beats at `times` (B,) s with their class and heart rate (B,) bpm over `duration` s.

    `window` (s) is shaded. Dragging selects a box that `chosen_window` turns into seconds.
    """
    if not len(times):
        return empty_figure("No beats were found in this record.", theme, height=height)
    per_unit = seconds_per_unit(duration)
    unit = UNITS[per_unit]
    left = 44 if phone else 48
    drawing = Drawing(theme, layout(theme, height=height, left=left, right=12, top=4, bottom=36))
    _draw_rates(
        drawing, np.asarray(times) / per_unit, np.asarray(rates, float), duration / per_unit
    )
    lane = (height - 40) * (LANE_DOMAIN[1] - LANE_DOMAIN[0]) / len(LANES)
    _draw_lanes(
        drawing, np.asarray(times) / per_unit, np.asarray(symbols), duration / per_unit, lane
    )
    _set_axes(drawing, duration / per_unit, unit, np.asarray(rates, float), phone)
    low, high = (edge / per_unit for edge in window)
    width = max(high - low, 0.004 * duration / per_unit)  # still visible in 24 h
    place = {"y0": 0, "y1": 1, "yref": "paper", "layer": "above"}
    fill = {"fillcolor": theme.window_area, "line": {"width": 0}}
    drawing.shape("rect", x0=low, x1=low + width, **place, **fill)
    drawing.layout |= {
        "dragmode": "select",
        "selectdirection": "h",
        "newselection": {"line": {"color": theme.figure_accent, "width": 1}},
        "activeselection": {"fillcolor": theme.figure_accent, "opacity": 0.2},
    }
    return drawing.figure()


def chosen_window(box: Mapping[str, Any], duration: float) -> tuple[float, float]:
    """Start and end (s) of a box dragged on `ecg_overview`, inside the record."""
    per_unit = seconds_per_unit(duration)
    low, high = sorted(float(edge) * per_unit for edge in box["x"])
    return max(0.0, low), min(duration, high)


def seconds_per_unit(duration: float) -> float:
    """What one unit of the overview's axis is, s: a second, a minute, or an hour."""
    if duration < 180:
        return 1.0
    return 3600.0 if duration > 2.5 * 3600 else 60.0


def lowest_and_highest(
    times: np.ndarray, values: np.ndarray, end: float, columns: int = COLUMNS
) -> tuple[np.ndarray, np.ndarray]:
    """At most two points per column of time, its lowest and highest value at its middle.

    `times` (B,) ascending from 0 to `end`; few points come back as they are.
    """
    if len(times) <= 2 * columns:
        return times, values
    edges = np.searchsorted(times, end * np.arange(columns) / columns)
    edges = edges[edges < len(times)]
    starts = np.unique(edges)
    middles = (np.floor(times[starts] / end * columns) + 0.5) * (end / columns)
    ends = (np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts))
    return np.repeat(middles, 2), np.stack(ends, axis=1).ravel()


def _draw_rates(drawing: Drawing, times: np.ndarray, rates: np.ndarray, end: float) -> None:
    known = np.isfinite(rates)
    x, y = lowest_and_highest(times[known], rates[known], end)
    drawing.add(
        "scatter",
        x=np.float32(x),
        y=np.rint(y).astype(np.int16),
        mode="markers",
        marker={"size": 2.4, "color": drawing.theme.quiet, "opacity": 0.6},
        selected={"marker": {"opacity": 0.6}},
        unselected={"marker": {"opacity": 0.6}},
        hovertemplate="%{x:.2f}: %{y} bpm<extra></extra>",
        name="heart rate",
    )


def _draw_lanes(
    drawing: Drawing, times: np.ndarray, letters: np.ndarray, end: float, lane: float
) -> None:
    for row, letter in enumerate(LANES):
        places = np.unique(np.rint(times[letters == letter] / end * COLUMNS)) * (end / COLUMNS)
        if not len(places):
            continue
        mark = {"symbol": "line-ns", "size": 0.93 * lane / 1.4, "opacity": 1}  # is drawn 1.4 long
        stroke = {"color": class_colour(letter, drawing.theme), "width": 1.3}
        drawing.add(
            "scatter",
            x=np.float32(places),
            y=np.full(len(places), row, np.int8),
            mode="markers",
            marker={**mark, "line": stroke},
            selected={"marker": {"opacity": 1}},
            unselected={"marker": {"opacity": 1}},
            yaxis="y2",
            hoverinfo="skip",
            name=letter,
        )


def _set_axes(drawing: Drawing, end: float, unit: str, rates: np.ndarray, phone: bool) -> None:
    theme = drawing.theme
    known = rates[np.isfinite(rates)]
    low, high = np.percentile(known, (0.5, 99.5)) if known.size else (40, 120)
    low, high = min(float(low), 55.0), max(float(high), 110.0)
    pad = 0.1 * (high - low)
    ticks = [bpm for bpm in range(0, 400, 60) if low - pad <= bpm <= high + pad]
    drawing.layout |= {
        "xaxis": axis(theme, f"time ({unit})", range=[0, end], anchor="y", nticks=8),
        "yaxis": axis(
            theme,
            "bpm",
            domain=RATE_DOMAIN,
            range=[low - pad, high + pad],
            tickvals=ticks,
            fixedrange=True,
        ),
        "yaxis2": axis(
            theme,
            domain=LANE_DOMAIN,
            range=[len(LANES) - 0.5, -0.5],
            tickvals=list(range(len(LANES))),
            ticktext=list(LANES),
            fixedrange=True,
        ),
    }
    drawing.layout["font"]["size"] = TICK_LABEL
