"""The spectrum of heart rate variability with its bands and their power."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from dashboard.figures.drawing import Drawing, empty_figure
from dashboard.figures.theme import TICK_LABEL, Theme, axis, layout, number

HIGHEST = 0.45  # Hz


def variability_spectrum(
    frequencies: np.ndarray,
    density: np.ndarray,
    bands: Mapping[str, tuple[float, float, float]],
    *,
    theme: Theme,
    height: int = 220,
    phone: bool = False,
) -> go.Figure:
    """`density` (F,) in ms²/Hz at `frequencies` (F,) Hz.

    `bands` are shaded in turn: name to (lowest Hz, highest Hz, power in ms²).
    """
    if not len(frequencies):
        return empty_figure("No spectrum.", theme, height=height)
    drawing = Drawing(theme, layout(theme, height=height, left=58, right=12, top=20, bottom=36))
    for k, (name, (low, high, power)) in enumerate(bands.items()):
        if k % 2:
            place = {"x0": low, "x1": high, "y0": 0, "y1": 1, "yref": "paper", "layer": "below"}
            drawing.shape("rect", **place, fillcolor=theme.widget, line={"width": 0})
        amount = f"<b>{name}</b> {number(power)}" + ("" if phone else " ms²")
        top = {"yref": "paper", "yanchor": "bottom", "yshift": 2}
        narrow = {"size": TICK_LABEL, "color": theme.quiet} if phone else {"color": theme.quiet}
        drawing.note((low + min(high, HIGHEST)) / 2, 1, amount, font=narrow, **top)
    shown = frequencies <= HIGHEST
    drawing.add(
        "scatter",
        x=np.float32(frequencies[shown]),
        y=np.float32(density[shown]),
        mode="lines",
        line={"color": theme.ink, "width": 1.5},
        hovertemplate="%{x:.3f} Hz: %{y:.0f} ms²/Hz<extra></extra>",
        name="density",
    )
    top = 1.06 * float(density[shown].max()) or 1.0
    options = {"fixedrange": phone}
    drawing.layout |= {
        "xaxis": axis(theme, "frequency (Hz)", range=[0, HIGHEST], dtick=0.05, **options),
        "yaxis": axis(theme, "ms²/Hz", range=[0, top], nticks=5, fixedrange=True),
    }
    return drawing.figure()
