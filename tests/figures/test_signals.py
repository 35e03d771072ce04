"""ECG paper: its scale, its peaks, its gaps and how little of it travels."""

import numpy as np
import plotly.graph_objects as go
import pytest

from dashboard.figures.beats import BeatMarks
from dashboard.figures.signals import Lanes, Lead, clicked_time, ecg_paper, samples_per_pixel
from dashboard.figures.theme import DARK, LIGHT
from dashboard.figures.thin import Series

RATE = 500.0
LIMIT = 105_000  # bytes for a window; with the overview (45 kB) that makes 150 kB


def leads(count, seconds=10.0, start=3_600.0, gap=False):
    rng = np.random.default_rng(0)
    out = []
    for k in range(count):
        values = rng.normal(scale=0.2, size=int(seconds * RATE)).astype(np.float32) + k
        values[:: int(RATE)] += 2
        if gap:
            values[1_000:1_500] = np.nan
        out.append(Lead(f"lead {k}", Series(start, 1 / RATE, values), int(start * RATE)))
    return out


def beats(start=3_600.0, count=12):
    times = start + 0.5 + 0.8 * np.arange(count)
    return BeatMarks(times, list("NSVFQN" * count)[:count], np.full(count, 0.9))


def lanes(start=3_600.0):
    return Lanes(tuple("NSVFQ"), Series(start, 0.07, np.random.default_rng(1).random((5, 143))))


def traces(figure, name):
    return [trace for trace in figure.data if trace.name == name]


@pytest.mark.parametrize("gap", [False, True])
@pytest.mark.parametrize("seconds", [10.0, 30.0])
def test_twelve_leads_travel_in_105_kB(gap, seconds):
    window = (3_600.0, 3_600.0 + seconds)
    marks = {"beats": beats(count=90), "reference": beats(count=90), "lanes": lanes()}
    figure = ecg_paper(leads(12, seconds, gap=gap), window, theme=LIGHT, **marks)
    assert len(figure.to_json()) <= LIMIT


def test_forty_leads_travel_in_105_kB_too():
    figure = ecg_paper(leads(40), (3_600.0, 3_610.0), theme=LIGHT)
    assert len([t for t in figure.data if "lead" in t.name]) == 40
    assert len(figure.to_json()) <= LIMIT


def test_25_mm_per_second_are_10_mm_per_millivolt():
    figure = ecg_paper(leads(2), (3_600.0, 3_610.0), theme=LIGHT)
    y = figure.layout.yaxis
    unit = 0.5 / y.dtick  # mV per step of the axis: a coarse line is 0.5 mV
    assert y.scaleanchor == "x"
    assert y.scaleratio / unit == pytest.approx(0.4)
    assert y.minor.dtick * unit == pytest.approx(0.1)
    assert (figure.layout.xaxis.dtick, figure.layout.xaxis.minor.dtick) == (0.2, 0.04)


def test_lead_amplitudes_are_kept_to_a_microvolt_step():
    given = leads(1)
    figure = ecg_paper(given, (3_600.0, 3_610.0), theme=LIGHT)
    unit = 0.5 / figure.layout.yaxis.dtick
    (drawn,) = traces(figure, "lead 0")
    values = np.asarray(drawn.y, float) * unit
    assert np.asarray(drawn.y).dtype == np.int16
    assert np.ptp(values) == pytest.approx(np.ptp(given[0].trace.values), abs=2 * unit)
    assert unit <= 0.002


def test_the_calibration_pulse_is_1_mV_for_a_fifth_of_a_second_before_the_first_sample():
    figure = ecg_paper(leads(3), (3_600.0, 3_610.0), theme=LIGHT)
    unit = 0.5 / figure.layout.yaxis.dtick
    (pulse,) = traces(figure, "1 mV")
    heights = np.asarray(pulse.y, float).reshape(3, -1)
    x = np.asarray(pulse.x, float).reshape(3, -1)
    np.testing.assert_allclose((np.nanmax(heights, 1) - np.nanmin(heights, 1)) * unit, 1, atol=1e-3)
    assert np.nanmax(x) <= 3_600.0
    high = x[0][heights[0] == np.nanmax(heights[0])]
    assert np.ptp(high) == pytest.approx(0.2)


def test_gaps_stay_gaps():
    figure = ecg_paper(leads(2, gap=True), (3_600.0, 3_610.0), theme=LIGHT)
    (drawn,) = traces(figure, "lead 1")
    times = drawn.x0 + drawn.dx * np.arange(len(drawn.y))
    missing = np.isnan(np.asarray(drawn.y, float))
    assert missing.any()
    assert times[missing].min() == pytest.approx(3_602.0, abs=0.01)
    assert times[missing].max() == pytest.approx(3_603.0, abs=0.01)
    assert drawn.connectgaps is False


def test_only_a_reference_that_disagrees_is_boxed():
    given = beats()
    differs = np.zeros(len(given), bool)
    differs[4] = True
    reference = BeatMarks(given.times, given.symbols, differs=differs)
    window = (3_600.0, 3_610.0)
    figure = ecg_paper(leads(1), window, theme=LIGHT, beats=given, reference=reference)
    (boxed,) = traces(figure, "differing reference")
    (quiet,) = traces(figure, "reference")
    assert list(boxed.text) == ["<b>Q</b>"]
    assert len(quiet.text) == len(given) - 1


def test_marks_have_shape_letter_and_colour():
    figure = ecg_paper(leads(1), (3_600.0, 3_610.0), theme=DARK, beats=beats())
    (row,) = traces(figure, "beats")
    assert list(row.text[:5]) == list("NSVFQ")
    assert list(row.marker.symbol[:5]) == ["circle", "triangle-up", "square", "diamond", "x"]
    assert list(row.marker.color[:5]) == [DARK.classes[c] for c in "NSVFQ"]


def test_a_click_anywhere_has_a_time():
    figure = ecg_paper(leads(1), (3_600.0, 3_610.0), theme=LIGHT)
    (moments,) = traces(figure, "moments")
    assert clicked_time({"x": moments.x[0], "y": 0.4}) == 3_600.0
    assert moments.x[-1] == 3_610.0
    assert np.diff(moments.x).max() < 0.03  # about 2 px


def test_a_window_without_leads_says_so():
    assert "No lead" in ecg_paper([], (0, 10), theme=LIGHT).layout.annotations[0].text
    empty = ecg_paper(leads(2), (0.0, 10.0), theme=LIGHT)
    assert "No lead" in empty.layout.annotations[0].text


def test_an_all_missing_lead_beside_a_good_one_is_drawn_as_nothing():
    good = leads(1)[0]
    bad = Lead("V1", Series(3_600.0, 1 / RATE, np.full(5_000, np.nan, np.float32)))
    figure = ecg_paper([good, bad], (3_600.0, 3_610.0), theme=LIGHT)
    assert np.isnan(np.asarray(traces(figure, "V1")[0].y, float)).all()


def test_a_phone_scrolls_the_page_with_a_finger_on_the_paper():
    figure = ecg_paper(leads(1), (3_600.0, 3_604.0), theme=LIGHT, width=320, phone=True)
    assert figure.layout.xaxis.fixedrange
    assert figure.layout.yaxis.fixedrange


def test_samples_per_pixel_of_a_known_window():
    assert samples_per_pixel((0, 10 - 0.32), 360, width=900) == pytest.approx(4.0)


def test_the_figure_is_a_plotly_figure_without_title_and_legend():
    figure = ecg_paper(leads(1), (3_600.0, 3_610.0), theme=LIGHT, lanes=lanes())
    assert isinstance(figure, go.Figure)
    assert figure.layout.title.text is None
    assert figure.layout.showlegend is False


def test_beats_made_by_hand_have_an_outline_and_their_row_a_name():
    given = beats()
    by_hand = np.arange(len(given)) == 2
    edited = BeatMarks(given.times, given.symbols, given.scores, by_hand=by_hand, row="edit")
    figure = ecg_paper(leads(1), (3_601.0, 3_605.0), theme=LIGHT, beats=edited)
    (drawn,) = traces(figure, "beats")  # the window starts with the second beat
    assert np.flatnonzero(np.asarray(drawn.marker.line.width) > 0).tolist() == [1]
    assert drawn.x[1] == pytest.approx(given.times[2])
    assert [note.text for note in figure.layout.annotations if note.text in ("net", "edit")] == [
        "edit"
    ]
