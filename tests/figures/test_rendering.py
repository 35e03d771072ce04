"""Views of a volume: from where they look, and that they show what lies there."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from dashboard.figures.rendering import camera, projection_picture, shaded_picture, turned

SIDES = {  # azimuth, elevation: what is to the right, up and towards the viewer (RAS+)
    (0, 0): ((-1, 0, 0), (0, 0, 1), (0, 1, 0)),  # the face: the patient's left is on the right
    (90, 0): ((0, 1, 0), (0, 0, 1), (1, 0, 0)),  # the right ear: the nose is on the right
    (180, 0): ((1, 0, 0), (0, 0, 1), (0, -1, 0)),  # from behind
    (180, 90): ((1, 0, 0), (0, 1, 0), (0, 0, 1)),  # from above, the nose up
}


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(png)), dtype=float)


@pytest.mark.parametrize("side", SIDES)
def test_named_views_look_from_where_they_say(side):
    np.testing.assert_allclose(camera(*side), SIDES[side], atol=1e-12)


@pytest.mark.parametrize("view", [(-130, 35), (20, -60), (77, 0)])
def test_a_view_is_a_rotation(view):
    axes = camera(*view)
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1)  # right, up, towards: right-handed


def marked() -> tuple[np.ndarray, np.ndarray]:
    """A dim block with one bright voxel to the right, in front and below, of a flipped scan."""
    affine = np.array([[-2.0, 0, 0, 30], [0, 0, 1.5, -20], [0, 1.0, 0, 4], [0, 0, 0, 1]])
    values = np.full((31, 29, 27), 50, np.float32)
    values[0, 0, 0] = 0
    index = np.linalg.inv(affine) @ (18.0, 10.0, 9.0, 1.0)
    values[tuple(np.rint(index[:3]).astype(int))] = 100
    return values, affine


@pytest.mark.parametrize("side", SIDES)
def test_a_marked_voxel_is_seen_on_its_side(side):
    values, affine = marked()
    view = turned(values, affine, *side, side=96)
    picture = pixels(projection_picture(view, (60, 100)))
    row, column = np.unravel_index(picture.argmax(), picture.shape)
    ends = (affine @ [[-0.5, 30.5], [-0.5, 28.5], [-0.5, 26.5], [1, 1]])[:3]
    away = np.array([18.0, 10.0, 9.0]) - ends.mean(axis=1)
    right, up, _ = np.array(SIDES[side]) @ away
    step = view.field_mm / 96
    assert (column + 0.5 - 48) * step == pytest.approx(right, abs=2)
    assert (48 - row - 0.5) * step == pytest.approx(up, abs=2)


def test_letters_name_the_sides_of_the_picture():
    values, affine = marked()
    assert turned(values, affine, 0, 0, side=8).letters == ("R", "L", "S", "I")
    assert turned(values, affine, 90, 0, side=8).letters == ("P", "A", "S", "I")
    assert turned(values, affine, 180, 90, side=8).letters == ("L", "R", "A", "P")


def test_what_is_in_front_hides_what_is_behind():
    values = np.zeros((24, 24, 24), np.float32)
    values[4:20, 4:20, 4:20] = 50
    values[10:14, 2:6, 10:14] = 100  # at the back (posterior)
    front = pixels(shaded_picture(turned(values, np.eye(4), 0, 0, side=64), 75, 5))
    assert front.max() > 40  # alone above the level: seen through the dim block
    plain = np.where(values > 0, 50, 0).astype(np.float32)
    with_mark, without = (
        pixels(shaded_picture(turned(v, np.eye(4), 0, 0, side=64), 25, 5)) for v in (values, plain)
    )
    np.testing.assert_allclose(with_mark, without, atol=3)


def test_a_flat_volume_is_drawn_black():
    view = turned(np.zeros((5, 6, 7), np.float32), np.eye(4), 30, 10, side=16)
    assert pixels(shaded_picture(view, 1, 0)).max() == 0
    assert pixels(projection_picture(view, (0, 1))).max() == 0
