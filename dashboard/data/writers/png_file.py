"""Writes an image sample as a PNG, pixel for pixel."""

from io import BytesIO

import numpy as np
from PIL import Image

from dashboard.data.sample import Sample


def png_bytes(sample: Sample) -> bytes:
    """A PNG of an 8 bit grey or RGB, or 16 bit grey, image; ValueError for anything else."""
    array = sample.array
    grey_16_bit = array.dtype == np.uint16 and array.shape[0] == 1
    if (
        sample.dim != 2
        or array.shape[0] not in (1, 3)
        or not (array.dtype == np.uint8 or grey_16_bit)
    ):
        raise ValueError(
            f"got {array.dtype} values of shape {array.shape}, expected an image of 1 or 3 "
            "channels with 8 bits, or 1 channel with 16 bits"
        )
    pixels = array[0] if len(array) == 1 else array.transpose(1, 2, 0)  # (H, W[, 3])
    stream = BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, format="PNG")
    return stream.getvalue()
