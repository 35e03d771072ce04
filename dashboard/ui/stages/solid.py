"""A channel in space: surfaces around its strong units, inside the scan's own."""

import numpy as np
import streamlit as st

from dashboard.data.surface import Surface
from dashboard.data.writers.stl_file import stl_bytes
from dashboard.figures.meshes import Solid, channel_solids, mesh_figure
from dashboard.ui import panels, surface_cache
from dashboard.ui.components.scene_words import save_scene
from dashboard.ui.scene import Scene
from dashboard.ui.words import plain, signed, thousands

LEVEL = "stage-level"  # session key: the level as a share of the clip
HEIGHT, PHONE_HEIGHT = 460, 380
THROUGH = 0.13  # opacity of the scan around a channel


def pick_level() -> float:
    """The level of the surfaces as a share of the clip."""
    key = f"{LEVEL}-slider"
    return st.slider(
        "Level",
        0.1,
        1.0,
        st.session_state.get(LEVEL, 0.5),
        0.05,
        format="%.2f × clip",
        key=key,
        label_visibility="collapsed",
        width=180,
        on_change=lambda: st.session_state.update({LEVEL: st.session_state[key]}),
    )


def show_channel(scene: Scene, share: float, files: tuple[panels.Download, ...]) -> None:
    """The surfaces of the chosen channel at plus and minus `share` of the clip, and their files."""
    level = share * scene.clip
    positive, negative = surface_cache.channel_surfaces(*scene.key, scene.channel, level)
    outline = surface_cache.outline_surface(scene.sample.digest)
    solids = (Solid("scan", outline, opacity=THROUGH), *channel_solids(positive, negative))
    figure = mesh_figure(
        solids,
        theme=scene.theme,
        position=scene.sample.to_world(np.array(scene.position)),
        empty=f"No unit lies beyond ±{level:.3g}, and the scan has no surface.",
        height=PHONE_HEIGHT if scene.phone else HEIGHT,
        phone=scene.phone,
    )
    alt = (
        f"Channel {scene.channel} of {scene.record.name} in space: {len(positive)} triangles "
        f"around what lies above {level:.3g}, {len(negative)} below {signed(-level, 3)}."
    )
    key = panels.chart(figure, "solid", scene.theme, alt)
    stl = tuple(
        panels.Download(
            f"STL {sign}",
            f"{scene.record.name}-{scene.channel}-{word}.stl",
            "model/stl",
            lambda surface=surface: stl_bytes(surface),
        )
        for sign, word, surface in (("+", "above", positive), ("−", "below", negative))
        if len(surface)
    )
    text = f"{scene.caption} · {surface_words(level, (positive, negative))}"
    text += f" · scan at {plain(outline.level)}"
    panels.caption(text, "stage", (*stl, *files), key, save_scene)


def surface_words(level: float, surfaces: tuple[Surface, ...]) -> str:
    """How surfaces were made: method, level, how many triangles, what was coarsened."""
    count = sum(map(len, surfaces))
    steps = np.max([surface.steps for surface in surfaces], axis=0)
    text = f"marching cubes at ±{level:.3g}: "
    text += f"{thousands(count)} triangles" if count else "no unit lies beyond"
    if (steps > 1).any():
        text += " of means over " + " × ".join(map(str, steps.tolist())) + " units"
    return text
