"""A scan as a whole from any side: shaded, and its brightest values."""

from dataclasses import dataclass

import streamlit as st

from dashboard.figures.pictures import flattened
from dashboard.figures.rendering import SIDE, projection_picture, shaded_picture, turned
from dashboard.ui import panels, surface_cache
from dashboard.ui.components.tiles import Bar, Tile, Wheel, tiles
from dashboard.ui.scan.place import Place
from dashboard.ui.words import literal, plain, shape_text

TURN = "scan-turn"  # session key
STEP = 15  # degrees of one turn of the wheel
SOFT = 0.06  # of the window: how far from the level opacity rises


@dataclass(frozen=True)
class Turn:
    """Where a volume is seen from, degrees: azimuth 0 is the face, elevation 90 from above."""

    azimuth: int = 35
    elevation: int = 15


def show_volume(place: Place) -> None:
    """The volume shaded and as its brightest values, with sliders and the wheel that turn it."""
    turn: Turn = st.session_state.get(TURN, Turn())
    level = _pick_level(place)
    pictures, letters, field = _pictures(
        place.sample.digest, turn.azimuth, turn.elevation, level, place.window
    )
    bar = next((mm for mm in (100.0, 50.0, 10.0, 5.0) if mm < 0.4 * field), 1.0)
    items = [
        Tile(
            name,
            (png,),
            left=title,
            right=f"{turn.azimuth}° around, {turn.elevation}° up",
            dark=True,
            smooth=True,
            letters=letters,
            bar=Bar(bar / field, f"{bar:g} mm"),
            alt=f"{place.sample.name}, {title}, from {turn.azimuth}° around, {turn.elevation}° up",
        )
        for (name, title), png in zip(
            (
                ("shaded", f"above {plain(level)}".replace("-", "−")),
                ("brightest", "brightest value (MIP)"),
            ),
            pictures,
            strict=True,
        )
    ]
    tiles("scan-rendered", items, columns=2, narrow=1 if place.phone else 2, on_wheel=_wheeled)
    _pick_turn(turn)
    volume = surface_cache.rendered_volume(place.sample.digest)
    files = tuple(
        panels.Download(
            f"PNG {tile.id}",
            f"{tile.id}.png",
            "image/png",
            lambda png=png: flattened((png,), background="#000000"),
        )
        for tile, png in zip(items, pictures, strict=True)
    )
    steps = "" if max(volume.steps) == 1 else f" (means of {shape_text(volume.steps)} voxels)"
    text = f"rays through {shape_text(volume.values.shape)}{steps}, {SIDE} steps each"
    panels.caption(f"{literal(place.sample.name)} · {text}", "scan-rendered", files)


@st.cache_resource(max_entries=64, show_spinner=False)
def _pictures(
    digest: str, azimuth: int, elevation: int, level: float, window: tuple[float, float]
) -> tuple[tuple[bytes, bytes], tuple[str, ...], float]:
    """The two pictures of a view, its letters and the width of its field in mm."""
    volume = surface_cache.rendered_volume(digest)
    view = turned(volume.values, volume.affine, azimuth, elevation)
    softness = SOFT * (window[1] - window[0])
    pictures = shaded_picture(view, level, softness), projection_picture(view, window)
    return pictures, view.letters, view.field_mm


def _pick_level(place: Place) -> float:
    """From which value on the shaded picture is opaque."""
    offered = dict(surface_cache.levels(place.sample.digest))
    if len(offered) == 1:
        return next(iter(offered.values()))
    unit = f" {place.unit}" if place.unit else ""
    chosen = st.segmented_control(
        "Opaque from",
        list(offered),
        default=next(iter(offered)),
        required=True,
        format_func=lambda name: f"{name} {plain(offered[name])}{unit}".replace("-", "−"),
        key=f"scan-opaque-{place.sample.digest[:8]}",
        label_visibility="collapsed",
    )
    return offered[chosen]


def _pick_turn(turn: Turn) -> None:
    left, right = st.columns(2, gap="small")
    with left:
        _slider("azimuth", turn.azimuth, -180, 180, "%d° around", "0: the face; 180: from behind")
    with right:
        _slider("elevation", turn.elevation, -90, 90, "%d° up", "90: from above; −90: from below")


def _slider(name: str, value: int, low: int, high: int, text: str, words: str) -> None:
    key = f"scan-turn-{name}"
    st.session_state[key] = value  # the wheel moves it, too
    st.slider(
        name,
        low,
        high,
        step=5,
        format=text,
        key=key,
        help=words,
        label_visibility="collapsed",
        on_change=lambda: _turn_to(**{name: st.session_state[key]}),
    )


def _wheeled(wheel: Wheel) -> None:
    azimuth = st.session_state.get(TURN, Turn()).azimuth + round(wheel.delta) * STEP
    _turn_to(azimuth=(azimuth + 180) % 360 - 180)


def _turn_to(**changes: int) -> None:
    turn = st.session_state.get(TURN, Turn())
    st.session_state[TURN] = Turn(
        **{"azimuth": turn.azimuth, "elevation": turn.elevation} | changes
    )
