"""The parts of a figure, collected as plain dictionaries and made a Plotly figure once.

Adding to a `go.Figure` piece by piece validates the whole again and again: 180 ms for the ribbon
instead of 10 ms.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.figures.theme import ACTIVATION, AXIS_TITLE, SANS, Theme, layout

Figure = go.Figure  # for the floors that draw figures without knowing Plotly


@dataclass
class Drawing:
    """Traces, shapes and notes on a `layout`; `figure()` validates them together."""

    theme: Theme
    layout: dict[str, Any]
    traces: list[dict[str, Any]] = field(default_factory=list)
    shapes: list[dict[str, Any]] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)

    def add(self, kind: str, **trace: Any) -> None:
        """Add a trace of a Plotly type."""
        self.traces.append({"type": kind, **trace})

    def line(self, start: float, step: float, values: np.ndarray, **trace: Any) -> None:
        """Evenly spaced values (T,) as a line without hover; NaN is a gap."""
        options = {"mode": "lines", "hoverinfo": "skip", **trace}
        self.add("scatter", x0=start, dx=step, y=values, **options)

    def cells(self, values: np.ndarray, clip: float, **trace: Any) -> None:
        """Signed values (R, K) in the activation scale, sent as int8 shares of the clip."""
        shares = np.clip(np.nan_to_num(values) * (127 / clip), -127, 127)
        self.add(
            "heatmap",
            z=np.rint(shares).astype(np.int8),
            zmin=-127,
            zmax=127,
            colorscale=ACTIVATION.stops(),
            showscale=False,
            hoverinfo="skip",
            **trace,
        )

    def targets(self, x: np.ndarray | None, y: np.ndarray, **trace: Any) -> None:
        """Invisible markers that a click finds: heat maps, images and lines return no clicks.

        Without `x` they are evenly spaced by `x0` and `dx` in `trace`.
        """
        hidden = {"marker": {"opacity": 0}}
        # A click finds markers by their data: one element on the page is enough for all of them.
        marker = {"opacity": 0, "size": 4, "color": self.theme.ink, "maxdisplayed": 1}
        options = {"hoverinfo": "none", "selected": hidden, "unselected": hidden, **trace}
        across = {} if x is None else {"x": x}
        self.add("scatter", **across, y=y, mode="markers", marker=marker, **options)
        self.layout |= {"clickmode": "event+select", "hoverdistance": -1}

    def shape(self, kind: str, **shape: Any) -> None:
        """Add a layout shape."""
        self.shapes.append({"type": kind, **shape})

    def note(self, x: float, y: float, text: str, **note: Any) -> None:
        """A direct label: quiet text without an arrow."""
        font = {"size": AXIS_TITLE, "color": self.theme.quiet, "family": SANS}
        place = {"x": x, "y": y, "text": text, "showarrow": False, "font": font}
        self.notes.append({**place, **note})

    def head(self, x: float, y: float, text: str, side: str, shift: int) -> None:
        """A horizontal axis title above its axis (paper coordinates): saves width on a phone."""
        place = {"xref": "paper", "yref": "paper", "xanchor": side, "yanchor": "bottom"}
        self.note(x, y, text, xshift=shift, yshift=4, **place)

    def figure(self) -> go.Figure:
        """The Plotly figure.

        Checking every value takes as long as all the rest of a redraw; the tests check them.
        """
        marks = {"shapes": self.shapes, "annotations": self.notes}
        parts = {"data": self.traces, "layout": {**self.layout, **marks}}
        return go.Figure(parts, _validate=False)


def empty_figure(message: str, theme: Theme, *, height: int = 160) -> go.Figure:
    """A figure of nothing that says why: no axes, one quiet sentence."""
    drawing = Drawing(theme, layout(theme, height=height))
    drawing.layout |= {"xaxis": {"visible": False}, "yaxis": {"visible": False}}
    drawing.note(0.5, 0.5, message, xref="paper", yref="paper")
    return drawing.figure()
