"""Pages for the printer, measured in the files themselves: A4, 1 s is 25 mm, 1 mV is 10 mm."""

import io
import re
import zlib
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from dashboard.figures.beats import BeatMarks
from dashboard.figures.print_ecg import PrintWords, ecg_page, printed_window
from dashboard.figures.signals import Lead
from dashboard.figures.thin import Series

RATE = 250.0
WINDOW = (20.0, 30.0)
WORDS = PrintWords("record $7 & <b>", "above 0.5 Hz")
MM = 25.4 / 72  # of a point
SVG = "{http://www.w3.org/2000/svg}"


def spikes(count=1):
    """Leads at zero with spikes of 1 mV exactly a second apart."""
    values = np.zeros(int(10 * RATE) + 1, np.float32)
    values[int(RATE) : -1 : int(RATE)] = 1.0
    series = Series(WINDOW[0], 1 / RATE, values)
    return [Lead(f"lead {k}", series, int(WINDOW[0] * RATE)) for k in range(count)]


def page(kind, count=1):
    beats = BeatMarks(np.array([21.0, 22.0]), ["N", "V"])
    return ecg_page(spikes(count), WINDOW, WORDS, kind, beats=beats)


def points_of(path):
    """Corners of an SVG path, points."""
    return np.array(
        [(float(x), float(y)) for x, y in re.findall(r"[ML] ([-\d.]+) ([-\d.]+)", path)]
    )


def peaks_mm(corners):
    """Where the spikes of a line stand, and how high, mm."""
    base = np.median(corners[:, 1])
    tops = np.abs(corners[:, 1] - base) > 0.9 * np.abs(corners[:, 1] - base).max()
    return corners[tops, 0] * MM, np.abs(corners[tops, 1] - base) * MM


def test_the_svg_is_a4_and_a_second_is_25_mm():
    root = ElementTree.fromstring(page("SVG"))
    width, height = (float(root.get(side).removesuffix("pt")) * MM for side in ("width", "height"))
    assert (width, height) == (pytest.approx(297, abs=0.01), pytest.approx(210, abs=0.01))
    assert root.get("viewBox").split()[2:] == [
        root.get(side).removesuffix("pt") for side in ("width", "height")
    ]
    lines = [points_of(path.get("d")) for path in root.iter(f"{SVG}path")]
    trace = max(lines, key=len)
    x, heights = peaks_mm(trace)
    np.testing.assert_allclose(np.diff(x), 25, atol=0.01)
    np.testing.assert_allclose(heights, 10, atol=0.01)


def test_the_calibration_pulse_of_the_svg_is_5_mm_by_10_mm():
    root = ElementTree.fromstring(page("SVG"))
    (pulse,) = [g for g in root.iter(f"{SVG}g") if g.get("id") == "calibration pulse"]
    corners = points_of(next(pulse.iter(f"{SVG}path")).get("d")) * MM
    assert np.ptp(corners[:, 1]) == pytest.approx(10, abs=0.01)
    top = corners[corners[:, 1] < corners[:, 1].min() + 1]
    assert np.ptp(top[:, 0]) == pytest.approx(5, abs=0.01)


def test_the_pdf_is_a4_and_a_second_is_25_mm():
    content = page("PDF")
    box = re.search(rb"/MediaBox \[ ?([\d. ]+) ?\]", content)[1].split()
    assert [float(v) * MM for v in box] == pytest.approx([0, 0, 297, 210], abs=0.01)
    corners = []
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", content, re.DOTALL):
        try:
            text = zlib.decompress(stream).decode("latin-1")
        except zlib.error:
            continue
        for drawn in re.findall(r"(?:[-\d.]+ [-\d.]+ [ml]\s+)+", text):
            found = re.findall(r"([-\d.]+) ([-\d.]+) [ml]", drawn)
            corners.append(np.array(found, float))
    x, heights = peaks_mm(max(corners, key=len))
    np.testing.assert_allclose(np.diff(x), 25, atol=0.02)
    np.testing.assert_allclose(heights, 10, atol=0.02)


def test_the_png_is_a4_at_300_dpi():
    picture = Image.open(io.BytesIO(page("PNG")))
    assert picture.size == (round(297 / 25.4 * 300 - 0.5), round(210 / 25.4 * 300))
    assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.01)


def test_the_words_are_on_the_page_as_given_and_no_date_is():
    content = page("SVG").decode()
    text = " ".join(ElementTree.fromstring(content).itertext())
    for words in (WORDS.title, WORDS.facts, "not a medical device", "lead 0"):
        assert words in text
    assert not re.search(r"\b20\d\d-\d\d-\d\d", content)
    assert content == page("SVG").decode()  # nothing in it changes from one to the next


def test_twelve_rows_keep_the_scale_and_stay_on_the_paper():
    root = ElementTree.fromstring(page("SVG", 12))
    lines = [points_of(path.get("d")) for path in root.iter(f"{SVG}path")]
    traces = [line for line in lines if len(line) > 20 and np.ptp(line[:, 0]) * MM > 200]
    assert len(traces) == 12
    for trace in traces:
        assert peaks_mm(trace)[1] == pytest.approx(10, abs=0.01)
        assert trace[:, 1].min() * MM > 21
        assert trace[:, 1].max() * MM < 196


def test_a_longer_window_is_cut_to_what_fits():
    assert printed_window((5.0, 305.0)) == (5.0, pytest.approx(15.4))
    assert printed_window((5.0, 9.0)) == (5.0, 9.0)
    with pytest.raises(ValueError, match="expected at most"):
        ecg_page(spikes(), (20.0, 50.0), WORDS, "SVG")
