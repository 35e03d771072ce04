"""The stage of a scan: a channel over three planes through the crosshair, and all maps of one."""

from functools import partial

import numpy as np
import streamlit as st

from dashboard.data.writers.nifti_file import map_nifti_bytes
from dashboard.figures.native_grid import grid_paths
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
from dashboard.ui.overlay import Overlay, channel_overlay
from dashboard.ui.scene import Scene
from dashboard.ui.stages.atlas import show_atlas
from dashboard.ui.stages.look import PLAIN, Look, pick_details, pick_shown
from dashboard.ui.stages.solid import pick_level, show_channel
from dashboard.ui.words import field_text, plain, signed

PLANE = "plane"  # session key: the plane the atlas shows, the one clicked last


def draw(scene: Scene) -> None:
    """The channel over three planes or in space, and the atlas of the plane clicked last."""
    extent = np.array(scene.record.field) * np.abs(scene.layer.prepared.to_sample[:3, :3]).sum(0)
    field = field_text(extent * scene.sample.spacing, "mm")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        title = f"Scan and channel {scene.channel}"
        panels.head(title, "" if scene.phone else f"receptive field {field}")
        st.space("stretch")
        look = pick_details(scene)
        share = pick_level() if look.shown == "surface" else 0.0
        pick_shown(look)
    files = (
        _nifti(scene, f"{scene.record.name}-{scene.channel}", scene.channel),
        panels.Download("NPZ", f"{scene.record.name}.npz", "application/zip", scene.npz),
    )
    if look.shown == "surface":
        show_channel(scene, share, files)
    else:
        _draw_planes(scene, look, field, files)
    _draw_atlas(scene)


def _nifti(scene: Scene, name: str, channel: int | slice) -> panels.Download:
    """One channel, or all as a series, on the layer's own grid in the scan's world."""
    affine = scene.sample.affine @ scene.layer.place
    return panels.Download(
        "NIfTI",
        f"{name}.nii.gz",
        "application/gzip",
        lambda: map_nifti_bytes(scene.layer.maps[channel], affine),
    )


def _draw_planes(scene: Scene, look: Look, field: str, files: tuple[panels.Download, ...]) -> None:
    box = scene.layer.field_box(scene.layer.unit_at(scene.position))
    readout = _readout(scene, field)
    views, layers = show_planes(scene, channel_overlay(scene), box, readout, look)
    chosen = chosen_plane(views)
    picture = panels.Download(
        "PNG",
        f"{scene.record.name}-{scene.channel}-{chosen.name}.png",
        "image/png",
        lambda: flattened(layers[chosen.name], background="#000000"),
    )
    how = "linear" if look.smooth else "nearest"
    panels.caption(f"{scene.caption} · {how}", "stage", (picture, *files))


def _draw_atlas(scene: Scene) -> None:
    """Every channel in the plane clicked last."""
    chosen = chosen_plane(planes(scene.sample.shape, scene.sample.affine, np.array(scene.position)))
    where = _own_plane(scene, chosen)
    frame = {"aspect": where.width_mm / where.height_mm}
    world = scene.sample.to_world(scene.position)[axis_of(chosen)]
    rest = f"{chosen.name} plane at {'xyz'[axis_of(chosen)]} {signed(world, 0)} mm; click to choose"
    picture = partial(atlas_picture, where, clip=scene.clip)
    more = (_nifti(scene, scene.record.name, slice(None)),)
    show_atlas(scene, picture, rest, more=more, **frame)


def show_planes(
    scene: Scene,
    over: Overlay,
    box: tuple[np.ndarray, np.ndarray],
    readout: Readout,
    look: Look = PLAIN,
) -> tuple[tuple[Plane, ...], dict[str, tuple[bytes, bytes]]]:
    """Three planes through the crosshair under `over`, then a readout; planes and their pictures.

    `box` is low and high corner of a frame drawn on them, in sample index.
    """
    views = planes(scene.sample.shape, scene.sample.affine, np.array(scene.position))
    layers = {view.name: _layers(scene, view, over, look) for view in views}
    items = [_tile(scene, view, layers[view.name], views, over, box, look) for view in views]
    tiles(
        "planes",
        [*items, readout],
        columns=4,
        narrow=2,
        on_click=partial(_moved, scene, views),
        on_wheel=partial(_scrolled, scene, views),
    )
    return views, layers


def draw_pair(scene: Scene) -> None:
    """The two channels of the chosen Gram cell and their product, in the atlas' plane."""
    views = planes(scene.sample.shape, scene.sample.affine, np.array(scene.position))
    where = _own_plane(scene, chosen_plane(views))
    first, second = (scene.layer.maps[c] for c in (scene.channel, scene.other))
    rows = (
        (str(scene.channel), atlas_picture(where, first, scene.clip)),
        (str(scene.other), atlas_picture(where, second, scene.clip)),
        ("product", product_picture(where.cut(first), where.cut(second))),
    )
    aspect = where.width_mm / where.height_mm
    items = [Tile(id=name, layers=(png,), left=name, aspect=aspect) for name, png in rows]
    tiles("pair", items, columns=3, narrow=3, tight=True)


def chosen_plane(views: tuple[Plane, ...]) -> Plane:
    """The plane clicked last, whose maps the atlas shows."""
    name = st.session_state.get(PLANE, "axial")
    return next(view for view in views if view.name == name)


def _own_plane(scene: Scene, view: Plane) -> Plane:
    """The plane on the layer's own grid."""
    maps = scene.layer.maps
    return layer_plane(view, maps.shape[1:], scene.sample.affine, scene.layer.place)


def axis_of(view: Plane) -> int:
    """The RAS axis a plane is looked at along."""
    return {"sagittal": 0, "coronal": 1, "axial": 2}[view.name]


def _layers(scene: Scene, view: Plane, over: Overlay, look: Look) -> tuple[bytes, bytes]:
    window = cache.grey_window(scene.sample.digest)
    under = input_picture(view.read(scene.sample), window, under=True)
    linear = look.smooth
    return under, layer_picture(view, over.values, over.place, over.clip, linear=linear)


def _tile(
    scene: Scene,
    view: Plane,
    layers: tuple[bytes, ...],
    views: tuple[Plane, ...],
    over: Overlay,
    box: tuple[np.ndarray, np.ndarray],
    look: Look,
) -> Tile:
    paths = grid_paths(view, over.values.shape, over.place) if look.grid else ()
    world = scene.sample.to_world(scene.position)[axis_of(view)]
    return plane_tile(
        view,
        layers,
        field_mm=field_of(views),
        position=np.array(scene.position),
        box=box,
        caption=f"{'xyz'[axis_of(view)]} {signed(world, 0)} mm",
        alt=f"{view.name} plane of {scene.sample.name} with {over.title} over it",
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
