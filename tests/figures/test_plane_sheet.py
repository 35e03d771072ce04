"""The picture of three planes that is kept: crosshair and brightest voxel where they belong."""

from io import BytesIO

import numpy as np
from PIL import Image

from dashboard.figures.greys import grey_picture
from dashboard.figures.plane_sheet import GAP, SIDE, SheetPlane, plane_sheet
from dashboard.figures.theme import DARK, rgb_of
from dashboard.figures.volumes import planes


def test_a_bright_voxel_lies_under_the_crosshair_of_every_plane():
    values = np.zeros((20, 30, 10), np.float32)
    at = np.array([4, 21, 7])
    values[tuple(at)] = 1
    affine = np.diag([-2.0, 1.5, 4.0, 1.0])
    for convention in ("neurological", "radiological"):
        views = planes(values.shape, affine, at, convention)
        rows = [
            SheetPlane(where, (grey_picture(where.cut(values), (0, 1)).data,)) for where in views
        ]
        sheet = np.asarray(Image.open(BytesIO(plane_sheet(rows, at, crosshair=False))))
        field = max(max(where.width_mm, where.height_mm) for where in views)
        for place, where in enumerate(views):
            frame = sheet[:SIDE, place * (SIDE + GAP) : place * (SIDE + GAP) + SIDE, 0]
            x, y = where.fraction(at)
            column = SIDE / 2 + (x - 0.5) * SIDE * where.width_mm / field
            row = SIDE / 2 + (y - 0.5) * SIDE * where.height_mm / field
            assert frame[int(row), int(column)] == 255


def test_the_crosshair_is_drawn_in_its_colour():
    values = np.zeros((20, 20, 20), np.float32)
    rows = [
        SheetPlane(where, (grey_picture(where.cut(values), (0, 1)).data,))
        for where in planes(values.shape, np.eye(4), np.array([5, 5, 5]))
    ]
    plain, crossed = (
        np.asarray(Image.open(BytesIO(plane_sheet(rows, np.array([5, 5, 5]), crosshair=shown))))
        for shown in (False, True)
    )
    changed = crossed[(plain != crossed).any(axis=-1)]
    assert len(changed) > 3 * SIDE  # two lines in each of three frames, less the letters
    assert {tuple(colour) for colour in changed} == {rgb_of(DARK.figure_accent)}
