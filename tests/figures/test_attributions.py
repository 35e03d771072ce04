"""Contributions over what was fed: sums, places, brackets, and how little travels."""

from itertools import pairwise

import numpy as np
import plotly.graph_objects as go
import pytest

from dashboard.figures.attributions import Bracket, attribution_rows, clicked_time, summed
from dashboard.figures.beats import BeatMarks
from dashboard.figures.theme import DARK, LIGHT
from dashboard.figures.thin import Series

RATE = 120.0
WINDOW = (98.0, 102.0)
NAMES = ("lead (mV)", "likeness (correlation)", "likeness just now (correlation)")


def fed(seconds: float = 16.0, start: float = 92.0) -> tuple[Series, np.ndarray]:
    random = np.random.default_rng(0)
    values = random.normal(size=(2, 3, int(seconds * RATE))).astype(np.float32)
    return Series(start, 1 / RATE, values[0]), values[1]


def drawn(**options):
    signal, contributions = fed()
    about = {"theme": LIGHT, "clip": 2.0, "names": NAMES, "cell": (99.95, 100.02), **options}
    return attribution_rows(signal, contributions, WINDOW, **about)


def test_sums_over_the_window_are_those_of_its_samples():
    signal, contributions = fed()
    sums = summed(signal, contributions, WINDOW)
    assert sums.per_point == 4
    half = sums.step / 2
    for k in (0, 17, len(sums) - 1):
        inside = np.abs(signal.times - sums.times[k]) < half
        np.testing.assert_allclose(
            sums.values[:, k], contributions[:, inside].sum(axis=1), atol=1e-5
        )
    assert sums.times[0] - half <= WINDOW[0]
    assert sums.times[-1] + half >= WINDOW[1] - sums.step


def test_each_channel_has_its_row_of_cells_in_shares_of_the_clip():
    figure = drawn()
    signal, contributions = fed()
    sums = summed(signal, contributions, WINDOW)
    cells = [trace for trace in figure.data if trace.name == "contribution"]
    assert [trace.yaxis for trace in cells] == ["y", "y2", "y3"]
    for row, trace in enumerate(cells):
        wanted = np.clip(sums.values[row] / 2.0, -1, 1) * 127
        np.testing.assert_allclose(np.asarray(trace.z)[0], wanted, atol=0.51)
        assert trace.x0 == pytest.approx(sums.start)


def test_rows_do_not_overlap_and_axes_say_what_they_are():
    layout = drawn().layout
    domains = [layout.yaxis.domain, layout.yaxis2.domain, layout.yaxis3.domain]
    for upper, lower in pairwise(domains):
        assert lower[1] < upper[0]
    assert domains[-1][0] == pytest.approx(0, abs=1e-9)
    assert layout.xaxis.title.text == "time (min:s)"
    notes = [note.text for note in layout.annotations]
    assert set(NAMES) <= set(notes)


def test_bracket_lies_over_its_stretch_in_its_channel():
    brackets = [Bracket(1, 99.9, 100.0, "+1.2"), Bracket(2, 10.0, 10.1, "elsewhere")]
    layout = drawn(brackets=brackets).layout
    (line,) = [shape for shape in layout.shapes if shape.type == "line"]
    assert (line.x0, line.x1, line.yref) == (99.9, 100.0, "y2")
    assert "elsewhere" not in str(layout.annotations)
    assert "<b>+1.2</b>" in [note.text for note in layout.annotations]


def test_cell_is_framed_in_the_accent_and_a_beat_can_be_clicked():
    beats = BeatMarks(np.array([90.0, 99.0, 100.0]), ["V", "N", "N"])
    figure = drawn(beats=beats, theme=DARK, phone=True)
    (frame,) = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert (frame.x0, frame.x1, frame.line.color) == (99.95, 100.02, DARK.figure_accent)
    marks = next(trace for trace in figure.data if trace.name == "beats")
    assert list(marks.x) == [99.0, 100.0]
    assert clicked_time({"x": marks.x[0]}) == 99.0
    go.Figure(figure.to_dict())


def test_sixteen_seconds_travel_in_50_kB():
    signal, contributions = fed()
    about = {"theme": LIGHT, "clip": 2.0, "names": NAMES, "cell": (99.95, 100.02)}
    figure = attribution_rows(signal, contributions, (92.0, 108.0), **about)
    assert len(figure.to_json()) < 50_000


def test_window_beside_the_signal_is_said_to_be_empty():
    signal, contributions = fed()
    figure = attribution_rows(
        signal, contributions, (300.0, 304.0), theme=LIGHT, clip=1.0, names=NAMES, cell=(0, 1)
    )
    assert not figure.data
