"""Tools of the ECG paper, used as people do: layouts, calipers, steps, filters, printed pages."""

import re

import numpy as np
import pytest

from dashboard.data.builtin import builtin
from tests.browser.visit import (
    axis_range,
    click_figure,
    open_panel,
    place,
    rest,
    upload,
    visit,
    wait_for_place,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TRACES = """([name, key]) => document.querySelector('[class*="st-key-paper-"] .js-plotly-plot')
    ._fullData.filter(trace => trace.name === name).map(trace => trace[key])"""

ROW_HEIGHT = """row => document.querySelector('[class*="st-key-paper-"] .js-plotly-plot')
    ._fullData.filter(trace => trace.name === 'moments')[row].y[0]"""


def choose_layout(page, name: str) -> None:
    page.get_by_role("combobox", name=re.compile("Layout of the leads")).first.click()
    page.get_by_role("option", name=name).click()
    page.get_by_text("2.5 s per column").wait_for()
    rest(page)


def test_calipers_on_three_by_four_read_the_interval_of_two_beats(page_desktop, app_url):
    page = page_desktop
    visit(page, f"{app_url}/ecg?sample=ecg&position=1000", 60)
    choose_layout(page, "3×4")
    low, high = axis_range(page, "paper")
    assert high - low == pytest.approx(10.32, abs=0.01)  # with the calibration pulse
    page.get_by_role("button", name="Measure").click()
    page.get_by_text("Click two places on the paper").first.click()
    rest(page)
    page.keyboard.press("Escape")
    sample = builtin("ecg")
    beats = sample.annotations[0].positions / sample.sampling_rate
    start = high - 10
    first, second = beats[beats > start + 0.2][:2]  # both in the first column: II
    page.wait_for_function(f"({TRACES})(['moments', 'name']).length === 4")
    height = page.evaluate(ROW_HEIGHT, 1)
    click_figure(page, "paper", x=first + 0.004, y=height)
    page.get_by_text("click a second place").wait_for()
    page.wait_for_timeout(400)  # two clicks within 300 ms are a double click to Plotly
    click_figure(page, "paper", x=second - 0.004, y=height)
    reading = page.get_by_text(re.compile(r"\d+ ms · [\d.]+ bpm · .*mV on II")).first
    reading.wait_for()
    interval, rate = re.findall(r"[\d.]+", reading.inner_text())[:2]
    assert float(interval) == pytest.approx(1000 * (second - first), abs=4)  # two samples
    assert float(rate) == pytest.approx(60 / (second - first), rel=0.01)
    assert place(page).get("position") == "1000"  # measuring does not move the position


def test_steps_go_from_one_abnormal_beat_to_the_next_and_round(page_desktop, app_url):
    page = page_desktop
    visit(page, f"{app_url}/ecg?sample=ecg", 60)
    sample = builtin("ecg")
    marks = sample.annotations[0]
    abnormal = marks.positions[[symbol != "N" for symbol in marks.symbols]]

    def step(way: str) -> float:
        before = place(page).get("position")
        page.locator(f".st-key-paper-step{way} button").first.click()
        page.wait_for_function(f"!location.search.includes('position={before}')")
        return float(wait_for_place(page, position=r"[\d.]+")["position"])

    near = 0.1 * sample.sampling_rate  # the position at first is at 5 s, before all of them
    for wanted in abnormal[:2]:
        at = step("1")
        assert at == pytest.approx(wanted, abs=near)
    low, high = axis_range(page, "paper")
    assert low < at / sample.sampling_rate < high  # the window has followed
    step("-1")
    assert step("-1") == pytest.approx(abnormal[-1], abs=near)
    assert page.get_by_text("that was the first, now the last again").is_visible()


def test_filters_are_drawn_over_what_was_there_and_a_page_is_printed(page_desktop, app_url):
    page = page_desktop
    visit(page, f"{app_url}/ecg?sample=ecg", 60)
    assert page.evaluate(TRACES, ["II before", "opacity"]) == []
    page.get_by_role("button", name="Filters").click()
    page.get_by_text("Baseline wander").click()
    page.get_by_text(
        "drawn above 0.5 Hz, zero phase; the network is fed the record as it is"
    ).wait_for()
    rest(page)
    page.keyboard.press("Escape")
    (opacity,) = page.evaluate(TRACES, ["II before", "opacity"])
    assert opacity < 0.5
    with page.expect_download() as download:
        page.get_by_role("button", name="A4 PDF").click()
    content = download.value.path().read_bytes()
    assert content.startswith(b"%PDF")
    assert download.value.suggested_filename == "ecg_a4.pdf"


@pytest.fixture
def record_with_faults():
    """Two minutes of CSV: 6 s flat, then 4 s missing."""
    time = np.arange(120 * 125) / 125
    beat = np.exp(-0.5 * (((time % 0.8) - 0.4) / 0.02) ** 2)
    rows = [f"{value:.3f}" for value in beat]
    rows[2_500:3_250] = ["0.100"] * 750
    rows[5_000:5_500] = [""] * 500
    lines = [f"{t:.4f},{value}" for t, value in zip(time, rows, strict=True)]
    text = "time (s),II (mV)\n" + "\n".join(lines)
    return {"name": "faults.csv", "mimeType": "text/csv", "buffer": text.encode()}


def test_what_cannot_be_read_is_counted_and_marked_in_the_overview(
    page_desktop, app_url, record_with_faults
):
    page = page_desktop
    visit(page, app_url, 60)
    upload(page, [record_with_faults], timeout=60)
    page.wait_for_url("**/ecg*")
    rest(page, 60)
    open_panel(page, "Quality")
    page.get_by_text("2, 10 s").wait_for()
    worst = """() => Math.max(...document
        .querySelector('[class*="st-key-overview-"] .js-plotly-plot')
        ._fullData.find(trace => trace.name === 'quality').z[0])"""
    assert page.evaluate(worst) == 3
