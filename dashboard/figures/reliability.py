"""How often answers are right at each confidence they claim."""

import numpy as np
import plotly.graph_objects as go

from dashboard.figures.drawing import Drawing, empty_figure
from dashboard.figures.theme import Theme, axis, layout


def reliability_curve(
    edges: np.ndarray,
    accuracies: np.ndarray,
    claimed: np.ndarray,
    counts: np.ndarray,
    *,
    theme: Theme,
    height: int = 230,
) -> go.Figure:
    """Share of right answers per bin of confidence `edges` (B + 1,), all else (B,); NaN is empty.

    Each mark lies at the bin's mean confidence, its area grows with the number of answers; on the
    diagonal they are right as often as they claim. After Guo et al., ICML 2017, figure 1.
    """
    filled = np.flatnonzero(counts)
    if not len(filled):
        return empty_figure("No beats to compare.", theme, height=height)
    drawing = Drawing(theme, layout(theme, height=height, left=48, right=12, top=8, bottom=38))
    low = min(float(edges[filled[0]]), 0.5)
    line = {"color": theme.quiet, "width": 1, "dash": "dot"}
    drawing.add(
        "scatter", x=[0, 1], y=[0, 1], mode="lines", line=line, hoverinfo="skip", name="calibrated"
    )
    drawing.add(
        "scatter",
        x=np.float32(claimed[filled]),
        y=np.float32(accuracies[filled]),
        mode="lines+markers",
        line={"color": theme.figure_accent, "width": 1},
        marker={
            "color": theme.figure_accent,
            "size": 6 + 14 * np.sqrt(counts[filled] / counts.max()),
            "opacity": 0.8,
            "line": {"width": 0},
        },
        customdata=counts[filled],
        hovertemplate="claimed %{x:.3f}, right %{y:.3f}<br>%{customdata} beats<extra></extra>",
        name="reliability",
    )
    drawing.layout |= {
        "xaxis": axis(theme, "claimed probability", range=[low, 1.02], nticks=6, fixedrange=True),
        "yaxis": axis(theme, "share right", range=[-0.04, 1.06], nticks=6, fixedrange=True),
    }
    return drawing.figure()
