"""Surfaces of a scan and of a channel in space, in mm of the patient, to be turned with the mouse.

Only the triangles travel: vertices as float32 and indices as short as their number allows, which
Plotly sends as base64 arrays.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from dashboard.data.surface import Surface
from dashboard.figures.drawing import Drawing, empty_figure
from dashboard.figures.theme import ACTIVATION, RGB, TICK_LABEL, Theme, axis, layout, rgb_of

TISSUE: RGB = (196, 189, 178)  # of a scan's own surface, both themes
EYE = (0.82, 1.7, 0.55)  # from the front, a little from the right and from above
# Towards right, anterior, superior: the axes of RAS+.
TITLES = ("x (mm), right +", "y (mm), anterior +", "z (mm), superior +")
SHORT_TITLES = ("x R (mm)", "y A (mm)", "z S (mm)")
LIGHTING = {"ambient": 0.42, "diffuse": 0.72, "specular": 0.06, "roughness": 0.8, "fresnel": 0.05}
# From above the viewer's left shoulder. Plotly takes it in clip coordinates, undone by the camera:
# −1 is the near plane, where a few hundred screens are as far as the scene is wide.
LIGHT = {"x": -300, "y": 450, "z": -1}


@dataclass(frozen=True)
class Solid:
    """A surface with its look; the crosshair is seen through an `opacity` below 1."""

    name: str
    surface: Surface
    colour: RGB = TISSUE
    opacity: float = 1.0


def channel_solids(positive: Surface, negative: Surface) -> tuple[Solid, Solid]:
    """A channel's surfaces at plus and minus a level, in the colours of activations."""
    return (
        Solid(f"above {positive.level:+.3g}", positive, ACTIVATION.high, 0.92),
        Solid(f"below {-negative.level:+.3g}", negative, ACTIVATION.low, 0.92),
    )


def mesh_figure(
    solids: Sequence[Solid],
    *,
    theme: Theme,
    position: np.ndarray | None = None,
    empty: str = "Nothing lies above this level.",
    height: int = 560,
    phone: bool = False,
) -> go.Figure:
    """`solids` in one scene of true proportions, with lines through `position` (3,) in mm.

    `empty` is the sentence shown where there is no triangle. Nothing answers to the mouse but
    turning, which survives a redraw.
    """
    shown = [solid for solid in solids if len(solid.surface)]
    if not shown:
        return empty_figure(empty, theme, height=height)
    drawing = Drawing(theme, layout(theme, height=height, left=0, right=0, top=0, bottom=0))
    drawing.layout |= {"scene": _scene(theme, phone), "hovermode": False, "dragmode": "turntable"}
    # The transparent ones last: what is drawn before shows through.
    for solid in sorted(shown, key=lambda solid: -solid.opacity):
        _add(drawing, solid)
    if position is not None:
        _crosshair(drawing, shown, np.asarray(position, dtype=float))
    return drawing.figure()


def _add(drawing: Drawing, solid: Solid) -> None:
    vertices, faces = solid.surface.vertices, solid.surface.faces
    short = np.uint16 if len(vertices) <= 2**16 else np.int32
    x, y, z = np.ascontiguousarray(vertices.T, dtype=np.float32)
    i, j, k = np.ascontiguousarray(faces.T.astype(short))
    red, green, blue = solid.colour
    drawing.add(
        "mesh3d",
        name=solid.name,
        x=x,
        y=y,
        z=z,
        i=i,
        j=j,
        k=k,
        color=f"rgb({red},{green},{blue})",
        opacity=solid.opacity,
        lighting=LIGHTING,
        lightposition=LIGHT,
        hoverinfo="skip",
    )


def _crosshair(drawing: Drawing, solids: Sequence[Solid], position: np.ndarray) -> None:
    """Three lines through the whole scene as one trace, broken by NaN."""
    corners = [solid.surface.vertices.min(axis=0) for solid in solids]
    corners += [solid.surface.vertices.max(axis=0) for solid in solids]
    low = np.minimum(np.min(corners, axis=0), position)
    high = np.maximum(np.max(corners, axis=0), position)
    path = np.full((9, 3), np.nan, np.float32)
    for line in range(3):
        path[3 * line : 3 * line + 2] = position
        path[3 * line : 3 * line + 2, line] = low[line], high[line]
    x, y, z = path.T
    line = {"color": drawing.theme.figure_accent, "width": 3}
    options = {"mode": "lines", "line": line, "hoverinfo": "skip", "connectgaps": False}
    drawing.add("scatter3d", name="crosshair", x=x, y=y, z=z, **options)


def _scene(theme: Theme, phone: bool) -> dict:
    quiet = {"size": TICK_LABEL, "color": theme.quiet}
    red, green, blue = rgb_of(theme.rule)
    shared = {
        "showbackground": False,
        "showspikes": False,
        "gridcolor": f"rgba({red},{green},{blue},0.6)",
        "showgrid": False,
        "nticks": 4 if phone else 6,
    }
    axes = {}
    for name, title in zip("xyz", SHORT_TITLES if phone else TITLES, strict=True):
        own = axis(theme, title, tickfont=quiet, **shared)
        # Plotly's axes in space know less than those of the plane.
        axes[f"{name}axis"] = {
            key: value
            for key, value in own.items()
            if key not in ("automargin", "ticklabeloverflow", "showgrid") or key == "showgrid"
        }
        axes[f"{name}axis"]["title"] = {"text": title, "font": own["title"]["font"]}
    # Whole, and in Plotly's own order: else the turn would not survive a redraw.
    camera = {
        "up": {"x": 0, "y": 0, "z": 1},
        "center": {"x": 0, "y": 0, "z": -0.1},
        "eye": dict(zip("xyz", EYE, strict=True)),
        "projection": {"type": "perspective"},
    }
    return {
        **axes,
        "aspectmode": "data",
        "dragmode": "turntable",
        "camera": camera,
        "uirevision": "keep",
        "bgcolor": "rgba(0,0,0,0)",
    }
