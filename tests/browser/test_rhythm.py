"""Rhythm and shapes of the ECG page: a click on an interval or a beat goes there."""

from itertools import pairwise

import pytest

from dashboard.data.builtin import builtin
from tests.browser.visit import (
    click_figure,
    number,
    open_panel,
    place,
    rest,
    visit,
    wait_for_place,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DOTS = """([key, name]) => {
    const chart = document.querySelector(`[class*="st-key-${key}-"] .js-plotly-plot`);
    const trace = chart._fullData.findIndex(trace => trace.name === name);
    const of = values => Array.from(values);
    return [of(chart._fullData[trace].x), of(chart._fullData[trace].y), trace + 1];
}"""


def open_chart(page, app_url, name: str, chart: str) -> None:
    """The built-in ECG with a panel of the workbench."""
    visit(page, f"{app_url}/ecg?sample=ecg", 60)
    open_panel(page, name)
    page.locator(f'[class*="st-key-{chart}-"] .js-plotly-plot').first.wait_for()
    rest(page)


def beat_near(seconds: float) -> float:
    """The marked beat of the built-in ECG nearest to a time, as a sample."""
    positions = builtin("ecg").annotations[0].positions
    return float(min(positions, key=lambda position: abs(position - 500 * seconds)))


def test_clicks_on_the_tachogram_and_the_poincare_plot_go_to_the_beat(page_desktop, app_url):
    page = page_desktop
    open_chart(page, app_url, "Rhythm", "tachogram")
    assert page.get_by_text("No frequency domain").is_visible()  # the record has 60 s
    metric = page.locator('[data-testid="stMetric"]', has_text="left out")
    symbols = builtin("ecg").annotations[0].symbols
    beside = sum(a + b != "NN" for a, b in pairwise(symbols))
    value = metric.locator('[data-testid="stMetricValue"]').inner_text()
    assert number(value) == pytest.approx(beside, abs=2)  # as the network names them
    x, y, _ = page.evaluate(DOTS, ["tachogram", "V"])
    click_figure(page, "tachogram", x[2], y[2])
    wait_for_place(page, position=r"1\d{4}.*")
    assert float(place(page)["position"]) == pytest.approx(beat_near(x[2]), abs=15)
    first, second, _ = page.evaluate(DOTS, ["poincare", "pairs"])
    lowest = min(range(len(first)), key=lambda k: first[k])
    click_figure(page, "poincare", first[lowest], second[lowest])
    before = place(page)["position"]
    wait_for_place(page, position=rf"(?!{before}$).*")
    # The beat between the two intervals: the one before it is as far as the dot says.
    at = float(place(page)["position"])
    assert at - beat_near(at / 500 - first[lowest] / 1000) == pytest.approx(
        first[lowest] / 2, abs=15
    )


def test_a_click_on_a_beat_of_a_shape_goes_to_it(page_phone, app_url):
    page = page_phone
    open_chart(page, app_url, "Shapes", "shapes")
    x, y, place_of = page.evaluate(DOTS, ["shapes", "beats V"])
    peak = max((k for k in range(len(y)) if y[k] is not None and y[k] == y[k]), key=lambda k: y[k])
    axes = [f"xaxis{place_of}", f"yaxis{place_of}"] if place_of > 1 else ["xaxis", "yaxis"]
    click_figure(page, "shapes", x[peak], y[peak], *axes)
    found = wait_for_place(page, position=r"[\d.]+")
    at = float(found["position"])
    assert at == pytest.approx(beat_near(at / 500), abs=15)
    sample = builtin("ecg").annotations[0]
    assert sample.symbols[sample.positions.tolist().index(int(beat_near(at / 500)))] == "V"
