"""A click means the same everywhere: a layer, a channel, a position or a pair; numbers too."""

import re

import numpy as np
import pytest

from dashboard.data.builtin import builtin
from tests.browser.visit import (
    axis_range,
    click_figure,
    click_tile,
    number,
    place,
    rest,
    visit,
    wait_for_place,
)

pytestmark = pytest.mark.browser

at_both_widths = pytest.mark.parametrize(
    "page", ["desktop", pytest.param("phone", marks=pytest.mark.slow)], indirect=True
)


def position(page) -> np.ndarray:
    """The position in the address, sample index."""
    return np.array([float(v) for v in place(page)["position"].split(",")])


@at_both_widths
def test_click_on_a_cell_of_the_gram_matrix_chooses_its_channels(page, app_url):
    visit(page, f"{app_url}/explorer?sample=ecg&layer=stage1.conv2", 60)
    click_figure(page, "gram", x=11, y=5)
    wait_for_place(page, channel="5", other="11")
    assert page.get_by_text("Channels 5 and").first.is_visible()


@at_both_widths
def test_click_on_the_ribbon_chooses_channel_and_time(page, app_url):
    visit(page, f"{app_url}/explorer?sample=ecg&layer=stage1.conv2", 60)
    low, high = axis_range(page, "ribbon")
    time = low + 0.7 * (high - low)
    click_figure(page, "ribbon", x=time, y=20, yaxis="yaxis3")
    wait_for_place(page, channel="(19|20|21)", position=r"[\d.]+")
    rate = builtin("ecg").sampling_rate
    # The click targets are about one per 10 px of a window 10 s wide on 700 px.
    assert position(page)[0] / rate == pytest.approx(time, abs=0.03 * (high - low))


@at_both_widths
def test_click_on_the_paper_chooses_a_time(page, app_url):
    visit(page, f"{app_url}/ecg", 60)
    low, high = axis_range(page, "paper")
    time = low + 0.6 * (high - low)
    start, end = axis_range(page, "paper", "yaxis")
    click_figure(page, "paper", x=time, y=(start + end) / 2)
    wait_for_place(page, position=r"[\d.]+")
    rate = builtin("ecg").sampling_rate
    assert position(page)[0] / rate == pytest.approx(time, abs=0.05 * (high - low))


@at_both_widths
def test_click_on_a_map_chooses_its_channel(page, app_url):
    visit(page, f"{app_url}/explorer?sample=digit&layer=c3", 60)
    click_tile(page, "atlas", "9")
    wait_for_place(page, channel="9", other="0")


@at_both_widths
def test_click_on_the_picture_moves_the_position(page, app_url):
    visit(page, f"{app_url}/explorer?sample=digit&layer=c3", 60)
    click_tile(page, "input", "input", 0.3, 0.6)
    wait_for_place(page, position=r"[\d.]+,[\d.]+")
    row, column = position(page)
    assert row > column  # lower than it is to the right, as was clicked


@at_both_widths
def test_click_on_a_plane_moves_the_crosshair_in_that_plane_alone(page, app_url):
    sample = builtin("brain")
    visit(page, f"{app_url}/explorer?sample=brain", 60)
    before = sample.to_world(np.round(sample.position))
    click_tile(page, "planes", "coronal", 0.75, 0.25)
    wait_for_place(page, position=r"[\d.]+,[\d.]+,[\d.]+")
    after = sample.to_world(position(page))
    assert after[1] == pytest.approx(before[1], abs=1.0)  # the coronal plane is one y, mm
    assert after[0] > 0 > before[0]  # the right of the picture is R, as its letters say
    assert after[2] > before[2] + 20  # up is S


def test_click_on_a_row_of_the_network_chooses_its_layer(page_desktop, app_url):
    visit(page_desktop, f"{app_url}/explorer?sample=digit&layer=c3", 60)
    page_desktop.locator('.st-key-network button.row[data-id="s2"]').click()
    wait_for_place(page_desktop, layer="s2")


def test_box_in_the_overview_chooses_the_window(page_desktop, app_url):
    page = page_desktop
    visit(page, f"{app_url}/ecg", 60)
    box = page.locator('[class*="st-key-overview-"] .js-plotly-plot .nsewdrag').first.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.5 * box["width"], middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], middle, steps=5)
    page.mouse.up()
    wait_for_place(page, position=r"[\d.]+")
    low, high = axis_range(page, "paper")
    length = builtin("ecg").extent[0]
    assert low == pytest.approx(0.5 * length, abs=0.05 * length)
    assert high - low == pytest.approx(0.1 * length, abs=0.05 * length)


@at_both_widths
def test_numbers_move_what_a_click_moves(page, app_url):
    visit(page, f"{app_url}/explorer?sample=ecg&layer=stage1.conv2", 60)
    for label, name in (("Channel", "channel"), ("Second channel", "other")):
        page.get_by_label(label, exact=True).fill("9" if name == "channel" else "7")
        page.get_by_label(label, exact=True).press("Enter")
        wait_for_place(page, **{name: "9" if name == "channel" else "7"})
    page.locator('[data-testid="stPopover"] button', has_text=re.compile(r"\d s")).last.click()
    page.get_by_label("time (s)").fill("12.5")
    page.get_by_label("time (s)").press("Enter")
    wait_for_place(page, position=r"[\d.]+", channel="9", other="7")
    assert position(page)[0] / builtin("ecg").sampling_rate == pytest.approx(12.5, abs=0.01)


def test_link_opens_the_same_place(page_desktop, second_page, app_url):
    link = f"{app_url}/explorer?sample=digit&layer=s2&channel=4&other=2&scope=channel"
    visit(second_page, link, 60)
    main = second_page.locator('[data-testid="stMain"]')
    assert "channel 4" in main.inner_text()
    chosen = second_page.get_by_label("Second channel").input_value()
    assert number(chosen) == 2


@pytest.mark.slow
def test_a_long_pass_can_be_cancelled_and_started_again(page_desktop, app_url):
    page = page_desktop
    page.goto(f"{app_url}/explorer?sample=brain&model=resnet18")
    page.get_by_role("button", name="Cancel").click(timeout=60_000)
    page.get_by_text("was cancelled").wait_for()
    rest(page)
    assert page.get_by_text("not a medical device").first.is_visible()
    page.get_by_role("button", name="Start again").click()
    page.get_by_text("Gram matrix").first.wait_for(timeout=60_000)
    rest(page, 60)


@pytest.mark.parametrize("width", [1000, 1920])
def test_lanes_lie_under_their_beats_at_any_width(page_desktop, app_url, width):
    page_desktop.set_viewport_size({"width": width, "height": 900})
    visit(page_desktop, f"{app_url}/ecg?sample=ecg", 60)
    chart = page_desktop.locator('[class*="st-key-paper-"] .js-plotly-plot').first
    chart.wait_for()
    paper, lanes = (
        chart.evaluate(
            "(chart, axis) => ['range', '_offset', '_length'].map(k => chart._fullLayout[axis][k])",
            axis,
        )
        for axis in ("xaxis", "xaxis2")
    )
    assert paper == lanes
    assert paper[0][1] == pytest.approx(10, abs=0.01)  # squares stay square, the window stays too
