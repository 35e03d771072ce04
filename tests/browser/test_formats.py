"""A MATLAB file from the upload to beats on paper, and a PhysioNet record that is none."""

import io
import re

import pytest
import scipy.io

from dashboard.data.builtin import builtin
from tests.browser.visit import rest, upload, visit

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_matlab_file_asks_for_its_unit_and_shows_its_beats_on_a_phone(page_phone, app_url):
    page, sample, buffer = page_phone, builtin("ecg"), io.BytesIO()
    samples = int(10 * sample.sampling_rate)  # as short as a resting ECG
    leads = sample.values((slice(None), slice(samples)))
    scipy.io.savemat(buffer, {"ECG": {"data": leads, "fs": sample.sampling_rate}})
    file = {"name": "r.mat", "mimeType": "application/octet-stream", "buffer": buffer.getvalue()}
    visit(page, app_url)
    upload(page, [file], timeout=60)
    page.get_by_text("does not say its unit").wait_for(timeout=60_000)
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/ecg*", timeout=60_000)
    rest(page, 60)
    page.locator(".js-plotly-plot").nth(1).wait_for()
    assert page.locator('[data-testid="stAlert"]').count() == 0
    assert re.search(r"Beats\s+\d+", page.locator("body").inner_text())


def test_what_names_no_record_of_physionet_is_refused_in_words(page_desktop, app_url):
    page = page_desktop
    visit(page, app_url)
    page.get_by_role("button", name="PhysioNet").click()
    page.get_by_placeholder("mitdb/100").fill("mitdb/../100")
    page.get_by_role("button", name="Fetch").click()
    page.get_by_text("names no record of PhysioNet: expected DATABASE/RECORD").wait_for()
