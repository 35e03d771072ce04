"""What the stages of Why share: a value under the crosshair, the readout, each channel's part."""

import numpy as np

from dashboard.ui import panels
from dashboard.ui.components.tiles import Readout, ReadoutRow
from dashboard.ui.overlay import Overlay
from dashboard.ui.reasons.reason import Reason, spoken
from dashboard.ui.scene import Scene
from dashboard.ui.stages.atlas import Sheet
from dashboard.ui.words import plain, relative, shape_text, signed


def value_at(over: Overlay, position: tuple[float, ...]) -> float:
    """The value of the nearest place of a map, NaN outside it."""
    inverse = np.linalg.inv(over.place)
    index = inverse[:-1, :-1] @ np.array(position) + inverse[:-1, -1]
    index = np.floor(index + 0.5).astype(int)  # nearest, as pictures are read
    inside = ((index >= 0) & (index < over.values.shape)).all()
    return float(over.values[tuple(index)]) if inside else float("nan")


def rows_in_words(reason: Reason) -> str:
    """What the panel of all channels shows."""
    count = len(reason.found.map.parts)
    return "what each channel adds" if count > 1 else ""


def sheet(reason: Reason) -> Sheet:
    """What each channel of the layer (or of the input) adds to the map, with its sum."""
    parts = reason.found.map.parts
    sums = parts.sum(axis=tuple(range(1, parts.ndim)))
    return Sheet(parts, sums, "what it adds in all", reason.npz, lambda v: relative(v, 2))


def readout(reason: Reason) -> Readout:
    """The position, the input and the map there, and what the map is made of."""
    scene, found, over = reason.scene, reason.found, reason.over
    at = tuple(round(p) for p in scene.position)
    value = value_at(over, scene.position)
    stride = np.array(found.map.stride)
    input_row = ", ".join(plain(float(v)) for v in scene.sample.values((slice(None), *at)))
    places = " × ".join(f"{s:g}" for s in stride)
    return Readout(
        (
            *(ReadoutRow(name, text) for name, text in _where(scene)),
            ReadoutRow("input", input_row, rule=True),
            ReadoutRow("map here", "outside" if np.isnan(value) else relative(value)),
            ReadoutRow(
                f"answer {_short(spoken(found.answer, reason.asked))}",
                relative(found.map.output),
                rule=True,
            ),
            ReadoutRow("map's grid", shape_text(found.map.values.shape)),
            ReadoutRow("stride", f"{places} fed"),
        )
    )


def _short(text: str) -> str:
    """A class name short enough for a row."""
    return text if len(text) <= 18 else text[:17] + "…"


def _where(scene: Scene) -> list[tuple[str, str]]:
    world = scene.sample.to_world(scene.position)
    if scene.sample.axis_unit == "mm":
        return [(name, f"{signed(v, 1)} mm") for name, v in zip("xyz", world, strict=True)]
    return [("row, column", ", ".join(f"{p:.1f}" for p in scene.position) + " px")]


def npz_file(reason: Reason) -> panels.Download:
    """The map with each channel's part of it."""
    return panels.Download("NPZ", f"{reason.file_name}.npz", "application/zip", reason.npz)
