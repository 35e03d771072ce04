"""The stage of an image: what was fed, the chosen channel over it and alone, and all maps."""

from functools import partial

import numpy as np

from dashboard.analysis.layers import field_extent
from dashboard.figures.pictures import (
    flattened,
    input_picture,
    map_picture,
    over_picture,
    placed_map,
    product_picture,
    value_window,
)
from dashboard.ui import panels, state
from dashboard.ui.components.scenes import clicked_pixel, image_tile
from dashboard.ui.components.tiles import Click, Readout, ReadoutRow, Tile, tiles
from dashboard.ui.overlay import Overlay, channel_overlay
from dashboard.ui.scene import Scene
from dashboard.ui.stages.atlas import show_atlas
from dashboard.ui.words import field_text, plain, shape_text, signed


def draw(scene: Scene) -> None:
    """Three pictures of one frame, the readout, and the atlas."""
    head = "" if scene.phone else "a frame marks what the chosen unit sees; click to move it"
    panels.head(f"Input and channel {scene.channel}", head)
    shape = scene.layer.prepared.array.shape[1:]
    layers = {
        "input": (fed_picture(scene),),
        "both": overlay(scene, channel_overlay(scene)),
        "channel": (map_picture(on_fed(scene, channel_overlay(scene)), scene.clip),),
    }
    size = f"{shape_text(shape)} px"
    captions = {
        "input": ("input as fed", size),
        "both": (f"channel {scene.channel} on input", ""),
        "channel": (f"channel {scene.channel}", shape_text(scene.record.shape[1:])),
    }
    show_pictures(scene, layers, captions, _place(scene), _readout(scene))
    files = (
        panels.Download(
            "PNG",
            f"{scene.record.name}-{scene.channel}-on-input.png",
            "image/png",
            lambda: flattened(layers["both"], background=scene.theme.page),
        ),
        panels.Download("NPZ", f"{scene.record.name}.npz", "application/zip", scene.npz),
    )
    panels.caption(scene.caption, "stage", files)
    clip = scene.clip
    show_atlas(scene, lambda m: map_picture(m, clip), "one colour scale; click to choose")


def show_pictures(
    scene: Scene,
    layers: dict[str, tuple[bytes, ...]],
    captions: dict[str, tuple[str, str]],
    marked: tuple[np.ndarray, tuple[np.ndarray, np.ndarray] | None],
    readout: Readout,
) -> None:
    """Pictures of one frame with the position (and a box) marked in each, then a readout.

    The last of `layers` lies on the page, the others on black; places are in index of what was
    fed.
    """
    centre, box = marked
    items = [
        image_tile(
            name,
            pictures,
            scene.layer.prepared.array.shape[1:],
            position=centre,
            box=box,
            left=captions[name][0],
            right=captions[name][1],
            dark=name != list(layers)[-1],
            alt=f"{captions[name][0]} of {scene.sample.name}",
        )
        for name, pictures in layers.items()
    ]
    tiles("input", [*items, readout], columns=4, narrow=2, on_click=partial(_moved, scene))


def draw_pair(scene: Scene) -> None:
    """The two channels of the chosen Gram cell and their product."""
    first, second = (scene.layer.maps[c] for c in (scene.channel, scene.other))
    rows = (
        (str(scene.channel), map_picture(first, scene.clip)),
        (str(scene.other), map_picture(second, scene.clip)),
        ("product", product_picture(first, second)),
    )
    aspect = first.shape[1] / first.shape[0]
    items = [Tile(id=name, layers=(png,), left=name, aspect=aspect) for name, png in rows]
    tiles("pair", items, columns=3, narrow=3, tight=True)


def overlay(scene: Scene, over: Overlay) -> tuple[bytes, bytes]:
    """The fed picture and what lies over it, as PNG."""
    return fed_picture(scene, under=True), over_picture(on_fed(scene, over), over.clip)


def fed_picture(scene: Scene, *, under: bool = False) -> bytes:
    """What was fed (C, H, W), its whole range from black to white."""
    fed = scene.layer.prepared.array
    values = fed if len(fed) == 3 else fed[0]
    return input_picture(values, value_window(fed, 0, 100), under=under)


def on_fed(scene: Scene, over: Overlay) -> np.ndarray:
    """Values read, nearest, on the grid of the fed picture."""
    to_fed = np.linalg.inv(scene.layer.prepared.to_sample) @ over.place
    return placed_map(over.values, to_fed, scene.layer.prepared.array.shape[1:])


def _place(scene: Scene) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """The chosen unit's centre, and low and high corner of its field, in index of what was fed."""
    prepared = scene.layer.prepared
    unit = scene.layer.unit_at(scene.position)
    corners = prepared.index_in_input(np.stack(scene.layer.field_box(unit)))
    limits = np.array(prepared.array.shape[1:]) - 0.5
    low, high = np.clip(np.sort(corners, axis=0), -0.5, limits)
    return prepared.index_in_input(scene.layer.position_of(unit)), (low, high)


def _readout(scene: Scene) -> Readout:
    unit = scene.layer.unit_at(scene.position)
    row, column = scene.position
    at = tuple(round(p) for p in scene.position)
    value = scene.sample.values((slice(None), *at))
    activation = float(scene.layer.maps[(scene.channel, *unit)])
    stride, offset = scene.record.stride, scene.record.offset
    field = field_extent(scene.record, scene.layer.prepared, scene.sample)
    return Readout(
        (
            ReadoutRow("row, column", f"{row:.1f}, {column:.1f} px"),
            ReadoutRow("input", ", ".join(plain(v) for v in value)),
            ReadoutRow("activation", signed(activation, 3)),
            ReadoutRow("receptive field", field_text(field, "px"), rule=True),
            ReadoutRow("stride", " × ".join(f"{s:g}" for s in stride) + " px fed"),
            ReadoutRow("offset", " × ".join(f"{o:g}" for o in offset) + " px fed"),
        )
    )


def _moved(scene: Scene, click: Click) -> None:
    """A click on a picture is a position."""
    prepared = scene.layer.prepared
    fed = clicked_pixel(click, prepared.array.shape[1:])
    if fed is not None:
        state.change(position=tuple(float(p) for p in prepared.index_in_sample(fed)))
