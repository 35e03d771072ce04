"""The reliability curve draws what was counted."""

import numpy as np
import plotly.graph_objects as go
import pytest

from dashboard.figures.reliability import reliability_curve
from dashboard.figures.theme import LIGHT


def test_marks_lie_at_what_was_claimed_and_what_was_right():
    edges = np.linspace(0, 1, 5)
    counts = np.array([0, 4, 0, 100])
    claimed, right = np.array([np.nan, 0.4, np.nan, 0.9]), np.array([np.nan, 0.25, np.nan, 0.88])
    figure = reliability_curve(edges, right, claimed, counts, theme=LIGHT)
    curve = next(trace for trace in figure.data if trace.name == "reliability")
    np.testing.assert_allclose(curve.x, [0.4, 0.9], atol=1e-6)
    np.testing.assert_allclose(curve.y, [0.25, 0.88], atol=1e-6)
    sizes = curve.marker.size
    assert (sizes[1] - 6) / (sizes[0] - 6) == pytest.approx(np.sqrt(100 / 4))
    assert figure.layout.xaxis.range[0] == 0.25  # the lowest bin that holds answers
    assert figure.layout.xaxis.title.text
    assert figure.layout.yaxis.title.text
    go.Figure(figure.to_dict())


def test_no_answers_are_said_to_be_none():
    nothing = np.zeros(3)
    figure = reliability_curve(np.linspace(0, 1, 4), nothing, nothing, nothing, theme=LIGHT)
    assert not figure.data
