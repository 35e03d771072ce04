"""The ribbon under the signal: one time axis, the field of the chosen cell, clicks."""

import numpy as np
import pytest

from dashboard.figures.activations import (
    Cell,
    Over,
    clicked_cell,
    pair_curve,
    signal_and_channel,
)
from dashboard.figures.beats import BeatMarks
from dashboard.figures.theme import LIGHT
from dashboard.figures.thin import Series

WINDOW = (570.0, 580.0)
CELL = Cell(11, 576.0, (575.8, 576.2))


def signal():
    rng = np.random.default_rng(0)
    return Series(0.0, 1 / 360, rng.normal(loc=0.3, size=650_000).astype(np.float32))


def ribbon(channels=32, step=8 / 120, seed=1):
    rng = np.random.default_rng(seed)
    count = int(1_800 / step)
    return Series(step / 2, step, rng.normal(size=(channels, count)).astype(np.float32))


def draw(layer=None, cell=CELL, **options):
    layer = ribbon() if layer is None else layer
    return signal_and_channel(
        signal(), layer, cell, theme=LIGHT, window=WINDOW, clip=2.5, **options
    )


def named(figure, name):
    return [trace for trace in figure.data if trace.name == name]


@pytest.mark.parametrize(("channels", "step"), [(32, 8 / 120), (16, 1 / 120), (512, 8 / 120)])
def test_a_window_travels_in_150_kB(channels, step):
    beats = BeatMarks(np.arange(570, 580, 0.5), ["N"] * 20)
    figure = draw(ribbon(channels, step), beats=beats, field_text="receptive field 353 ms")
    assert len(figure.to_json()) <= 150_000


def test_signal_channel_and_ribbon_share_one_time_axis():
    layer = ribbon()
    figure = draw(layer)
    assert all(trace.xaxis in (None, "x") for trace in figure.data)
    (cells,) = named(figure, "ribbon")
    unit = round((cells.x0 - layer.start) / layer.step)
    assert cells.x0 == pytest.approx(layer.start + unit * layer.step)
    shown = np.asarray(cells.z)
    wanted = np.clip(layer.values[:, unit : unit + shown.shape[1]] / 2.5, -1, 1) * 127
    np.testing.assert_allclose(shown, wanted, atol=0.51)


def test_the_channels_zero_sits_on_the_signals_median():
    figure = draw()
    low, high = figure.layout.yaxis.range
    part = signal().within(*WINDOW).values
    share = (np.median(part) - low) / (high - low)
    below, above = figure.layout.yaxis2.range
    assert -below / (above - below) == pytest.approx(share, abs=1e-6)


@pytest.mark.parametrize("signed", [True, False])
def test_signal_and_channel_fit_their_panel_and_no_channel_moves_the_signal(signed):
    layer = ribbon()
    if not signed:
        layer = Series(layer.start, layer.step, np.abs(layer.values))
    figures = [draw(layer, Cell(channel, 576.0)) for channel in (0, 17)]
    part = signal().within(*WINDOW).values
    for figure in figures:
        low, high = figure.layout.yaxis.range
        assert low < part.min() < part.max() < high
        below, above = figure.layout.yaxis2.range
        up, down = (np.asarray(trace.y) for trace in named(figure, "channel"))
        assert below < down.min() <= up.max() < above
    assert figures[0].layout.yaxis.range == figures[1].layout.yaxis.range


def test_the_areas_above_and_below_zero_are_the_channel():
    layer = ribbon()
    up, down = named(draw(layer), "channel")
    total = np.asarray(up.y) + np.asarray(down.y)
    first = round((up.x0 - layer.start) / layer.step)
    np.testing.assert_allclose(total, layer.values[11, first : first + len(total)], rtol=1e-6)
    assert up.line.shape == "hvh"


def test_another_curve_can_lie_over_the_signal_on_its_own_scale():
    values = np.linspace(-3, 5, 700, dtype=np.float32)
    over = Over(Series(569.0, 1 / 60, values[None]), 4.0, "Grad-CAM of N")
    figure = draw(over=over)
    above, below = named(figure, "channel")
    inside = over.series.within(*WINDOW)
    np.testing.assert_allclose(above.y + below.y, inside.values[0], atol=1e-6)
    assert above.x0 == pytest.approx(inside.start)
    assert figure.layout.yaxis2.title.text == "Grad-CAM of N"
    assert max(figure.layout.yaxis2.tickvals) == 4.0
    (cells,) = named(figure, "ribbon")  # stays the layer's own
    assert np.asarray(cells.z).shape[0] == 32


def test_a_curve_outside_the_window_says_so():
    over = Over(Series(0.0, 1.0, np.ones((1, 5), np.float32)), 1.0, "map")
    assert "lies in the window" in draw(over=over).layout.annotations[0].text


def test_the_field_is_a_band_that_narrows_to_the_cell():
    paths = [shape.path for shape in draw().layout.shapes if shape.type == "path"]
    numbers = [part.split(",") for part in paths[1].replace("M", "").split("L")]
    x = [float(part[0]) for part in numbers]
    y = [float(part[1]) for part in numbers]
    assert x == [575.8, 575.8, 576.0, 576.2, 576.2]
    rows = draw().layout.yaxis3
    share = (12 - 0.5) / 32  # the middle of channel 11, counted from the ribbon's top
    assert y[2] == pytest.approx(rows.domain[1] - share * (rows.domain[1] - rows.domain[0]))


def test_a_cell_that_sees_everything_has_no_band():
    figure = draw(cell=Cell(3, 571.0, None))
    assert [shape.type for shape in figure.layout.shapes] == ["rect"]


def test_a_cell_outside_the_window_leaves_only_its_channel_outlined():
    figure = draw(cell=Cell(3, 100.0, (99.0, 101.0)))
    assert len(figure.layout.shapes) == 1
    assert not named(figure, "chosen")


def test_every_channel_can_be_clicked_and_targets_are_bounded():
    (cells,) = named(draw(), "cells")
    assert set(np.asarray(cells.y).tolist()) == set(range(32))
    assert len(cells.x) <= 2_000
    (wide,) = named(draw(ribbon(512)), "cells")
    assert len(wide.x) <= 2_000


def test_a_click_on_the_ribbon_is_a_channel_and_a_time():
    assert clicked_cell({"x": 572.5, "y": 17, "customdata": 0.3}) == (17, 572.5)


def test_a_click_on_the_signal_or_a_beat_keeps_the_channel():
    assert clicked_cell({"x": 572.5, "y": 0.1}) == (None, 572.5)
    assert clicked_cell({"x": 572.5, "y": 0.95, "text": "V", "customdata": 0.9}) == (None, 572.5)


def test_a_window_without_activations_says_so():
    figure = signal_and_channel(
        signal(), ribbon(), CELL, theme=LIGHT, window=(9_000, 9_010), clip=1.0
    )
    assert "Nothing" in figure.layout.annotations[0].text


def test_a_flat_or_missing_signal_still_has_an_axis():
    flat = Series(0.0, 0.01, np.full(1_000, np.nan, np.float32))
    figure = signal_and_channel(flat, ribbon(), Cell(0, 5.0), theme=LIGHT, window=(0, 10), clip=1.0)
    assert np.isfinite(figure.layout.yaxis.range).all()


def test_a_phone_puts_axis_titles_above_their_axes():
    figure = draw(phone=True, title="MLII (mV)")
    assert "MLII (mV)" in [note.text for note in figure.layout.annotations]
    assert not figure.layout.yaxis.title.text
    assert figure.layout.margin.l <= 30


def test_a_pair_is_solid_dotted_and_its_product_filled():
    layer = ribbon()
    first, second = (Series(layer.start, layer.step, layer.values[k]) for k in (3, 8))
    figure = pair_curve(first, second, theme=LIGHT, window=(573, 576), names=("3", "8"))
    (solid,), (dotted,) = named(figure, "3"), named(figure, "8")
    assert solid.line.dash is None
    assert dotted.line.dash == "dot"
    filled = sum(np.asarray(trace.y) for trace in named(figure, "product"))
    signs = np.sign(np.asarray(solid.y) * np.asarray(dotted.y))
    np.testing.assert_array_equal(np.sign(filled), signs)
