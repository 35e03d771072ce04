"""A grid of pictures that report where they were clicked: atlas, planes, pairs, home cards."""

from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from secrets import token_hex
from typing import Any

import numpy as np
import streamlit as st

FOLDER = Path(__file__).parent
SENT = 24  # pictures that a browser is trusted to still have; it keeps more than twice as many


@dataclass(frozen=True)
class Line:
    """A line between two points (fractions of the picture; it may run beyond)."""

    x1: float
    y1: float
    x2: float
    y2: float
    tone: str = "accent"
    kind: str = "line"


@dataclass(frozen=True)
class Box:
    """A rectangle by its upper left corner and size, fractions of the picture."""

    x: float
    y: float
    width: float
    height: float
    filled: bool = False
    tone: str = "accent"
    kind: str = "box"


@dataclass(frozen=True)
class Ring:
    """A small circle around a point."""

    x: float
    y: float
    tone: str = "accent"
    kind: str = "ring"


@dataclass(frozen=True)
class Text:
    """Text at a point; `anchor` is "start", "middle" or "end"; `tone` may be a beat class."""

    x: float
    y: float
    text: str
    anchor: str = "middle"
    tone: str = "ink"
    kind: str = "text"


@dataclass(frozen=True)
class Curve:
    """A polyline, or a filled polygon, through `points`: x, y, x, y ... in fractions.

    `tone`: "ink", "accent", "quiet", and for areas "positive" or "negative".
    """

    points: tuple[float, ...]
    filled: bool = False
    tone: str = "ink"
    kind: str = "curve"


Mark = Line | Box | Ring | Text | Curve


@dataclass(frozen=True)
class Bar:
    """A scale bar: `length` as a share of the frame's width."""

    length: float
    label: str


@dataclass(frozen=True)
class Tile:
    """One picture: PNG `layers` from the bottom up, with marks over them.

    The picture covers `width` x `height` (shares) of a frame of `aspect` (width / height);
    `letters` stand at the frame's left, right, top and bottom; a tile of `span` n takes n columns
    and rows of the grid; `alt` says what is to be seen.
    """

    id: str
    layers: tuple[bytes, ...] = ()
    marks: tuple[Mark, ...] = ()
    left: str = ""
    right: str = ""
    selected: bool = False
    dark: bool = False
    smooth: bool = False
    aspect: float = 1.0
    width: float = 1.0
    height: float = 1.0
    letters: tuple[str, ...] = ()
    bar: Bar | None = None
    span: int = 1
    title: str = ""
    alt: str = ""


@dataclass(frozen=True)
class ReadoutRow:
    """A line of a readout; `rule` draws a line above it."""

    label: str
    value: str
    rule: bool = False


@dataclass(frozen=True)
class Readout:
    """A small table that takes the place of a tile."""

    rows: tuple[ReadoutRow, ...]
    id: str = "readout"


@dataclass(frozen=True)
class Click:
    """A click on tile `id` at fractions `x`, `y` of its picture, None for a key press."""

    id: str
    x: float | None
    y: float | None


@dataclass(frozen=True)
class Wheel:
    """The wheel turned over tile `id` by `delta` steps, down is positive; keys count likewise."""

    id: str
    delta: int


_view = st.components.v2.component(
    "convscope_tiles",
    html='<div class="tiles"></div>',
    css=(FOLDER / "tiles.css").read_text(encoding="utf-8"),
    js=(FOLDER / "tiles.js").read_text(encoding="utf-8"),
)


def tiles(
    key: str,
    items: Sequence[Tile | Readout],
    *,
    columns: int = 4,
    narrow: int = 2,
    tight: bool = False,
    sent_once: bool = False,
    on_click: Callable[[Click], None] | None = None,
    on_wheel: Callable[[Wheel], None] | None = None,
) -> Click | None:
    """Draw `items` in `columns`, or in `narrow` columns where the grid is under 560 px wide.

    `tight` is the close grid of an atlas. With `sent_once` a picture that the browser has had
    lately is only named, so that a new slice costs one picture. The callbacks run before the page
    does; the click is also returned, in the one run that it caused.
    """
    book = f"{key}-sent"  # session key: the names of the pictures sent last

    def clicked() -> None:
        if on_click and (value := st.session_state[key].get("click")):
            on_click(Click(**value))

    def turned() -> None:
        if on_wheel and (value := st.session_state[key].get("wheel")):
            on_wheel(Wheel(**value))

    data = {"tiles": [_packed(item) for item in items]}
    names: tuple[str, ...] = ()
    if sent_once:
        sent = st.session_state.get(book, ())
        data, names = _named(data["tiles"], sent)
    result = _view(
        key=key,
        data={
            **data,
            "columns": columns,
            "narrow": narrow,
            "tight": tight,
            "wheel": on_wheel is not None,
        },
        on_missing_change=lambda: st.session_state.pop(book, None),
        on_click_change=clicked,
        on_wheel_change=turned,
    )
    if sent_once:
        st.session_state[book] = names  # only now: a run that was interrupted before sent nothing
    return Click(**result.click) if result.click else None


def _named(
    packed: list[dict[str, Any]], sent: tuple[str, ...]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Tiles whose layers are names, the pictures not yet `sent`, and the names sent by then.

    The browser asks once per `turn` for what it lacks after all: a later run's pictures may
    overtake those of an interrupted one.
    """
    pictures = {}
    for tile in packed:
        sources = tile.get("layers", ())
        names = [blake2b(source.encode(), digest_size=8).hexdigest() for source in sources]
        pictures |= dict(zip(names, sources, strict=True))
        if names:
            tile["layers"] = names
    fresh = {name: source for name, source in pictures.items() if name not in sent}
    known = (*(name for name in sent if name not in pictures), *pictures)[-SENT:]
    return {"tiles": packed, "pictures": fresh, "turn": token_hex(4)}, known


def data_uri(picture: bytes) -> str:
    """PNG or JPEG bytes as the address an image element takes."""
    kind = "jpeg" if picture[:2] == b"\xff\xd8" else "png"
    return f"data:image/{kind};base64," + b64encode(picture).decode()


def _packed(item: Tile | Readout) -> dict[str, Any]:
    packed = asdict(item)
    if isinstance(item, Tile):
        packed["layers"] = [data_uri(layer) for layer in item.layers]
        packed["alt"] = item.alt or f"{item.left} {item.right}".strip() or item.id
    return packed


def curve_points(x: np.ndarray, y: np.ndarray) -> tuple[float, ...]:
    """Points (K,) and (K,) in fractions as `Curve` takes them."""
    return tuple(np.stack([x, y], axis=1).ravel().round(4).tolist())
