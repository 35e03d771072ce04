"""A strip in a recorder's XML goes through the upload to the ECG page; a hostile one does not."""

import pytest

from tests.browser.visit import number, rest, upload, visit

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BOMB = b'<!DOCTYPE RestingECG [<!ENTITY a "&#65;">]><RestingECG>&a;</RestingECG>'


def test_muse_strip_shows_the_beats_that_the_recorder_marked(page_desktop, app_url, data_dir):
    page = page_desktop
    visit(page, app_url)
    upload(page, data_dir / "ecg_formats/muse_xml/example2.xml", timeout=60)
    page.wait_for_url("**/ecg*")
    rest(page, 60)
    shown = page.locator('[data-testid="stMetricValue"]').all_inner_texts()
    assert [number(text) for text in shown[:5]] == [9, 0, 1, 0, 0]  # N S V F Q
    assert page.get_by_text("12 leads, 500 Hz, 10 s").first.is_visible()
    page.get_by_role("button", name="example2").first.click()
    assert page.get_by_text("Computed from I and II: III, aVR, aVL, aVF").first.is_visible()


def test_xml_that_declares_entities_gets_one_sentence(page_desktop, app_url):
    page = page_desktop
    visit(page, app_url)
    upload(page, [{"name": "bomb.xml", "mimeType": "text/xml", "buffer": BOMB}])
    alert = page.locator('[data-testid="stAlert"]').inner_text()
    assert "bomb.xml declares a document type of its own (DTD)" in alert
