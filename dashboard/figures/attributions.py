"""The channels fed to a network, coloured by what each moment contributes to an answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.figures.beats import BeatMarks, beat_row
from dashboard.figures.clock import clock_ticks
from dashboard.figures.drawing import Drawing, empty_figure
from dashboard.figures.theme import TICK_LABEL, Theme, axis, layout, number
from dashboard.figures.thin import Series

ROW = 108  # px of a channel
MARKS = 26  # px of the beats above
GAP = 22  # px between channels, where the name of the next one stands
CELL_SECONDS = 0.033  # contributions of single samples alternate; their sum over a QRS's slope not


@dataclass(frozen=True)
class Bracket:
    """A stretch of one channel, `low` to `high` (s), that contributes much: `text` names it."""

    channel: int
    low: float
    high: float
    text: str


def attribution_rows(
    signal: Series,
    contributions: np.ndarray,
    window: tuple[float, float],
    *,
    theme: Theme,
    clip: float,
    names: Sequence[str],
    cell: tuple[float, float],
    brackets: Sequence[Bracket] = (),
    beats: BeatMarks | None = None,
    phone: bool = False,
) -> go.Figure:
    """What was fed `signal` (C, T) over its `contributions` (C, T), one row per channel.

    Contributions are summed per drawn cell; `clip` is the sum drawn at full colour. `cell`
    (low, high) s is the cell explained. A click on a beat returns its time as x.
    """
    shown, sums = signal.within(*window), summed(signal, contributions, window)
    count = len(signal.values)
    if not len(shown) or not sums.values.size:
        return empty_figure("Nothing of what was fed lies in the window.", theme)
    inner = MARKS + count * (ROW + GAP)
    left, right = (34, 10) if phone else (50, 10)
    frame = layout(theme, height=inner + 40, left=left, right=right, top=4, bottom=36)
    drawing = Drawing(theme, frame)
    times, text = clock_ticks(*window, wanted=4 if phone else 6)
    ticks = {"tickvals": times, "ticktext": text, "fixedrange": phone}
    drawing.layout["xaxis"] = axis(
        theme, "time (min:s)", range=list(window), anchor=_axis(count - 1), **ticks
    )
    for row, name in enumerate(names):
        top = 1 - (MARKS + row * (ROW + GAP) + GAP) / inner
        domain = (max(top - ROW / inner, 0.0), top)
        limits = _limits(shown.values[row])
        _draw_row(drawing, row, (shown, sums), limits, clip)
        _set_axis(drawing, row, domain, limits)
        place = {"xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom"}
        drawing.note(0, top, name, yshift=2, **place)
        own = [b for b in brackets if b.channel == row and b.low < window[1] and b.high > window[0]]
        _draw_brackets(drawing, row, own, limits)
    _draw_cell(drawing, cell, 1 - MARKS / inner)
    if beats is not None:
        _draw_beats(drawing, beats, window, (1 - MARKS / inner, count))
    return drawing.figure()


def clicked_time(point: Mapping[str, Any]) -> float:
    """Time (s) of a clicked beat of `attribution_rows`."""
    return float(point["x"])


def summed(signal: Series, contributions: np.ndarray, window: tuple[float, float]) -> Series:
    """Contributions (C, T) of the window, summed over stretches of about CELL_SECONDS."""
    part = Series(signal.start, signal.step, contributions).within(*window)
    size = max(1, round(CELL_SECONDS / signal.step))
    count = len(part) // size
    values = part.values[:, : count * size].reshape(len(part.values), count, size).sum(axis=2)
    return Series(part.start + part.step * (size - 1) / 2, part.step * size, values, size)


def _axis(row: int) -> str:
    """Plotly's name of the vertical axis of a row."""
    return "y" if row == 0 else f"y{row + 1}"


def _limits(values: np.ndarray) -> tuple[float, float]:
    """Low and high end of a row: its values with room above for brackets."""
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    reach = max(high - low, 1e-3)
    return low - 0.1 * reach, high + 0.3 * reach


def _draw_row(
    drawing: Drawing,
    row: int,
    drawn: tuple[Series, Series],
    limits: tuple[float, float],
    clip: float,
) -> None:
    shown, sums = drawn
    place = {"x0": sums.start, "dx": sums.step, "y0": sum(limits) / 2, "dy": limits[1] - limits[0]}
    drawing.cells(sums.values[row : row + 1], clip, yaxis=_axis(row), name="contribution", **place)
    line = {"color": drawing.theme.ink, "width": 1.4}
    values = np.float32(shown.values[row])
    drawing.line(shown.start, shown.step, values, line=line, yaxis=_axis(row), name="fed")


def _set_axis(
    drawing: Drawing, row: int, domain: tuple[float, float], limits: tuple[float, float]
) -> None:
    key = f"yaxis{row + 1}" if row else "yaxis"
    options = {"domain": list(domain), "range": list(limits), "fixedrange": True, "nticks": 4}
    drawing.layout[key] = axis(drawing.theme, showline=False, anchor="x", **options)


def _draw_brackets(
    drawing: Drawing, row: int, brackets: Sequence[Bracket], limits: tuple[float, float]
) -> None:
    """A line over each stretch with what it contributes."""
    low, high = limits
    level = high - 0.12 * (high - low)
    for bracket in brackets:
        line = {"color": drawing.theme.ink, "width": 3}
        ends = {"x0": bracket.low, "x1": bracket.high, "y0": level, "y1": level}
        drawing.shape("line", line=line, xref="x", yref=_axis(row), **ends)
        font = {"size": TICK_LABEL, "color": drawing.theme.ink}
        place = {"xanchor": "left", "yanchor": "middle", "xshift": 5, "yref": _axis(row)}
        drawing.note(bracket.high, level, f"<b>{bracket.text}</b>", font=font, **place)


def _draw_cell(drawing: Drawing, cell: tuple[float, float], top: float) -> None:
    line = {"color": drawing.theme.figure_accent, "width": 1}
    across = {"x0": cell[0], "x1": cell[1], "y0": 0, "y1": top, "yref": "paper"}
    drawing.shape("rect", fillcolor="rgba(0,0,0,0)", line=line, **across)


def _draw_beats(
    drawing: Drawing, beats: BeatMarks, window: tuple[float, float], room: tuple[float, int]
) -> None:
    bottom, count = room
    drawing.layout[f"yaxis{count + 1}"] = {
        "domain": [bottom, 1],
        "range": [0, 1],
        "visible": False,
        "fixedrange": True,
    }
    rows = beat_row(beats, window, drawing.theme, level=0.5)
    drawing.traces += [{**row, "yaxis": _axis(count)} for row in rows]
    drawing.layout |= {"clickmode": "event+select"}


def signed_text(value: float) -> str:
    """A contribution as brackets and tables show it: two digits with their sign."""
    return number(value, 2, sign=True)
