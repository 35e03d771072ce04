"""Intervals and measures as CSV, read back with another reader."""

import io

import numpy as np
import pandas as pd

from dashboard.data.writers.intervals_csv import measures_csv, normal_intervals_csv


def test_normal_intervals_read_back():
    lengths = np.array([0.8, 0.75, 0.4, 0.812345])
    kept = np.array([True, True, False, True])
    table = pd.read_csv(io.BytesIO(normal_intervals_csv(np.cumsum(lengths), lengths, kept)))
    assert table["interval"].tolist() == [0, 1, 3]
    np.testing.assert_allclose(table["end_s"], np.cumsum(lengths)[kept], atol=1e-4)
    np.testing.assert_allclose(table["nn_ms"], 1000 * lengths[kept], atol=1e-2)


def test_a_measure_that_there_is_not_is_an_empty_field():
    rows = [("sdnn", 12.3456, "ms"), ("triangular", float("nan"), "")]
    table = pd.read_csv(io.BytesIO(measures_csv(rows)))
    assert table["value"][0] == 12.3456
    assert np.isnan(table["value"][1])
    assert table["unit"][0] == "ms"
