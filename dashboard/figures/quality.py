"""Indices of signal quality over a record, each with the bounds that its level comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.figures.drawing import Drawing, empty_figure
from dashboard.figures.overview import UNITS, seconds_per_unit
from dashboard.figures.theme import Theme, axis, layout, rgb_of

COLUMNS = 1_000  # of time at most
ROW = 76  # px


@dataclass(frozen=True)
class IndexCurve:
    """One index: `values` (W,), the axis title, the range drawn, and the `bound` of good ones."""

    title: str
    values: np.ndarray
    shown: tuple[float, float]
    bound: float | None = None


def quality_curves(
    curves: Sequence[IndexCurve],
    levels: np.ndarray,
    seconds: float,
    window: tuple[float, float],
    *,
    duration: float,
    theme: Theme,
    phone: bool = False,
) -> go.Figure:
    """Curves over `duration` s, in windows of `seconds`; doubtful and bad ones are larger marks.

    `window` (s) is shaded, the bound of good values lined. A click's x is a time for
    `clicked_second`. Of a long record every column keeps its worst window.
    """
    if not curves or not len(levels):
        return empty_figure("The record is too short to be judged.", theme)
    kept = worst_of_columns(np.asarray(levels), COLUMNS)
    per_unit = seconds_per_unit(duration)
    height = ROW * len(curves) + 42
    left = 44 if phone else 56
    drawing = Drawing(theme, layout(theme, height=height, left=left, right=12, top=6, bottom=36))
    x = np.float32((kept + 0.5) * seconds / per_unit)
    shades = np.array([0.5, 0.8, 1.0])[np.asarray(levels)[kept]]
    red, green, blue = rgb_of(theme.ink)
    colours = [f"rgba({red},{green},{blue},{shade})" for shade in shades]
    sizes = np.array([4, 6, 8])[np.asarray(levels)[kept]]
    for k, curve in enumerate(curves):
        name = "" if k == 0 else str(k + 1)
        low = 1 - (k + 1) / len(curves)
        y = np.clip(curve.values[kept], *curve.shown)
        drawing.add(
            "scatter",
            x=x,
            y=np.float32(y),
            mode="markers",
            marker={"size": sizes, "color": colours},
            selected={"marker": {"opacity": 1}},
            unselected={"marker": {"opacity": 1}},
            yaxis=f"y{name}",
            hovertemplate="%{y:.2f}<extra></extra>",
            name=curve.title,
        )
        drawing.layout[f"yaxis{name}"] = axis(
            theme,
            curve.title,
            domain=[low + 0.03, low + 1 / len(curves) - 0.03],
            range=list(curve.shown),
            nticks=4,
            fixedrange=True,
        )
        if curve.bound is not None:
            line = {"color": theme.quiet, "width": 1, "dash": "dot"}
            place = {"x0": 0, "x1": 1, "xref": "paper", "yref": f"y{name}", "layer": "below"}
            drawing.shape("line", y0=curve.bound, y1=curve.bound, line=line, **place)
    last = "" if len(curves) == 1 else str(len(curves))
    title = f"time ({UNITS[per_unit]})"
    end = duration / per_unit
    drawing.layout["xaxis"] = axis(theme, title, range=[0, end], anchor=f"y{last}", nticks=8)
    start, stop = (edge / per_unit for edge in window)
    stop = max(stop, start + 0.004 * end)
    fill = {"fillcolor": theme.window_area, "line": {"width": 0}, "layer": "below"}
    drawing.shape("rect", x0=start, x1=stop, y0=0, y1=1, yref="paper", **fill)
    drawing.layout["clickmode"] = "event+select"
    return drawing.figure()


def clicked_second(point: Mapping[str, Any], duration: float) -> float:
    """Time (s) of a clicked point of `quality_curves` of a record of `duration` s."""
    return float(point["x"]) * seconds_per_unit(duration)


def worst_of_columns(levels: np.ndarray, columns: int) -> np.ndarray:
    """Rows of the worst of `levels` (W,) in each of at most `columns` columns, in order."""
    size = -(-len(levels) // columns)
    if size <= 1:
        return np.arange(len(levels))
    padded = np.pad(levels.astype(int), (0, -len(levels) % size), constant_values=-1)
    blocks = padded.reshape(-1, size)
    return blocks.argmax(axis=1) + size * np.arange(len(blocks))
