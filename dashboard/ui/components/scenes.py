"""Tiles of the explorer: a plane of a scan, an image with its field, a picture of a signal."""

from collections.abc import Sequence

import numpy as np

from dashboard.figures.beats import BeatMarks
from dashboard.figures.thin import Series
from dashboard.figures.volumes import Plane, scale_bar
from dashboard.ui.components.tiles import (
    Bar,
    Box,
    Click,
    Curve,
    Line,
    Mark,
    Ring,
    Text,
    Tile,
    curve_points,
)

GLYPHS = {"N": "●", "S": "▲", "V": "■", "F": "◆", "Q": "✕"}
FAR = 50.0  # fractions of a picture: beyond any frame, which cuts it off


def plane_tile(
    where: Plane,
    layers: Sequence[bytes],
    *,
    field_mm: float,
    position: np.ndarray,
    box: tuple[np.ndarray, np.ndarray] | None = None,
    caption: str = "",
    alt: str = "",
    more: tuple[Mark, ...] = (),
) -> Tile:
    """A plane with crosshair, letters, bar, the box of a receptive field and `more`, on black.

    All planes of a scan share `field_mm`, the side of their square frame, so that they have one
    scale; `position` and the corners of `box` are array indices (3,).
    """
    x, y = where.fraction(position)
    marks: list[Mark] = [Line(-FAR, y, FAR, y), Line(x, -FAR, x, FAR)]
    if box is not None:
        marks.append(Box(*where.box(*box)))
    marks.extend(more)
    bar = scale_bar(field_mm)
    return Tile(
        where.name,
        tuple(layers),
        tuple(marks),
        left=where.name,
        right=caption,
        dark=True,
        width=where.width_mm / field_mm,
        height=where.height_mm / field_mm,
        letters=where.letters,
        bar=Bar(bar / field_mm, f"{bar:g} mm"),
        alt=alt or f"{where.name} plane, {caption}",
    )


def field_of(planes: Sequence[Plane]) -> float:
    """Side in mm of the square frame that holds every plane."""
    return max(max(where.width_mm, where.height_mm) for where in planes)


def clicked_index(click: Click, planes: Sequence[Plane]) -> np.ndarray | None:
    """Array index (3,) of a click on one of `planes`, clipped to the volume; None: no place."""
    where = next((p for p in planes if p.name == click.id), None)
    if where is None or click.x is None or click.y is None:
        return None
    x, y = (float(np.clip(share, 0, 1)) for share in (click.x, click.y))
    index = where.index(x, y)
    down, right, _ = where.axes
    limits = dict(zip((down, right), where.shape, strict=True))
    return np.array(
        [np.clip(index[k], 0, limits[k] - 1) if k in limits else index[k] for k in range(3)]
    )


def image_tile(
    id: str,
    layers: Sequence[bytes],
    shape: tuple[int, int],
    *,
    position: np.ndarray | None = None,
    box: tuple[np.ndarray, np.ndarray] | None = None,
    left: str = "",
    right: str = "",
    dark: bool = False,
    alt: str = "",
) -> Tile:
    """An image of `shape` (rows, columns) with the chosen position and its receptive field.

    `position` and the corners of `box` are array indices (row, column).
    """
    marks: list[Mark] = []
    if box is not None:
        (top, west), (bottom, east) = (_share(corner, shape) for corner in box)
        marks.append(Box(west, top, east - west, bottom - top, filled=True))
    if position is not None:
        row, column = _share(position, shape)
        marks.append(Ring(column, row))
    rows, columns = shape
    long = max(rows, columns)
    return Tile(
        id,
        tuple(layers),
        tuple(marks),
        left=left,
        right=right,
        dark=dark,
        width=columns / long,
        height=rows / long,
        alt=alt,
    )


def _share(index: np.ndarray, shape: tuple[int, int]) -> tuple[float, float]:
    row, column = ((float(place) + 0.5) / count for place, count in zip(index, shape, strict=True))
    return row, column


def clicked_pixel(click: Click, shape: tuple[int, int]) -> np.ndarray | None:
    """Array index (row, column), fractional, of a click on an `image_tile`; None: no place."""
    if click.x is None or click.y is None:
        return None
    shares = np.clip([click.y, click.x], 0, 1)
    return np.clip(shares * shape - 0.5, 0, np.array(shape) - 1)


def signal_tile(
    id: str,
    signal: Series,
    channel: Series,
    clip: float,
    *,
    beats: BeatMarks | None = None,
    left: str = "",
    right: str = "",
    aspect: float = 0.95,
    alt: str = "",
) -> Tile:
    """A stretch of signal (T,) with a channel (K,) as areas about the signal's median."""
    low, high = signal.start, signal.end
    channel = channel.within(low, high)
    finite = signal.values[np.isfinite(signal.values)]
    median = float(np.median(finite)) if finite.size else 0.0
    reach = float(np.abs(finite - median).max()) if finite.size else 1.0
    middle, length = 0.58, (high - low) or 1.0
    x = np.clip((channel.times - low) / length, 0, 1)
    marks: list[Mark] = []
    for sign, tone in ((1, "positive"), (-1, "negative")):
        part = np.clip(sign * np.nan_to_num(channel.values), 0, 2 * clip) * (0.2 / clip)
        outline = curve_points(np.r_[0, x, 1], np.r_[middle, middle - sign * part, middle])
        marks.append(Curve(outline, filled=True, tone=tone))
    line = middle - 0.41 * (np.nan_to_num(signal.values, nan=median) - median) / (reach or 1.0)
    marks.append(Curve(curve_points((signal.times - low) / length, line)))
    for time, symbol in _shown(beats, low, high):
        share = (time - low) / length
        marks.append(Text(share, 0.075, GLYPHS.get(symbol, "○"), "middle", symbol))
        marks.append(Text(share + 0.032, 0.075, symbol, "start", "ink"))
    return Tile(id, (), tuple(marks), left=left, right=right, aspect=aspect, alt=alt)


def _shown(beats: BeatMarks | None, low: float, high: float) -> list[tuple[float, str]]:
    if beats is None:
        return []
    shown = beats.within(low, high)
    return list(zip(shown.times.tolist(), shown.symbols, strict=True))
