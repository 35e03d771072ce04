"""The Gram matrix of a layer as a heat map whose cells can be clicked."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.figures.theme import (
    ACTIVATION,
    TICK_LABEL,
    Theme,
    axis,
    channel_ticks,
    clip_at,
    empty_figure,
    layout,
)

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
    clip = clip or clip_at(gram)
    shown = np.asarray(gram, dtype=np.float32)[np.ix_(order, order)]
    cells, block = _blocks(shown)
    figure = go.Figure(
        data=[_cells(cells, block, clip), _targets(shown, order, theme)],
        layout=layout(theme, height=height, left=44, right=8, top=8, bottom=36),
    )
    figure.update_xaxes(_channel_axis(theme, "channel j", order), range=[-0.5, count - 0.5])
    figure.update_yaxes(
        _channel_axis(theme, "" if phone else "channel i", order),
        range=[count - 0.5, -0.5],
        scaleanchor="x",
    )
    if phone:
        figure.add_annotation(_above_axis(theme, "channel i"))
    figure.update_layout(clickmode="event+select", hoverdistance=-1)
    if pair is not None:
        figure.add_shape(_outline(order, pair, theme))
    return figure


def clicked_pair(point: Mapping[str, Any]) -> tuple[int, int]:
    """The (i, j) of a clicked point of `gram_heatmap`, as Streamlit reports it."""
    i, j = point["customdata"][:2]
    return int(i), int(j)


def _blocks(gram: np.ndarray) -> tuple[np.ndarray, int]:
    """At most MAX_CELLS cells per side; each keeps the entry of largest magnitude."""
    count = len(gram)
    block = ceil(count / MAX_CELLS)
    if block == 1:
        return gram, 1
    side = ceil(count / block)
    padded = np.pad(gram, (0, side * block - count))
    tiled = padded.reshape(side, block, side, block).swapaxes(1, 2).reshape(side, side, -1)
    at = np.abs(tiled).argmax(axis=2, keepdims=True)
    return np.take_along_axis(tiled, at, axis=2)[..., 0], block


def _cells(cells: np.ndarray, block: int, clip: float) -> go.Heatmap:
    start = (block - 1) / 2
    return go.Heatmap(
        z=cells,
        x0=start,
        dx=block,
        y0=start,
        dy=block,
        zmin=-clip,
        zmax=clip,
        colorscale=ACTIVATION.stops(),
        showscale=False,
        hoverinfo="skip",
    )


def _targets(gram: np.ndarray, order: np.ndarray, theme: Theme) -> go.Scatter:
    """Invisible markers: a click on a heat map alone returns nothing."""
    places = np.unique(np.linspace(0, len(order) - 1, min(len(order), MAX_TARGETS)).astype(int))
    down, across = (grid.ravel() for grid in np.meshgrid(places, places, indexing="ij"))
    about = np.stack([order[down], order[across], gram[down, across]], axis=1)
    return go.Scatter(
        x=across.astype(np.int16),
        y=down.astype(np.int16),
        mode="markers",
        marker={"opacity": 0, "size": 4, "color": theme.ink},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        customdata=about.astype(np.float32),
        hovertemplate="i %{customdata[0]:d}, j %{customdata[1]:d}<br>"
        "%{customdata[2]:+.4g}<extra></extra>",
        name="cells",
    )


def _channel_axis(theme: Theme, title: str, order: np.ndarray) -> dict:
    ticks = channel_ticks(len(order))
    return axis(
        theme,
        title,
        tickvals=ticks,
        ticktext=[str(order[tick]) for tick in ticks],
        showline=False,
        constrain="domain",
        fixedrange=True,
    )


def _above_axis(theme: Theme, text: str) -> dict:
    return {
        "x": 0,
        "y": 1,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "right",
        "yanchor": "bottom",
        "text": text,
        "showarrow": False,
        "font": {"size": TICK_LABEL, "color": theme.quiet},
    }


def _outline(order: np.ndarray, pair: tuple[int, int], theme: Theme) -> dict:
    row, column = (int(np.flatnonzero(order == channel)[0]) for channel in pair)
    return {
        "type": "rect",
        "x0": column - 0.5,
        "x1": column + 0.5,
        "y0": row - 0.5,
        "y1": row + 0.5,
        "line": {"color": theme.figure_accent, "width": 2},
    }
