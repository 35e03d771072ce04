"""Planes of volumes whose axes are permuted, flipped and turned: a marked voxel tells."""

from io import BytesIO
from itertools import permutations, product

import numpy as np
import pytest
from PIL import Image

from dashboard.data.sample import Sample
from dashboard.figures.pictures import placed
from dashboard.figures.volumes import (
    VIEWS,
    atlas_picture,
    closest_axes,
    layer_picture,
    layer_plane,
    obliqueness,
    plane,
    planes,
)

SHAPE = (9, 11, 13)


def rotation(degrees):
    """A rotation about (1, 2, 3) by Rodrigues' formula."""
    axis = np.array([1.0, 2.0, 3.0]) / np.sqrt(14)
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    angle = np.radians(degrees)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def affines():
    """All 48 orders and directions of axes, anisotropic, half of them oblique by 12 degrees."""
    for k, (order, signs) in enumerate(product(permutations(range(3)), product((1, -1), repeat=3))):
        turn = np.zeros((3, 3))
        turn[list(order), range(3)] = signs
        affine = np.eye(4)
        affine[:3, :3] = rotation(12 * (k % 2)) @ turn @ np.diag([1.0, 2.0, 0.7])
        affine[:3, 3] = (-5, 8, 20)
        yield pytest.param(affine, id=f"{order}{signs}")


def lit(where, values):
    """Fractions (x, y) of the brightest pixel of a plane."""
    row, column = np.unravel_index(np.argmax(where.cut(values)), where.shape)
    return (column + 0.5) / where.shape[1], (row + 0.5) / where.shape[0]


@pytest.mark.parametrize("affine", list(affines()))
def test_a_marked_voxel_lies_on_its_anatomical_side(affine):
    middle = np.array([4, 5, 6])
    axes, signs = closest_axes(affine)
    for name, _, right, up in VIEWS:
        marked = middle.copy()
        marked[axes[right]] += 3 * signs[right]
        marked[axes[up]] += 2 * signs[up]
        world = affine[:3, :3] @ (marked - middle)
        assert world[right] > 0  # the oracle: it really lies to the right ...
        assert world[up] > 0  # ... and upwards
        values = np.zeros(SHAPE)
        values[tuple(marked)] = 1
        where = plane(name, SHAPE, affine, middle)
        x, y = lit(where, values)
        assert x > 0.5
        assert y < 0.5
        np.testing.assert_allclose((x, y), where.fraction(marked), atol=1e-9)
        np.testing.assert_allclose(where.index(x, y), marked, atol=1e-9)


@pytest.mark.parametrize("affine", list(affines()))
def test_pixel_indices_read_what_the_cut_shows(affine):
    values = np.arange(np.prod(SHAPE)).reshape(SHAPE)
    for where in planes(SHAPE, affine, np.array([2, 3, 4])):
        index = where.indices().astype(int)
        np.testing.assert_array_equal(values[tuple(np.moveaxis(index, -1, 0))], where.cut(values))


def test_planes_of_a_standard_scan_have_their_letters_and_true_size():
    axial, coronal, sagittal = planes((10, 20, 30), np.diag([2.0, 1.5, 1.0, 1.0]), np.zeros(3))
    assert axial.letters == ("L", "R", "A", "P")
    assert coronal.letters == ("L", "R", "S", "I")
    assert sagittal.letters == ("P", "A", "S", "I")
    assert (axial.width_mm, axial.height_mm) == (20.0, 30.0)
    assert (coronal.width_mm, coronal.height_mm) == (20.0, 30.0)
    assert (sagittal.width_mm, sagittal.height_mm) == (30.0, 30.0)


def test_a_sample_slice_is_read_in_its_units():
    stored = np.arange(24, dtype=np.int16).reshape(1, 2, 3, 4)
    sample = Sample(
        stored, "scan", "ct", ("v",), ("HU",), "mm", affine=np.eye(4), scale=(2.0, -1000.0)
    )
    where = plane("axial", sample.shape, sample.affine, np.array([0, 0, 2]))
    np.testing.assert_allclose(where.read(sample), where.cut(stored[0] * 2.0 - 1000))


def test_units_are_placed_on_the_nearest_sample_index():
    values = np.random.default_rng(0).normal(size=(3, 4, 2)).astype(np.float32)
    matrix = np.diag([4.0, 3.0, 5.0, 1.0])
    matrix[:3, 3] = (1.5, -1.0, 2.0)
    index = np.stack(np.meshgrid(*[np.arange(n) for n in (14, 12, 13)], indexing="ij"), axis=-1)
    read = placed(values, matrix, index)
    for place in index.reshape(-1, 3)[::7]:  # a plain loop over the units
        wanted = np.nan
        for unit in np.ndindex(values.shape):
            centre = matrix[:3, :3] @ unit + matrix[:3, 3]
            inside = (place - centre >= -matrix.diagonal()[:3] / 2) & (
                place - centre < matrix.diagonal()[:3] / 2
            )
            if inside.all():
                wanted = values[unit]
        np.testing.assert_equal(read[tuple(place)], np.float32(wanted))


def test_an_active_unit_lights_up_where_it_lies_in_the_scan():
    affine = np.diag([-1.0, 1.0, 1.0, 1.0])
    unit_to_sample = np.diag([4.0, 4.0, 4.0, 1.0])
    unit_to_sample[:3, 3] = 1.5
    values = np.zeros((5, 5, 5), np.float32)
    values[1, 2, 3] = 1
    centre = np.array([5.5, 9.5, 13.5])
    for where in planes((20, 20, 20), affine, centre):
        png = layer_picture(where, values, unit_to_sample, 1.0)
        alpha = np.asarray(Image.open(BytesIO(png)))[..., 3]
        rows, columns = np.nonzero(alpha)
        assert len(rows) == 16
        x, y = where.fraction(centre)
        assert (columns.mean() + 0.5) / 20 == pytest.approx(x)
        assert (rows.mean() + 0.5) / 20 == pytest.approx(y)


def test_the_atlas_cuts_a_layer_where_the_scan_is_cut():
    unit_to_sample = np.diag([4.0, 4.0, 4.0, 1.0])
    where = plane("coronal", (20, 20, 20), np.eye(4), np.array([3, 13, 8]))
    own = layer_plane(where, (5, 5, 5), np.eye(4), unit_to_sample)
    assert own.along == 3  # 13 / 4, nearest
    assert own.letters == where.letters
    values = np.zeros((5, 5, 5), np.float32)
    values[1, 3, 4] = 1
    alpha = np.asarray(Image.open(BytesIO(atlas_picture(own, values, 1.0))))[..., 3]
    assert np.argwhere(alpha).tolist() == [[0, 1]]  # high up, to the left


def test_a_box_keeps_its_size_whichever_way_an_axis_runs():
    for affine in (np.eye(4), np.diag([-1.0, -1.0, 1.0, 1.0])):
        where = plane("axial", (10, 20, 30), affine, np.array([5, 5, 5]))
        x, y, width, height = where.box(np.array([2, 4, 0]), np.array([6, 14, 0]))
        assert (width, height) == (pytest.approx(0.4), pytest.approx(0.5))
        assert 0 <= x < 1
        assert 0 <= y < 1


@pytest.mark.parametrize("affine", list(affines()))
def test_radiologists_see_left_on_the_right(affine):
    middle = np.array([4, 5, 6])
    plain, mirrored = (
        planes(SHAPE, affine, middle, convention) for convention in ("neurological", "radiological")
    )
    values = np.random.default_rng(0).normal(size=SHAPE)
    for one, other in zip(plain, mirrored, strict=True):
        turned = one.name != "sagittal"
        flip = slice(None, None, -1 if turned else 1)
        np.testing.assert_array_equal(other.cut(values), one.cut(values)[:, flip])
        west, east, *rest = one.letters
        assert other.letters == ((east, west, *rest) if turned else one.letters)
        # A click still comes from the voxel that is drawn there.
        for x, y in ((0.1, 0.3), (0.8, 0.55)):
            np.testing.assert_allclose(other.fraction(other.index(x, y)), (x, y), atol=1e-9)
            np.testing.assert_allclose(
                other.index(x, y), one.index(1 - x if turned else x, y), atol=1e-9
            )


def test_a_click_survives_the_way_to_millimetres_and_back_under_shear():
    affine = np.eye(4)
    affine[:3, :3] = rotation(31) @ np.array([[0, 0.9, 0.1], [-1.2, 0, 0.3], [0, 0.2, 2.4]])
    affine[:3, 3] = (7, -3, 11)
    sample = Sample(np.zeros((1, *SHAPE)), "s", "mr", ("v",), ("",), "mm", affine=affine)
    for convention in ("neurological", "radiological"):
        for where in planes(SHAPE, affine, np.array([4, 5, 6]), convention):
            for x, y in ((0.05, 0.2), (0.5, 0.5), (0.93, 0.71)):
                index = where.index(x, y)
                world = sample.to_world(index)
                np.testing.assert_allclose(world, affine[:3] @ (*index, 1), atol=1e-9)
                np.testing.assert_allclose(
                    where.fraction(sample.to_index(world)), (x, y), atol=1e-9
                )


@pytest.mark.parametrize("degrees", [0.0, 0.5, 12.0, 30.0])
def test_obliqueness_is_the_angle_a_scan_was_turned_by(degrees):
    angle = np.radians(degrees)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    for spacing in ([1, 1, 1, 1], [-0.5, 3, 2, 1]):
        assert obliqueness(turn @ np.diag(spacing)) == pytest.approx(degrees, abs=1e-4)
