"""How often each value of a scan occurs, with the window that is drawn from black to white."""

import numpy as np
import plotly.graph_objects as go

from dashboard.data.value_counts import ValueCounts
from dashboard.figures.drawing import Drawing, empty_figure
from dashboard.figures.theme import TICK_LABEL, Theme, axis, layout

GREYS = [(0.0, "#000000"), (1.0, "#FFFFFF")]
COLUMNS = 160  # of the grey bar
BAR = 0.16  # of the height


def window_histogram(
    record: ValueCounts, window: tuple[float, float], *, theme: Theme, height: int = 170
) -> go.Figure:
    """Counts on a logarithmic axis over the values; under them the greys of `window` (low, high).

    A box drawn over the values reports them: see `panels.selected_box`.
    """
    if not record.counts.sum():
        return empty_figure("No values.", theme, height=height)
    drawing = Drawing(theme, layout(theme, height=height, left=46, right=14, top=6, bottom=36))
    low, high = record.start, record.start + record.step * len(record.counts)
    bottom, top = min(low, window[0]), max(high, window[1])
    _counts(drawing, record)
    _greys(drawing, (bottom, top), window)
    edges = {"yref": "y domain", "y0": 0, "y1": 1, "layer": "below"}
    area = {"fillcolor": theme.accent_area, "line": {"width": 0}}
    drawing.shape("rect", x0=window[0], x1=window[1], **area, **edges)
    for edge in window:
        line = {"color": theme.figure_accent, "width": 1.5}
        drawing.shape("line", x0=edge, x1=edge, line=line, **edges)
    highest = np.log10(record.counts.max())
    title = f"value ({record.unit})" if record.unit else "value"
    drawing.layout |= {
        "xaxis": axis(theme, title, range=[bottom, top], anchor="y2", nticks=7, fixedrange=True),
        "yaxis": axis(
            theme,
            "voxels",
            type="log",
            domain=[BAR + 0.06, 1],
            range=[-0.3, highest + 0.15],
            dtick=max(1, int(highest // 2)),
            exponentformat="power",
            fixedrange=True,
        ),
        "yaxis2": {"visible": False, "domain": [0, BAR], "range": [0, 1], "fixedrange": True},
        "dragmode": "select",
        "selectdirection": "h",
    }
    drawing.layout["font"]["size"] = TICK_LABEL
    return drawing.figure()


def _counts(drawing: Drawing, record: ValueCounts) -> None:
    """Steps of ink; an empty bin drops to the floor."""
    edges = record.start + record.step * np.arange(len(record.counts) + 1)
    middles = np.float32((edges[1:] + edges[:-1]) / 2)
    heights = np.where(record.counts, record.counts, 0.5).astype(np.float32)
    line = {"color": drawing.theme.ink, "width": 1, "shape": "hvh"}
    drawing.add(
        "scatter",
        x=middles,
        y=heights,
        mode="lines",
        line=line,
        hovertemplate="%{x:.4g}: %{customdata} voxels<extra></extra>",
        customdata=record.counts.astype(np.int32),
        name="counts",
    )


def _greys(drawing: Drawing, span: tuple[float, float], window: tuple[float, float]) -> None:
    """The colour bar: black below the window, white above it."""
    step = (span[1] - span[0]) / COLUMNS
    values = span[0] + step * (np.arange(COLUMNS) + 0.5)
    drawing.add(
        "heatmap",
        z=np.float32(values)[None],
        x0=float(values[0]),
        dx=float(step),
        y0=0.5,
        dy=1,
        zmin=window[0],
        zmax=window[1],
        colorscale=GREYS,
        showscale=False,
        hoverinfo="skip",
        yaxis="y2",
        name="greys",
    )
