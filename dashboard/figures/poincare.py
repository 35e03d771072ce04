"""The Poincaré plot: each N-N interval over the one before it, with its SD1/SD2 ellipse."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.figures.drawing import Drawing, empty_figure
from dashboard.figures.theme import Theme, axis, class_colour, layout

MOST = 3_000  # dots; more pairs share the dots of a grid
TURN = np.linspace(0, 2 * np.pi, 73)


@dataclass(frozen=True)
class Dots:
    """Pairs of intervals as dots: `at` (D,) a pair of each dot, `counts` (D,) pairs it stands for.

    `cell` is the side of the square that shares a dot, ms; 0 where every pair has its own.
    """

    at: np.ndarray
    counts: np.ndarray
    cell: float


def dots_of(first: np.ndarray, second: np.ndarray, most: int = MOST) -> Dots:
    """At most `most` dots for pairs (P,) of intervals in ms: those of one grid cell share one."""
    if len(first) <= most:
        return Dots(np.arange(len(first)), np.ones(len(first), np.int64), 0.0)
    cell = 4.0
    while True:
        places = np.stack([first // cell, second // cell], axis=1).astype(np.int64)
        _, at, counts = np.unique(places, axis=0, return_index=True, return_counts=True)
        if len(at) <= most:
            return Dots(at, counts, cell)
        cell *= 2


def poincare_plot(
    first: np.ndarray,
    second: np.ndarray,
    dots: Dots,
    *,
    theme: Theme,
    spread: tuple[float, float] | None = None,
    chosen: int | None = None,
    height: int = 380,
    phone: bool = False,
) -> go.Figure:
    """Pairs of successive N-N intervals `first`, `second` (P,) in ms; `spread` is (SD1, SD2), ms.

    The ellipse has SD1 and SD2 as its half axes (Brennan et al., IEEE Trans Biomed Eng 48, 2001).
    `chosen` (a pair) is ringed. A click selects a dot: see `clicked_pair`.
    """
    if not len(first):
        return empty_figure("No two N-N intervals in a row.", theme, height=height)
    frame = layout(theme, height=height, left=50, right=10, top=8, bottom=38)
    drawing = Drawing(theme, frame)
    low, high = _range(np.concatenate([first, second]))
    thin = {"color": theme.rule, "width": 1}
    drawing.shape("line", x0=low, x1=high, y0=low, y1=high, layer="below", line=thin)
    _draw_dots(drawing, first, second, dots)
    if spread is not None:
        _draw_ellipse(drawing, (float(first.mean()), float(second.mean())), spread)
    if chosen is not None:
        marker = {"symbol": "circle-open", "size": 13, "color": theme.figure_accent}
        ring = {**marker, "line": {"width": 2}, "opacity": 1}
        x, y = float(first[chosen]), float(second[chosen])
        _marks(drawing, [x], [y], ring, name="chosen", hoverinfo="skip")
    across = {"range": [low, high], "nticks": 6, "fixedrange": phone}
    drawing.layout |= {
        "xaxis": axis(theme, "N-N interval n (ms)", constrain="domain", **across),
        "yaxis": axis(
            theme,
            "N-N interval n + 1 (ms)",
            scaleanchor="x",
            constrain="domain",
            **across,
        ),
        "clickmode": "event+select",
    }
    return drawing.figure()


def clicked_pair(
    point: Mapping[str, Any], first: np.ndarray, second: np.ndarray, dots: Dots
) -> int:
    """Which pair a clicked dot of `poincare_plot` is, or stands for."""
    across, up = first[dots.at] - float(point["x"]), second[dots.at] - float(point["y"])
    return int(dots.at[(across**2 + up**2).argmin()])


def _range(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    pad = max(0.06 * (high - low), 15.0)
    return max(0.0, low - pad), high + pad


def _draw_dots(drawing: Drawing, first: np.ndarray, second: np.ndarray, dots: Dots) -> None:
    """Dots in the colour of N; one that stands for many pairs is nearer to ink."""
    theme = drawing.theme
    colour: dict[str, Any] = {"color": class_colour("N", theme)}
    if dots.cell:
        shade = np.float32(np.log(dots.counts))
        stops = [(0.0, class_colour("N", theme)), (1.0, theme.ink)]
        colour = {"color": shade, "cmin": 0, "cmax": max(float(shade.max()), 1.0)}
        colour |= {"colorscale": stops, "showscale": False}
    _marks(
        drawing,
        np.float32(first[dots.at]),
        np.float32(second[dots.at]),
        {"size": 4, "opacity": 0.6, "line": {"width": 0}, **colour},
        hovertemplate="%{x:.0f}, then %{y:.0f} ms<extra></extra>",
        name="pairs",
    )


def _marks(drawing: Drawing, x: Any, y: Any, marker: dict[str, Any], **trace: Any) -> None:
    """Markers that a selection neither fades nor lifts."""
    same = {"marker": {"opacity": marker["opacity"]}}
    options = {"mode": "markers", "marker": marker, "selected": same, "unselected": same}
    drawing.add("scatter", x=x, y=y, **options, **trace)


def _draw_ellipse(
    drawing: Drawing, centre: tuple[float, float], spread: tuple[float, float]
) -> None:
    """SD1 across the diagonal, SD2 along it, both in words in the corner."""
    theme, (sd1, sd2) = drawing.theme, spread
    along, across = sd2 * np.cos(TURN), sd1 * np.sin(TURN)
    drawing.add(
        "scatter",
        x=np.float32(centre[0] + (along - across) / np.sqrt(2)),
        y=np.float32(centre[1] + (along + across) / np.sqrt(2)),
        mode="lines",
        line={"color": theme.ink, "width": 1.5},
        hoverinfo="skip",
        name="ellipse",
    )
    reach = np.array([sd1, sd2]) / np.sqrt(2)
    for length, way in zip(reach, (-1, 1), strict=True):
        ends = {"x1": centre[0] + way * float(length), "y1": centre[1] + float(length)}
        line = {"color": theme.ink, "width": 1.5}
        drawing.shape("line", x0=centre[0], y0=centre[1], **ends, line=line)
    corner = {"xref": "x domain", "yref": "y domain", "xanchor": "left", "yanchor": "top"}
    text = f"<b>SD1</b> {sd1:.0f} ms across, <b>SD2</b> {sd2:.0f} ms along"
    drawing.note(0.02, 0.99, text, **corner)
