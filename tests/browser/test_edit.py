"""Beats of a real record corrected by hand in the browser, and the files of the result."""

import csv
import io
import re
from pathlib import Path

import edfio
import pytest
import wfdb

from dashboard.analysis.beat_edits import snapped
from dashboard.analysis.ec57 import AAMI_OF
from dashboard.data.readers import open_files
from tests.browser.test_ecg_journey import counted
from tests.browser.visit import open_panel, rest, upload, visit, wait_for_place

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RECORD, RATE = "208", 360


@pytest.fixture
def record(data_dir) -> Path:
    """The stem of one MIT-BIH record."""
    stem = data_dir / "mitdb" / RECORD
    if not stem.with_suffix(".hea").is_file():
        pytest.skip(f"no record {RECORD} in {stem.parent}")
    return stem


def open_record(page, app_url, stem: Path) -> None:
    visit(page, app_url)
    upload(page, [stem.with_suffix(s) for s in (".hea", ".dat", ".atr")], timeout=60)
    page.wait_for_url("**/ecg*")
    rest(page, 60)


def wait_for(page, text: str) -> None:
    """Until the where-line says how many edits there are, or the panel which beat is chosen."""
    page.locator('[data-testid="stMarkdown"] p', has_text=re.compile(text)).first.wait_for()
    rest(page)


def press_button(page, key: str, text: str) -> None:
    page.locator(f".st-key-edit-{key} button:visible").click()
    wait_for(page, text)


def press_key(page, key: str, text: str) -> None:
    page.keyboard.press(key)
    wait_for(page, text)


def go_to(page, sample: int) -> None:
    """The position, given in seconds as the place of a new beat."""
    box = page.get_by_label("new beat at (s)")
    box.fill(f"{sample / RATE:.4f}")
    box.press("Enter")
    wait_for_place(page, position=f"{sample}")
    page.evaluate("document.activeElement.blur()")  # out of the field: keys are commands


def saved(page, word: str) -> bytes:
    with page.expect_download() as waiting:
        page.locator(".st-key-save-edit").get_by_role("button", name=word).click()
    assert waiting.value.suggested_filename.startswith("beats-edited.")
    return Path(waiting.value.path()).read_bytes()


def marked_beats(stem: Path) -> dict[int, str]:
    """The cardiologists' beats as the wfdb package reads them, in AAMI classes."""
    read = wfdb.rdann(str(stem), "atr")
    pairs = zip(read.sample.tolist(), read.symbol, strict=True)
    return {sample: AAMI_OF[symbol] for sample, symbol in pairs if symbol in AAMI_OF}


def counts(beats: dict[int, str]) -> dict[str, int]:
    return {name: sum(label == name for label in beats.values()) for name in "NSVFQ"}


def test_edited_annotations_are_exported_and_read_back_equal(
    page_desktop, app_url, record, tmp_path
):
    page, beats = page_desktop, marked_beats(record)
    places = sorted(beats)
    open_record(page, app_url, record)
    open_panel(page, "Edit")
    page.locator('[class*="st-key-edit-base-"]').get_by_text("atr", exact=True).click()
    wait_for(page, "beats of atr, not edited")
    assert counted(page) == counts(beats)

    go_to(page, places[20])
    press_key(page, "q", r"edited \(1\)")
    beats[places[20]] = "Q"
    press_key(page, "Shift+ArrowRight", r"edited \(2\)")
    beats[places[20] + 1] = beats.pop(places[20])
    press_key(page, "k", "^Edit beat 22 of")
    press_button(page, "delete", r"edited \(3\)")
    del beats[places[21]]
    press_key(page, "a", r"edited \(4\)")
    press_key(page, "Control+z", r"edited \(3\)")
    assert counted(page) == counts(beats)
    press_button(page, "Redo", r"edited \(4\)")
    lead = open_files([record.with_suffix(".hea")]).array[0]
    beats[snapped(lead, places[21], RATE)] = "N"
    assert counted(page) == counts(beats)

    expected = [list(pair) for pair in sorted(beats.items())]
    atr = saved(page, "WFDB")
    (tmp_path / "e.atr").write_bytes(atr)
    read = wfdb.rdann(str(tmp_path / "e"), "atr")
    assert [list(pair) for pair in zip(read.sample.tolist(), read.symbol, strict=True)] == expected
    parts = [(f"208{s}", record.with_suffix(s).read_bytes()) for s in (".hea", ".dat")]
    (ours,) = open_files([*parts, ("208.atr", atr)]).annotations
    assert [list(p) for p in zip(ours.positions.tolist(), ours.symbols, strict=True)] == expected
    rows = list(csv.DictReader(io.StringIO(saved(page, "CSV").decode())))
    assert [[int(row["sample"]), row["label"]] for row in rows] == expected
    edf = saved(page, "EDF")
    found = edfio.read_edf(io.BytesIO(edf)).annotations
    assert [[round(a.onset * RATE), a.text] for a in found] == expected
    (ours,) = open_files([("e.edf", edf)]).annotations
    assert [list(p) for p in zip(ours.positions.tolist(), ours.symbols, strict=True)] == expected


def test_edits_stay_in_their_session_and_what_cannot_be_done_is_said(
    page_phone, second_page, app_url
):
    page = page_phone
    visit(page, f"{app_url}/ecg", 60)
    open_panel(page, "Edit")
    before = counted(page)
    press_button(page, "step1", "^Edit beat")
    head = page.locator('[data-testid="stMarkdown"] p', has_text=re.compile("^Edit beat"))
    label = re.search(r": ([NSVFQ]) at", head.inner_text())[1]
    press_button(page, "class-Q", r"edited \(1\)")
    changed = {**before, label: before[label] - 1, "Q": before["Q"] + 1}
    assert counted(page) == changed
    assert "by hand" in head.inner_text()
    visit(second_page, f"{app_url}/ecg", 60)
    assert counted(second_page) == before
    page.get_by_text("snap to the extremum").click()
    page.locator('input[aria-label^="snap"]:not(:checked)').wait_for(state="attached")
    rest(page)
    page.locator(".st-key-edit-add button:visible").click()
    page.locator('[data-testid="stAlert"]', has_text="There already is a beat").wait_for()
    assert counted(page) == changed
