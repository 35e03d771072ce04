"""Who named how many beats what: a confusion matrix whose cells can be clicked."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.figures.drawing import Drawing, empty_figure
from dashboard.figures.theme import AXIS_TITLE, MONO, PROBABILITY, Theme, axis, layout

STRONGEST = 0.62  # opacity of a full cell, so that its number stays legible


def confusion_matrix(
    counts: np.ndarray,
    *,
    theme: Theme,
    rows: Sequence[str],
    columns: Sequence[str],
    titles: tuple[str, str] = ("reference", "found"),
    chosen: tuple[int, int] | None = None,
    phone: bool = False,
) -> go.Figure:
    """Counts (R, C) as numbers, each cell coloured by its share of its row.

    `titles` name the vertical and the horizontal axis; `chosen` (row, column) is outlined. A
    click on a cell that holds beats returns a point that `clicked_cell` turns into (row, column).
    """
    if not counts.sum():
        return empty_figure("No beats to compare.", theme)
    height = 40 + 36 * len(rows) + 6
    drawing = Drawing(theme, layout(theme, height=height, left=78, right=8, top=40, bottom=6))
    total = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, total, out=np.zeros(counts.shape), where=total > 0)
    drawing.add(
        "heatmap",
        z=np.float32(shares),
        zmin=0,
        zmax=1 / STRONGEST,
        xgap=1,
        ygap=1,
        colorscale=PROBABILITY.stops(),
        showscale=False,
        hoverinfo="skip",
        name="shares",
    )
    _draw_numbers(drawing, counts, shares)
    last = {"x": len(columns) - 0.5, "y": len(rows) - 0.5}
    drawing.layout |= {
        "xaxis": _names(theme, f"{titles[1]} (beats)", columns, [-0.5, last["x"]], side="top"),
        "yaxis": _names(theme, f"{titles[0]} (beats)", rows, [last["y"], -0.5]),
    }
    for edge, across in (("x", len(columns) - 1.5), ("y", len(rows) - 1.5)):
        ends = {f"{edge}0": across, f"{edge}1": across}
        other = "y" if edge == "x" else "x"
        ends |= {f"{other}0": -0.5, f"{other}1": last[other]}
        drawing.shape("line", line={"color": theme.quiet, "width": 1}, **ends)
    if chosen is not None:
        row, column = chosen
        box = {"x0": column - 0.5, "x1": column + 0.5, "y0": row - 0.5, "y1": row + 0.5}
        drawing.shape("rect", line={"color": theme.figure_accent, "width": 2}, **box)
    if phone:
        drawing.layout["xaxis"]["fixedrange"] = drawing.layout["yaxis"]["fixedrange"] = True
    return drawing.figure()


def clicked_cell(point: Mapping[str, Any]) -> tuple[int, int]:
    """The (row, column) of a clicked point of `confusion_matrix`."""
    return round(float(point["y"])), round(float(point["x"]))


def _names(
    theme: Theme, title: str, names: Sequence[str], ends: list[float], **options: Any
) -> dict:
    ticks = {"tickvals": list(range(len(names))), "ticktext": list(names)}
    bare = {"showline": False, "ticks": "", "ticklabelstandoff": 5, "fixedrange": True}
    return axis(theme, title, range=ends, **ticks, **bare, **options)


def _draw_numbers(drawing: Drawing, counts: np.ndarray, shares: np.ndarray) -> None:
    """Counts as text that a click finds; a cell without beats has none."""
    row, column = np.nonzero(counts)
    opaque = {"marker": {"opacity": 0}}
    drawing.add(
        "scatter",
        x=column,
        y=row,
        mode="markers+text",
        marker={"opacity": 0, "size": 26, "symbol": "square"},
        selected={**opaque, "textfont": {"color": drawing.theme.ink}},
        unselected={**opaque, "textfont": {"color": drawing.theme.ink}},
        text=[f"{n:,}".replace(",", "\u2009") for n in counts[row, column]],
        textfont={"size": AXIS_TITLE, "color": drawing.theme.ink, "family": MONO},
        customdata=np.float32(100 * shares[row, column]),
        hovertemplate="%{text} beats, %{customdata:.1f} % of the row<extra></extra>",
        name="counts",
    )
    drawing.layout |= {"clickmode": "event+select", "hoverdistance": 30}
