"""The journeys of the home page end in a right answer, an activation and a Gram matrix."""

import re
import time
from collections import Counter

import numpy as np
import pytest

from dashboard.data.builtin import builtin
from tests.browser.visit import click_tile, place, rest, upload, visit

pytestmark = pytest.mark.browser

SECONDS = 10.0  # from the click to answer, activation and Gram matrix, on an idle machine
WAKING = "waking up"  # what a card says until its network has run


def right_beat(page) -> str:
    """The class of the beat that the computed ECG has at the position of the where-line."""
    sample = builtin("ecg")
    marks = sample.annotations[0]
    shown = page.locator('[data-testid="stPopover"]', has_text=re.compile(r"\d s")).last
    seconds = float(re.search(r"([\d.]+) s", shown.inner_text())[1])
    at = np.abs(marks.positions / sample.sampling_rate - seconds).argmin()
    symbol = marks.symbols[int(at)]
    return {"A": "S"}.get(symbol, symbol)


# The built-in digit is a 5; the crosshair lies on the front of a hippocampus (MNI coordinates).
ANSWERS = {"ecg": right_beat, "digit": lambda page: "5", "brain": lambda page: "anterior"}
ACTIVATIONS = {"ecg": ".js-plotly-plot", "digit": ".st-key-atlas img", "brain": ".st-key-atlas img"}


def look_inside(page, key: str) -> None:
    """Press a card's button and wait for what it promises."""
    page.locator(f".st-key-look-{key} button").click()
    page.wait_for_url("**/explorer*", timeout=60_000)
    page.locator('[class*="st-key-gram-"] .js-plotly-plot').wait_for(timeout=60_000)
    page.locator(ACTIVATIONS[key]).first.wait_for()
    rest(page, 60)
    answer = page.locator(".stMarkdownBadge").first
    assert re.search(rf"\b{ANSWERS[key](page)}\b", answer.inner_text())


@pytest.mark.parametrize("key", list(ANSWERS))
def test_one_click_ends_in_answer_activation_and_gram_matrix(page, app_url, key):
    visit(page, app_url)
    page.get_by_text(WAKING).first.wait_for(state="detached", timeout=60_000)
    started = time.monotonic()
    look_inside(page, key)
    assert time.monotonic() - started <= SECONDS


def test_click_while_the_networks_wake_up_is_not_lost(page_new_app, new_app_url):
    page_new_app.goto(new_app_url)
    page_new_app.get_by_text(WAKING).first.wait_for()
    look_inside(page_new_app, "digit")


def test_picture_of_a_card_opens_its_sample(page_desktop, app_url):
    visit(page_desktop, app_url)
    click_tile(page_desktop, "card-digit", "input")
    page_desktop.wait_for_url("**/explorer?*sample=digit*")


def test_card_counts_the_beats_that_the_computed_ecg_has(page_desktop, app_url):
    symbols = Counter({"A": "S"}.get(s, s) for s in builtin("ecg").annotations[0].symbols)
    visit(page_desktop, app_url)
    card = page_desktop.get_by_text(re.compile(r"\d+ N, \d+ S, \d+ V")).first
    card.wait_for()
    counts = [int(n) for n in re.findall(r"(\d+) [NSV]\b", card.inner_text())]
    assert counts == [symbols["N"], symbols["S"], symbols["V"]]


@pytest.mark.parametrize("key", ["ecg", "digit", "brain"])
def test_builtin_sample_can_be_downloaded_and_dropped_back(page_desktop, app_url, key):
    page = page_desktop
    visit(page, f"{app_url}/explorer?sample={key}", 60)
    page.locator('[data-testid="stPopover"] button').first.click()
    with page.expect_download() as caught:
        page.locator(
            '[data-testid="stDownloadButton"] button', has_text=re.compile(r"\.\w+$")
        ).first.click()
    saved = caught.value.path()
    visit(page, app_url)
    file = {
        "name": caught.value.suggested_filename,
        "mimeType": "application/octet-stream",
        "buffer": saved.read_bytes(),
    }
    upload(page, [file], timeout=60)
    page.wait_for_url(re.compile(r"/(ecg|explorer|scan)\?"))
    rest(page, 60)
    assert page.locator('[data-testid="stAlert"]').count() == 0
    assert re.fullmatch(r"[0-9a-f]{32}", place(page)["sample"])
