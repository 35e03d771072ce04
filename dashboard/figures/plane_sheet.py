"""Three planes side by side as one picture to keep: true millimetres, letters, crosshair, bar."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from dashboard.figures.theme import DARK
from dashboard.figures.volumes import Plane, scale_bar

SIDE = 640  # px of the square frame of each plane at least
MOST_SIDE = 1600
GAP = 12
FOOT = 26  # px under the planes, for the caption


@dataclass(frozen=True)
class SheetPlane:
    """A plane with its layers (PNG bytes from the bottom up), outlines in fractions, and words."""

    where: Plane
    layers: tuple[bytes, ...]
    outlines: tuple[np.ndarray, ...] = ()
    words: str = ""


def plane_sheet(
    planes: Sequence[SheetPlane], position: np.ndarray, *, crosshair: bool = True
) -> bytes:
    """The planes of a scan through array index `position` as one PNG on black."""
    field = max(max(one.where.width_mm, one.where.height_mm) for one in planes)
    pixels = max(max(one.where.shape) for one in planes)
    side = int(np.clip(SIDE * -(-pixels // SIDE), SIDE, MOST_SIDE))
    sheet = Image.new("RGB", (len(planes) * (side + GAP) - GAP, side + FOOT), "black")
    for place, one in enumerate(planes):
        frame = _frame(one, position if crosshair else None, side, field)
        sheet.paste(frame, (place * (side + GAP), 0))
        words = ImageDraw.Draw(sheet)
        at = (place * (side + GAP) + 4, side + FOOT // 2)
        words.text(at, one.words, fill="#9AABB3", font=_font(14), anchor="lm")
    buffer = BytesIO()
    sheet.save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def _font(size: int) -> ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _frame(one: SheetPlane, position: np.ndarray | None, side: int, field: float) -> Image.Image:
    where = one.where
    width, height = (max(1, round(side * mm / field)) for mm in (where.width_mm, where.height_mm))
    left, top = (side - width) // 2, (side - height) // 2
    picture = Image.new("RGBA", (width, height), "black")
    for layer in one.layers:
        shown = Image.open(BytesIO(layer)).convert("RGBA")
        picture.alpha_composite(shown.resize((width, height), Image.Resampling.NEAREST))
    frame = Image.new("RGB", (side, side), "black")
    frame.paste(picture.convert("RGB"), (left, top))
    draw = ImageDraw.Draw(frame)
    if position is not None:
        x, y = where.fraction(position)
        draw.line([(left + x * width, 0), (left + x * width, side)], DARK.figure_accent)
        draw.line([(0, top + y * height), (side, top + y * height)], DARK.figure_accent)
    for outline in one.outlines:
        if len(outline):
            points = [(left + x * width, top + y * height) for x, y in outline]
            draw.line(points, DARK.figure_accent, width=2)
    _letters(draw, where, side)
    bar = scale_bar(field)
    draw.line([(10, side - 10), (10 + side * bar / field, side - 10)], "white", width=2)
    draw.text((10, side - 14), f"{bar:g} mm", fill="white", font=_font(14), anchor="ls")
    return frame


def _letters(draw: ImageDraw.ImageDraw, where: Plane, side: int) -> None:
    places = (
        ((6, side / 2), "lm"),
        ((side - 6, side / 2), "rm"),
        ((side / 2, 6), "ma"),
        ((side / 2, side - 6), "md"),
    )
    for letter, (at, anchor) in zip(where.letters, places, strict=True):
        draw.text(at, letter, fill="white", font=_font(18), anchor=anchor)
