"""Volumes on grids of their own, laid over a scan: against nilearn and nibabel, and by colour."""

from io import BytesIO

import nibabel
import numpy as np
import pytest
from nibabel.processing import resample_from_to
from PIL import Image

from dashboard.figures.resliced import (
    Overlay,
    label_colour,
    label_picture,
    map_picture,
    resliced,
)
from dashboard.figures.volumes import planes
from tests.figures.test_volumes import rotation

SCAN = np.eye(4)
SCAN[:3, :3] = rotation(8) @ np.diag([-1.0, 1.2, 2.0])
SCAN[:3, 3] = (12, -9, 4)
OTHER = np.eye(4)
OTHER[:3, :3] = rotation(-20) @ np.array([[0, 1.5, 0.2], [1.1, 0, 0], [0, 0.1, 1.7]])
OTHER[:3, 3] = (-6, -7, 2)
SHAPE = (17, 19, 13)


def other():
    return np.random.default_rng(0).normal(size=(16, 15, 14)).astype(np.float32)


def test_a_map_is_read_as_nibabel_resamples_it():
    values = other()
    whole = resample_from_to(
        nibabel.Nifti1Image(values, OTHER), (SHAPE, SCAN), order=1, cval=np.nan
    ).get_fdata()
    some = 0
    for where in planes(SHAPE, SCAN, np.array([8, 9, 6])):
        found = resliced(where, values, np.linalg.inv(OTHER) @ SCAN, nearest=False)
        wanted = where.cut(whole)
        there = np.isfinite(wanted)
        some += there.sum()
        np.testing.assert_allclose(found[there], wanted[there], atol=1e-4)
        np.testing.assert_array_equal(np.isfinite(found), there)
    assert some > 200


def test_labels_are_those_of_the_nearest_voxel_in_millimetres():
    labels = np.random.default_rng(1).integers(0, 5, (9, 8, 7)).astype(np.uint8)
    centres = np.stack(np.meshgrid(*map(np.arange, labels.shape), indexing="ij"), axis=-1)
    for where in planes(SHAPE, SCAN, np.array([8, 9, 6])):
        found = resliced(where, labels, np.linalg.inv(OTHER) @ SCAN, nearest=True)
        for pixel in list(np.ndindex(where.shape))[::11]:
            world = SCAN[:3, :3] @ where.indices()[pixel] + SCAN[:3, 3]
            place = np.linalg.inv(OTHER) @ (*world, 1)
            if ((place[:3] < -0.5) | (place[:3] >= np.array(labels.shape) - 0.5)).any():
                assert np.isnan(found[pixel])
                continue
            # A slow search in index space, where nearest is meant.
            distance = np.abs(centres - place[:3]).max(axis=-1)
            assert found[pixel] == labels[np.unravel_index(distance.argmin(), labels.shape)]


def test_the_same_grid_is_read_as_it_is():
    values = np.random.default_rng(2).normal(size=SHAPE).astype(np.float32)
    for nearest in (True, False):
        for where in planes(SHAPE, SCAN, np.array([8, 9, 6])):
            found = resliced(where, values, np.eye(4), nearest=nearest)
            np.testing.assert_allclose(found, where.cut(values), atol=1e-5)


def test_a_value_is_read_at_a_place_in_its_unit():
    overlay = Overlay("k", "t", other(), OTHER, labels=False, scale=(2.0, 1.0))
    world = OTHER[:3, :3] @ (3, 4, 5) + OTHER[:3, 3]
    assert overlay.at(world) == pytest.approx(2 * overlay.values[3, 4, 5] + 1)
    assert np.isnan(overlay.at(world + 1000))


def pixels(png):
    return np.asarray(Image.open(BytesIO(png)).convert("RGBA"))


def test_a_label_has_its_colour_and_nothing_has_none():
    shown = pixels(label_picture(np.array([[0, 1, np.nan], [2, 1, 7]]), 0.5))
    assert (shown[0, [0, 2], 3] == 0).all()
    for place, label in (((0, 1), 1), ((1, 0), 2), ((1, 2), 7)):
        assert tuple(shown[place][:3]) == label_colour(label)
        assert shown[place][3] == 128


def test_a_map_shows_from_its_threshold_on_and_by_its_sign():
    shown = pixels(map_picture(np.array([[-2.0, -0.4, 0.0, 0.4, 2.0, np.nan]]), 2.0, 0.5, 1.0))
    assert (shown[0, :, 3] > 0).tolist() == [True, False, False, False, True, False]
    assert tuple(shown[0, 0, :3]) == (47, 111, 208)  # blue below zero
    assert tuple(shown[0, 4, :3]) == (207, 74, 18)  # vermilion above


def cielab(rgb):
    """CIE L*a*b* of an sRGB colour, D65."""
    linear = np.array(rgb) / 255
    linear = np.where(linear > 0.04045, ((linear + 0.055) / 1.055) ** 2.4, linear / 12.92)
    matrix = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(matrix) @ linear / (0.9505, 1.0, 1.089)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_small_labels_are_told_apart():
    colours = [cielab(label_colour(label)) for label in range(1, 11)]
    apart = [np.linalg.norm(a - b) for i, a in enumerate(colours) for b in colours[i + 1 :]]
    assert min(apart) > 18  # as far as the classes of beats are from each other
    assert all(0 <= part <= 255 for label in range(1, 65) for part in label_colour(label))
