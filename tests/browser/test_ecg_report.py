"""Report, Why and Agreement of the ECG workbench, as a person uses them."""

import json
import re
from pathlib import Path

import pytest

from dashboard.analysis.analyze import analyze
from dashboard.analysis.ec57 import aami_beats
from dashboard.data.builtin import builtin
from models import registry
from models.records import AAMI
from tests.browser.visit import click_figure, number, rest, visit, wait_for_place

pytestmark = pytest.mark.browser


def choose(page, word: str) -> None:
    """Press the segment of a control that is called just this, and wait until all is drawn."""
    page.get_by_role("radio", name=word, exact=True).last.click()
    page.wait_for_timeout(200)
    rest(page)


def metric(page, label: str) -> str:
    found = page.locator('[data-testid="stMetric"]', has_text=label).last
    return found.locator('[data-testid="stMetricValue"]').inner_text()


def test_a_number_of_the_report_leads_to_its_beats(page_desktop, app_url):
    page, marks = page_desktop, builtin("ecg").annotations[0]
    symbol = dict(zip(marks.positions.tolist(), marks.symbols, strict=True))
    visit(page, f"{app_url}/ecg?sample=ecg", 60)
    choose(page, "Report")
    click_figure(page, "confusion", x=AAMI.index("V"), y=AAMI.index("V"))
    first = float(wait_for_place(page, position=r"[\d.]+")["position"])
    assert symbol[round(first)] == "V"
    page.locator(".st-key-confusion-step1 button").first.click()
    second = float(wait_for_place(page, position=rf"(?!{first:g}$)[\d.]+")["position"])
    assert second > first
    assert symbol[round(second)] == "V"
    with page.expect_download() as saved:
        page.locator(".st-key-save-report button", has_text="JSON").click()
    report = json.loads(Path(saved.value.path()).read_text())
    beats = sum(sum(row) for row in report["metrics"]["confusion"][:5])
    assert beats == len(aami_beats(marks.positions, marks.symbols)[0])
    assert abs(number(metric(page, "detector offset")) - report["offset_ms"]["median"]) < 0.06


@pytest.mark.slow
def test_why_explains_the_beat_at_the_position_and_the_class_asked_for(page, app_url):
    visit(page, f"{app_url}/ecg?sample=ecg&position=5000", 60)
    choose(page, "Why")
    page.get_by_text(re.compile("beat at 0:(09|10)")).first.wait_for()
    caption = page.locator(".st-key-save-why")
    assert re.search(r"integrated gradients .*logit of [NSVFQ]", caption.inner_text())
    chart = page.locator('[class*="st-key-why-"] .js-plotly-plot').first
    named = chart.evaluate("c => c._fullLayout.annotations.map(a => a.text)")
    assert any("likeness to the record" in text for text in named)
    choose(page, "V")
    assert "logit of V" in caption.inner_text()


@pytest.mark.slow
def test_agreement_of_two_leads_leads_to_where_they_differ(page_desktop, app_url):
    page = page_desktop
    visit(page, f"{app_url}/ecg?sample=ecg", 60)
    choose(page, "Agreement")
    shown = number(metric(page, "found by both"))
    sample, spec = builtin("ecg"), registry.find("ecg-beats")
    found = len(analyze(sample, spec).prediction)
    assert 0 < shown <= found
    box = page.get_by_role("combobox", name="Second opinion")
    box.fill("annotator")
    box.press("Enter")
    page.wait_for_timeout(200)
    rest(page)
    assert number(metric(page, "Cohen's kappa")) > 0.5
    assert number(metric(page, "found by both")) <= len(sample.annotations[0])
