"""RR intervals of a whole record over time: what is N-N, what was left out, and where gaps are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.figures.drawing import Drawing, empty_figure
from dashboard.figures.overview import UNITS, seconds_per_unit
from dashboard.figures.theme import Theme, axis, class_colour, class_mark, layout

COLUMNS = 1_500  # of time; each keeps its longest and its shortest N-N interval
OTHER_COLUMNS = 400  # of each kind that was left out
MANY = 400  # marks of what was left out; more are drawn smaller
LINE = 1_000  # intervals; of fewer, successive N-N ones are joined
SHADED = 200  # gaps at most, the longest
LEFT_OUT = "left out"


@dataclass(frozen=True)
class Tachogram:
    """The intervals to draw, in order of time.

    `ends` (K,) s, `lengths` (K,) s, `symbols` (K,) letter of the beat that ends each, `kept` (K,)
    whether it is an N-N interval; `gaps` (G, 2) s; the record lasts `duration` s.
    """

    ends: np.ndarray
    lengths: np.ndarray
    symbols: np.ndarray
    kept: np.ndarray
    gaps: np.ndarray
    duration: float


def tachogram(
    record: Tachogram,
    window: tuple[float, float],
    *,
    theme: Theme,
    chosen: int | None = None,
    height: int = 220,
    phone: bool = False,
) -> go.Figure:
    """RR in ms over time; N-N dots are filled circles, what was left out has its class' mark.

    `window` (s) is shaded, gaps are quiet bands, `chosen` (an interval) is ringed. A click
    selects a dot: see `clicked_interval`. Values beyond the axis sit on its edge.
    """
    if not len(record.ends):
        return empty_figure("No intervals: fewer than two beats.", theme, height=height)
    frame = layout(theme, height=height, left=44 if phone else 48, right=12, top=8, bottom=36)
    drawing = Drawing(theme, frame)
    per_unit = seconds_per_unit(record.duration)
    low, high = _range(record)
    _draw_gaps(drawing, record, per_unit)
    _draw_window(drawing, record, window, per_unit)
    for name, at, style in _groups(record, theme):
        _draw_dots(drawing, record, name, at, style, (per_unit, low, high))
    if chosen is not None:
        ring = {"symbol": "circle-open", "size": 13, "color": theme.figure_accent}
        marker = {**ring, "line": {"width": 2}, "opacity": 1}
        x, y = record.ends[chosen] / per_unit, 1000 * record.lengths[chosen]
        drawing.add(
            "scatter",
            x=[float(x)],
            y=[float(np.clip(y, low, high))],
            mode="markers",
            marker=marker,
            selected={"marker": {"opacity": 1}},
            unselected={"marker": {"opacity": 1}},
            hoverinfo="skip",
            name="chosen",
        )
    drawing.layout |= {
        "xaxis": axis(
            theme,
            f"time ({UNITS[per_unit]})",
            range=[0, record.duration / per_unit],
            nticks=8,
            fixedrange=phone,
        ),
        "yaxis": axis(theme, "RR (ms)", range=[low, high], nticks=6, fixedrange=True),
        "clickmode": "event+select",
    }
    return drawing.figure()


def clicked_interval(point: Mapping[str, Any], record: Tachogram) -> int:
    """Which interval a clicked point of `tachogram` is."""
    time = float(point["x"]) * seconds_per_unit(record.duration)
    return int(np.abs(record.ends - time).argmin())


def extremes(times: np.ndarray, values: np.ndarray, end: float, columns: int) -> np.ndarray:
    """Indices of the lowest and the highest of `values` in each of `columns` parts of 0..`end`.

    In order of time; few enough values are all kept.
    """
    if len(times) <= 2 * columns:
        return np.arange(len(times))
    column = np.minimum((times * (columns / end)).astype(np.int64), columns - 1)
    order = np.lexsort((values, column))
    starts = np.flatnonzero(np.diff(column[order], prepend=-1))
    ends = np.append(starts[1:], len(order)) - 1
    return np.unique(order[np.concatenate([starts, ends])])


def _range(record: Tachogram) -> tuple[float, float]:
    """Lowest and highest RR shown, ms: nearly all intervals, so that one pause flattens nothing."""
    shown = record.lengths[record.kept] if record.kept.any() else record.lengths
    low, high = 1000 * np.percentile(shown, (0.5, 99.5))
    beside = 1000 * np.percentile(record.lengths, (2, 98))
    low, high = min(low, beside[0]), max(high, min(beside[1], 2 * high))
    pad = max(0.08 * (high - low), 20.0)
    return float(np.floor(max(0.0, low - pad))), float(np.ceil(high + pad))


def _groups(record: Tachogram, theme: Theme) -> list[tuple[str, np.ndarray, dict[str, Any]]]:
    """(name, indices, marker) of each kind of dot, N-N first and so behind the others."""
    left_out = ~record.kept
    normal = record.symbols == "N"
    size = 6 if left_out.sum() <= MANY else 4
    dot = {"symbol": class_mark("N"), "size": 3.4, "color": class_colour("N", theme)}
    groups = [("N-N", np.flatnonzero(record.kept), dot)]
    ring = {"symbol": "circle-open", "size": size, "color": theme.quiet, "line": {"width": 1}}
    groups.append((f"N, {LEFT_OUT}", np.flatnonzero(left_out & normal), ring))
    for letter in theme.classes:
        if letter != "N":
            mark = {
                "symbol": class_mark(letter),
                "size": size,
                "color": class_colour(letter, theme),
            }
            groups.append((letter, np.flatnonzero(left_out & (record.symbols == letter)), mark))
    return [group for group in groups if len(group[1])]


def _draw_dots(
    drawing: Drawing,
    record: Tachogram,
    name: str,
    at: np.ndarray,
    marker: dict[str, Any],
    scale: tuple[float, float, float],
) -> None:
    per_unit, low, high = scale
    columns = COLUMNS if name == "N-N" else OTHER_COLUMNS
    at = at[extremes(record.ends[at], record.lengths[at], record.duration, columns)]
    times, lengths = record.ends[at] / per_unit, 1000 * record.lengths[at]
    joined = name == "N-N" and len(record.ends) <= LINE
    if joined:  # a break wherever an interval was left out
        breaks = np.flatnonzero(np.diff(at) > 1) + 1
        times, lengths = np.insert(times, breaks, np.nan), np.insert(lengths, breaks, np.nan)
    opacity = 0.75 if name == "N-N" and not joined else 1
    line = {"color": marker["color"], "width": 1}
    drawing.add(
        "scatter",
        x=np.float32(times),
        y=np.float32(np.clip(lengths, low, high)),
        customdata=np.float32(lengths),
        mode="lines+markers" if joined else "markers",
        marker={"line": {"width": 0}, **marker, "opacity": opacity},
        **({"line": line, "connectgaps": False} if joined else {}),
        cliponaxis=False,
        selected={"marker": {"opacity": opacity}},
        unselected={"marker": {"opacity": opacity}},
        hovertemplate=f"{name}: %{{customdata:.0f}} ms<extra></extra>",
        name=name,
    )


def _draw_gaps(drawing: Drawing, record: Tachogram, per_unit: float) -> None:
    longest = np.argsort(record.gaps[:, 0] - record.gaps[:, 1], kind="stable")[:SHADED]
    for low, high in record.gaps[longest] / per_unit:
        _band(drawing, float(low), float(high), drawing.theme.rule, "below")


def _draw_window(
    drawing: Drawing, record: Tachogram, window: tuple[float, float], per_unit: float
) -> None:
    low, high = (edge / per_unit for edge in window)
    width = max(high - low, 0.004 * record.duration / per_unit)  # still visible in 24 h
    _band(drawing, low, low + width, drawing.theme.window_area, "below")


def _band(drawing: Drawing, low: float, high: float, colour: str, layer: str) -> None:
    place = {"x0": low, "x1": high, "y0": 0, "y1": 1, "yref": "paper", "layer": layer}
    drawing.shape("rect", **place, fillcolor=colour, line={"width": 0})
