"""A real record from upload to Gram matrix, as a person does it, at desktop and phone width."""

import re

import pytest
import wfdb

from tests.browser.visit import (
    click_figure,
    number,
    place,
    rest,
    upload,
    visit,
    wait_for_place,
)

pytestmark = pytest.mark.browser

RECORD = "208"  # normal, ventricular and many fusion beats; among those the network learned from
BEATS = "NLRejAaJSVEF/fQ"


@pytest.fixture
def record(data_dir):
    """The files of one MIT-BIH record and how many beats its cardiologists marked."""
    stem = data_dir / "mitdb" / RECORD
    if not stem.with_suffix(".hea").is_file():
        pytest.skip(f"no record {RECORD} in {stem.parent}")
    symbols = wfdb.rdann(str(stem), "atr").symbol
    return [stem.with_suffix(s) for s in (".hea", ".dat", ".atr")], sum(s in BEATS for s in symbols)


def counted(page) -> dict[str, float]:
    """Beats per class as the ECG page's numbers show them."""
    counts = {}
    for metric in page.locator('[data-testid="stMetric"]').all():
        label = metric.locator('[data-testid="stMetricLabel"]').inner_text()
        named = re.search(r"\b([NSVFQ])\b", label)
        if named:
            counts[named[1]] = number(metric.locator('[data-testid="stMetricValue"]').inner_text())
    return counts


def choose_layer(page, name: str) -> None:
    """Pick a layer in the where-line's popover, the way that a phone and a keyboard have too."""
    page.get_by_role("button", name=re.compile("›")).first.click()
    box = page.get_by_role("combobox", name=re.compile("Layer")).last
    box.fill(name)
    box.press("Enter")
    wait_for_place(page, layer=re.escape(name))
    page.keyboard.press("Escape")


def test_uploaded_record_shows_its_beats_a_layer_and_a_gram_matrix(page, app_url, record):
    files, marked = record
    visit(page, app_url)
    upload(page, files, timeout=60)
    page.wait_for_url("**/ecg*")
    rest(page, 60)
    counts = counted(page)
    assert sum(counts.values()) == pytest.approx(marked, rel=0.01)
    assert counts["V"] > 500  # the record has 992
    page.get_by_role("link", name=re.compile("layer explorer")).last.click()
    page.wait_for_url("**/explorer*")
    rest(page, 60)
    choose_layer(page, "stage1.conv2")
    assert page.get_by_text("Gram matrix").first.is_visible()
    click_figure(page, "gram", x=7, y=3)
    wait_for_place(page, channel="3", other="7")
    assert page.get_by_text("Channels 3 and").first.is_visible()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.dat", b""),
        ("picture.hea", b"\x89PNG\r\n\x1a\n" + bytes(64)),
        ("lonely.hea", b"lonely 1 360 1000\nlonely.dat 212 200 11 1024 0 0 0 MLII\n"),
        ("escape.hea", b"escape 1 360 1000\n../../secret.dat 212 200 11 1024 0 0 0 MLII\n"),
    ],
)
def test_bad_file_gets_one_sentence_and_keeps_what_was_loaded(
    page_desktop, app_url, record, name, content
):
    page = page_desktop
    visit(page, app_url)
    upload(page, record[0], timeout=60)
    page.wait_for_url("**/ecg*")
    page.get_by_role("link", name="Home").first.click()
    rest(page)
    bad = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    upload(page, [bad])
    alert = page.locator('[data-testid="stAlert"]').inner_text()
    assert 10 < len(alert) <= 420
    assert "Traceback" not in alert
    assert page.get_by_text(f"Still loaded: {RECORD}").is_visible()


def test_two_sessions_do_not_see_each_other(page_desktop, second_page, app_url, record):
    visit(page_desktop, app_url)
    upload(page_desktop, record[0], timeout=60)
    visit(second_page, f"{app_url}/explorer?sample=ecg&layer=stage1.conv2&channel=3", 60)
    page_desktop.wait_for_url("**/ecg*")
    mine = place(page_desktop)["sample"]
    assert "channel 3" in second_page.locator('[data-testid="stMain"]').inner_text()
    # A digest in a link asks for the same file; it does not reach into another session.
    visit(second_page, f"{app_url}/explorer?sample={mine}", 60)
    assert RECORD not in second_page.locator('[data-testid="stMain"]').inner_text()[:200]
