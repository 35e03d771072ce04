"""Axial, coronal and sagittal plane through the crosshair: clicked, turned, slid."""

import numpy as np
import streamlit as st

from dashboard.figures.greys import GreyPicture
from dashboard.figures.plane_marks import box_outline, near_points, sphere_outline
from dashboard.figures.plane_sheet import SheetPlane, plane_sheet
from dashboard.figures.resliced import label_picture, map_picture
from dashboard.figures.slabs import slab_of
from dashboard.figures.volumes import Plane, closest_axes
from dashboard.ui import panels, state
from dashboard.ui.components.scenes import clicked_index, field_of, plane_tile
from dashboard.ui.components.tiles import Click, Curve, Mark, Ring, Text, Tile, Wheel, tiles
from dashboard.ui.scan import plane_cache
from dashboard.ui.scan.place import Place
from dashboard.ui.scan.readout import readout
from dashboard.ui.words import literal, signed
from models.records import Landmarks

NEAR = 3.0  # mm; a landmark further from a plane is not drawn on it
RAS_OF = {"sagittal": 0, "coronal": 1, "axial": 2}  # the axis a plane is looked at along


def show_planes(place: Place) -> None:
    """The three planes, a slider for each, and what to keep of them."""
    greys = {where.name: _grey(place, where) for where in place.planes}
    items = [_tile(place, where, greys[where.name]) for where in place.planes]
    tiles(
        "scan-planes",
        [*items, *([readout(place)] if place.phone else [])],
        columns=3,
        narrow=2,
        sent_once=True,
        on_click=lambda click: _clicked(place, click),
        on_wheel=lambda wheel: _turned(place, wheel),
    )
    for column, where in zip(st.columns(3, gap="small"), place.planes, strict=True):
        with column:
            _slider(place, where)
    files = (panels.Download("PNG", "planes.png", "image/png", lambda: sheet(place)),)
    panels.caption(_words(place, greys), "planes", files)


def _grey(place: Place, where: Plane, *, exact: bool = False) -> GreyPicture:
    chosen = place.settings
    return plane_cache.grey(
        place.sample.digest,
        where.name,
        where.along,
        place.window,
        place.convention,
        chosen.slab,
        chosen.projection,
        exact or chosen.exact,
    )


def _layers(place: Place, where: Plane, grey: GreyPicture) -> tuple[bytes, ...]:
    overlay = place.overlay
    if overlay is None:
        return (grey.data,)
    values = overlay.on(where, place.sample.affine)
    if overlay.labels:
        return grey.data, label_picture(values, overlay.opacity)
    look = (overlay.clip, overlay.threshold, overlay.opacity, overlay.colours)
    return grey.data, map_picture(values, *look)


def _tile(place: Place, where: Plane, grey: GreyPicture) -> Tile:
    axis = RAS_OF[where.name]
    world = place.sample.to_world(place.position)[axis]
    caption = f"{'xyz'[axis]} {signed(world, 1)} mm"
    tile = plane_tile(
        where,
        _layers(place, where, grey),
        field_mm=field_of(place.planes),
        position=np.array(place.position),
        caption=caption,
        alt=f"{where.name} plane of {place.sample.name} at {caption}, "
        f"{place.convention}: {where.letters[0]} is on the left",
        more=_marks(place, where),
    )
    return tile


def _outlines(place: Place, where: Plane) -> tuple[np.ndarray, ...]:
    """The region's edge on a plane."""
    radius, centre = place.settings.radius, np.array(place.position)
    if not radius:
        return ()
    if place.settings.region == "sphere":
        return (sphere_outline(where, place.sample.affine, centre, radius),)
    return (box_outline(where, place.sample.spacing, centre, radius),)


def _marks(place: Place, where: Plane) -> tuple[Mark, ...]:
    marks: list[Mark] = []
    for outline in _outlines(place, where):
        if len(outline):
            points = tuple(outline.ravel().round(4).tolist())
            marks.append(Curve(points, tone="accent"))
    if isinstance(place.placed, Landmarks):
        points = np.asarray(place.placed.positions, dtype=float)
        near = near_points(where, place.sample.affine, points, NEAR)
        for name, point, shown in zip(place.placed.names, points, near, strict=True):
            if shown:
                x, y = where.fraction(point)
                marks.append(Ring(x, y, "white"))
                end = x > 0.6
                shift = -0.03 if end else 0.03
                marks.append(Text(x + shift, y, name, "end" if end else "start", "white"))
    return tuple(marks)


# Moving


def _clicked(place: Place, click: Click) -> None:
    """A click on a plane moves the crosshair, and the other two planes with it."""
    index = clicked_index(click, place.planes)
    if index is not None:
        state.change(position=tuple(float(p) for p in np.rint(index)))


def _turned(place: Place, wheel: Wheel) -> None:
    """The wheel and the keys go through the slices of a plane: down is to the I, P or L side."""
    where = next(one for one in place.planes if one.name == wheel.id)
    _, signs = closest_axes(place.sample.affine)
    _go(place, where, place.position[where.axes[2]] - wheel.delta * signs[RAS_OF[where.name]])


def _go(place: Place, where: Plane, slice_number: float) -> None:
    moved, axis = list(place.position), where.axes[2]
    moved[axis] = float(np.clip(slice_number, 0, place.sample.shape[axis] - 1))
    state.change(position=tuple(moved))


def _slider(place: Place, where: Plane) -> None:
    """The slice of a plane as a number of its array axis."""
    axis = where.axes[2]
    last = place.sample.shape[axis] - 1
    if last < 1:
        return
    key = f"scan-slice-{where.name}-{last}"
    st.session_state[key] = int(place.position[axis])  # clicks and the wheel move it, too
    st.slider(
        f"{where.name} slice",
        0,
        last,
        key=key,
        label_visibility="visible" if place.phone else "collapsed",
        help=f"Slice of the {where.name} plane, along the array's {'ijk'[axis]}",
        on_change=lambda: _go(place, where, st.session_state[key]),
    )


# Keeping


def sheet(place: Place) -> bytes:
    """The three planes as shown as one PNG, every voxel exact."""
    rows = []
    for where in place.planes:
        layers = _layers(place, where, _grey(place, where, exact=True))
        axis = RAS_OF[where.name]
        world = place.sample.to_world(place.position)[axis]
        words = f"{where.name}   {'xyz'[axis]} {world:.1f} mm"  # Pillow's font has no real minus
        rows.append(SheetPlane(where, layers, _outlines(place, where), words))
    return plane_sheet(rows, np.array(place.position))


def _words(place: Place, greys: dict[str, GreyPicture]) -> str:
    """Sample, convention, slab, and how the pictures travelled."""
    low, high = place.window
    unit = f" {literal(place.unit)}" if place.unit else ""
    parts = [literal(place.sample.name), place.convention]
    parts.append(f"window {_number(low)} to {_number(high)}{unit}")
    if place.settings.slab:
        slabs = [slab_of(where, place.sample, place.settings.slab) for where in place.planes]
        counts = ", ".join(str(slab.count) for slab in slabs)
        parts.append(
            f"{place.settings.projection} over {place.settings.slab:g} mm ({counts} slices)"
        )
    packed = sorted({grey.words for grey in greys.values()} - {""})
    parts.append(f"sent as {', '.join(packed)}" if packed else "pixels exact")
    return " · ".join(parts)


def _number(value: float) -> str:
    return f"{value:.4g}".replace("-", "−")
