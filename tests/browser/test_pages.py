"""Every page of the app opens at both widths, whole and quiet."""

import statistics
import time

import pytest

from dashboard.navigation import PAGES
from tests.browser.visit import faults, rest, visit

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("row", PAGES, ids=lambda row: row.file)
def test_page_opens_and_says_it_is_not_a_medical_device(page, app_url, row):
    address = app_url if row is PAGES[0] else f"{app_url}/{row.file.removesuffix('.py')}"
    visit(page, address)
    assert page.get_by_text("not a medical device").first.is_visible()


def test_pages_are_reached_through_the_menu(page_desktop, app_url):
    visit(page_desktop, app_url)
    for row in PAGES[1:]:
        page_desktop.get_by_role("link", name=row.title).first.click()
        page_desktop.wait_for_url(f"**/{row.file.removesuffix('.py')}*")
        rest(page_desktop)
        assert faults(page_desktop) == []


def test_unknown_parameters_of_a_link_are_harmless(page_desktop, app_url):
    visit(page_desktop, f"{app_url}/explorer?sample=nothing&model=none&layer=x&channel=-7")
    assert faults(page_desktop) == []


@pytest.mark.slow
def test_a_warm_page_is_there_in_a_moment(page_desktop, app_url):
    # The goal is 0.5 s; this browser draws without a graphics card, on the server's own cores.
    visit(page_desktop, f"{app_url}/ecg?sample=ecg")
    seconds = {row.title: [] for row in PAGES}
    for _ in range(5):
        for row in PAGES:
            started = time.perf_counter()
            page_desktop.get_by_test_id("stTopNavLink").filter(has_text=row.title).first.click()
            landmarks = {
                "Home": "Your own file",
                "ECG": "Whole record",
                "Scan": "of the whole scan",
            }
            landmark = landmarks.get(row.title, "Gram")
            page_desktop.get_by_text(landmark).first.wait_for(state="visible")
            seconds[row.title].append(time.perf_counter() - started)
            rest(page_desktop)
            page_desktop.wait_for_timeout(500)
    medians = {title: statistics.median(values[1:]) for title, values in seconds.items()}
    print("seconds from click to page:", {k: round(v, 2) for k, v in medians.items()})
    assert max(medians.values()) < 1.5
