"""The figures of an analysis as HTML files that need neither the app nor a network connection."""

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from html import escape

import numpy as np

from dashboard.analysis.analyze import Analysis
from dashboard.analysis.export import answer_lines
from dashboard.analysis.layers import LayerView, clip_of, clustered_order, gram_of
from dashboard.figures.activations import Cell, signal_and_channel
from dashboard.figures.beats import BeatMarks
from dashboard.figures.labels import label_colour, labels_picture
from dashboard.figures.matrices import gram_heatmap
from dashboard.figures.overview import ecg_overview
from dashboard.figures.pictures import (
    flattened,
    image_window,
    input_picture,
    over_picture,
    placed_map,
    value_window,
)
from dashboard.figures.signals import Lead, ecg_paper
from dashboard.figures.theme import LIGHT
from dashboard.figures.thin import Series
from dashboard.figures.volumes import layer_picture, planes
from models.records import Beats, Mask

WINDOW = 10.0  # s of a signal drawn large
PAGE = """<!doctype html><meta charset="utf-8"><title>{title}</title>
<style>body{{font:15px sans-serif;margin:24px;color:{ink};background:{page}}}
img{{image-rendering:pixelated;margin-right:12px}}p{{color:{quiet}}}</style>
<h1>{title}</h1>{body}<p>{caption}</p>
"""


def pages_of(analysis: Analysis, view: LayerView) -> Iterator[tuple[str, str]]:
    """(file name, HTML) of each figure: the answer, the layer over its input, its Gram matrix."""
    named = f"{analysis.spec.name}, {view.record.name}"
    seconds = f"{named}: one pass, {view.seconds:.2f} s"
    if isinstance(analysis.prediction, Beats) and len(analysis.prediction):
        yield "beats.html", _page("Beats", _beats(analysis), analysis.spec.name)
    if isinstance(analysis.prediction, Mask) and analysis.sample.affine is not None:
        caption = f"{analysis.spec.name}: {analysis.seconds.predict:.2f} s"
        caption = "; ".join((caption, *analysis.reasons))
        yield "segmentation.html", _page("Segmentation", _labels_over_volume(analysis), caption)
    if view.place is not None:
        channel = strongest_channel(view)
        body = _LAYER_OVER[analysis.sample.dim](analysis, view, channel)
        caption = f"{seconds}; channel {channel}, the most active of {len(view.maps)}"
        yield "layer.html", _page(f"{view.record.name} over its input", body, caption)
    gram = gram_of(view.maps)
    drawn = gram_heatmap(gram, theme=LIGHT, order=clustered_order(gram), height=640)
    yield "gram.html", _page("Gram matrix", _chart(drawn, 700), f"{seconds}; clustered order")


def strongest_channel(view: LayerView) -> int:
    """The channel with the largest mean |activation|."""
    flat = np.abs(view.maps).reshape(len(view.maps), -1)
    return int(flat.mean(axis=1).argmax())


def _page(title: str, body: str, caption: str) -> str:
    colours = {"ink": LIGHT.ink, "page": LIGHT.page, "quiet": LIGHT.quiet}
    return PAGE.format(title=escape(title), body=body, caption=escape(caption), **colours)


def _chart(figure, width: int | None = None, script: bool = True) -> str:
    """A Plotly figure as a part of a page, with Plotly's own `script` for the first on it."""
    options = {} if width is None else {"default_width": f"{width}px"}
    quiet = {"displayModeBar": False, "scrollZoom": True}
    return figure.to_html(full_html=False, include_plotlyjs=script, config=quiet, **options)


def _picture(png: bytes, alt: str, height: int = 330) -> str:
    data = b64encode(png).decode()
    return f'<img height="{height}" alt="{escape(alt)}" src="data:image/png;base64,{data}">'


# Signals


def _marks(analysis: Analysis) -> BeatMarks:
    beats = analysis.prediction
    return BeatMarks(beats.positions / analysis.sample.sampling_rate, beats.symbols, beats.scores)


def _window(analysis: Analysis) -> tuple[float, float]:
    """Ten seconds around the first beat that is not N, else around the middle one."""
    length = analysis.sample.extent[0]
    middle = length / 2
    if isinstance(analysis.prediction, Beats) and len(analysis.prediction):
        beats = analysis.prediction
        unusual = np.flatnonzero(beats.labels != 0)
        chosen = unusual[0] if len(unusual) else len(beats) // 2
        middle = beats.positions[chosen] / analysis.sample.sampling_rate
    start = float(np.clip(middle - WINDOW / 2, 0, max(0.0, length - WINDOW)))
    return start, min(start + WINDOW, length)


def _lead(analysis: Analysis, window: tuple[float, float]) -> Lead:
    """The analysed lead's values over the window."""
    sample, channel = analysis.sample, analysis.prepared.channel
    rate = sample.sampling_rate
    first, last = max(0, int(window[0] * rate) - 1), int(window[1] * rate) + 2
    values = sample.values((channel, slice(first, last)))
    return Lead(sample.channels[channel], Series(first / rate, 1 / rate, values), first)


def _beats(analysis: Analysis) -> str:
    """The whole record at a glance, and ten seconds on ECG paper."""
    marks, window = _marks(analysis), _window(analysis)
    intervals = np.diff(marks.times, prepend=np.nan)
    overview = ecg_overview(
        marks.times,
        marks.symbols,
        60 / intervals,
        window,
        duration=analysis.sample.extent[0],
        theme=LIGHT,
    )
    paper = ecg_paper([_lead(analysis, window)], window, theme=LIGHT, beats=marks)
    return _chart(overview) + _chart(paper, script=False)


def _over_signal(analysis: Analysis, view: LayerView, channel: int) -> str:
    window = _window(analysis)
    rate = analysis.sample.sampling_rate
    lead = _lead(analysis, window)
    ribbon = Series(view.place[0, 1] / rate, view.place[0, 0] / rate, view.maps)
    middle = (window[0] + window[1]) / 2
    unit = view.unit_at((middle * rate,))
    low, high = (float(edge[0]) / rate for edge in view.field_box(unit))
    drawn = signal_and_channel(
        lead.trace,
        ribbon,
        Cell(channel, float(view.position_of(unit)[0]) / rate, (low, high)),
        theme=LIGHT,
        window=window,
        clip=clip_of(view.maps),
        title=f"{lead.name} ({analysis.sample.units[analysis.prepared.channel]})",
        beats=_marks(analysis) if isinstance(analysis.prediction, Beats) else None,
    )
    return _chart(drawn)


# Pictures and volumes


def _over_image(analysis: Analysis, view: LayerView, channel: int) -> str:
    sample, values = analysis.sample, view.maps[channel]
    image = sample.values()
    shown = image if len(image) == 3 else image[0]
    under = input_picture(shown, image_window(image), under=True)
    over = over_picture(placed_map(values, view.place, sample.shape), clip_of(view.maps))
    plain = flattened((input_picture(shown, image_window(image)),), background=LIGHT.page)
    both = flattened((under, over), background=LIGHT.page)
    return _picture(plain, "input") + _picture(both, f"channel {channel} over the input")


def _over_volume(analysis: Analysis, view: LayerView, channel: int) -> str:
    sample, values = analysis.sample, view.maps[channel]
    # The planes go through the middle of what was fed, where the answer is about.
    middle = analysis.prepared.index_in_sample((np.array(analysis.prepared.valid) - 1) / 2)
    drawn = []
    for where in planes(sample.shape, sample.affine, middle):
        cut = where.read(sample)
        under = input_picture(cut, value_window(cut), under=True)
        over = layer_picture(where, values, view.place, clip_of(view.maps))
        drawn.append(_picture(flattened((under, over), background=LIGHT.page), where.name))
    return "".join(drawn)


def _labels_over_volume(analysis: Analysis) -> str:
    """Three planes through the middle of what was found, each class in its colour."""
    sample, labels = analysis.sample, analysis.prediction.labels
    found = np.argwhere(labels)
    middle = found.mean(axis=0) if len(found) else (np.array(sample.shape) - 1) / 2
    drawn = []
    for where in planes(sample.shape, sample.affine, middle):
        cut = where.read(sample)
        layers = (
            input_picture(cut, value_window(cut), under=True),
            labels_picture(where.cut(labels)),
        )
        drawn.append(_picture(flattened(layers, background=LIGHT.page), where.name))
    legend = [
        f'<p><span style="color:{label_colour(k)}">&#9632;</span> {escape(line)}</p>'
        for k, line in enumerate(answer_lines(analysis), start=1)
    ]
    return "".join((*drawn, *legend))


_LAYER_OVER: Mapping[int, Callable[[Analysis, LayerView, int], str]] = {
    1: _over_signal,
    2: _over_image,
    3: _over_volume,
}
