"""A window of an ECG on its paper: 25 mm/s, 10 mm/mV, leads stacked, beats and class lanes.

Values travel as int16 in steps of one unit for all leads (see `thin.py`), so the vertical axis
counts those steps; a click returns the time in seconds as x.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from dashboard.figures.beats import BeatMarks
from dashboard.figures.drawing import Drawing, empty_figure
from dashboard.figures.paper_marks import (
    LANE,
    MOMENTS_OF_ROWS,
    ROW,
    Calipers,
    Lanes,
    Marks,
    draw_calipers,
    draw_lanes,
    draw_marks,
    draw_moment,
    draw_moments,
    draw_moments_of_rows,
)
from dashboard.figures.paper_rows import (
    Doubt,
    Lead,
    Stack,
    draw_doubts,
    draw_leads,
    draw_names,
    draw_pulses,
    stack_of,
    unit_of,
)
from dashboard.figures.theme import PAPER_COARSE, PAPER_FINE, Theme, axis, layout

PULSE_SECONDS = 0.32  # room for the calibration pulse before the first sample
FINEST_LINES = 2.3  # px; 1 mm lines closer than this are left out


def ecg_paper(
    leads: Sequence[Lead],
    window: tuple[float, float],
    *,
    theme: Theme,
    beats: BeatMarks | None = None,
    reference: BeatMarks | None = None,
    annotators: Mapping[str, BeatMarks] | None = None,
    rhythm: BeatMarks | None = None,
    lanes: Lanes | None = None,
    position: float | None = None,
    measuring: bool = False,
    calipers: Calipers | None = None,
    width: int = 970,
    phone: bool = False,
) -> go.Figure:
    """The leads over `window` (s) on ECG paper, marks above them, class lanes below.

    `width` is the expected width of the paper in px, from which the height follows; at another
    width the squares stay square. `position` (s) is drawn as the chosen moment. While
    `measuring`, a click tells its row too (`clicked_row`); `calipers` are drawn over all.
    """
    shown = [lead.within(window) for lead in leads]
    if not any(len(lead.trace) for lead in shown):
        return empty_figure("No lead to draw in this window.", theme)
    length = window[1] - window[0] + PULSE_SECONDS
    px_per_mv = 0.4 * width / length
    stack = stack_of(shown, px_per_mv)
    marks = Marks(beats, reference, annotators, rhythm)
    paper = round((stack.top - stack.bottom) * px_per_mv) + marks.rows * ROW + 6
    below = 22 + (len(lanes.names) * LANE if lanes else 0)
    left = 50 if not phone else 36
    frame = layout(theme, height=paper + below + 34, left=left, right=10, top=4, bottom=30)
    drawing = Drawing(theme, frame)
    above = marks.rows * ROW / px_per_mv
    unit = unit_of(shown, stack, above)
    draw_doubts(drawing, shown, stack, unit, window)
    spared = 2 * MOMENTS_OF_ROWS if measuring else 0
    draw_leads(drawing, shown, stack, unit, spared)
    draw_pulses(drawing, stack, unit, window[0])
    split = below / (paper + below)
    fine = 0.1 * px_per_mv >= FINEST_LINES
    _set_paper_axes(drawing, window, stack, unit, (split, above), fine)
    draw_names(drawing, shown, stack, unit, window)
    if measuring:
        draw_moments_of_rows(drawing, window, stack, unit)
    else:
        draw_moments(drawing, window)
    draw_marks(drawing, window, marks, (split, paper), 2.5 * px_per_mv)
    draw_lanes(drawing, window, lanes, split, below)
    if position is not None:
        draw_moment(drawing, position, split)
    if calipers is not None:
        draw_calipers(drawing, calipers, shown, stack, unit, split)
    if phone:  # a finger on the paper scrolls the page
        drawing.layout["xaxis"]["fixedrange"] = drawing.layout["xaxis2"]["fixedrange"] = True
    return drawing.figure()


def clicked_time(point: Mapping[str, Any]) -> float:
    """Time (s) of a clicked point of `ecg_paper`."""
    return float(point["x"])


def clicked_row(point: Mapping[str, Any]) -> int | None:
    """Row of leads, from the top, of a point clicked while measuring; None for another mark."""
    word, _, row = str(point.get("legendgroup") or "").partition(" ")
    return int(row) if word == "row" and row.isdigit() else None


def samples_per_pixel(window: tuple[float, float], sampling_rate: float, width: int = 970) -> float:
    """How many samples share a pixel of the paper."""
    return (window[1] - window[0] + PULSE_SECONDS) * sampling_rate / width


def _set_paper_axes(
    drawing: Drawing,
    window: tuple[float, float],
    stack: Stack,
    unit: float,
    room: tuple[float, float],
    fine: bool,
) -> None:
    """Paper: 0.2 s and 0.5 mV squares, in `fine` lines of 0.04 s and 0.1 mV where wanted."""
    theme, (split, above) = drawing.theme, room
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


def _fine_lines(wanted: bool, start: float, step: float) -> dict[str, Any]:
    lines = {"showgrid": True, "gridcolor": PAPER_FINE, "gridwidth": 1, "ticks": ""}
    return {**lines, "tick0": start, "dtick": step} if wanted else {"showgrid": False}


__all__ = [
    "PULSE_SECONDS",
    "Calipers",
    "Doubt",
    "Lanes",
    "Lead",
    "clicked_row",
    "clicked_time",
    "ecg_paper",
    "samples_per_pixel",
]
