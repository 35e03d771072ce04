"""The Gram heat map: order, clicks and size."""

import numpy as np
import pytest

from dashboard.figures.matrices import clicked_pair, gram_heatmap
from dashboard.figures.theme import LIGHT


def gram(count, seed=0):
    a = np.random.default_rng(seed).normal(size=(count, 50))
    return a @ a.T / 50


def part(figure, name):
    return next(trace for trace in figure.data if trace.name == name)


def test_cells_are_shares_of_the_clip_in_the_wanted_order():
    matrix, order = gram(6), [5, 0, 3, 1, 2, 4]
    figure = gram_heatmap(matrix, theme=LIGHT, clip=0.5, order=order)
    shown = np.asarray(part(figure, "gram").z)
    for row, i in enumerate(order):
        for column, j in enumerate(order):
            wanted = np.clip(matrix[i, j] / 0.5, -1, 1) * 127
            assert shown[row, column] == pytest.approx(wanted, abs=0.51)


def test_a_click_names_the_channels_whatever_the_order():
    order = [2, 0, 1]
    targets = part(gram_heatmap(gram(3), theme=LIGHT, order=order), "cells")
    at = next(k for k in range(9) if (targets.x[k], targets.y[k]) == (0, 1))
    assert clicked_pair({"customdata": targets.customdata[at]}) == (0, 2)


def test_a_click_is_read_as_streamlit_reports_it():
    assert clicked_pair({"customdata": {"0": 11.0, "1": 22.0, "2": 0.1}}) == (11, 22)


def test_the_chosen_pair_is_outlined_in_the_accent():
    figure = gram_heatmap(gram(4), theme=LIGHT, order=[3, 2, 1, 0], pair=(3, 1))
    (box,) = figure.layout.shapes
    assert (box.x0, box.x1, box.y0, box.y1) == (1.5, 2.5, -0.5, 0.5)
    assert box.line.color == LIGHT.figure_accent


def test_rows_run_downwards_and_cells_are_square():
    figure = gram_heatmap(gram(16), theme=LIGHT)
    assert figure.layout.yaxis.range == (15.5, -0.5)
    assert figure.layout.yaxis.scaleanchor == "x"
    assert list(figure.layout.xaxis.ticktext) == ["0", "4", "8", "12", "15"]


@pytest.mark.parametrize("count", [1, 32, 96, 512])
def test_any_size_travels_in_150_kB(count):
    figure = gram_heatmap(gram(count), theme=LIGHT, pair=(0, count - 1))
    assert len(figure.to_json()) <= 150_000


def test_a_block_of_many_channels_keeps_its_strongest_entry():
    matrix = np.zeros((512, 512))
    matrix[100, 300] = -7
    shown = np.asarray(part(gram_heatmap(matrix, theme=LIGHT, clip=7.0), "gram").z)
    assert np.argwhere(shown).tolist() == [[100 // 4, 300 // 4]]
    assert shown.min() == -127


def test_a_layer_without_channels_says_so():
    figure = gram_heatmap(np.zeros((0, 0)), theme=LIGHT)
    assert "no channels" in figure.layout.annotations[0].text
