"""The colour bar of signed values that is also their histogram."""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from dashboard.figures.drawing import Drawing, empty_figure
from dashboard.figures.theme import ACTIVATION, TICK_LABEL, Scale, Theme, axis, layout, number

ROWS = 48  # vertical resolution of the filled bins


@dataclass(frozen=True)
class Histogram:
    """`counts` (B,) of equal bins from the scale's bottom to `clip`; beyond counts at the ends."""

    counts: np.ndarray
    clip: float
    scale: Scale = ACTIVATION

    @property
    def low(self) -> float:
        """Lower end of the first bin."""
        return self.scale.bottom * self.clip


def histogram(
    values: np.ndarray, clip: float, *, scale: Scale = ACTIVATION, bins: int = 64
) -> Histogram:
    """Count the finite `values`; what lies beyond −clip or clip falls into the end bins."""
    finite = values[np.isfinite(values)]
    inside = np.clip(finite, scale.bottom * clip, clip)
    counts, _ = np.histogram(inside, bins=bins, range=(scale.bottom * clip, clip))
    return Histogram(counts, clip, scale)


def histogram_bar(record: Histogram, *, theme: Theme, height: int = 92) -> go.Figure:
    """Bins of height count^0.5 filled with the scale, under a thin step line of ink.

    One heat map with NaN above the bins: bars with alpha would leave seams.
    """
    if not record.counts.sum():
        return empty_figure("No values.", theme, height=height)
    drawing = Drawing(theme, layout(theme, height=height, left=22, right=22, top=2, bottom=22))
    heights = np.sqrt(record.counts) / np.sqrt(record.counts.max())
    _draw_bins(drawing, record, heights)
    _draw_outline(drawing, record, heights)
    ticks = [record.low, 0.0, record.clip] if record.scale.signed else [0.0, record.clip]
    text = [number(tick, sign=record.scale.signed) if tick else "0" for tick in ticks]
    across = {"range": [record.low, record.clip], "tickvals": ticks, "ticktext": text}
    drawing.layout |= {
        "xaxis": axis(theme, showline=False, fixedrange=True, **across),
        "yaxis": {"visible": False, "range": [0, 1.04], "fixedrange": True},
        "hovermode": False,
    }
    drawing.layout["font"]["size"] = TICK_LABEL
    return drawing.figure()


def _edges(record: Histogram) -> np.ndarray:
    return np.linspace(record.low, record.clip, len(record.counts) + 1)


def _draw_bins(drawing: Drawing, record: Histogram, heights: np.ndarray) -> None:
    edges = _edges(record)
    middles = np.float32((edges[1:] + edges[:-1]) / 2)
    levels = (np.arange(ROWS) + 0.5) / ROWS
    drawing.add(
        "heatmap",
        z=np.where(levels[:, None] < heights, middles, np.float32(np.nan)),
        x0=float(middles[0]),
        dx=float(edges[1] - edges[0]),
        y0=0.5 / ROWS,
        dy=1 / ROWS,
        zmin=record.low,
        zmax=record.clip,
        colorscale=record.scale.stops(),
        showscale=False,
        hoverinfo="skip",
        name="bins",
    )


def _draw_outline(drawing: Drawing, record: Histogram, heights: np.ndarray) -> None:
    x = np.repeat(_edges(record), 2)[1:-1]
    line = {"color": drawing.theme.quiet, "width": 1}
    y = np.float32(np.repeat(heights, 2))
    drawing.add("scatter", x=x, y=y, mode="lines", line=line, hoverinfo="skip", name="outline")
