"""The confusion matrix: numbers, shares and what a click means."""

import numpy as np
import plotly.graph_objects as go
import pytest

from dashboard.figures.confusion import STRONGEST, clicked_cell, confusion_matrix
from dashboard.figures.theme import DARK, LIGHT

ROWS, COLUMNS = (*"NSVFQ", "extra"), (*"NSVFQ", "missed")


def matrix(counts, **options):
    figure = confusion_matrix(counts, theme=LIGHT, rows=ROWS, columns=COLUMNS, **options)
    return figure, {trace.name: trace for trace in figure.data}


def counts():
    table = np.zeros((6, 6), int)
    table[0, 0], table[0, 2], table[2, 2], table[5, 0] = 1500, 500, 12, 3
    return table


def test_every_cell_with_beats_has_its_number_and_its_share_of_the_row():
    _, parts = matrix(counts())
    numbers = parts["counts"]
    seen = {(y, x): text for x, y, text in zip(numbers.x, numbers.y, numbers.text, strict=True)}
    assert seen == {(0, 0): "1\u2009500", (0, 2): "500", (2, 2): "12", (5, 0): "3"}
    shares = np.asarray(parts["shares"].z)
    assert shares[0, 0] == pytest.approx(0.75)
    assert shares.sum(axis=1).tolist() == pytest.approx([1, 0, 1, 0, 0, 1])
    assert parts["shares"].zmax == pytest.approx(1 / STRONGEST)  # full cells stay legible


def test_a_click_names_row_and_column():
    _, parts = matrix(counts())
    at = list(parts["counts"].text).index("500")
    point = {"x": parts["counts"].x[at], "y": parts["counts"].y[at]}
    assert clicked_cell(point) == (0, 2)


def test_chosen_cell_is_outlined_and_rows_run_downwards():
    figure, _ = matrix(counts(), chosen=(0, 2))
    box = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert [(b.x0, b.x1, b.y0, b.y1) for b in box] == [(1.5, 2.5, -0.5, 0.5)]
    assert box[0].line.color == LIGHT.figure_accent
    assert figure.layout.yaxis.range == (5.5, -0.5)
    assert list(figure.layout.xaxis.ticktext) == list(COLUMNS)


def test_axes_say_who_named_what_and_the_figure_is_valid():
    for options in ({"phone": True}, {"titles": ("shown", "second")}):
        figure, _ = matrix(counts(), **options)
        assert figure.layout.xaxis.title.text.endswith("(beats)")
        assert figure.layout.yaxis.title.text.endswith("(beats)")
        go.Figure(figure.to_dict())  # checked by Plotly


def test_nothing_to_compare_is_said():
    figure = confusion_matrix(np.zeros((6, 6), int), theme=DARK, rows=ROWS, columns=COLUMNS)
    assert not figure.data
    assert "No beats" in figure.layout.annotations[0].text
