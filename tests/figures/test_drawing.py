"""Every kind of figure against Plotly's own validation, which drawing leaves out for speed."""

import numpy as np
import plotly.graph_objects as go
import pytest

from dashboard.figures.activations import Cell, pair_curve, signal_and_channel
from dashboard.figures.beats import BeatMarks
from dashboard.figures.drawing import empty_figure
from dashboard.figures.histograms import histogram, histogram_bar
from dashboard.figures.matrices import gram_heatmap
from dashboard.figures.overview import QualityStrip, ecg_overview
from dashboard.figures.quality import IndexCurve, quality_curves
from dashboard.figures.signals import Calipers, Doubt, Lanes, Lead, ecg_paper
from dashboard.figures.theme import DARK, LIGHT
from dashboard.figures.thin import Series

WINDOW = (2.0, 8.0)
RNG = np.random.default_rng(0)
SIGNAL = Series(0.0, 0.01, RNG.normal(size=1_000))
RIBBON = Series(0.05, 0.1, RNG.normal(size=(8, 100)))
BEATS = BeatMarks(np.arange(1.0, 9.0), list("NSVFQN?V"), np.full(8, 0.5), np.arange(8) % 3 == 0)
LANES = Lanes(tuple("NSVFQ"), Series(0.0, 0.1, RNG.random((5, 100))))

FIGURES = {
    "ribbon": lambda theme, phone: signal_and_channel(
        SIGNAL,
        RIBBON,
        Cell(2, 5.0, (4.5, 5.5)),
        theme=theme,
        window=WINDOW,
        clip=2.0,
        title="II (mV)",
        beats=BEATS,
        field_text="receptive field 1 s",
        phone=phone,
    ),
    "paper": lambda theme, phone: ecg_paper(
        [Lead("II", SIGNAL), Lead("V1", SIGNAL)],
        WINDOW,
        theme=theme,
        beats=BEATS,
        reference=BEATS,
        lanes=LANES,
        position=5.0,
        phone=phone,
    ),
    "layout": lambda theme, phone: ecg_paper(
        [
            Lead("I", SIGNAL.within(2, 5), 200, 0, SIGNAL.within(2, 5), (Doubt(3, 4, "flat"),)),
            Lead("V1", Series(5.0, 1.0, np.empty(0)), row=0),
            Lead("II", SIGNAL, row=1),
        ],
        WINDOW,
        theme=theme,
        beats=BEATS,
        annotators={"other": BEATS},
        rhythm=BeatMarks(np.array([0.0, 4.0]), ["(AFIB", "(N"]),
        measuring=True,
        calipers=Calipers(2, (3.0, 4.0), (0.1, 0.2), "1000 ms"),
        phone=phone,
    ),
    "strip": lambda theme, phone: ecg_overview(
        BEATS.times,
        BEATS.symbols,
        np.full(8, 60.0),
        WINDOW,
        duration=10,
        theme=theme,
        quality=QualityStrip(np.array([0, 2], np.int8), 5.0, np.array([1.0]), np.array([2.0])),
        phone=phone,
    ),
    "quality": lambda theme, phone: quality_curves(
        [IndexCurve("kSQI", np.array([1.0, np.nan]), (0, 30), 5.0)],
        np.array([0, 2], np.int8),
        5.0,
        WINDOW,
        duration=10.0,
        theme=theme,
        phone=phone,
    ),
    "overview": lambda theme, phone: ecg_overview(
        BEATS.times, BEATS.symbols, np.full(8, 60.0), WINDOW, duration=10, theme=theme, phone=phone
    ),
    "gram": lambda theme, phone: gram_heatmap(
        RNG.normal(size=(9, 9)), theme=theme, pair=(1, 2), phone=phone
    ),
    "pair": lambda theme, phone: pair_curve(SIGNAL, SIGNAL, theme=theme, window=WINDOW),
    "histogram": lambda theme, phone: histogram_bar(histogram(SIGNAL.values, 1.0), theme=theme),
    "empty": lambda theme, phone: empty_figure("Nothing here.", theme),
}


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_passes_plotlys_own_validation(name, theme, phone):
    figure = FIGURES[name](theme, phone)
    checked = go.Figure(figure.to_dict())
    assert checked.layout.paper_bgcolor == "rgba(0,0,0,0)"
    assert checked.layout.showlegend is False


@pytest.mark.parametrize("name", ["ribbon", "paper", "overview", "gram"])
def test_every_axis_with_ticks_keeps_its_end_labels(name):
    figure = FIGURES[name](LIGHT, False)
    axes = [axis for key, axis in figure.to_dict()["layout"].items() if "axis" in key]
    for axis in axes:
        if axis.get("visible", True):
            assert axis["ticklabeloverflow"] == "allow"
            assert axis["title"]["font"]["color"] == LIGHT.quiet
