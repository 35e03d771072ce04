"""What a segmentation says about the position of the crosshair."""

import numpy as np

from dashboard.ui.answers import at_position
from models.records import Mask

NAMES = ("background", "a", "b")


def test_the_probabilities_of_the_nearest_voxel_are_ranked():
    shares = np.zeros((3, 4, 5), np.float16)
    shares[:, 2, 3] = 0.25, 0.5, 0.25
    mask = Mask(NAMES, np.zeros((4, 5), np.uint8), shares)
    assert at_position(mask, (2.3, 2.6)) == [("a", 0.5), ("background", 0.25), ("b", 0.25)]
    assert at_position(mask, (9.0, -3.0)) == [("background", 0.0), ("a", 0.0), ("b", 0.0)]


def test_without_probabilities_the_label_is_told():
    labels = np.zeros((4, 5), np.uint8)
    labels[1, 1] = 2
    assert at_position(Mask(NAMES, labels), (1.0, 1.4)) == [("b", 1.0)]


def test_where_nothing_was_looked_at_there_is_no_answer():
    mask = Mask(NAMES, np.zeros((4, 5), np.uint8), None, (slice(1, 3), slice(0, 5)))
    assert at_position(mask, (0.0, 2.0)) == []
    assert at_position(mask, (2.0, 2.0)) == [("background", 1.0)]


def test_probabilities_of_a_region_are_read_in_its_own_index():
    shares = np.zeros((3, 2, 5), np.float16)
    shares[:, 1, 4] = 0.125, 0.75, 0.125
    region = (slice(1, 3), slice(0, 5))
    mask = Mask(NAMES, np.zeros((4, 5), np.uint8), shares, region)
    assert at_position(mask, (2.0, 4.0))[0] == ("a", 0.75)
    assert at_position(mask, (3.0, 4.0)) == []
