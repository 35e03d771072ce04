"""The Gram matrix of a layer as a heat map whose cells can be clicked."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.figures.drawing import Drawing, empty_figure
from dashboard.figures.theme import Theme, axis, channel_ticks, clip_at, layout

MAX_CELLS = 160  # per side; beyond, blocks of channels share a cell
MAX_TARGETS = 64  # invisible click targets per side


def gram_heatmap(
    gram: np.ndarray,
    *,
    theme: Theme,
    clip: float | None = None,
    order: Sequence[int] | None = None,
    pair: tuple[int, int] | None = None,
    height: int = 250,
    phone: bool = False,
) -> go.Figure:
    """Gram matrix (C, C), channel i down, channel j across; `order` lists channels as drawn.

    `clip` defaults to the 99.5th percentile of |gram|; `pair` (i, j) is outlined. A click returns
    a point that `clicked_pair` turns into (i, j).
    """
    count = gram.shape[0]
    if count == 0:
        return empty_figure("This layer has no channels.", theme, height=height)
    order = np.arange(count) if order is None else np.asarray(order)
    shown = np.asarray(gram, dtype=np.float32)[np.ix_(order, order)]
    left, top = (30, 20) if phone else (44, 8)
    drawing = Drawing(theme, layout(theme, height=height, left=left, top=top, bottom=36))
    _draw_cells(drawing, shown, clip or clip_at(gram))
    _draw_targets(drawing, shown, order)
    across, down = [-0.5, count - 0.5], [count - 0.5, -0.5]
    title = "" if phone else "channel i"
    drawing.layout |= {
        "xaxis": _channel_axis(theme, "channel j", order, range=across),
        "yaxis": _channel_axis(theme, title, order, range=down, scaleanchor="x"),
    }
    if phone:
        drawing.head(0, 1, "channel i", "left", -26)
    if pair is not None:
        _outline(drawing, order, pair)
    return drawing.figure()


def clicked_pair(point: Mapping[str, Any]) -> tuple[int, int]:
    """The (i, j) of a clicked point of `gram_heatmap`, as Streamlit reports it."""
    about = point["customdata"]  # Streamlit turns inner lists into {"0": .., "1": ..}
    values = list(about.values()) if isinstance(about, Mapping) else about
    return int(values[0]), int(values[1])


def _blocks(gram: np.ndarray) -> tuple[np.ndarray, int]:
    """At most MAX_CELLS cells per side; a block keeps its entry of largest magnitude."""
    count = len(gram)
    block = ceil(count / MAX_CELLS)
    if block == 1:
        return gram, 1
    side = ceil(count / block)
    padded = np.pad(gram, (0, side * block - count))
    tiled = padded.reshape(side, block, side, block).swapaxes(1, 2).reshape(side, side, -1)
    at = np.abs(tiled).argmax(axis=2, keepdims=True)
    return np.take_along_axis(tiled, at, axis=2)[..., 0], block


def _draw_cells(drawing: Drawing, gram: np.ndarray, clip: float) -> None:
    cells, block = _blocks(gram)
    start = (block - 1) / 2
    place = {"x0": start, "dx": block, "y0": start, "dy": block}
    drawing.cells(cells, clip, name="gram", **place)


def _draw_targets(drawing: Drawing, gram: np.ndarray, order: np.ndarray) -> None:
    count = len(order)
    places = np.unique(np.linspace(0, count - 1, min(count, MAX_TARGETS)).astype(int))
    down, across = (grid.ravel() for grid in np.meshgrid(places, places, indexing="ij"))
    about = np.stack([order[down], order[across], gram[down, across]], axis=1)
    text = "i %{customdata[0]:d}, j %{customdata[1]:d}<br>%{customdata[2]:+.4g}<extra></extra>"
    drawing.targets(
        across.astype(np.int16),
        down.astype(np.int16),
        customdata=about.astype(np.float32),
        hovertemplate=text,
        hoverinfo=None,
        name="cells",
    )


def _channel_axis(theme: Theme, title: str, order: np.ndarray, **options: Any) -> dict:
    ticks = channel_ticks(len(order))
    return axis(
        theme,
        title,
        tickvals=ticks,
        ticktext=[str(order[tick]) for tick in ticks],
        showline=False,
        constrain="domain",
        fixedrange=True,
        **options,
    )


def _outline(drawing: Drawing, order: np.ndarray, pair: tuple[int, int]) -> None:
    row, column = (int(np.flatnonzero(order == channel)[0]) for channel in pair)
    across = {"x0": column - 0.5, "x1": column + 0.5}
    down = {"y0": row - 0.5, "y1": row + 0.5}
    line = {"color": drawing.theme.figure_accent, "width": 2}
    drawing.shape("rect", line=line, **across, **down)
