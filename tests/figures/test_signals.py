"""ECG paper: its scale, its peaks, its gaps and how little of it travels."""

import numpy as np
import plotly.graph_objects as go
import pytest

from dashboard.figures.beats import BeatMarks
from dashboard.figures.lead_layouts import STANDARD, layout_named, pieces
from dashboard.figures.signals import (
    Calipers,
    Doubt,
    Lanes,
    Lead,
    clicked_row,
    clicked_time,
    ecg_paper,
    samples_per_pixel,
)
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


WINDOW = (3_600.0, 3_610.0)


def laid_out(name, channels=STANDARD, before=False):
    """Leads of a layout over WINDOW; each lead's values are its channel's number."""
    out = []
    for piece in pieces(layout_named(name), channels, WINDOW):
        count = 0 if piece.channel is None else round((piece.end - piece.start) * RATE) + 1
        values = np.full(count, piece.channel or 0, np.float32)
        values[::400] += 1
        series = Series(piece.start, 1 / RATE, values)
        pale = Series(piece.start, 1 / RATE, values + 9) if before and count else None
        out.append(Lead(piece.name, series, round(piece.start * RATE), piece.row, pale))
    return out


def names_on(figure):
    return [note.text for note in figure.layout.annotations if note.text.startswith("<b>")]


def test_three_by_four_has_four_rows_and_each_lead_in_its_part_of_the_window():
    figure = ecg_paper(laid_out("3×4"), WINDOW, theme=LIGHT)
    (pulses,) = traces(figure, "1 mV")
    assert len(pulses.x) == 4 * 7  # a calibration pulse per row
    for name, column in (("I", 0), ("aVR", 1), ("V1", 2), ("V6", 3)):
        trace = traces(figure, name)[0]
        assert trace.x0 == pytest.approx(WINDOW[0] + 2.5 * column, abs=0.01)
        assert trace.dx * len(trace.y) == pytest.approx(2.5, abs=0.02)
    rhythm = traces(figure, "II")[-1]
    assert rhythm.dx * len(rhythm.y) == pytest.approx(10, abs=0.02)
    assert len(names_on(figure)) == 13


def test_rows_of_a_layout_lie_under_each_other_with_a_pulse_of_room():
    figure = ecg_paper(laid_out("12×1"), WINDOW, theme=LIGHT)
    unit = 0.5 / figure.layout.yaxis.dtick
    medians = [np.median(np.asarray(traces(figure, name)[0].y)) * unit for name in STANDARD]
    assert (np.diff(medians) <= -1.0).all()


def test_a_lead_that_was_not_recorded_says_so():
    figure = ecg_paper(laid_out("3×4", STANDARD[:8]), WINDOW, theme=LIGHT)
    assert "<b>V6</b>: not recorded" in names_on(figure)
    assert traces(figure, "V6") == []


def test_a_lead_before_its_filters_is_drawn_pale_on_the_same_middle():
    figure = ecg_paper(laid_out("12×1", before=True), WINDOW, theme=LIGHT)
    (drawn,), (pale,) = traces(figure, "V1"), traces(figure, "V1 before")
    assert pale.opacity < 0.5
    assert np.median(pale.y) == np.median(drawn.y)


@pytest.mark.parametrize("seconds", [10.0, 30.0, 300.0])
def test_twelve_leads_with_all_tools_on_travel_in_105_kB(seconds):
    window = (3_600.0, 3_600.0 + seconds)
    both = [Lead(x.name, x.trace, x.first_index, None, x.trace) for x in leads(12, seconds)]
    marks = {"beats": beats(count=90), "reference": beats(count=90), "lanes": lanes()}
    figure = ecg_paper(both, window, theme=LIGHT, measuring=True, **marks)
    assert len(figure.to_json()) <= LIMIT


def test_while_measuring_a_click_tells_its_row():
    figure = ecg_paper(laid_out("3×4"), WINDOW, theme=LIGHT, measuring=True)
    rows = traces(figure, "moments")
    assert [clicked_row({"x": 0, "legendgroup": row.legendgroup}) for row in rows] == [0, 1, 2, 3]
    assert clicked_row({"x": 0}) is None
    assert rows[0].x0 == WINDOW[0]
    assert rows[0].x0 + rows[0].dx * (len(rows[0].y) - 1) == pytest.approx(WINDOW[1])
    assert rows[0].dx <= 0.0125  # about a px of a window of 10 s


def test_calipers_stand_on_their_lead_and_say_what_they_read():
    calipers = Calipers(0, (3_602.0, 3_602.8), (0.0, 1.0), "800 ms")
    figure = ecg_paper(laid_out("3×4"), WINDOW, theme=LIGHT, calipers=calipers)
    (ends,) = traces(figure, "calipers")
    unit = 0.5 / figure.layout.yaxis.dtick
    assert (ends.y[1] - ends.y[0]) * unit == pytest.approx(1, abs=0.01)
    assert list(ends.x) == [3_602.0, 3_602.8]
    assert "800 ms" in [note.text for note in figure.layout.annotations]


def test_stretches_not_to_be_read_are_shaded_in_their_row_alone():
    lead = leads(2)
    lead[1] = Lead(
        "V1", lead[1].trace, lead[1].first_index, None, None, (Doubt(3_599, 3_603, "gap"),)
    )
    figure = ecg_paper(lead, WINDOW, theme=LIGHT)
    (shade,) = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert (shade.x0, shade.x1) == (3_600.0, 3_603)
    middle = np.median(np.asarray(traces(figure, "V1")[0].y, float))
    assert shade.y0 < middle < shade.y1
    assert "gap" in [note.text for note in figure.layout.annotations]


def test_annotators_have_a_row_each_and_the_rhythm_that_holds_is_named_at_the_edge():
    rhythm = BeatMarks(np.array([100.0, 3_605.0, 3_605.1]), ["(AFIB", "(VT", "(N"])
    figure = ecg_paper(
        leads(1), WINDOW, theme=LIGHT, beats=beats(), annotators={"qrs": beats()}, rhythm=rhythm
    )
    (words,) = traces(figure, "rhythm")
    assert list(words.x) == [3_600.0, 3_605.1]  # (VT is too short to be read
    assert [text[1:] for text in words.text] == ["(AFIB", "(N"]
    heights = [
        note.y for note in figure.layout.annotations if note.text in ("net", "qrs", "rhythm")
    ]
    assert heights == sorted(heights, reverse=True)
    assert len(set(heights)) == 3


def test_a_name_from_a_file_cannot_bring_markup():
    hostile = Lead("<a href='https://example.org'>II</a>", leads(1)[0].trace)
    figure = ecg_paper([hostile], WINDOW, theme=LIGHT)
    assert not any("<a" in note.text for note in figure.layout.annotations)


def test_a_small_screen_has_no_lines_closer_than_two_pixels():
    wide = ecg_paper(leads(1), WINDOW, theme=LIGHT, width=970)
    narrow = ecg_paper(leads(1), WINDOW, theme=LIGHT, width=340)
    assert wide.layout.xaxis.minor.showgrid
    assert not narrow.layout.xaxis.minor.showgrid


def test_letters_of_n_give_way_where_beats_are_close_and_no_other_does():
    times = 3_600.5 + 0.4 * np.arange(20)
    symbols = ["V" if k % 5 == 2 else "N" for k in range(20)]
    window = (3_600.0, 3_610.0)
    for width, shown in ((970, symbols), (340, [s if s == "V" else "" for s in symbols])):
        figure = ecg_paper(
            leads(1), window, theme=LIGHT, beats=BeatMarks(times, symbols), width=width
        )
        (drawn,) = traces(figure, "beats")
        assert list(drawn.text)[:-1] == shown[:-1]
        assert drawn.text[-1] == "N"  # nothing follows it


def test_an_unsure_beat_has_a_question_mark():
    times, doubt = 3_601.0 + np.arange(4), np.array([False, True, False, True])
    given = BeatMarks(times, ["N", "N", "V", "V"], unsure=doubt)
    figure = ecg_paper(leads(1), (3_600.5, 3_605.0), theme=LIGHT, beats=given, width=340)
    (drawn,) = traces(figure, "beats")
    assert list(drawn.text) == ["N", "N?", "V", "V?"]
    assert list(drawn.hovertext) == ["N", "N?", "V", "V?"]
