"""The stage of a scan: a channel over three planes through the crosshair, and all maps of one."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import streamlit as st

from dashboard.data.writers.nifti_file import map_nifti_bytes
from dashboard.figures.native_grid import MOST_LINES, grid_paths
from dashboard.figures.pictures import flattened, input_picture, product_picture
from dashboard.figures.volumes import (
    Plane,
    atlas_picture,
    layer_picture,
    layer_plane,
    planes,
)
from dashboard.ui import cache, panels, state
from dashboard.ui.components.scenes import clicked_index, field_of, plane_tile
from dashboard.ui.components.tiles import (
    Click,
    Curve,
    Readout,
    ReadoutRow,
    Tile,
    Wheel,
    curve_points,
    tiles,
)
from dashboard.ui.scene import Scene
from dashboard.ui.stages.atlas import show_atlas
from dashboard.ui.stages.solid import pick_level, show_channel
from dashboard.ui.words import field_text, plain, signed

PLANE = "plane"  # session key: the plane the atlas shows, the one clicked last
LOOK = "stage-look"  # session key: how the channel is shown


@dataclass(frozen=True)
class Look:
    """How a channel lies over the scan: in "planes" or as a "surface"; planes `smooth`, `grid`."""

    shown: str = "planes"
    smooth: bool = False
    grid: bool = False


def draw(scene: Scene) -> None:
    """The channel over three planes or in space, and the atlas of the plane clicked last."""
    extent = np.array(scene.record.field) * np.abs(scene.layer.prepared.to_sample[:3, :3]).sum(0)
    field = field_text(extent * scene.sample.spacing, "mm")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        title = f"Scan and channel {scene.channel}"
        panels.head(title, "" if scene.phone else f"receptive field {field}")
        st.space("stretch")
        look = _pick_look(scene)
        share = pick_level() if look.shown == "surface" else 0.0
        _pick_shown(look)
    views = planes(scene.sample.shape, scene.sample.affine, np.array(scene.position))
    files = (
        panels.Download(
            "NIfTI",
            f"{scene.record.name}-{scene.channel}.nii.gz",
            "application/gzip",
            lambda: map_nifti_bytes(scene.layer.maps[scene.channel], _affine(scene)),
        ),
        panels.Download("NPZ", f"{scene.record.name}.npz", "application/zip", scene.npz),
    )
    if look.shown == "surface":
        show_channel(scene, share, files)
    else:
        _show_planes(scene, views, field, files)
    _show_all(scene, _chosen_plane(views))


def _pick_look(scene: Scene) -> Look:
    """How the channel is shown; for planes, whether units are smoothed and outlined."""
    look: Look = st.session_state.get(LOOK, Look())
    if look.shown == "planes":
        fine = max(scene.layer.maps.shape[1:]) > MOST_LINES
        _toggle(look, "smooth", "Linear between the units instead of the nearest one")
        _toggle(look, "grid", "Units too fine to be outlined" if fine else "Borders of units", fine)
    return look


def _toggle(look: Look, name: str, text: str, disabled: bool = False) -> None:
    key = f"look-{name}"
    value = getattr(look, name)
    st.toggle(name, value, key=key, help=text, disabled=disabled, on_change=_keep, args=(name,))


def _keep(name: str) -> None:
    look = st.session_state.get(LOOK, Look())
    st.session_state[LOOK] = replace(look, **{name: st.session_state[f"look-{name}"]})


def _pick_shown(look: Look) -> None:
    st.segmented_control(
        "Channel shown in",
        ("planes", "surface"),
        default=look.shown,
        required=True,
        key="look-shown",
        on_change=_keep,
        args=("shown",),
        label_visibility="collapsed",
    )


def _affine(scene: Scene) -> np.ndarray:
    """(4, 4) from a unit's index to RAS+ mm."""
    return scene.sample.affine @ scene.layer.place


def _show_planes(
    scene: Scene, views: tuple[Plane, ...], field: str, files: tuple[panels.Download, ...]
) -> None:
    layers = {view.name: _layers(scene, view) for view in views}
    items = [_tile(scene, view, layers[view.name], views) for view in views]
    tiles(
        "planes",
        [*items, _readout(scene, field)],
        columns=4,
        narrow=2,
        on_click=partial(_moved, scene, views),
        on_wheel=partial(_scrolled, scene, views),
    )
    chosen = _chosen_plane(views)
    picture = panels.Download(
        "PNG",
        f"{scene.record.name}-{scene.channel}-{chosen.name}.png",
        "image/png",
        lambda: flattened(layers[chosen.name], background="#000000"),
    )
    look: Look = st.session_state.get(LOOK, Look())
    how = "linear" if look.smooth else "nearest"
    panels.caption(f"{scene.caption} · {how}", "stage", (picture, *files))


def _show_all(scene: Scene, chosen: Plane) -> None:
    """Every channel in the plane clicked last."""
    where = _own_plane(scene, chosen)
    frame = {"aspect": where.width_mm / where.height_mm}
    world = scene.sample.to_world(scene.position)[_axis(chosen)]
    rest = f"{chosen.name} plane at {'xyz'[_axis(chosen)]} {signed(world, 0)} mm; click to choose"
    every = panels.Download(
        "NIfTI",
        f"{scene.record.name}.nii.gz",
        "application/gzip",
        lambda: map_nifti_bytes(scene.layer.maps, _affine(scene)),
    )
    picture = partial(atlas_picture, where, clip=scene.clip)
    show_atlas(scene, picture, rest, more=(every,), **frame)


def draw_pair(scene: Scene) -> None:
    """The two channels of the chosen Gram cell and their product, in the atlas' plane."""
    views = planes(scene.sample.shape, scene.sample.affine, np.array(scene.position))
    where = _own_plane(scene, _chosen_plane(views))
    first, second = (scene.layer.maps[c] for c in (scene.channel, scene.other))
    rows = (
        (str(scene.channel), atlas_picture(where, first, scene.clip)),
        (str(scene.other), atlas_picture(where, second, scene.clip)),
        ("product", product_picture(where.cut(first), where.cut(second))),
    )
    aspect = where.width_mm / where.height_mm
    items = [Tile(id=name, layers=(png,), left=name, aspect=aspect) for name, png in rows]
    tiles("pair", items, columns=3, narrow=3, tight=True)


def _chosen_plane(views: tuple[Plane, ...]) -> Plane:
    name = st.session_state.get(PLANE, "axial")
    return next(view for view in views if view.name == name)


def _own_plane(scene: Scene, view: Plane) -> Plane:
    """The plane on the layer's own grid."""
    maps = scene.layer.maps
    return layer_plane(view, maps.shape[1:], scene.sample.affine, scene.layer.place)


def _axis(view: Plane) -> int:
    """The RAS axis a plane is looked at along."""
    return {"sagittal": 0, "coronal": 1, "axial": 2}[view.name]


def _layers(scene: Scene, view: Plane) -> tuple[bytes, bytes]:
    window = cache.grey_window(scene.sample.digest)
    under = input_picture(view.read(scene.sample), window, under=True)
    maps = scene.layer.maps[scene.channel]
    linear = st.session_state.get(LOOK, Look()).smooth
    return under, layer_picture(view, maps, scene.layer.place, scene.clip, linear=linear)


def _tile(scene: Scene, view: Plane, layers: tuple[bytes, ...], views: tuple[Plane, ...]) -> Tile:
    low, high = scene.layer.field_box(scene.layer.unit_at(scene.position))
    paths: tuple[np.ndarray, ...] = ()
    if st.session_state.get(LOOK, Look()).grid:
        paths = grid_paths(view, scene.layer.maps.shape[1:], scene.layer.place)
    world = scene.sample.to_world(scene.position)[_axis(view)]
    return plane_tile(
        view,
        layers,
        field_mm=field_of(views),
        position=np.array(scene.position),
        box=(low, high),
        caption=f"{'xyz'[_axis(view)]} {signed(world, 0)} mm",
        alt=f"{view.name} plane of {scene.sample.name} with channel {scene.channel} over it",
        more=tuple(Curve(curve_points(*path.T), tone="thin") for path in paths),
    )


def _readout(scene: Scene, field: str) -> Readout:
    x, y, z = scene.sample.to_world(scene.position)
    at = tuple(round(p) for p in scene.position)
    unit = scene.layer.unit_at(scene.position)
    activation = float(scene.layer.maps[(scene.channel, *unit)])
    stride = np.array(scene.record.stride) @ np.abs(scene.layer.prepared.to_sample[:3, :3]).T
    spacing = scene.sample.spacing
    return Readout(
        (
            ReadoutRow("x", f"{signed(x, 1)} mm"),
            ReadoutRow("y", f"{signed(y, 1)} mm"),
            ReadoutRow("z", f"{signed(z, 1)} mm"),
            ReadoutRow("scan", plain(float(scene.sample.values((0, *at)))), rule=True),
            ReadoutRow("activation", signed(activation, 3)),
            ReadoutRow("receptive field", field, rule=True),
            ReadoutRow("stride", field_text(stride * spacing, "mm")),
            ReadoutRow("voxel", " × ".join(f"{s:.3g}" for s in spacing) + " mm"),
        )
    )


def _moved(scene: Scene, views: tuple[Plane, ...], click: Click) -> None:
    """A click on a plane moves the crosshair, and the other two planes with it."""
    st.session_state[PLANE] = click.id
    index = clicked_index(click, views)
    if index is not None:
        state.change(position=tuple(float(p) for p in np.rint(index)))


def _scrolled(scene: Scene, views: tuple[Plane, ...], wheel: Wheel) -> None:
    """The wheel moves through the slices of the plane it turns over."""
    view = next(v for v in views if v.name == wheel.id)
    st.session_state[PLANE] = view.name
    moved = list(scene.position)
    axis = view.axes[2]
    moved[axis] = float(np.clip(moved[axis] - wheel.delta, 0, scene.sample.shape[axis] - 1))
    state.change(position=tuple(moved))
