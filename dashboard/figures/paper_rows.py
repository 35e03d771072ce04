"""Leads on ECG paper: where each row sits, and the ink of its leads, pulses and names.

Values travel as int16 in steps of one unit for all leads (see `thin.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil

import numpy as np

from dashboard.figures.drawing import Drawing
from dashboard.figures.theme import AXIS_TITLE, TICK_LABEL, Theme, area, rgb_of
from dashboard.figures.thin import Series, as_counts, thin

POINT_BYTES = 48_000  # of signal values sent at most, before base64 makes it a third more
LEAST_GAP = 1.3  # mV between the middles of two rows at least: the pulse is 1 mV high
OVERLAP = 0.75  # more than three rows may reach into each other, as on real paper
MEDIAN_OF = 4_000  # values
MOST_DOUBTS = 60  # stretches shaded at most, the longest ones
DOUBT_REACH = 0.6  # mV above and below a row's middle that a stretch is shaded
PALE = 0.38  # opacity of a lead before its filters


@dataclass(frozen=True)
class Doubt:
    """A stretch of a lead not to be read: `start` to `end` in s and why ("gap", "flat" ...)."""

    start: float
    end: float
    word: str


@dataclass(frozen=True)
class Lead:
    """One lead of the window: `trace` in mV with NaN for gaps; `first_index` of its first value.

    Leads of one `row` share it from left to right; None is a row of its own. A trace without
    values in a layout is a lead that was not recorded. `before` is the lead before its filters.
    """

    name: str
    trace: Series
    first_index: int = 0
    row: int | None = None
    before: Series | None = None
    doubts: tuple[Doubt, ...] = ()

    def within(self, window: tuple[float, float]) -> "Lead":
        """The window with a little beyond its end, and the record's index where it starts."""
        cut = self.trace.within(*window)
        moved = round((cut.start - self.trace.start) / self.trace.step)
        before = self.before and self.before.within(*window)
        first = self.first_index + moved
        return Lead(self.name, cut, first, self.row, before, self.doubts)


@dataclass(frozen=True)
class Stack:
    """Where each lead sits, in mV: `offsets` added to its values, from `bottom` to `top`.

    `rows` (one per lead) count from the top; `middles` (one per row) are where medians lie.
    """

    rows: tuple[int, ...]
    offsets: tuple[float, ...]
    middles: np.ndarray
    bottom: float
    top: float

    def alone(self, lead: int) -> bool:
        """Whether a lead has its row to itself."""
        return self.rows.count(self.rows[lead]) == 1


def stack_of(leads: Sequence[Lead], px_per_mv: float) -> Stack:
    """Rows from top to bottom about their leads' own medians, as close as they fit."""
    numbers = [k if lead.row is None else lead.row for k, lead in enumerate(leads)]
    order = sorted(set(numbers))
    rows = tuple(order.index(number) for number in numbers)
    spreads = [_spread(lead.trace.values) for lead in leads]
    share = OVERLAP if len(order) > 3 else 1.0
    clear = 8 / px_per_mv
    middles, middle, floor, top, low = [], 0.0, 0.0, 0.0, 0.0
    for k in range(len(order)):
        members = [spread for spread, row in zip(spreads, rows, strict=True) if row == k]
        low, high = min(m[1] for m in members), max(m[2] for m in members)
        if k == 0:
            top = max(high, 1.0) + clear  # the calibration pulse is 1 mV high
        else:
            middle = min(floor - clear - share * max(high, 0.3), middle - LEAST_GAP)
        middles.append(middle)
        floor = middle + share * low
    offsets = tuple(middles[row] - spread[0] for spread, row in zip(spreads, rows, strict=True))
    return Stack(rows, offsets, np.array(middles), middle + min(low, -0.3) - clear, top)


def _spread(values: np.ndarray) -> tuple[float, float, float]:
    """Median, lowest and highest about the median; zeros for nothing but gaps.

    The median of a long stretch is that of some thousand of its values.
    """
    finite = values[np.isfinite(values)] if np.isnan(values.sum()) else values
    if not finite.size:
        return 0.0, 0.0, 0.0
    median = float(np.median(finite[:: max(1, finite.size // MEDIAN_OF)]))
    return median, float(finite.min()) - median, float(finite.max()) - median


def unit_of(leads: Sequence[Lead], stack: Stack, above: float) -> float:
    """mV per step such that every drawn value fits int16."""
    highest = max(abs(stack.top + above), abs(stack.bottom), 1.0)
    for lead, offset in zip(leads, _offsets(leads, stack), strict=True):
        for series, shift in zip((lead.trace, lead.before), offset, strict=True):
            if series is not None and len(series):
                ends = np.fmin.reduce(series.values), np.fmax.reduce(series.values)
                highest = np.fmax(highest, np.fmax.reduce(np.abs(np.array(ends) + shift)))
    return max(0.001, float(highest) / 32_000)


def _offsets(leads: Sequence[Lead], stack: Stack) -> list[tuple[float, float]]:
    """What is added to each lead, and to it before its filters: both medians lie on the middle."""
    return [
        (offset, stack.middles[row] - _spread(lead.before.values)[0] if lead.before else 0.0)
        for lead, offset, row in zip(leads, stack.offsets, stack.rows, strict=True)
    ]


def draw_leads(
    drawing: Drawing, leads: Sequence[Lead], stack: Stack, unit: float, spared: int = 0
) -> None:
    """The ink: each lead, and pale under it what it was before its filters.

    `spared` bytes of `POINT_BYTES` are left to others.
    """
    parts = [(lead.trace, lead.before) for lead in leads]
    drawn = [series for pair in parts for series in pair if series is not None and len(series)]
    gaps = any(np.isnan(series.values).any() for series in drawn)
    share = (POINT_BYTES - spared) / (4 if gaps else 2) / max(sum(map(len, drawn)), 1)
    for lead, shifts in zip(leads, _offsets(leads, stack), strict=True):
        for series, shift, opacity in (
            (lead.before, shifts[1], PALE),
            (lead.trace, shifts[0], 1.0),
        ):
            if series is None or not len(series):
                continue
            points = ceil(share * len(series))
            kept = thin(series, points, first_index=lead.first_index)
            pale = {} if opacity == 1 else {"opacity": opacity}
            drawing.line(
                kept.start,
                kept.step,
                as_counts(kept.values + shift, unit).counts,
                line={"color": drawing.theme.ink, "width": 1.4},
                connectgaps=False,
                name=lead.name + (" before" if pale else ""),
                **pale,
            )


def draw_pulses(drawing: Drawing, stack: Stack, unit: float, start: float) -> None:
    """1 mV high, 0.2 s wide, ending where the first sample begins: one trace for all rows."""
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


def draw_names(
    drawing: Drawing, leads: Sequence[Lead], stack: Stack, unit: float, window: tuple[float, float]
) -> None:
    """Names before their rows; in a row of several leads at each one's start, behind a tick."""
    theme = drawing.theme
    ticks: list[tuple[float, float]] = []
    for k, lead in enumerate(leads):
        middle = stack.middles[stack.rows[k]]
        start = max(lead.trace.start, window[0])
        if stack.alone(k):
            font = {"size": AXIS_TITLE, "color": theme.quiet}
            place = {"xref": "paper", "xanchor": "right", "xshift": -8, "yref": "y", "font": font}
            drawing.note(0, float(middle / unit), f"<b>{escape(lead.name)}</b>", **place)
            continue
        if start > window[0] + 1e-3:
            ticks.append((start, middle))
        missing = "" if len(lead.trace) else ": not recorded"
        font = {"size": AXIS_TITLE, "color": theme.ink if len(lead.trace) else theme.quiet}
        place = {"xanchor": "left", "yanchor": "bottom", "xshift": 2, "font": font}
        y = float((middle + 0.55) / unit)
        drawing.note(start, y, f"<b>{escape(lead.name)}</b>{missing}", yref="y", xref="x", **place)
    if ticks:
        x = np.array([(at, at, np.nan) for at, _ in ticks]).ravel()
        y = np.array([(m - 0.4, m + 0.4, np.nan) for _, m in ticks]).ravel() / unit
        line = {"color": theme.ink, "width": 1}
        drawing.add(
            "scatter", x=x, y=np.float32(y), mode="lines", line=line, hoverinfo="skip", name="ticks"
        )


def draw_doubts(
    drawing: Drawing, leads: Sequence[Lead], stack: Stack, unit: float, window: tuple[float, float]
) -> None:
    """Grey bands over what is not to be read, with the reason where it has room."""
    found = [
        (max(doubt.start, window[0]), min(doubt.end, window[1]), doubt.word, stack.rows[k])
        for k, lead in enumerate(leads)
        for doubt in lead.doubts
        if doubt.end > window[0] and doubt.start < window[1]
    ]
    found.sort(key=lambda doubt: doubt[0] - doubt[1])
    room = (window[1] - window[0]) / 16  # about the width of the longest word
    for start, end, word, row in found[:MOST_DOUBTS]:
        middle = stack.middles[row]
        drawing.shape(
            "rect",
            x0=start,
            x1=end,
            y0=float((middle - DOUBT_REACH) / unit),
            y1=float((middle + DOUBT_REACH) / unit),
            fillcolor=doubt_area(drawing.theme),
            line={"width": 0},
            layer="below",
        )
        if end - start >= room:
            font = {"size": TICK_LABEL, "color": drawing.theme.quiet}
            place = {"xanchor": "left", "yanchor": "bottom", "xshift": 2, "font": font}
            y = float((middle - DOUBT_REACH) / unit)
            drawing.note(start, y, word, xref="x", yref="y", **place)


def doubt_area(theme: Theme) -> str:
    """The fill of what is not to be read: quiet ink with alpha."""
    return area(rgb_of(theme.quiet), 0.22)
