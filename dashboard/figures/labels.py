"""Classes of a segmentation as colours over a scan or picture."""

import numpy as np

from dashboard.figures.pictures import png
from dashboard.figures.theme import OVERLAY

# Hues of classes 1, 2, ... (Okabe and Ito 2008: told apart with any colour vision)
LABEL_COLOURS = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (213, 94, 0), (204, 121, 167))


def labels_picture(labels: np.ndarray, opacity: float = OVERLAY) -> bytes:
    """Labels (H, W) as PNG: 0 transparent, each class in its colour, which repeat after five."""
    labels = np.asarray(labels)
    colours = np.zeros((len(LABEL_COLOURS) + 1, 4), np.uint8)
    colours[1:, :3] = LABEL_COLOURS
    colours[1:, 3] = round(255 * opacity)
    which = np.where(labels > 0, (labels.astype(int) - 1) % len(LABEL_COLOURS) + 1, 0)
    return png(colours[which])


def label_colour(label: int) -> str:
    """The colour of class `label` (1 or more) as CSS reads it."""
    red, green, blue = LABEL_COLOURS[(label - 1) % len(LABEL_COLOURS)]
    return f"#{red:02X}{green:02X}{blue:02X}"
