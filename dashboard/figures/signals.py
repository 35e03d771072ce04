"""A window of an ECG on its paper: 25 mm/s, 10 mm/mV, leads stacked, beats and class lanes.

Values travel as int16 in steps of one unit for all leads (see `thin.py`), so the vertical axis
counts those steps; a click returns the time in seconds as x.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.figures.beats import BeatMarks, beat_row, reference_row
from dashboard.figures.clock import clock_ticks
from dashboard.figures.drawing import Drawing, empty_figure
from dashboard.figures.theme import (
    AXIS_TITLE,
    PAPER_COARSE,
    PAPER_FINE,
    PROBABILITY,
    Theme,
    axis,
    layout,
)
from dashboard.figures.thin import Series, as_counts, thin

POINT_BYTES = 48_000  # of signal values sent at most, before base64 makes it a third more
PULSE_SECONDS = 0.32  # room for the calibration pulse before the first sample
ROW = 19  # px of a row of marks above the leads
LANE = 14  # px of a class lane
LEAST_GAP = 1.3  # mV between the middles of two leads at least: the pulse is 1 mV high
OVERLAP = 0.75  # more than three leads may reach into each other, as on real paper
FINE_LINES = 16.0  # s; a longer window has no 1 mm lines


@dataclass(frozen=True)
class Lead:
    """One lead of the window: `trace` in mV with NaN for gaps; `first_index` of its first value."""

    name: str
    trace: Series
    first_index: int = 0


@dataclass(frozen=True)
class Lanes:
    """Probability of each class per cell: `trace.values` (K, cells) in 0..1, one name per row."""

    names: tuple[str, ...]
    trace: Series


@dataclass(frozen=True)
class _Stack:
    """Where each lead sits, in mV: `offsets` added to its values, from `bottom` to `top`.

    `middles` are where the medians come to lie.
    """

    offsets: tuple[float, ...]
    middles: np.ndarray
    bottom: float
    top: float


def ecg_paper(
    leads: Sequence[Lead],
    window: tuple[float, float],
    *,
    theme: Theme,
    beats: BeatMarks | None = None,
    reference: BeatMarks | None = None,
    lanes: Lanes | None = None,
    position: float | None = None,
    width: int = 970,
    phone: bool = False,
) -> go.Figure:
    """The leads over `window` (s) on ECG paper, marks above them, class lanes below.

    `width` is the expected width of the paper in px, from which the height follows; at another
    width the squares stay square. `position` (s) is drawn as the chosen moment.
    """
    shown = [Lead(lead.name, *_cut(lead, window)) for lead in leads]
    if not any(len(lead.trace) for lead in shown):
        return empty_figure("No lead to draw in this window.", theme)
    length = window[1] - window[0] + PULSE_SECONDS
    px_per_mv = 0.4 * width / length
    stack = _stack(shown, px_per_mv)
    rows = 1 + (reference is not None)
    paper = round((stack.top - stack.bottom) * px_per_mv) + rows * ROW + 6
    below = 22 + (len(lanes.names) * LANE if lanes else 0)
    left = 50 if not phone else 36
    frame = layout(theme, height=paper + below + 34, left=left, right=10, top=4, bottom=30)
    drawing = Drawing(theme, frame)
    unit = _unit(shown, stack, rows * ROW / px_per_mv)
    _draw_leads(drawing, shown, stack, unit)
    _draw_pulses(drawing, stack, unit, window[0])
    split = below / (paper + below)
    _set_paper_axes(drawing, window, shown, stack, unit, (split, rows * ROW / px_per_mv))
    _draw_marks(drawing, window, beats, reference, (split, paper))
    _draw_lanes(drawing, window, lanes, below / (paper + below), below)
    if position is not None:
        _draw_moment(drawing, position, split)
    if phone:  # a finger on the paper scrolls the page
        drawing.layout["xaxis"]["fixedrange"] = drawing.layout["xaxis2"]["fixedrange"] = True
    return drawing.figure()


def clicked_time(point: Mapping[str, Any]) -> float:
    """Time (s) of a clicked point of `ecg_paper`."""
    return float(point["x"])


def samples_per_pixel(window: tuple[float, float], sampling_rate: float, width: int = 970) -> float:
    """How many samples share a pixel of the paper."""
    return (window[1] - window[0] + PULSE_SECONDS) * sampling_rate / width


def _cut(lead: Lead, window: tuple[float, float]) -> tuple[Series, int]:
    """The window with a little beyond its end, and the record's index where it starts."""
    cut = lead.trace.within(window[0], window[1])
    return cut, lead.first_index + round((cut.start - lead.trace.start) / lead.trace.step)


def _stack(leads: Sequence[Lead], px_per_mv: float) -> _Stack:
    """Leads from top to bottom about their own medians, as close as they fit."""
    share = OVERLAP if len(leads) > 3 else 1.0
    clear = 8 / px_per_mv
    offsets, middles, middle, floor, top = [], [], 0.0, 0.0, 0.0
    for k, lead in enumerate(leads):
        median, low, high = _spread(lead.trace.values)
        if k == 0:
            top = max(high, 1.0) + clear  # the calibration pulse is 1 mV high
        else:
            middle = min(floor - clear - share * max(high, 0.3), middle - LEAST_GAP)
        offsets.append(middle - median)
        middles.append(middle)
        floor = middle + share * low
    return _Stack(tuple(offsets), np.array(middles), middle + min(low, -0.3) - clear, top)


def _spread(values: np.ndarray) -> tuple[float, float, float]:
    """Median, lowest and highest about the median; zeros for nothing but gaps."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 0.0, 0.0
    median = float(np.median(finite))
    return median, float(finite.min()) - median, float(finite.max()) - median


def _unit(leads: Sequence[Lead], stack: _Stack, above: float) -> float:
    """mV per step such that every drawn value fits int16."""
    highest = max(abs(stack.top + above), abs(stack.bottom), 1.0)
    return max(0.001, highest / 32_000)


def _draw_leads(drawing: Drawing, leads: Sequence[Lead], stack: _Stack, unit: float) -> None:
    gaps = any(np.isnan(lead.trace.values).any() for lead in leads)
    points = POINT_BYTES // ((4 if gaps else 2) * len(leads))
    for lead, offset in zip(leads, stack.offsets, strict=True):
        if not len(lead.trace):
            continue
        kept = thin(lead.trace, points, first_index=lead.first_index)
        drawing.line(
            kept.start,
            kept.step,
            as_counts(kept.values + offset, unit).counts,
            line={"color": drawing.theme.ink, "width": 1.4},
            connectgaps=False,
            name=lead.name,
        )


def _draw_pulses(drawing: Drawing, stack: _Stack, unit: float, start: float) -> None:
    """1 mV high, 0.2 s wide, ending where the first sample begins: one trace for all leads."""
    x = start + np.array([-0.26, -0.24, -0.24, -0.04, -0.04, -0.02, np.nan])
    y = np.array([0, 0, 1, 1, 0, 0, np.nan])
    drawing.add(
        "scatter",
        x=np.tile(x, len(stack.middles)),
        y=np.float32((stack.middles[:, None] + y).ravel() / unit),
        mode="lines",
        line={"color": drawing.theme.ink, "width": 1.4},
        hoverinfo="skip",
        name="1 mV",
    )


def _set_paper_axes(
    drawing: Drawing,
    window: tuple[float, float],
    leads: Sequence[Lead],
    stack: _Stack,
    unit: float,
    room: tuple[float, float],
) -> None:
    """Paper: 0.2 s and 0.5 mV squares, in fine lines of 0.04 s and 0.1 mV where they have room."""
    theme, (split, above) = drawing.theme, room
    fine = window[1] - window[0] <= FINE_LINES
    coarse = {"showgrid": True, "gridcolor": PAPER_COARSE, "gridwidth": 1, "griddash": "solid"}
    bare = {"ticks": "", "showline": False}
    drawing.layout["xaxis"] = axis(
        theme,
        range=[window[0] - PULSE_SECONDS, window[1]],
        tick0=window[0],
        dtick=0.2,
        showticklabels=False,
        anchor="y",
        minor=_fine_lines(fine, window[0], 0.04),
        constrain="domain",
        constraintoward="left",
        **coarse,
        **bare,
    )
    drawing.layout["yaxis"] = axis(
        theme,
        domain=[split, 1],
        range=[stack.bottom / unit, (stack.top + above) / unit],
        tick0=float(stack.middles[0] / unit),
        dtick=0.5 / unit,
        showticklabels=False,
        minor=_fine_lines(fine, float(stack.middles[0] / unit), 0.1 / unit),
        scaleanchor="x",
        scaleratio=0.4 * unit,
        constrain="domain",  # a range once widened would stay so when the page gets its width
        constraintoward="top",
        fixedrange=True,
        **coarse,
        **bare,
    )
    for lead, middle in zip(leads, stack.middles, strict=True):
        font = {"size": AXIS_TITLE, "color": theme.quiet}
        place = {"xref": "paper", "xanchor": "right", "xshift": -8, "yref": "y", "font": font}
        drawing.note(0, float(middle / unit), f"<b>{lead.name}</b>", **place)


def _fine_lines(wanted: bool, start: float, step: float) -> dict[str, Any]:
    lines = {"showgrid": True, "gridcolor": PAPER_FINE, "gridwidth": 1, "ticks": ""}
    return {**lines, "tick0": start, "dtick": step} if wanted else {"showgrid": False}


def _draw_marks(
    drawing: Drawing,
    window: tuple[float, float],
    beats: BeatMarks | None,
    reference: BeatMarks | None,
    room: tuple[float, int],
) -> None:
    """Rows of marks on their own axis over the paper, 0 at its bottom and 1 at its top."""
    split, paper = room
    drawing.layout["yaxis3"] = {
        "domain": [split, 1],
        "overlaying": "y",
        "range": [0, 1],
        "visible": False,
        "fixedrange": True,
    }
    first, second = 1 - 0.5 * ROW / paper, 1 - 1.45 * ROW / paper
    moments = np.linspace(*window, 400)
    drawing.targets(moments, np.full(400, 0.4, np.float32), yaxis="y3", name="moments")
    for name, row, marks, level in (
        ("net", beat_row, beats, first),
        ("ref", reference_row, reference, second),
    ):
        if marks is None:
            continue
        rows = row(marks, window, drawing.theme, level=level)
        drawing.traces += [{**trace, "yaxis": "y3"} for trace in rows]
        place = {"xref": "paper", "xanchor": "right", "xshift": -8, "yref": "y3"}
        drawing.note(0, level, marks.row or name, **place)


def _draw_lanes(
    drawing: Drawing, window: tuple[float, float], lanes: Lanes | None, split: float, below: int
) -> None:
    """Class lanes on a second x axis that matches the first: a shared one would draw its grid."""
    theme = drawing.theme
    values, text = clock_ticks(*window)
    drawing.layout["xaxis2"] = axis(
        theme,
        matches="x",
        constrain="domain",  # as the first: both stay one above the other whatever the width
        constraintoward="left",
        anchor="y2",
        tickvals=values,
        ticktext=text,
        range=list(window),
    )
    names = lanes.names if lanes else ()
    drawing.layout["yaxis2"] = axis(
        theme,
        domain=[0, max(0.0, split - 16 / below * split)],
        range=[max(len(names), 1) - 0.5, -0.5],
        tickvals=list(range(len(names))),
        ticktext=list(names),
        ticks="",
        showline=False,
        fixedrange=True,
    )
    if lanes is None:
        drawing.add("scatter", x=[window[0]], y=[0], xaxis="x2", yaxis="y2", opacity=0, name="")
        return
    cells = lanes.trace.within(*window)
    drawing.add(
        "heatmap",
        z=np.float32(cells.values),
        x0=cells.start,
        dx=cells.step,
        zmin=0,
        zmax=1,
        colorscale=PROBABILITY.stops(),
        showscale=False,
        xaxis="x2",
        yaxis="y2",
        hovertemplate="%{y} %{z:.2f}<extra></extra>",
        name="classes",
    )


def _draw_moment(drawing: Drawing, position: float, split: float) -> None:
    line = {"color": drawing.theme.figure_accent, "width": 1.5}
    drawing.shape("line", x0=position, x1=position, y0=split, y1=1, yref="paper", line=line)
