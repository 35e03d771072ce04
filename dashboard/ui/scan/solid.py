"""A scan in space: the surfaces of its levels, and of what lies over it."""

import numpy as np
import streamlit as st

from dashboard.data.surface import MOST_TRIANGLES
from dashboard.data.writers.stl_file import stl_bytes
from dashboard.figures.meshes import Solid, mesh_figure
from dashboard.figures.resliced import label_colour
from dashboard.figures.theme import ACTIVATION
from dashboard.ui import panels, surface_cache
from dashboard.ui.components.scene_words import save_scene
from dashboard.ui.scan.place import Place
from dashboard.ui.words import literal, plain, thousands

OWN = "own level"
LEVELS = "scan-solid-levels"  # session key: names of the levels chosen, by digest
HEIGHT, PHONE_HEIGHT = 600, 420
THROUGH = 0.16  # opacity of a surface that others lie in


def show_surface(place: Place) -> None:
    """Surfaces of the chosen levels and of the overlay, with what saves them."""
    chosen = _pick_levels(place)
    most = MOST_TRIANGLES // max(1, len(chosen) + (place.overlay is not None))
    solids = _scan(place, chosen, most) + _over(place)
    figure = mesh_figure(
        solids,
        theme=place.theme,
        position=place.sample.to_world(np.array(place.position)),
        empty="Nothing lies above this level: choose a lower one."
        if chosen
        else "No surface is chosen.",
        height=PHONE_HEIGHT if place.phone else HEIGHT,
        phone=place.phone,
    )
    names = ", ".join(solid.name for solid in solids) or "no surface"
    key = panels.chart(figure, "scan-solid", place.theme, f"{place.sample.name}: {names}.")
    files = tuple(
        panels.Download(
            "STL" if len(solids) == 1 else f"STL {solid.name}",
            f"{solid.name}.stl".replace(" ", "-"),
            "model/stl",
            lambda surface=solid.surface: stl_bytes(surface),
        )
        for solid in solids[:3]
        if len(solid.surface)
    )
    panels.caption(_words(place, solids), "scan-solid", files, key, save_scene)


def _pick_levels(place: Place) -> dict[str, float]:
    """Names and levels of the surfaces chosen: presets, and one of the person's own."""
    offered = dict(surface_cache.levels(place.sample.digest))
    unit = f" {place.unit}" if place.unit else ""
    digest = place.sample.digest[:8]
    key = f"{LEVELS}-{digest}"
    kept = st.session_state.setdefault(LEVELS, {})
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        names = st.pills(
            "Surfaces",
            [*offered, OWN],
            selection_mode="multi",
            default=kept.get(digest, list(offered)),
            format_func=lambda name: (
                literal(f"{name} {plain(offered[name])}{unit}".replace("-", "−"))
                if name in offered
                else name
            ),
            key=key,
            on_change=lambda: kept.update({digest: st.session_state[key]}),
            label_visibility="collapsed",
        )
        chosen = {name: offered[name] for name in names if name in offered}
        if OWN in names:
            low, high = place.window
            first = next(iter(offered.values()))
            chosen[OWN] = st.number_input(
                f"Level{unit}",
                value=float(first),
                step=float(f"{(high - low) / 20:.1g}") or 1.0,
                key=f"{key}-own",
                label_visibility="collapsed",
                width=150,
            )
    return chosen


def _scan(place: Place, chosen: dict[str, float], most: int) -> list[Solid]:
    """The scan's own surfaces; one that holds another is seen through."""
    digest, overlay = place.sample.digest, place.overlay
    innermost = max(chosen.values(), default=0.0)
    solids = []
    for name, level in chosen.items():
        alone = level == innermost and overlay is None
        surface = surface_cache.scan_surface(digest, level, most)
        solids.append(Solid(name, surface, opacity=1.0 if alone else THROUGH))
    return solids


def _over(place: Place) -> list[Solid]:
    overlay = place.overlay
    if overlay is None:
        return []
    found = surface_cache.overlay_surfaces(overlay)
    if overlay.labels:
        return [
            Solid(overlay.name(label), surface, label_colour(label), 0.95)
            for label, surface in found.items()
        ]
    hues = {1: ACTIVATION.high, -1: ACTIVATION.low}
    words = {1: "above", -1: "below −"}
    return [
        Solid(f"{words[sign]} {surface.level:.3g}".replace("− ", "−"), surface, hues[sign], 0.95)
        for sign, surface in found.items()
    ]


def _words(place: Place, solids: list[Solid]) -> str:
    """Sample, method, triangles, and how far each surface was coarsened."""
    parts = [literal(place.sample.name), "marching cubes"]
    for solid in solids:
        steps = " × ".join(map(str, solid.surface.steps))
        text = f"{literal(solid.name)}: {thousands(len(solid.surface))} triangles"
        if max(solid.surface.steps) > 1:
            text += f", means of {steps} voxels"
        parts.append(text if len(solid.surface) else f"{literal(solid.name)}: nothing there")
    return " · ".join(parts)
