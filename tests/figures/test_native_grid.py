"""Lines between units lie where one nearest unit gives way to the next."""

from itertools import pairwise

import numpy as np
import pytest

from dashboard.figures.native_grid import MOST_LINES, grid_paths
from dashboard.figures.pictures import placed
from dashboard.figures.volumes import planes

SHAPE = (24, 20, 28)
UNITS = (5, 4, 6)
AFFINE = np.array([[0, -1.0, 0, 9], [0, 0, 2.0, 0], [1.5, 0, 0, 3], [0, 0, 0, 1]])
# A layer of stride 4 in RAS+ order over that scan: its axes are permuted and flipped.
PLACE = np.array([[0, 0, 4.0, 1.5], [-4.0, 0, 0, 17.5], [0, 4.0, 0, 2.5], [0, 0, 0, 1]])


def test_units_change_exactly_at_the_lines():
    for where in planes(SHAPE, AFFINE, np.array([11, 9, 13])):
        names = np.arange(np.prod(UNITS), dtype=np.float32).reshape(UNITS)
        shown = placed(names, PLACE, where.indices(), fill=-1)
        paths = grid_paths(where, UNITS, PLACE)
        for axis, coordinate in ((0, 1), (1, 0)):  # changes along rows lie on lines of one y
            at = np.nonzero((np.diff(shown, axis=axis) != 0).any(axis=1 - axis))[0] + 1
            changes = set(np.round(at / shown.shape[axis], 6))
            lines = {
                round(float(first[coordinate]), 6)
                for path in paths
                for first, second in pairwise(path)
                if abs(first[coordinate] - second[coordinate]) < 1e-9
            }
            assert changes == {line for line in lines if 1e-6 < line < 1 - 1e-6}


def test_a_grid_too_fine_is_not_drawn():
    (where, *_) = planes(SHAPE, AFFINE, np.array([11, 9, 13]))
    assert grid_paths(where, (MOST_LINES + 1,) * 3, PLACE) == ()


@pytest.mark.parametrize("values", [np.zeros(UNITS), np.ones(UNITS)])
def test_linear_reading_of_a_constant_map_is_that_constant(values):
    (where, *_) = planes(SHAPE, AFFINE, np.array([11, 9, 13]))
    read = placed(values, PLACE, where.indices(), linear=True)
    nearest = placed(values, PLACE, where.indices())
    np.testing.assert_array_equal(np.isnan(read), np.isnan(nearest))
    np.testing.assert_allclose(read, nearest)
