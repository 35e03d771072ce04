"""Classes as colours."""

from io import BytesIO

import numpy as np
from PIL import Image

from dashboard.figures.labels import LABEL_COLOURS, label_colour, labels_picture


def test_each_class_has_its_colour_and_the_background_none():
    labels = np.array([[0, 1, 2], [3, 0, 6]], np.uint8)
    pixels = np.asarray(Image.open(BytesIO(labels_picture(labels, opacity=1.0))))
    assert pixels.shape == (2, 3, 4)
    assert pixels[0, 0, 3] == pixels[1, 1, 3] == 0
    for place, label in [((0, 1), 1), ((0, 2), 2), ((1, 0), 3), ((1, 2), 6)]:
        assert (*pixels[place],) == (*LABEL_COLOURS[(label - 1) % 5], 255)
        assert label_colour(label) == "#" + bytes(pixels[place][:3]).hex().upper()
