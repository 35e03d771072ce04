"""How the browser tests look at a page: wait until it rests, and say what is wrong with it."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

RESTING = """() => {
    const app = document.querySelector('[data-testid="stApp"]');
    return app?.dataset.testScriptState === 'notRunning'
        && app.querySelector('[data-testid="stMainBlockContainer"]')?.innerText.trim()
        && !document.querySelector('[data-stale="true"], [data-testid="stSkeleton"]');
}"""

# Streamlit scrolls its main section, not the document: both must fit.
SIDEWAYS = """() => [document.documentElement, document.querySelector('[data-testid="stMain"]')]
    .filter(e => e && e.scrollWidth > e.clientWidth + 1)
    .map(e => `${e.tagName} is ${e.scrollWidth} px wide in ${e.clientWidth} px`)"""


def rest(page: Page, timeout: float = 30.0) -> None:
    """Wait until the script of the page has run and everything it drew is fresh (`timeout` s)."""
    page.wait_for_function(RESTING, timeout=timeout * 1000)


def visit(page: Page, address: str, timeout: float = 30.0) -> None:
    """Open an address and wait until the page rests."""
    page.goto(address)
    rest(page, timeout)


def faults(page: Page) -> list[str]:
    """What no page may show: an exception box, or a scrollbar to the side."""
    boxes = page.locator('[data-testid="stException"]').all_inner_texts()
    return [f"exception on the page: {text[:500]}" for text in boxes] + page.evaluate(SIDEWAYS)


def upload(page: Page, files, label: str | None = None, timeout: float = 30.0) -> None:
    """Give files to the (labelled) uploader: paths, or {name, mimeType, buffer} rows."""
    zone: Page | Locator = page
    if label is not None:
        zone = page.locator('[data-testid="stFileUploader"]', has_text=label)
    zone.locator('input[type="file"]').first.set_input_files(files)
    page.wait_for_timeout(300)  # the run starts a moment after the bytes have arrived
    rest(page, timeout)


def open_panel(page: Page, name: str) -> None:
    """Open a panel of the ECG workbench."""
    page.locator(".st-key-ecg-workbench").get_by_role("radio", name=name, exact=True).click()
    page.wait_for_timeout(200)  # the run starts a moment after the click
    rest(page)


def number(text: str) -> float:
    """The number in a text as people write it: thin thousands, a real minus, a unit behind."""
    plain = text.replace("−", "-")
    digits = "".join(c for c in plain if c.isdigit() or c in "-.")
    return float(digits)


PIXEL = """([key, x, y, xaxis, yaxis]) => {
    const chart = document.querySelector(`[class*="st-key-${key}-"] .js-plotly-plot`);
    chart.scrollIntoView({block: 'center'});
    const {left, top} = chart.getBoundingClientRect();
    const across = chart._fullLayout[xaxis], down = chart._fullLayout[yaxis];
    return [left + across._offset + across.d2p(x), top + down._offset + down.d2p(y)];
}"""


def click_figure(
    page: Page, key: str, x: float, y: float, xaxis: str = "xaxis", yaxis: str = "yaxis"
) -> None:
    """Click (on a phone: tap) a place of the chart drawn under `key`, in its data coordinates."""
    page.locator(f'[class*="st-key-{key}-"] .js-plotly-plot').first.wait_for()
    left, top = page.evaluate(PIXEL, [key, x, y, xaxis, yaxis])
    press(page, left, top)


def axis_range(page: Page, key: str, axis: str = "xaxis") -> tuple[float, float]:
    """What an axis of the chart drawn under `key` shows, low first, in data coordinates."""
    chart = page.locator(f'[class*="st-key-{key}-"] .js-plotly-plot').first
    return tuple(sorted(chart.evaluate("(chart, axis) => chart._fullLayout[axis].range", axis)))


def click_tile(page: Page, key: str, tile: str, x: float = 0.5, y: float = 0.5) -> None:
    """Click (on a phone: tap) a picture of the tiles drawn under `key`, at fractions of it."""
    picture = page.locator(f'.st-key-{key} [data-id="{tile}"] .picture')
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    press(page, box["x"] + x * box["width"], box["y"] + y * box["height"])


def press(page: Page, left: float, top: float) -> None:
    """One click or tap at a place of the window, px."""
    if page.evaluate("navigator.maxTouchPoints > 0"):
        page.touchscreen.tap(left, top)
    else:
        page.mouse.move(left, top)  # Plotly only knows what is hovered
        page.mouse.click(left, top)


def place(page: Page) -> dict[str, str]:
    """What the address says is being looked at: sample, model, layer, channel, position ..."""
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def wait_for_place(page: Page, timeout: float = 30.0, **wanted: str) -> dict[str, str]:
    """Wait until the address says what is wanted (a regular expression each); returns it all."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        found = place(page)
        if all(re.fullmatch(text, found.get(name, "")) for name, text in wanted.items()):
            rest(page)
            return found
        page.wait_for_timeout(50)
    raise AssertionError(f"after {timeout} s the address says {place(page)}, expected {wanted}")
