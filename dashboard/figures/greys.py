"""A slice in greys, small enough to travel: exact where that is small, else as a fine JPEG.

The noise of a scan hardly compresses without loss: three slices of 512 x 512 would be 600 kB for
every turn of the wheel. What is read out, measured and downloaded never goes through this.
"""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image

from dashboard.figures.pictures import png

BUDGET = 76_000  # bytes of one picture; a third more on its way, as base64
MOST_SIDE = 768  # px; more than a tile shows
QUALITIES = (95, 90, 85, 75, 60)  # of JPEG, the first that keeps the budget


@dataclass(frozen=True)
class GreyPicture:
    """PNG or JPEG `data`; `quality` of the JPEG, 0 for exact pixels; `factor` voxels per pixel."""

    data: bytes
    quality: int = 0
    factor: int = 1

    @property
    def words(self) -> str:
        """How it was packed, for the caption; "" for exact pixels."""
        coarse = f", {self.factor} × {self.factor} voxels per pixel" if self.factor > 1 else ""
        return f"JPEG {self.quality}{coarse}" if self.quality else coarse.removeprefix(", ")


def grey_picture(
    values: np.ndarray, window: tuple[float, float], *, exact: bool = False, budget: int = BUDGET
) -> GreyPicture:
    """Values (rows, columns) from black to white over `window` (low, high); NaN is black.

    `exact`: every voxel one pixel of a PNG, whatever the size; else at most about `budget` bytes.
    """
    grey = greys(values, window)
    if exact:
        return GreyPicture(png(grey[..., None]))
    factor = -(-max(grey.shape) // MOST_SIDE)
    while True:
        shown = block_means(grey, factor)
        packed = ((quality, _jpeg(shown, quality)) for quality in QUALITIES)
        quality, data = next(packed)
        if len(data) <= budget:  # else it is noise, which PNG packs worse
            exact_data = png(shown[..., None])
            small = len(exact_data) <= budget
            return (
                GreyPicture(exact_data, 0, factor) if small else GreyPicture(data, quality, factor)
            )
        for quality, data in packed:
            if len(data) <= budget:
                return GreyPicture(data, quality, factor)
        factor += 1


def greys(values: np.ndarray, window: tuple[float, float]) -> np.ndarray:
    """Values as uint8 of the same shape: `window` (low, high) from 0 to 255, NaN 0."""
    low, high = window
    shares = (np.asarray(values, np.float32) - np.float32(low)) / np.float32(max(high - low, 1e-9))
    return np.rint(np.clip(np.nan_to_num(shares, posinf=1, neginf=0), 0, 1) * 255).astype(np.uint8)


def block_means(grey: np.ndarray, factor: int) -> np.ndarray:
    """uint8 (H, W) with each block of `factor` x `factor` as its mean; edges repeat."""
    if factor == 1:
        return grey
    pads = [(0, -count % factor) for count in grey.shape]
    padded = np.pad(grey, pads, mode="edge")
    rows, columns = (count // factor for count in padded.shape)
    blocks = padded.reshape(rows, factor, columns, factor)
    return np.rint(blocks.mean(axis=(1, 3), dtype=np.float32)).astype(np.uint8)


def _jpeg(grey: np.ndarray, quality: int) -> bytes:
    buffer = BytesIO()
    Image.fromarray(np.ascontiguousarray(grey), "L").save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
