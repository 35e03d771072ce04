"""What the home page's cards show once torch is there: each network run as the explorer would."""

import numpy as np

from dashboard.figures.beats import BeatMarks
from dashboard.figures.pictures import input_picture, map_picture
from dashboard.figures.thin import Series, strongest
from dashboard.figures.volumes import layer_picture, layer_plane, plane
from dashboard.ui import cache, state
from dashboard.ui.answers import ranked
from dashboard.ui.cards import SECONDS, Glimpse
from dashboard.ui.components.scenes import signal_tile
from dashboard.ui.overlay import channel_overlay
from dashboard.ui.scene import Scene, make_scene
from dashboard.ui.stages.picture import overlay
from dashboard.ui.stages.time_axis import channel_series
from dashboard.ui.tasks import silently
from models.records import Beats

GRID = 4  # maps per side of the small atlas
COLUMNS = 96  # of the small ribbon


def make_glimpse(key: str) -> Glimpse:
    """The default layer of a built-in sample's network, its liveliest channel in front."""
    with silently():
        scene = make_scene(state.View(sample=key))
    channel = _liveliest(scene.layer.maps)
    layers, marks, sheet = BY_AXIS[scene.sample.axis_unit](scene, channel)
    matrix, _ = cache.gram(*scene.key)
    return Glimpse(
        answer=_answer(scene),
        model=scene.spec.name,
        layers=layers,
        marks=marks,
        atlas=map_picture(sheet, scene.clip),
        gram=map_picture(matrix, float(np.percentile(np.abs(matrix), 99.5)) or 1.0),
        channels=len(matrix),
        view=state.View(sample=key, channel=channel, other=(channel + 1) % len(matrix)),
    )


def _liveliest(maps: np.ndarray) -> int:
    """The channel that varies most in the middle half of every axis, away from borders."""
    middle = maps[(slice(None), *(slice(n // 4, n - n // 4) for n in maps.shape[1:]))]
    return int(middle.reshape(len(maps), -1).std(axis=1).argmax())


def _answer(scene: Scene) -> str:
    prediction = scene.answer.prediction
    if isinstance(prediction, Beats):
        counts = np.bincount(prediction.labels, minlength=len(prediction.names))
        pairs = zip(counts, prediction.names, strict=True)
        return ", ".join(f"{count} {name}" for count, name in pairs if count)
    name, chance = ranked(scene.answer, scene.position)[0]
    return f"{name}, p = {chance:.2f}"


def _of_signal(scene: Scene, channel: int) -> tuple:
    """The lead around the position, the channel as areas about its median, the beats' marks."""
    sample, beats, rate = scene.sample, scene.answer.prediction, scene.sample.sampling_rate
    start = max(0.0, scene.position[0] / rate - 0.6 * SECONDS)
    stretch = slice(int(start * rate), int((start + SECONDS) * rate))
    lead = Series(start, 1 / rate, sample.values((scene.lead, stretch)))
    marks = BeatMarks(beats.positions / rate, beats.symbols)
    shown = channel_series(scene, channel)
    tile = signal_tile(sample.name, lead, shown, scene.clip, beats=marks)
    ribbon = channel_series(scene, slice(None)).within(start, start + SECONDS)
    return (), tile.marks, strongest(ribbon.values, COLUMNS)[0]


def _of_picture(scene: Scene, channel: int) -> tuple:
    return overlay(scene, channel_overlay(scene, channel)), (), _mosaic(list(scene.layer.maps))


def _of_scan(scene: Scene, channel: int) -> tuple:
    sample, maps, place = scene.sample, scene.layer.maps, scene.layer.place
    view = plane("axial", sample.shape, sample.affine, np.array(scene.position))
    window = cache.grey_window(sample.digest)
    under = input_picture(view.read(sample), window, under=True)
    over = layer_picture(view, maps[channel], place, scene.clip)
    own = layer_plane(view, maps.shape[1:], sample.affine, place)
    return (under, over), (), _mosaic([own.cut(one) for one in maps])


def _mosaic(maps: list[np.ndarray]) -> np.ndarray:
    """At most 16 maps (H, W) on one square sheet, NaN between them."""
    shown = maps[: GRID * GRID]
    side = int(np.ceil(np.sqrt(len(shown))))
    height, width = np.array(shown[0].shape) + 1
    sheet = np.full((side * height, side * width), np.nan, np.float32)
    for place, one in enumerate(shown):
        row, column = place // side * height, place % side * width
        sheet[row : row + height - 1, column : column + width - 1] = one
    return sheet


BY_AXIS = {"s": _of_signal, "px": _of_picture, "mm": _of_scan}
