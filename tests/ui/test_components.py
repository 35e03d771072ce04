"""Components and figures in a real Chromium: clicks, wheel and keys reach Python."""

import os
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from dashboard.figures.beats import BeatMarks
from dashboard.figures.thin import Series
from dashboard.figures.volumes import planes
from dashboard.ui.components.scenes import (
    clicked_index,
    clicked_pixel,
    field_of,
    image_tile,
    plane_tile,
    signal_tile,
)
from dashboard.ui.components.strip import spark
from dashboard.ui.components.tiles import Box, Click, Curve, Ring, Text, data_uri
from tests.browser.conftest import ROOT, WIDTHS, _free_port, _wait_until_healthy

APP = Path(__file__).with_name("component_app.py")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Address of the page of components."""
    port, log = _free_port(), tmp_path_factory.mktemp("components") / "app.log"
    command = [sys.executable, "-m", "streamlit", "run", str(APP)]
    command += ["--server.port", str(port), "--server.headless", "true"]
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=dict(os.environ), stdout=output, stderr=output
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_healthy(url, process, log)
            yield url
        finally:
            process.terminate()
            process.wait(timeout=10)
    assert "Traceback" not in log.read_text()


@contextmanager
def opened(chromium, address, width, scheme):
    """The page of components in a fresh context; a failing script fails the test."""
    context = chromium.new_context(**WIDTHS[width], color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(30_000)
    errors = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    page.goto(address)
    said(page, "theme", scheme)
    yield page
    context.close()
    assert errors == []


@pytest.fixture(scope="module")
def page(chromium, address):
    """One desktop page for all tests: what each looks for is said by no other."""
    with opened(chromium, address, "desktop", "light") as page:
        yield page


def said(page, name, pattern):
    """Wait until the page says `name: ...` matching the pattern; returns what it says."""
    line = page.get_by_text(re.compile(rf"^{name}: ({pattern})$")).first
    line.wait_for()
    return line.inner_text().removeprefix(f"{name}: ")


def chart(page, number, trace):
    """Box of the plot area of a chart, once it has drawn `trace`, scrolled into view."""
    plot = page.locator(".stPlotlyChart .js-plotly-plot").nth(number)
    plot.wait_for()
    plot.scroll_into_view_if_needed()
    page.wait_for_function(
        "([plot, name]) => plot._fullData?.some(trace => trace.name === name)",
        arg=[plot.element_handle(), trace],
    )
    return plot


def place(plot, x, y, yaxis="yaxis"):
    """Page coordinates of data coordinates."""
    return plot.evaluate(
        """(plot, [x, y, axis]) => {
            const {left, top} = plot.getBoundingClientRect();
            const {xaxis, [axis]: down} = plot._fullLayout;
            return [left + xaxis._offset + xaxis.d2p(x), top + down._offset + down.d2p(y)];
        }""",
        [x, y, yaxis],
    )


def press(page, where):
    page.mouse.move(*where)
    page.wait_for_timeout(400)  # two clicks within 300 ms are a double click to Plotly
    page.mouse.click(*where)


@pytest.mark.browser
def test_a_tap_on_a_dark_phone_reports_its_place(chromium, address):
    with opened(chromium, address, "phone", "dark") as page:
        click_tile_a(page)


@pytest.mark.browser
def test_a_click_on_a_tile_reports_its_place(page):
    click_tile_a(page)


def click_tile_a(page):
    tile = page.get_by_role("button", name="tile a")
    size = tile.bounding_box()
    tile.click(position={"x": 0.25 * size["width"], "y": 0.75 * size["height"]})
    text = said(page, "click", r"Click\(id='a'.*")
    x, y = (float(part) for part in re.findall(r"[xy]=([\d.]+)", text))
    assert (x, y) == (pytest.approx(0.25, abs=0.02), pytest.approx(0.75, abs=0.02))


@pytest.mark.browser
def test_a_key_press_on_a_tile_has_no_place(page):
    page.get_by_role("button", name="tile b").focus()
    page.keyboard.press("Enter")
    assert said(page, "click", r"Click\(id='b'.*") == "Click(id='b', x=None, y=None)"


@pytest.mark.browser
def test_the_wheel_over_a_tile_reports_steps(page):
    page.get_by_role("button", name="tile a").hover()
    page.mouse.wheel(0, 120)
    assert said(page, "wheel", "Wheel.*") == "Wheel(id='a', delta=1)"


@pytest.mark.browser
def test_tiles_show_pictures_marks_letters_and_readout(page):
    tile = page.get_by_role("button", name="tile a")
    assert tile.locator("img").evaluate("image => image.naturalWidth") == 2
    assert tile.locator("svg line, svg rect, .ring").count() == 3
    assert tile.locator(".letter").all_inner_texts() == ["L", "R", "A", "P"]
    assert page.locator(".readout dd").all_inner_texts() == ["4 mm", "RAS+"]
    assert page.get_by_role("button", name="tile b").get_attribute("aria-pressed") == "true"


@pytest.mark.browser
def test_the_strip_folds_without_asking_python_and_reports_a_choice(page):
    assert page.get_by_role("button", name="2.conv1").count() == 0
    page.get_by_role("button", name="open stage 2").click()
    page.get_by_role("button", name="2.conv1").click()
    said(page, "layer", "stage2.conv1")
    row = page.locator(".row[aria-current=true]")
    row.wait_for()
    assert row.get_attribute("data-id") == "stage2.conv1"
    page.get_by_role("button", name="fold stage 1").click()
    assert page.get_by_role("button", name="1.conv1").count() == 0


@pytest.mark.browser
def test_a_click_on_the_ribbon_is_a_channel_and_a_time(page):
    plot = chart(page, 0, "ribbon")
    press(page, place(plot, 7.05, 6, "yaxis3"))
    channel, time = re.findall(r"[\d.]+", said(page, "cell", r"\[\(\d.*"))
    assert channel == "6"
    assert float(time) == pytest.approx(7.05, abs=0.06)


@pytest.mark.browser
def test_a_click_on_the_signal_is_a_time(page):
    press(page, place(chart(page, 0, "signal"), 3.0, 1.0))
    text = said(page, "cell", r"\[\(None.*")
    assert float(re.findall(r"[\d.]+", text)[-1]) == pytest.approx(3.0, abs=0.05)


@pytest.mark.browser
def test_a_click_on_a_gram_cell_is_a_pair(page):
    press(page, place(chart(page, 1, "gram"), 3, 1))
    assert said(page, "pair", r"\[\(.*") == "[(2, 0)]"  # drawn in the order 3 2 1 0


@pytest.mark.browser
def test_a_box_on_the_overview_is_a_window(page):
    plot = chart(page, 2, "heart rate")
    (left, y), (right, _) = place(plot, 30, 60), place(plot, 50, 60)
    page.mouse.move(left, y)
    page.mouse.down()
    page.mouse.move((left + right) / 2, y + 5, steps=5)
    page.mouse.move(right, y + 10, steps=5)
    page.mouse.up()
    low, high = re.findall(r"[\d.]+", said(page, "window", r"\[\(.*"))
    assert (float(low), float(high)) == (pytest.approx(30, abs=1), pytest.approx(50, abs=1))


@pytest.mark.browser
def test_the_eye_sees_a_theme_switched_in_the_menu(page):
    page.get_by_test_id("stMainMenu").click()
    page.locator('[data-testid="stMainMenuPopover"]').get_by_text("Dark").click()
    said(page, "theme", "dark")
    ink = "plot => plot._fullData.find(trace => trace.name === 'signal').line.color"
    assert chart(page, 0, "signal").evaluate(ink).upper() == "#E1E9EB"


def test_a_click_on_a_plane_is_the_index_under_the_pointer():
    affine = np.diag([-1.0, 1.0, 2.0, 1.0])
    shown = planes((20, 30, 15), affine, np.array([4, 5, 6]))
    for where in shown:
        goal = np.array([7.0, 8.0, 9.0])
        goal[where.axes[2]] = where.along
        found = clicked_index(Click(where.name, *where.fraction(goal)), shown)
        np.testing.assert_allclose(found, goal)
    assert clicked_index(Click("axial", None, None), shown) is None
    assert clicked_index(Click("readout", 0.5, 0.5), shown) is None


def test_a_click_on_a_planes_edge_stays_inside():
    shown = planes((20, 30, 15), np.eye(4), np.zeros(3))
    found = clicked_index(Click("axial", 1.0, 0.0), shown)
    assert (found <= np.array([19, 29, 14])).all()
    assert (found >= 0).all()


def test_planes_share_one_scale_and_show_the_receptive_field():
    position = np.array([10.0, 15.0, 7.0])
    shown = planes((20, 30, 15), np.diag([1.0, 1.0, 2.0, 1.0]), position)
    tiles = [
        plane_tile(w, (), field_mm=field_of(shown), position=position, box=(position - 2, position))
        for w in shown
    ]
    assert [(t.width, t.height) for t in tiles] == [(20 / 30, 1.0), (20 / 30, 1.0), (1.0, 1.0)]
    boxes = [next(m for m in t.marks if isinstance(m, Box)) for t in tiles]
    assert boxes[0].width == pytest.approx(2 / 20)
    assert boxes[1].height == pytest.approx(2 / 15)
    assert tiles[0].bar.label == "10 mm"


def test_a_pixel_is_found_where_its_ring_is_drawn():
    tile = image_tile("input", (), (28, 14), position=np.array([12, 9]))
    ring = next(m for m in tile.marks if isinstance(m, Ring))
    found = clicked_pixel(Click("input", ring.x, ring.y), (28, 14))
    np.testing.assert_allclose(found, [12, 9])
    assert (tile.width, tile.height) == (0.5, 1.0)


def test_the_picture_of_a_signal_has_areas_ink_and_marked_beats():
    signal = Series(0.0, 0.1, np.sin(np.arange(50.0)))
    channel = Series(0.0, 0.4, np.cos(np.arange(13.0)))
    beats = BeatMarks(np.array([1.0, 3.0, 99.0]), list("NVS"))
    tile = signal_tile("ecg", signal, channel, 1.0, beats=beats)
    assert [m.tone for m in tile.marks if isinstance(m, Curve)] == ["positive", "negative", "ink"]
    assert [m.text for m in tile.marks if isinstance(m, Text)] == ["●", "N", "■", "V"]


def test_a_spark_has_at_most_24_bars_and_peaks_at_one():
    heights = spark(np.arange(64.0))
    assert len(heights) == 24
    assert max(heights) == 1
    assert spark(np.zeros(3)) == (0, 0, 0)
    assert spark(np.array([])) == ()


def test_pictures_travel_as_data_addresses():
    assert data_uri(b"\x89PNG") == "data:image/png;base64,iVBORw=="
