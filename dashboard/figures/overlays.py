"""Beats of each class laid over each other with their average: a small panel per class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.figures.drawing import Drawing, empty_figure
from dashboard.figures.theme import TICK_LABEL, Theme, axis, class_colour, layout
from dashboard.figures.thin import Series, thin

POINTS = 100  # values of a drawn beat at most; fewer where more than two panels share the width
SHARED_POINTS = 240
SPACE = 0.018  # between two panels, as a share of the width
ROW = 190  # px of a panel of a phone, where they lie one below the other


@dataclass(frozen=True)
class Overlay:
    """One class: its letter, `title`, and all in the lead's unit.

    `drawn` (D, T) beats; `middle`, `low`, `high` (T,) the average and the edges of its band, NaN
    for none; `chosen` (T,) the beat looked at, if it is of this class.
    """

    symbol: str
    title: str
    drawn: np.ndarray
    middle: np.ndarray
    low: np.ndarray
    high: np.ndarray
    chosen: np.ndarray | None = None


def beat_overlays(
    times: np.ndarray,
    overlays: Sequence[Overlay],
    unit: str,
    *,
    theme: Theme,
    height: int = 300,
    phone: bool = False,
) -> go.Figure:
    """A panel per class over `times` (T,) s from the beat, all with one vertical scale in `unit`.

    A click selects a drawn beat: see `clicked_row`.
    """
    if not overlays:
        return empty_figure("No whole beat to draw in this lead.", theme, height=height)
    count = len(overlays)
    tall = height if not phone else count * ROW + 40
    frame = layout(theme, height=tall, left=50, right=10, top=22, bottom=38)
    drawing = Drawing(theme, frame)
    for place, overlay in enumerate(overlays):  # first, so that a curve's number is its panel's
        _draw_beats(drawing, times, overlay, _axes(place), _points(count))
    for place, overlay in enumerate(overlays):
        _draw_average(drawing, times, overlay, _axes(place))
        _set_axes(drawing, times, (place, count), unit, phone)
        _head(drawing, overlay, place)
    low, high = _range(overlays)
    for place in range(count):
        drawing.layout[f"yaxis{place + 1 if place else ''}"]["range"] = [low, high]
    drawing.layout |= {"clickmode": "event+select", "hoverdistance": 12}
    return drawing.figure()


def clicked_row(
    point: Mapping[str, Any], overlays: Sequence[Overlay], length: int
) -> tuple[int, int]:
    """Panel and row of `drawn` of a clicked point of `beat_overlays`; `length` is that of times.

    Raises IndexError for a point of none.
    """
    panel = int(point["curve_number"])
    if panel >= len(overlays):
        raise IndexError(f"got curve {panel}, expected one of {len(overlays)} panels")
    each = len(_thinned(np.arange(length), np.zeros((1, length)), _points(len(overlays)))) + 1
    return panel, int(point["point_index"]) // each


def _points(count: int) -> int:
    return min(POINTS, SHARED_POINTS // count)


def _axes(place: int) -> dict[str, str]:
    number = str(place + 1) if place else ""
    return {"xaxis": f"x{number}", "yaxis": f"y{number}"}


def _thinned(times: np.ndarray, rows: np.ndarray, points: int) -> Series:
    step = float(times[1] - times[0])
    return thin(Series(float(times[0]), step, np.float32(rows)), points)


def _draw_beats(
    drawing: Drawing, times: np.ndarray, overlay: Overlay, axes: dict[str, str], points: int
) -> None:
    """All beats as one trace with breaks; its markers are there to be clicked only."""
    kept = _thinned(times, overlay.drawn, points)
    milliseconds = np.int16(np.rint(1000 * np.append(kept.times, kept.end)))
    broken = np.pad(kept.values, ((0, 0), (0, 1)), constant_values=np.nan)  # (D, points + 1)
    colour = class_colour(overlay.symbol, drawing.theme)
    hidden = {"marker": {"opacity": 0}}
    drawing.add(
        "scatter",
        x=np.tile(milliseconds, len(broken)),
        y=broken.ravel(),
        mode="lines+markers",
        line={"color": colour, "width": 0.7},
        marker={"opacity": 0, "size": 4, "maxdisplayed": 1},
        opacity=0.45 if len(broken) > 3 else 0.9,
        connectgaps=False,
        selected=hidden,
        unselected=hidden,
        hoverinfo="none",
        name=f"beats {overlay.symbol}",
        **axes,
    )


def _draw_average(
    drawing: Drawing, times: np.ndarray, overlay: Overlay, axes: dict[str, str]
) -> None:
    theme = drawing.theme
    start, step = 1000 * float(times[0]), 1000 * float(times[1] - times[0])
    ink = {"color": theme.ink}
    if np.isfinite(overlay.low).all():
        for name, edge in (("low", overlay.low), ("high", overlay.high)):
            line = {**ink, "width": 1, "dash": "dot"}
            drawing.line(start, step, np.float32(edge), line=line, name=name, **axes)
    middle = np.float32(overlay.middle)
    drawing.line(start, step, middle, line={**ink, "width": 2.2}, name="average", **axes)
    if overlay.chosen is not None:
        line = {"color": theme.figure_accent, "width": 2}
        drawing.line(start, step, np.float32(overlay.chosen), line=line, name="chosen", **axes)


def _set_axes(
    drawing: Drawing, times: np.ndarray, place_of: tuple[int, int], unit: str, phone: bool
) -> None:
    """Side by side, or on a phone one below the other; only the outer axes have titles."""
    place, count = place_of
    number = str(place + 1) if place else ""
    part = (1 - SPACE * (count - 1)) / count
    first = place * (part + SPACE)
    gap = 26 / (count * ROW) if phone else 0  # room for the head of the next panel
    left = phone or place == 0
    bottom = not phone or place == count - 1
    across = {"range": [1000 * float(times[0]), 1000 * float(times[-1])], "dtick": 200}
    drawing.layout[f"xaxis{number}"] = axis(
        drawing.theme,
        "ms from the beat" if bottom else "",
        domain=[0, 1] if phone else [first, first + part],
        anchor=f"y{number}",
        showticklabels=bottom,
        fixedrange=phone,
        **({"matches": "x"} if place else {}),
        **across,
    )
    drawing.layout[f"yaxis{number}"] = axis(
        drawing.theme,
        unit if left else "",
        domain=[1 - (place + 1) / count + (gap if not bottom else 0), 1 - place / count - gap]
        if phone
        else [0, 1],
        anchor=f"x{number}",
        showticklabels=left,
        fixedrange=True,
        nticks=6,
        **({"matches": "y"} if place else {}),
    )


def _head(drawing: Drawing, overlay: Overlay, place: int) -> None:
    axes = _axes(place)
    at = {"xref": f"{axes['xaxis']} domain", "yref": f"{axes['yaxis']} domain"}
    where = {**at, "xanchor": "left", "yanchor": "bottom", "yshift": 2}
    font = {"size": TICK_LABEL, "color": drawing.theme.quiet}
    drawing.note(0, 1, f"<b>{overlay.symbol}</b> {overlay.title}", font=font, **where)


def _range(overlays: Sequence[Overlay]) -> tuple[float, float]:
    """Nearly all beats of all panels from top to bottom: a few may go over the edge."""
    low = float(min(np.percentile(o.drawn.min(axis=1), 2) for o in overlays))
    high = float(max(np.percentile(o.drawn.max(axis=1), 98) for o in overlays))
    pad = max(0.06 * (high - low), 0.05)
    return low - pad, high + pad
