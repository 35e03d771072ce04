"""A whole record at a glance: heart rate, where S, V and F beats are, and the chosen window."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.figures.drawing import Drawing, empty_figure
from dashboard.figures.theme import (
    TICK_LABEL,
    Theme,
    area,
    axis,
    class_colour,
    layout,
    rgb_of,
)

COLUMNS = 1_000  # of time; each keeps its lowest and highest rate
UNITS = {1.0: "s", 60.0: "min", 3600.0: "h"}
LANES = ("S", "V", "F")
RATE_DOMAIN = (0.0, 0.62)
LANE_DOMAIN = (0.66, 1.0)
STRIP = 16  # px that the strip of signal quality adds under the rates
UNREADABLE = 3  # level of what is missing, flat or saturated: above good, doubtful and bad


@dataclass(frozen=True)
class QualityStrip:
    """Signal quality of a record: `levels` (W,) 0 good, 1 doubtful, 2 bad, of `seconds` each.

    `starts` and `ends` (R,) s are stretches that are not to be read: gaps, flat, saturated.
    """

    levels: np.ndarray
    seconds: float
    starts: np.ndarray
    ends: np.ndarray


def ecg_overview(
    times: np.ndarray,
    symbols: Sequence[str] | np.ndarray,
    rates: np.ndarray,
    window: tuple[float, float],
    *,
    duration: float,
    theme: Theme,
    quality: QualityStrip | None = None,
    height: int = 130,
    phone: bool = False,
) -> go.Figure:
    """Beats at `times` (B,) s with their class and heart rate (B,) bpm over `duration` s.

    `window` (s) is shaded. Dragging selects a box that `chosen_window` turns into seconds. A strip
    of `quality` makes the figure `STRIP` px higher.
    """
    if not len(times):
        return empty_figure("No beats were found in this record.", theme, height=height)
    per_unit = seconds_per_unit(duration)
    unit = UNITS[per_unit]
    left = 44 if phone else 48
    full = height + (STRIP if quality else 0)
    drawing = Drawing(theme, layout(theme, height=full, left=left, right=12, top=4, bottom=36))
    _draw_rates(
        drawing, np.asarray(times) / per_unit, np.asarray(rates, float), duration / per_unit
    )
    lane = (height - 40) * (LANE_DOMAIN[1] - LANE_DOMAIN[0]) / len(LANES)
    _draw_lanes(
        drawing, np.asarray(times) / per_unit, np.asarray(symbols), duration / per_unit, lane
    )
    _set_axes(drawing, duration / per_unit, unit, np.asarray(rates, float), phone)
    if quality is not None:
        _draw_quality(drawing, quality, duration, per_unit, STRIP / (full - 40))
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


def _draw_quality(
    drawing: Drawing, quality: QualityStrip, duration: float, per_unit: float, share: float
) -> None:
    """The strip at the foot of the figure, `share` of its height; the rest moves up."""
    levels = quality_columns(quality, duration)
    cell = duration / len(levels) / per_unit
    drawing.add(
        "heatmap",
        z=levels[None],
        x0=cell / 2,
        dx=cell,
        zmin=0,
        zmax=UNREADABLE,
        colorscale=_shades(drawing.theme),
        showscale=False,
        hoverinfo="skip",
        yaxis="y3",
        name="quality",
    )
    for name in ("yaxis", "yaxis2"):
        low, high = drawing.layout[name]["domain"]
        drawing.layout[name]["domain"] = [share + low * (1 - share), share + high * (1 - share)]
    drawing.layout["yaxis3"] = axis(
        drawing.theme,
        domain=[0, 0.7 * share],
        range=[-0.5, 0.5],
        tickvals=[0],
        ticktext=["signal"],
        ticks="",
        fixedrange=True,
    )
    drawing.layout["xaxis"]["anchor"] = "y3"


def quality_columns(quality: QualityStrip, duration: float) -> np.ndarray:
    """The worst level (0 to 3, int8) in each of `COLUMNS` equal parts of `duration` (s)."""
    edges = duration * np.arange(COLUMNS + 1) / COLUMNS
    out = np.zeros(COLUMNS, np.int8)
    if len(quality.levels):
        last = len(quality.levels) - 1
        first_window = np.minimum((edges[:-1] / quality.seconds).astype(int), last)
        last_window = np.minimum((edges[1:] / quality.seconds - 1e-9).astype(int), last)
        for level in range(1, UNREADABLE):
            before = np.concatenate([[0], np.cumsum(quality.levels >= level)])
            out[before[last_window + 1] > before[first_window]] = level
    steps = np.zeros(COLUMNS + 1, int)
    at = np.clip(np.asarray(quality.starts) / duration * COLUMNS, 0, COLUMNS - 1).astype(int)
    to = np.clip(np.ceil(np.asarray(quality.ends) / duration * COLUMNS), 1, COLUMNS).astype(int)
    np.add.at(steps, at, 1)
    np.add.at(steps, np.maximum(to, at + 1), -1)
    out[np.cumsum(steps[:-1]) > 0] = UNREADABLE
    return out


def _shades(theme: Theme) -> list[tuple[float, str]]:
    """Good is the page, doubtful pale, bad darker, unreadable ink."""
    quiet, ink = rgb_of(theme.quiet), rgb_of(theme.ink)
    return [
        (0, area(quiet, 0)),
        (1 / 3, area(quiet, 0.3)),
        (2 / 3, area(quiet, 0.75)),
        (1, area(ink, 1)),
    ]


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
