"""Pictures read back from their PNG bytes."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from dashboard.figures.pictures import (
    flattened,
    image_window,
    input_picture,
    map_picture,
    over_picture,
    placed_map,
    product_picture,
    value_window,
)


def pixels(png):
    return np.asarray(Image.open(BytesIO(png)))


def test_a_map_has_one_pixel_per_value():
    picture = pixels(map_picture(np.array([[0, 1.0, -1.0], [0.5, 0, 0]]), 1.0))
    assert picture.shape == (2, 3, 4)
    assert picture[0, 1].tolist() == [207, 74, 18, 255]
    assert picture[0, 2].tolist() == [47, 111, 208, 255]
    assert picture[1, 1, 3] == 0


def test_an_overlay_leaves_the_scan_visible():
    assert pixels(over_picture(np.array([[1.0, 0.1]]), 1.0))[0, :, 3].tolist() == [199, 0]


def test_an_input_is_grey_between_its_window():
    picture = pixels(input_picture(np.array([[0.0, 50, 100, 200]]), (0, 100)))
    assert picture[0, :, 0].tolist() == [0, 128, 255, 255]
    assert picture[..., 1].min() == 255


def test_an_input_under_a_map_is_drawn_at_85_percent():
    assert set(pixels(input_picture(np.ones((2, 2)), (0, 1), under=True))[..., 1].flat) == {217}


def test_a_colour_image_stays_in_colour():
    image = np.stack([np.full((2, 2), v) for v in (255.0, 0.0, 127.5)])
    assert pixels(input_picture(image, (0, 255)))[0, 0].tolist() == [255, 0, 128, 255]


@pytest.mark.parametrize(
    ("values", "window"),
    [([0, 0.5], (0, 1)), ([0, 16], (0, 16)), ([3, 255], (0, 255)), ([0, 4000], (0, 65535))],
)
def test_an_image_window_follows_its_kind(values, window):
    assert image_window(np.array(values, float)) == window


def test_windows_of_constant_or_missing_values_have_a_width():
    for values in (np.full(4, np.nan), np.full(4, 7.0)):
        low, high = value_window(values)
        assert high > low


def test_a_map_is_placed_where_its_units_see():
    values = np.zeros((2, 2), np.float32)
    values[0, 1] = 1
    matrix = np.array([[4.0, 0, 1.5], [0, 4.0, 1.5], [0, 0, 1]])
    picture = placed_map(values, matrix, (8, 8))
    assert picture.shape == (224, 224)
    expected = np.zeros((224, 224))
    expected[:112, 112:] = 1
    np.testing.assert_array_equal(picture, expected)


def test_a_product_is_positive_where_signs_agree():
    picture = pixels(product_picture(np.array([[-1.0, 1.0]]), np.array([[-1.0, -1.0]])))
    assert picture[0, 0, 0] > picture[0, 0, 2]
    assert picture[0, 1, 2] > picture[0, 1, 0]


def test_a_download_lies_on_the_page_colour():
    png = flattened((map_picture(np.array([[0.0, 1.0]]), 1.0),), background="#10171A")
    picture = pixels(png)
    assert picture.shape == (256, 512, 3)
    assert picture[0, 0].tolist() == [0x10, 0x17, 0x1A]
    assert picture[0, -1].tolist() == [207, 74, 18]
