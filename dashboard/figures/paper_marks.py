"""What lies over and under the leads on ECG paper: rows of marks, class lanes, calipers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from dashboard.figures.beats import BeatMarks, beat_row, label_row, reference_row
from dashboard.figures.clock import clock_ticks
from dashboard.figures.drawing import Drawing
from dashboard.figures.paper_rows import Lead, Stack
from dashboard.figures.theme import AXIS_TITLE, PROBABILITY, axis
from dashboard.figures.thin import Series

ROW = 19  # px of a row of marks above the leads
LANE = 14  # px of a class lane
LETTER = 26  # px that a beat's mark takes with the letter beside it
MOMENTS = 400  # places over the window that a click finds
MOMENTS_OF_ROWS = 4_800  # the same in all rows together, while measuring
MOST_MOMENTS = 960  # of them in one row: about a px each


@dataclass(frozen=True)
class Lanes:
    """Probability of each class per cell: `trace.values` (K, cells) in 0..1, one name per row."""

    names: tuple[str, ...]
    trace: Series


@dataclass(frozen=True)
class Marks:
    """Rows of marks from the top: beats as shapes, the compared reference, others, rhythm names.

    `annotators` are rows by their names; `rhythm` (text at the time from which it holds) is one.
    """

    beats: BeatMarks | None = None
    reference: BeatMarks | None = None
    annotators: Mapping[str, BeatMarks] | None = None
    rhythm: BeatMarks | None = None

    @property
    def rows(self) -> int:
        """How many rows there are."""
        given = (self.reference, self.rhythm)
        return 1 + len(self.annotators or {}) + sum(marks is not None for marks in given)


@dataclass(frozen=True)
class Calipers:
    """One or two moments (s) of a lead, `level` (mV of that lead) at each, and what to say."""

    lead: int
    times: tuple[float, ...]
    levels: tuple[float, ...]
    text: str = ""


def draw_marks(
    drawing: Drawing,
    window: tuple[float, float],
    marks: Marks,
    room: tuple[float, int],
    px_per_second: float,
) -> None:
    """Rows of marks on their own axis over the paper, 0 at its bottom and 1 at its top.

    `room` is where the paper's domain starts and its height in px. Where beats are closer than
    their letters are wide, those of N give way.
    """
    split, paper = room
    drawing.layout["yaxis3"] = {
        "domain": [split, 1],
        "overlaying": "y",
        "range": [0, 1],
        "visible": False,
        "fixedrange": True,
    }
    row_of_beats = partial(beat_row, letter=LETTER / px_per_second)
    rows = [("net", row_of_beats, marks.beats), ("ref", reference_row, marks.reference)]
    rows += [(name, reference_row, given) for name, given in (marks.annotators or {}).items()]
    rows.append(("rhythm", label_row, marks.rhythm))
    level = 1 - 0.5 * ROW / paper
    for name, row, given in rows:
        if given is not None:
            traces = row(given, window, drawing.theme, level=level)
            drawing.traces += [{**trace, "yaxis": "y3"} for trace in traces]
            place = {"xref": "paper", "xanchor": "right", "xshift": -8, "yref": "y3"}
            drawing.note(0, level, given.row or name, **place)
        if given is not None or name == "net":
            level -= 0.95 * ROW / paper


def draw_moments(drawing: Drawing, window: tuple[float, float]) -> None:
    """Places that a click finds, over the whole window."""
    moments = np.linspace(*window, MOMENTS)
    drawing.targets(moments, np.full(MOMENTS, 0.4, np.float32), yaxis="y3", name="moments")


def draw_moments_of_rows(
    drawing: Drawing, window: tuple[float, float], stack: Stack, unit: float
) -> None:
    """Places that a click finds in each row; `legendgroup` tells the row."""
    count = min(MOST_MOMENTS, MOMENTS_OF_ROWS // len(stack.middles))
    step = (window[1] - window[0]) / max(count - 1, 1)
    for row, middle in enumerate(stack.middles):
        y = np.full(count, round(middle / unit), np.int16)
        options = {"x0": window[0], "dx": step, "legendgroup": f"row {row}", "name": "moments"}
        drawing.targets(None, y, **options)


def draw_moment(drawing: Drawing, position: float, split: float) -> None:
    """The chosen moment (s) as a line through the paper."""
    line = {"color": drawing.theme.figure_accent, "width": 1.5}
    drawing.shape("line", x0=position, x1=position, y0=split, y1=1, yref="paper", line=line)


def draw_calipers(
    drawing: Drawing,
    calipers: Calipers,
    leads: Sequence[Lead],
    stack: Stack,
    unit: float,
    split: float,
) -> None:
    """Two legs through the paper, marks on the lead, a bar between them with the reading."""
    theme = drawing.theme
    line = {"color": theme.figure_accent, "width": 1.5, "dash": "dash"}
    for time in calipers.times:
        drawing.shape("line", x0=time, x1=time, y0=split, y1=1, yref="paper", line=line)
    row, offset = stack.rows[calipers.lead], stack.offsets[calipers.lead]
    heights = [float((level + offset) / unit) for level in calipers.levels]
    drawing.add(
        "scatter",
        x=list(calipers.times),
        y=heights,
        mode="markers",
        marker={"symbol": "circle-open", "size": 9, "color": theme.figure_accent},
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
        hoverinfo="skip",
        name="calipers",
    )
    if len(calipers.times) < 2:
        return
    bar = float((stack.middles[row] - 0.5) / unit)
    solid = {**line, "dash": "solid"}
    low, high = sorted(calipers.times)
    drawing.shape("line", x0=low, x1=high, y0=bar, y1=bar, yref="y", line=solid)
    box = {"bgcolor": theme.page, "borderpad": 2, "yanchor": "top", "yshift": -3}
    font = {"size": AXIS_TITLE, "color": theme.accent}
    drawing.note((low + high) / 2, bar, calipers.text, xref="x", yref="y", font=font, **box)


def draw_lanes(
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
