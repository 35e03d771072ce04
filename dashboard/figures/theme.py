"""The colours of figures in both themes, and the one formula that turns values into colour.

Zero is the page: signed values are ink with transparency, so the same picture sits on white, on
black or on a scan. Plotly's colour scales and the alpha band of PNG pictures both come from
`Scale.rgba`, so they cannot disagree.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

RGB = tuple[int, int, int]

SANS = '"Source Sans", "Source Sans 3", sans-serif'
MONO = '"Source Code Pro", monospace'
AXIS_TITLE = 12  # px
TICK_LABEL = 11  # px, the smallest size of numbers
UNDERLAY = 0.85  # opacity of a scan or photograph under a map
OVERLAY = 0.78  # opacity of a map over a scan or photograph
OVERLAY_FLOOR = 0.13  # share of the clip under which a map over a scan is left out


@dataclass(frozen=True)
class Scale:
    """A colour scale: `low` and `high` hues with alpha given at stops of |position|.

    `signed` scales run from −1 to 1 (alpha 0 at 0), others from 0 to 1.
    """

    name: str
    low: RGB
    high: RGB
    signed: bool
    alphas: tuple[tuple[float, float], ...]  # (|position|, alpha), ascending

    def rgba(self, position: np.ndarray) -> np.ndarray:
        """`position` (...) in −1..1 or 0..1, clipped, to uint8 (..., 4); NaN is transparent."""
        position = np.asarray(position, dtype=np.float32)
        reach = np.minimum(np.abs(np.nan_to_num(position)), 1.0)
        if not self.signed:
            reach = np.where(position > 0, reach, 0.0)
        at, alpha = np.array(self.alphas).T
        out = np.empty((*position.shape, 4), np.uint8)
        out[..., :3] = np.where((position < 0)[..., None], self.low, self.high)
        out[..., 3] = np.rint(np.interp(reach, at, alpha) * 255)
        return out

    def stops(self) -> list[tuple[float, str]]:
        """The same scale for Plotly: (0..1, "rgba(...)") with both hues meeting at zero."""
        high = [(at, area(self.high, alpha)) for at, alpha in self.alphas]
        if not self.signed:
            return high
        low = [((1 - at) / 2, area(self.low, alpha)) for at, alpha in reversed(self.alphas)]
        return low + [((1 + at) / 2, colour) for at, colour in high]

    @property
    def bottom(self) -> float:
        """Where the scale starts, as a share of the clip."""
        return -1.0 if self.signed else 0.0


def area(rgb: RGB, alpha: float) -> str:
    """A hue with alpha as Plotly and CSS read it."""
    return f"rgba({rgb[0]},{rgb[1]},{rgb[2]},{alpha:g})"


def rgb_of(colour: str) -> RGB:
    """The hue of a token such as "#55636D"."""
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return red, green, blue


_SIGNED = ((0.0, 0.0), (0.5, 0.62), (1.0, 1.0))
_LINEAR = ((0.0, 0.0), (1.0, 1.0))

ACTIVATION = Scale("activation", (47, 111, 208), (207, 74, 18), True, _SIGNED)
WEIGHT = Scale("weight", (148, 88, 191), (94, 140, 31), True, _SIGNED)
PROBABILITY = Scale("probability", (15, 143, 130), (15, 143, 130), False, _LINEAR)

PAPER_FINE = "rgba(214,96,88,0.14)"  # 1 mm lines of ECG paper, both themes
PAPER_COARSE = "rgba(214,96,88,0.32)"  # 5 mm lines

CLASS_MARKS: Mapping[str, str] = MappingProxyType(
    {"N": "circle", "S": "triangle-up", "V": "square", "F": "diamond", "Q": "x"}
)


@dataclass(frozen=True)
class Theme:
    """The tokens a figure needs; `name` is part of the chart's key, so charts remount."""

    name: str
    page: str
    widget: str
    ink: str
    quiet: str
    rule: str
    accent: str  # text and frames
    figure_accent: str  # lines and areas inside figures
    accent_area: str  # receptive field
    window_area: str  # chosen window
    classes: Mapping[str, str] = field(repr=False)


LIGHT = Theme(
    name="light",
    page="#FDFEFE",
    widget="#F1F5F6",
    ink="#16232B",
    quiet="#55636D",
    rule="#D5DEE2",
    accent="#0A6E66",
    figure_accent="#0F9F8F",
    accent_area="rgba(15,159,143,0.18)",
    window_area="rgba(15,159,143,0.28)",
    classes=MappingProxyType(
        {"N": "#7B848B", "S": "#7E49B8", "V": "#D00F61", "F": "#91702E", "Q": "#369FC0"}
    ),
)
DARK = Theme(
    name="dark",
    page="#10171A",
    widget="#1A2428",
    ink="#E1E9EB",
    quiet="#9AABB3",
    rule="#2C393F",
    accent="#3CC4B4",
    figure_accent="#2FB9A8",
    accent_area="rgba(47,185,168,0.22)",
    window_area="rgba(47,185,168,0.32)",
    classes=MappingProxyType(
        {"N": "#8A949B", "S": "#9A6BD6", "V": "#E8367F", "F": "#B08A3C", "Q": "#46B3D6"}
    ),
)
THEMES: Mapping[str, Theme] = MappingProxyType({theme.name: theme for theme in (LIGHT, DARK)})


def class_colour(label: str, theme: Theme) -> str:
    """Colour of a beat class; labels outside N S V F Q are quiet."""
    return theme.classes.get(label, theme.quiet)


def class_mark(label: str) -> str:
    """Plotly marker of a beat class; labels outside N S V F Q are open circles."""
    return CLASS_MARKS.get(label, "circle-open")


def clip_at(values: np.ndarray, percentile: float = 99.5) -> float:
    """The |value| that `percentile` percent of the finite `values` stay under; 1.0 for none."""
    finite = np.abs(values[np.isfinite(values)])
    highest = float(np.percentile(finite, percentile)) if finite.size else 0.0
    if highest == 0 and finite.size:
        highest = float(finite.max())  # nearly all zeros: the few that are not still show
    return highest or 1.0


def rgba_image(
    values: np.ndarray,
    clip: float,
    scale: Scale = ACTIVATION,
    *,
    floor: float = 0.0,
    opacity: float = 1.0,
) -> np.ndarray:
    """Values (H, W) as uint8 (H, W, 4): `values` / `clip` on `scale`, NaN transparent.

    |values| under `floor` (a share of the clip) are left out, the rest drawn at `opacity`.
    """
    position = np.asarray(values, dtype=np.float32) / np.float32(clip or 1.0)
    rgba = scale.rgba(position)
    if floor:
        rgba[np.abs(position) < floor, 3] = 0
    if opacity != 1.0:
        rgba[..., 3] = np.rint(rgba[..., 3] * opacity)
    return rgba


def number(value: float, digits: int = 3, *, sign: bool = False) -> str:
    """`value` with `digits` significant digits, a real minus and thin thousands."""
    magnitude = abs(value)
    decimals = digits - 1 - int(np.floor(np.log10(magnitude))) if magnitude > 0 else digits - 1
    text = f"{magnitude:,.{max(0, min(decimals, 9))}f}".replace(",", "\u2009")
    if magnitude and (magnitude < 1e-4 or magnitude >= 1e7):
        text = f"{magnitude:.{digits - 1}e}".replace("e-", "e−").replace("e+", "e")
    return ("−" if value < 0 else "+" if sign and value > 0 else "") + text


def layout(
    theme: Theme, *, height: int, left: int = 48, right: int = 8, top: int = 12, bottom: int = 34
) -> dict:
    """Layout shared by all figures: transparent, no legend, no title, fixed margins."""
    return {
        "height": height,
        "margin": {"l": left, "r": right, "t": top, "b": bottom, "pad": 0},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": False,
        "font": {"family": SANS, "size": AXIS_TITLE, "color": theme.ink},
        "hoverlabel": {
            "bgcolor": theme.page,
            "bordercolor": theme.rule,
            "font": {"family": MONO, "size": AXIS_TITLE, "color": theme.ink},
        },
        "hovermode": "closest",
        "dragmode": "pan",
        "uirevision": "keep",  # a zoom survives a rerun
        "template": {},  # every colour is set here; the default template weighs 7 kB
    }


def axis(theme: Theme, title: str = "", **options) -> dict:
    """One axis of the house style; `options` override."""
    return {
        "title": {
            "text": title,
            "font": {"size": AXIS_TITLE, "color": theme.quiet, "family": SANS},
            "standoff": 6,
        },
        "tickfont": {"size": TICK_LABEL, "color": theme.quiet, "family": SANS},
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": theme.rule,
        "ticklabeloverflow": "allow",  # end labels would vanish at the plot's edge
        "showline": True,
        "linecolor": theme.rule,
        "linewidth": 1,
        "showgrid": False,
        "zeroline": False,
        "automargin": False,
        **options,
    }


def channel_ticks(count: int, wanted: int = 5) -> list[int]:
    """Ticks of a channel axis: 0, 8, 16 .. last, in steps of a power of two."""
    if count <= 1:
        return [0]
    step = 1
    while (count - 1) / step > wanted:
        step *= 2
    last = count - 1
    return [tick for tick in range(0, last, step) if last - tick > step * 0.45] + [last]
