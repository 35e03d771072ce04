"""The histogram on the colour bar against numpy and a count by hand."""

import numpy as np

from dashboard.figures.histograms import histogram, histogram_bar
from dashboard.figures.theme import LIGHT, PROBABILITY


def test_clipped_values_show_as_end_spikes():
    record = histogram(np.array([-9.0, -1.0, 0.1, 0.9, 5.0, 7.0, np.nan]), 1.0, bins=4)
    assert record.counts.tolist() == [2, 0, 1, 3]


def test_bins_rise_with_the_root_of_their_counts():
    values = np.r_[np.full(100, -0.5), np.full(25, 0.5)]
    figure = histogram_bar(histogram(values, 1.0, bins=2), theme=LIGHT)
    filled = np.isfinite(np.asarray(figure.data[0].z)).sum(axis=0)
    assert filled.tolist() == [48, 24]


def test_ends_are_labelled_with_the_clip():
    figure = histogram_bar(histogram(np.linspace(-1, 1, 99), 4.35), theme=LIGHT)
    assert list(figure.layout.xaxis.ticktext) == ["−4.35", "0", "+4.35"]


def test_a_probability_starts_at_zero():
    record = histogram(np.array([0.1, 0.9]), 1.0, scale=PROBABILITY, bins=2)
    assert record.low == 0
    assert record.counts.tolist() == [1, 1]


def test_no_values_say_so():
    figure = histogram_bar(histogram(np.full(3, np.nan), 1.0), theme=LIGHT)
    assert "No values" in figure.layout.annotations[0].text
