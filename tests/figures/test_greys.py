"""Slices as grey pictures: exact where small, within their budget where not."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from dashboard.figures.greys import BUDGET, MOST_SIDE, block_means, grey_picture, greys


def pixels(data):
    return np.asarray(Image.open(BytesIO(data)))


def test_black_and_white_lie_where_the_window_says():
    values = np.array([[-160.0, 240, 40, -1000, 3000, np.nan, np.inf, -np.inf]])
    assert greys(values, (-160, 240)).tolist() == [[0, 255, 128, 0, 255, 0, 255, 0]]


def test_a_small_slice_is_exact():
    values = np.random.default_rng(0).normal(size=(100, 120))
    found = grey_picture(values, (-2, 2))
    assert (found.quality, found.factor, found.words) == (0, 1, "")
    np.testing.assert_array_equal(pixels(found.data), greys(values, (-2, 2)))


def noisy(side, noise):
    x, y = np.meshgrid(*[np.linspace(-1, 1, side)] * 2)
    body = np.where(x**2 + y**2 < 0.8, 40 + 50 * np.sin(6 * x), -1000)
    return body + np.random.default_rng(1).normal(0, noise, (side, side))


@pytest.mark.parametrize("window", [(-160, 240), (0, 80)])
def test_a_noisy_slice_keeps_its_budget_and_looks_the_same(window):
    values = noisy(512, 10)
    found = grey_picture(values, window)
    assert len(found.data) <= BUDGET
    assert found.quality >= 75
    assert found.words == f"JPEG {found.quality}"
    off = pixels(found.data).astype(float) - greys(values, window)
    assert np.sqrt((off**2).mean()) < 6  # of 255: under the noise itself


def test_pure_noise_and_huge_slices_are_made_coarser():
    values = np.random.default_rng(2).normal(size=(1500, 700))
    found = grey_picture(values, (-1, 1))
    assert found.factor >= 2
    assert max(pixels(found.data).shape) <= MOST_SIDE
    assert len(found.data) <= BUDGET


def test_exact_means_exact():
    values = np.random.default_rng(3).normal(size=(1500, 700))
    found = grey_picture(values, (-1, 1), exact=True)
    np.testing.assert_array_equal(pixels(found.data), greys(values, (-1, 1)))


def test_blocks_are_averaged_and_edges_repeat():
    grey = np.array([[10, 20, 30], [30, 40, 50]], np.uint8)
    assert block_means(grey, 2).tolist() == [[25, 40]]
