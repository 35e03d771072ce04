"""Beats laid over each other: every class in its panel, and a click that finds its beat."""

from itertools import pairwise

import numpy as np
import plotly.graph_objects as go
import pytest

from dashboard.figures.overlays import Overlay, beat_overlays, clicked_row
from dashboard.figures.theme import DARK, LIGHT

TIMES = np.arange(-108, 181) / 360


def overlays(classes: str, count: int = 120) -> list[Overlay]:
    random = np.random.default_rng(0)
    found = []
    for symbol in classes:
        drawn = random.normal(size=(count, len(TIMES))).astype(np.float32)
        mean, spread = drawn.mean(axis=0), drawn.std(axis=0)
        found.append(Overlay(symbol, "title", drawn, mean, mean - spread, mean + spread, drawn[0]))
    return found


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
@pytest.mark.parametrize("classes", ["N", "NSV", "NSVFQ"])
def test_figure_passes_plotlys_own_validation_and_stays_small(classes, theme, phone):
    figure = beat_overlays(TIMES, overlays(classes), "II (mV)", theme=theme, phone=phone)
    checked = go.Figure(figure.to_dict())
    assert checked.layout.yaxis.title.text == "II (mV)"
    assert len(figure.to_json()) <= 400_000
    axes = checked.to_dict()["layout"]
    domains = [axes[key]["domain"] for key in axes if key.startswith("yaxis" if phone else "xaxis")]
    assert len(domains) == len(classes)
    edges = sorted(domains)
    assert all(a[1] < b[0] for a, b in pairwise(edges)), "panels overlap"


@pytest.mark.parametrize("classes", ["V", "NSV", "NSVFQ"])
def test_every_point_of_a_beat_finds_that_beat(classes):
    drawn = overlays(classes, count=7)
    figure = beat_overlays(TIMES, drawn, "mV", theme=LIGHT)
    for panel in range(len(classes)):
        trace = figure.data[panel]
        assert trace.name == f"beats {classes[panel]}"
        row = 0
        for point, value in enumerate(trace.y):
            if np.isnan(value):
                row += 1
                continue
            found = clicked_row({"curve_number": panel, "point_index": point}, drawn, len(TIMES))
            assert found == (panel, row)
            assert value in drawn[panel].drawn[row]
        assert row == 7


def test_a_point_of_no_beat_is_refused():
    with pytest.raises(IndexError, match="curve 3"):
        clicked_row({"curve_number": 3, "point_index": 0}, overlays("NSV"), len(TIMES))


def test_panels_share_one_vertical_scale_that_holds_most_beats():
    drawn = overlays("NV")
    drawn[1] = Overlay(
        "V", "", *(9 * v for v in (drawn[1].drawn, drawn[1].middle)), drawn[1].low, drawn[1].high
    )
    layout = beat_overlays(TIMES, drawn, "mV", theme=LIGHT).layout
    assert layout.yaxis.range == layout.yaxis2.range
    assert layout.yaxis.range[1] > np.median(drawn[1].drawn.max(axis=1))


def test_a_single_beat_has_no_band_and_none_is_said():
    only = overlays("V", count=1)[0]
    none = np.full(len(TIMES), np.nan)
    figure = beat_overlays(
        TIMES, [Overlay("V", "", only.drawn, only.middle, none, none)], "mV", theme=LIGHT
    )
    assert {trace.name for trace in figure.data} == {"beats V", "average"}
    empty = beat_overlays(TIMES, [], "mV", theme=LIGHT)
    assert "No whole beat" in empty.layout.annotations[0].text
