"""The stage of Why over a scan: three planes, what was fed enlarged, each channel's part."""

from functools import partial

import numpy as np

from dashboard.analysis.layers import clip_of
from dashboard.data.writers import nifti_file
from dashboard.figures.pictures import flattened, input_picture
from dashboard.figures.volumes import Plane, atlas_picture, layer_picture, layer_plane, planes
from dashboard.ui import panels, state
from dashboard.ui.components.scenes import clicked_index, field_of, plane_tile
from dashboard.ui.components.tiles import Click, tiles
from dashboard.ui.reasons.parts import npz_file, readout, rows_in_words, sheet
from dashboard.ui.reasons.reason import Reason
from dashboard.ui.stages.atlas import show_atlas
from dashboard.ui.stages.planes import axis_of, chosen_plane, show_planes
from dashboard.ui.words import field_text, signed


def show_scan(reason: Reason) -> None:
    """The map over the planes of the scan and of the patch, and the atlas of its parts."""
    scene, over = reason.scene, reason.over
    panels.head(
        reason.title, "click to move the crosshair" if not reason.local else _patch_words(reason)
    )
    views, layers = show_planes(scene, over, reason.found.box, readout(reason))
    chosen = chosen_plane(views)
    pictures = layers[chosen.name]
    if reason.local:
        closer = _show_patch(reason)
        pictures = closer[chosen.name]
    png = panels.Download(
        "PNG",
        f"{reason.file_name}-{chosen.name}.png",
        "image/png",
        lambda: flattened(pictures, background="#000000"),
    )
    panels.caption(reason.caption, "why", (png, npz_file(reason), _nifti(reason)))
    if len(reason.found.map.parts) > 1:
        _show_parts(reason, chosen)


def _show_parts(reason: Reason, chosen: Plane) -> None:
    """What each channel adds, cut along the plane clicked last."""
    scene = reason.scene
    shown, found = sheet(reason), reason.found
    clip = clip_of(shown.maps)
    where = layer_plane(chosen, found.map.values.shape, scene.sample.affine, found.place)
    frame = {"aspect": where.width_mm / where.height_mm}
    world = scene.sample.to_world(scene.position)[axis_of(chosen)]
    plane = f"{chosen.name} plane at {'xyz'[axis_of(chosen)]} {signed(world, 0)} mm"
    rest = f"{rows_in_words(reason)}; {plane}"
    show_atlas(scene, lambda m: atlas_picture(where, m, clip), rest, shown, **frame)


def _patch_words(reason: Reason) -> str:
    fed = reason.found.fed
    extent = np.abs(fed.to_sample[:3, :3]) @ fed.array.shape[1:] * reason.scene.sample.spacing
    return f"of what is fed: {field_text(extent, 'mm')} about the crosshair"


def _show_patch(reason: Reason) -> dict[str, tuple[bytes, bytes]]:
    """What was fed, enlarged, under the map; a click moves the crosshair within it."""
    scene, fed, over = reason.scene, reason.found.fed, reason.over
    affine = scene.sample.affine @ fed.to_sample
    place = fed.index_in_input(scene.position)
    views = planes(fed.array.shape[1:], affine, place)
    values = fed.array[0]
    lowest, highest = float(values.min()), float(values.max())
    to_fed = np.linalg.inv(fed.to_sample) @ over.place
    layers = {
        view.name: (
            input_picture(view.cut(values), (lowest, highest), under=True),
            layer_picture(view, over.values, to_fed, over.clip),
        )
        for view in views
    }
    items = [
        plane_tile(
            view,
            layers[view.name],
            field_mm=field_of(views),
            position=place,
            caption="as fed",
            alt=f"{view.name} plane of what was fed, {over.title} over it",
        )
        for view in views
    ]
    tiles("patch", items, columns=4, narrow=2, on_click=partial(_moved, reason, views))
    return layers


def _moved(reason: Reason, views: tuple[Plane, ...], click: Click) -> None:
    index = clicked_index(click, views)
    if index is not None:
        moved = np.rint(reason.found.fed.index_in_sample(index))
        limits = np.array(reason.scene.sample.shape) - 1
        state.change(position=tuple(float(p) for p in np.clip(moved, 0, limits)))


def _nifti(reason: Reason) -> panels.Download:
    """The map as a volume of its own grid that opens aligned with the scan."""
    affine = reason.scene.sample.affine @ reason.over.place

    def make() -> bytes:
        return nifti_file.map_nifti_bytes(reason.over.values, affine)

    return panels.Download("NIfTI", f"{reason.file_name}.nii.gz", "application/gzip", make)
