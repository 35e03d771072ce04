"""A layer without positions: one bar a unit, signed colours, the chosen one outlined."""

import numpy as np
import plotly.graph_objects as go

from dashboard.figures.drawing import Drawing, empty_figure
from dashboard.figures.theme import ACTIVATION, Theme, area, axis, channel_ticks, layout


def unit_bars(
    values: np.ndarray, chosen: int, *, theme: Theme, height: int = 300, phone: bool = False
) -> go.Figure:
    """Activations (C,) as bars; a click returns a point whose x is the unit."""
    count = len(values)
    if not count:
        return empty_figure("This layer has no units.", theme, height=height)
    left, top = (34, 22) if phone else (56, 12)
    drawing = Drawing(theme, layout(theme, height=height, left=left, top=top, bottom=38))
    colours = [area(ACTIVATION.high if v >= 0 else ACTIVATION.low, 0.8) for v in values]
    units = np.arange(count)
    drawing.add(
        "bar",
        x=units,
        y=np.float32(values),
        marker={"color": colours, "line": {"width": 0}},
        hovertemplate="unit %{x}<br>%{y:+.4g}<extra></extra>",
    )
    drawing.targets(units, np.float32(values) / 2)
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    edge = {"color": theme.figure_accent, "width": 1.5}
    drawing.shape("rect", x0=chosen - 0.5, x1=chosen + 0.5, y0=low, y1=high, line=edge)
    drawing.layout |= {
        "bargap": 0.15,
        "xaxis": axis(theme, "unit", range=[-0.6, count - 0.4], tickvals=channel_ticks(count)),
        "yaxis": axis(theme, "" if phone else "activation", nticks=5, zeroline=True)
        | {"zerolinecolor": theme.rule, "fixedrange": True},
    }
    if phone:
        drawing.head(0, 1, "activation", "left", -30)
    return drawing.figure()
