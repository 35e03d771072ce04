"""The stage of a layer whose positions are gone: its units as bars."""

from dashboard.figures.units import unit_bars
from dashboard.ui import panels, state
from dashboard.ui.scene import Scene


def draw(scene: Scene) -> None:
    """One bar a unit; a click chooses a unit."""
    values = scene.layer.maps
    panels.head(f"{scene.record.name}", f"{len(values)} units, no positions; click to choose")
    figure = unit_bars(values, scene.channel, theme=scene.theme, phone=scene.phone)
    value = float(values[scene.channel])
    alt = f"{len(values)} units of {scene.record.name}; unit {scene.channel} is {value:.3g}."
    key = panels.chart(figure, "units", scene.theme, alt, on_select=_chosen)
    files = (panels.Download("NPZ", f"{scene.record.name}.npz", "application/zip", scene.npz),)
    panels.caption(f"{scene.caption} · unit {scene.channel} = {value:+.3g}", "stage", files, key)


def _chosen(key: str) -> None:
    point = panels.selected_point(key)
    if point is not None:
        state.change(channel=round(point["x"]), other=state.view().channel)
