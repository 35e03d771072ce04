"""Pictures as PNG bytes: maps with alpha, grey underlays, and values placed on another grid.

A picture has one pixel per value (the browser enlarges without smoothing), except where a map must
lie on its input: then it is read, nearest, on the input's grid or a whole multiple of it.
"""

from io import BytesIO
from math import ceil

import numpy as np
from PIL import Image

from dashboard.figures.theme import (
    ACTIVATION,
    OVERLAY,
    OVERLAY_FLOOR,
    UNDERLAY,
    Scale,
    rgba_image,
)

LEAST_SIDE = 224  # px a placed map should have, so that units finer than pixels show


def map_picture(values: np.ndarray, clip: float, *, scale: Scale = ACTIVATION) -> bytes:
    """A map (H, W) on its own grid, zero transparent."""
    return png(rgba_image(values, clip, scale))


def over_picture(values: np.ndarray, clip: float, *, scale: Scale = ACTIVATION) -> bytes:
    """A map (H, W) to lie over a scan or photograph: weak values left out, the rest at 78 %."""
    return png(rgba_image(values, clip, scale, floor=OVERLAY_FLOOR, opacity=OVERLAY))


def product_picture(first: np.ndarray, second: np.ndarray) -> bytes:
    """The product of two maps (H, W), which their Gram entry averages, at its own full range."""
    product = np.asarray(first, np.float32) * np.asarray(second, np.float32)
    highest = float(np.percentile(np.abs(np.nan_to_num(product)), 99.5)) or 1.0
    return map_picture(product, highest)


def input_picture(values: np.ndarray, window: tuple[float, float], *, under: bool = False) -> bytes:
    """An input (H, W) in greys or (3, H, W) in colour, `window` (low, high) from black to white.

    `under` a map it is drawn at 85 %; NaN is black.
    """
    low, high = window
    shares = (np.asarray(values, np.float32) - low) / max(high - low, 1e-9)
    grey = np.rint(np.clip(np.nan_to_num(shares), 0, 1) * 255).astype(np.uint8)
    if grey.ndim == 3:
        grey = np.moveaxis(grey, 0, -1)
    alpha = np.full((*grey.shape[:2], 1), round(255 * (UNDERLAY if under else 1)), np.uint8)
    return png(np.concatenate([grey.reshape(*grey.shape[:2], -1), alpha], axis=2))


def value_window(values: np.ndarray, low: float = 0.5, high: float = 99.5) -> tuple[float, float]:
    """The percentiles of the finite `values` that show as black and white."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    bottom, top = (float(v) for v in np.percentile(finite, (low, high)))
    return (bottom, top) if top > bottom else (float(finite.min()), float(finite.max()) + 1e-6)


def image_window(values: np.ndarray) -> tuple[float, float]:
    """Black and white of an image by its range: 0..1, 0..255, 0..65535, or its own extremes."""
    finite = values[np.isfinite(values)]
    highest = float(finite.max()) if finite.size else 1.0
    lowest = float(finite.min()) if finite.size else 0.0
    tops = (1.0, 16.0, 255.0, 65535.0)  # 16: the digits of scikit-learn
    top = next((t for t in tops if lowest >= 0 and highest <= t), highest)
    return min(lowest, 0.0), top


def placed(
    values: np.ndarray, unit_to_sample: np.ndarray, index: np.ndarray, fill: float = np.nan
) -> np.ndarray:
    """Values (*U) of a layer at sample indices (..., dim), nearest; `fill` outside its grid.

    `unit_to_sample` is (dim+1, dim+1), homogeneous: unit index to sample index.
    """
    inverse = np.linalg.inv(unit_to_sample)
    unit = np.floor(index @ inverse[:-1, :-1].T + inverse[:-1, -1] + 0.5).astype(int)
    inside = ((unit >= 0) & (unit < values.shape)).all(axis=-1)
    clipped = np.clip(unit, 0, np.array(values.shape) - 1)
    read = values[tuple(np.moveaxis(clipped, -1, 0))]
    return np.where(inside, read, np.float32(fill))


def pixel_index(shape: tuple[int, int], factor: int) -> np.ndarray:
    """Sample index (H*factor, W*factor, 2) of the pixels of an image shown `factor` times finer."""
    axes = [(np.arange(n * factor) + 0.5) / factor - 0.5 for n in shape]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)


def placed_map(
    values: np.ndarray, unit_to_sample: np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
    """A map (h, w) read on the grid of its image `shape` (H, W), or a whole multiple of it."""
    factor = ceil(LEAST_SIDE / max(shape))
    return placed(values, unit_to_sample, pixel_index(shape, factor))


def flattened(layers: tuple[bytes, ...], *, background: str, least_side: int = 512) -> bytes:
    """PNG layers over each other on a page colour, as one picture for download."""
    pictures = [Image.open(BytesIO(layer)).convert("RGBA") for layer in layers]
    width = max(picture.width for picture in pictures)
    height = max(picture.height for picture in pictures)
    factor = max(1, ceil(least_side / max(width, height)))
    size = (width * factor, height * factor)
    page = Image.new("RGBA", size, background)
    for picture in pictures:
        page.alpha_composite(picture.resize(size, Image.Resampling.NEAREST))
    return _encoded(page.convert("RGB"))


def png(pixels: np.ndarray) -> bytes:
    """uint8 (H, W, 1 | 2 | 3 | 4) as PNG: grey, grey with alpha, colour, colour with alpha."""
    modes = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
    flat = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    return _encoded(Image.fromarray(np.ascontiguousarray(flat), modes[pixels.shape[-1]]))


def palette_png(steps: np.ndarray, palette: np.ndarray) -> bytes:
    """uint8 (H, W) as PNG through a palette (256, 4) of colours with alpha: a byte per pixel."""
    picture = Image.fromarray(np.ascontiguousarray(steps), "P")
    picture.putpalette(palette[:, :3].tobytes())
    buffer = BytesIO()
    transparency = palette[:, 3].tobytes()
    picture.save(buffer, "PNG", compress_level=3, transparency=transparency)
    return buffer.getvalue()


def _encoded(picture: Image.Image) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()
