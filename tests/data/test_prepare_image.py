"""Images keep their values, and digits are framed as those of MNIST are."""

import numpy as np
import pytest
from scipy.interpolate import RectBivariateSpline

from dashboard.data.builtin import builtin
from dashboard.data.prepare import prepare
from dashboard.data.sample import Sample
from models.spec import InputSpec

DIGIT = InputSpec(size=(28, 28), crop="digit")


def image(array) -> Sample:
    array = np.asarray(array)
    array = array[None] if array.ndim == 2 else array
    return Sample(array, "x", "image", ("c",) * len(array), ("",) * len(array), "px")


def slow_digit(ink: np.ndarray) -> np.ndarray:
    """MNIST's framing by loops: box, centre of mass, cubic reading by FITPACK."""
    rows = [r for r in range(ink.shape[0]) if ink[r].max() > 0.3 * ink.max()]
    columns = [c for c in range(ink.shape[1]) if ink[:, c].max() > 0.3 * ink.max()]
    step = max(rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1) / 20
    mass, row, column = 0.0, 0.0, 0.0
    for r in range(ink.shape[0]):
        for c in range(ink.shape[1]):
            if ink[r, c] > 0.3 * ink.max():
                mass, row, column = mass + ink[r, c], row + r * ink[r, c], column + c * ink[r, c]
    around = 8  # black pixels beyond the image, so that the ends of the spline lie far away
    padded = np.pad(ink, around)
    spline = RectBivariateSpline(*(np.arange(n) - around for n in padded.shape), padded, s=0)
    fed = np.zeros((28, 28))
    for u in range(28):
        for v in range(28):
            y, x = row / mass + step * (u - 14), column / mass + step * (v - 14)
            fed[u, v] = max(spline(y, x)[0, 0], 0)
    return fed / fed.max()


@pytest.mark.parametrize("paper", [False, True], ids=["bright ink", "dark ink"])
def test_a_small_digit_is_framed_as_the_slow_way_does(paper):
    pixels = np.pad(builtin("digit").array[0], ((4, 9), (6, 4)))
    fed = prepare(image(255 - pixels if paper else pixels), DIGIT).array[0]
    expected = slow_digit(pixels / 255)
    inner = slice(1, -1)  # reading outside the image: zero here, faded by scipy
    np.testing.assert_allclose(fed[inner, inner], expected[inner, inner], atol=0.02)


@pytest.mark.parametrize("size", [20, 57, 280, 900])
@pytest.mark.parametrize(("paper", "pen"), [(255, 0), (180, 30), (0, 255)])
def test_a_stroke_of_any_size_and_tone_fills_the_box_and_its_centre(size, paper, pen):
    picture = np.full((size, 2 * size), paper, np.uint8)
    rows = slice(size // 10, size - size // 10)
    columns = slice(size // 2, size // 2 + max(size // 5, 2))
    picture[rows, columns] = pen
    prepared = prepare(image(picture), DIGIT)
    ink = prepared.array[0]
    heights = np.flatnonzero(ink.max(axis=1) > 0.5)
    assert abs(len(heights) - 20) <= 1
    centre = [(ink.sum(axis=1 - a) * np.arange(28)).sum() / ink.sum() for a in (0, 1)]
    np.testing.assert_allclose(centre, (14, 14), atol=0.3)
    middle = [(s.start + s.stop - 1) / 2 for s in (rows, columns)]
    np.testing.assert_allclose(prepared.index_in_sample([14, 14]), middle, atol=0.02 * size)


def test_a_field_of_28_keeps_its_frame_and_only_dark_ink_is_inverted(data_dir):
    digits = np.load(data_dir / "mnist" / "mnist_train.npz")["x"][:50]
    for pixels in digits:
        expected = pixels[None] / np.float32(255)
        np.testing.assert_allclose(prepare(image(pixels), DIGIT).array, expected, atol=1e-6)
        np.testing.assert_allclose(prepare(image(255 - pixels), DIGIT).array, expected, atol=1e-6)


def test_blank_images_are_fed_without_complaint():
    for tone in (0, 128, 255):
        assert np.isfinite(prepare(image(np.full((9, 40), tone, np.uint8)), DIGIT).array).all()


@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (np.uint16, 65535)])
def test_integers_are_scaled_by_their_type_not_by_what_is_in_them(dtype, top):
    dark = np.zeros((3, 5, 6), dtype)
    dark[0, 0, 0] = 1
    fed = prepare(image(dark), InputSpec(channels=3, crop="whole-image")).array
    assert fed.max() == pytest.approx(1 / top)


def test_channels_are_matched_by_luma_and_repetition():
    colour = np.random.default_rng(3).integers(0, 256, (3, 4, 5), dtype=np.uint8)
    grey = prepare(image(colour), InputSpec(channels=1, crop="whole-image")).array[0]
    luma = (0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]) / 255
    np.testing.assert_allclose(grey, luma, atol=1e-6)
    three = prepare(image(colour[:1]), InputSpec(channels=3, crop="whole-image")).array
    np.testing.assert_array_equal(three[0], three[2])
