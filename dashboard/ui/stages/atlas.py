"""All channels of a layer as small maps, a page at a time; a click chooses the channel."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from dashboard.figures.pictures import flattened
from dashboard.ui import panels, state
from dashboard.ui.components.tiles import Click, Tile, tiles
from dashboard.ui.scene import Scene
from dashboard.ui.words import shape_text, signed

PER_PAGE = 64


@dataclass(frozen=True)
class Sheet:
    """Maps (C, *U), a number for each with what it counts, and what saves them."""

    maps: np.ndarray
    numbers: np.ndarray
    counted: str
    npz: Callable[[], bytes]
    written: Callable[[float], str] = signed


def activity(scene: Scene) -> Sheet:
    """The layer's own maps with the mean activity of each."""
    maps = scene.layer.maps
    strengths = np.abs(maps).mean(axis=tuple(range(1, maps.ndim)))
    return Sheet(maps, strengths, "mean |a|", scene.npz)


def show_atlas(
    scene: Scene,
    picture: Callable[[np.ndarray], bytes],
    rest: str,
    sheet: Sheet | None = None,
    more: tuple[panels.Download, ...] = (),
    **frame,
) -> None:
    """One tile a channel; `picture(map)` draws one map, `frame` are options of every tile.

    `sheet` are the maps shown, those of the layer unless others are given; `more` are files
    beside the picture and the activations.
    """
    sheet = sheet or activity(scene)
    maps, count = sheet.maps, len(sheet.maps)
    channel = min(scene.channel, count - 1)
    first = channel // PER_PAGE * PER_PAGE
    with st.container(horizontal=True, vertical_alignment="center"):
        panels.head(f"All {count} channels", rest)
        st.space("stretch")
        if count > PER_PAGE:
            first = _page(count, first)
    shown = range(first, min(count, first + PER_PAGE))
    strengths = [float(sheet.numbers[c]) for c in shown]
    items = [
        Tile(
            id=str(c),
            layers=(picture(maps[c]),),
            left=str(c),
            right=sheet.written(strength),
            selected=c == channel,
            alt=f"channel {c}, {sheet.counted} {strength:.2g}",
            **frame,
        )
        for c, strength in zip(shown, strengths, strict=True)
    ]
    wide = 8 if len(items) > 6 else max(len(items), 4)
    tiles("atlas", items, columns=wide, narrow=4, tight=True, on_click=_chosen)
    chosen = channel
    files = (
        panels.Download(
            "PNG",
            f"{scene.record.name}-{chosen}.png",
            "image/png",
            lambda: flattened((picture(maps[chosen]),), background=scene.theme.page),
        ),
        *more,
        panels.Download("NPZ", f"{scene.record.name}.npz", "application/zip", sheet.npz),
    )
    text = (
        f"{len(items)} of {count} channels · number: {sheet.counted} · "
        f"native {shape_text(maps.shape[1:])}"
    )
    panels.caption(f"{text}, nearest", "atlas", files)


def _page(count: int, first: int) -> int:
    starts = list(range(0, count, PER_PAGE))
    return st.selectbox(
        "Channels shown",
        starts,
        index=starts.index(first),
        format_func=lambda s: f"channels {s} to {min(count, s + PER_PAGE) - 1}",
        key=f"atlas-page-{first}",
        label_visibility="collapsed",
        width=190,
    )


def _chosen(click: Click) -> None:
    state.change(channel=int(click.id), other=state.view().channel)
