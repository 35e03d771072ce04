"""The histogram of a scan's values: counts, window and greys where the values are."""

import numpy as np
import plotly.graph_objects as go

from dashboard.data.sample import Sample
from dashboard.data.value_counts import ValueCounts, value_counts
from dashboard.figures.theme import DARK, LIGHT
from dashboard.figures.window_histogram import window_histogram


def drawn(window=(-100.0, 300.0), theme=LIGHT):
    stored = np.random.default_rng(0).integers(-1000, 1500, (12, 12, 12)).astype(np.int16)
    sample = Sample(stored[None], "s", "ct", ("v",), ("HU",), "mm", affine=np.eye(4))
    record = value_counts(sample)
    figure = window_histogram(record, window, theme=theme)
    return record, figure


def test_every_bin_is_drawn_at_its_value():
    record, figure = drawn()
    counts = figure.data[0]
    np.testing.assert_array_equal(counts.customdata, record.counts)
    edges = record.start + record.step * np.arange(len(record.counts) + 1)
    np.testing.assert_allclose(counts.x, (edges[1:] + edges[:-1]) / 2)
    assert figure.layout.yaxis.type == "log"
    assert figure.layout.xaxis.title.text == "value (HU)"


def test_the_window_and_its_greys_have_the_same_ends():
    _, figure = drawn(window=(-100.0, 300.0), theme=DARK)
    area = figure.layout.shapes[0]
    assert (area.x0, area.x1) == (-100, 300)
    bar = figure.data[1]
    assert (bar.zmin, bar.zmax) == (-100, 300)
    left, right = figure.layout.xaxis.range
    assert left <= bar.z[0][0] < bar.z[0][-1] <= right


def test_a_window_beyond_the_values_is_still_in_sight():
    _, figure = drawn(window=(-3000.0, 3000.0))
    assert figure.layout.xaxis.range == (-3000, 3000)


def test_no_values_give_a_figure_that_says_so():
    record = ValueCounts(np.zeros(4, int), 0, 1, 0, 0, {}, 1, "")
    figure = window_histogram(record, (0, 1), theme=LIGHT)
    assert figure.layout.annotations[0].text == "No values."


def test_every_part_of_the_figure_is_valid_for_plotly():
    _, figure = drawn()
    assert len(go.Figure(figure.to_dict()).data) == 2  # Plotly checks each value
