"""Outlines on planes: every point of them really lies on the edge of the region."""

import numpy as np
import pytest

from dashboard.figures.plane_marks import box_outline, near_points, sphere_outline
from dashboard.figures.volumes import CONVENTIONS, planes
from tests.analysis.test_regions import ANISOTROPIC, SHEARED

SHAPE = (30, 28, 20)


@pytest.mark.parametrize("affine", [SHEARED, ANISOTROPIC], ids=["sheared", "anisotropic"])
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_the_outline_of_a_sphere_lies_on_the_sphere(affine, convention):
    centre = np.array([14.0, 12, 9])
    for where in planes(SHAPE, affine, centre + np.array([1, 0, 1]), convention):
        outline = sphere_outline(where, affine, centre, 6.0)
        assert len(outline) > 20
        for x, y in outline:
            offset = affine[:3, :3] @ (where.index(x, y) - centre)
            assert np.linalg.norm(offset) == pytest.approx(6.0)


def test_a_plane_beside_a_region_shows_nothing_of_it():
    centre = np.array([14.0, 12, 9])
    for where in planes(SHAPE, ANISOTROPIC, centre + 10):
        assert len(sphere_outline(where, ANISOTROPIC, centre, 3.0)) == 0
        assert len(box_outline(where, np.array([0.5, 1, 3]), centre, 3.0)) == 0


def test_the_corners_of_a_box_are_its_radius_away():
    centre, spacing = np.array([14.0, 12, 9]), np.array([0.5, 1.0, 3.0])
    for where in planes(SHAPE, ANISOTROPIC, centre):
        for x, y in box_outline(where, spacing, centre, 4.0):
            away = np.abs(where.index(x, y) - centre) * spacing
            np.testing.assert_allclose(sorted(away), [0, 4, 4], atol=1e-9)


def test_points_near_a_plane_are_found_in_millimetres():
    points = np.array([[14, 12, 9], [14, 12, 10], [20, 0, 9.5]], float)
    axial = planes(SHAPE, ANISOTROPIC, np.array([14, 12, 9]))[0]
    assert near_points(axial, ANISOTROPIC, points, 2.9).tolist() == [True, False, True]
    assert near_points(axial, ANISOTROPIC, points, 3.0).tolist() == [True, True, True]
