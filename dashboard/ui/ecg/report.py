"""The report: beats against the file's annotations, for this record and for all loaded ones."""

import numpy as np
import streamlit as st

from dashboard.analysis.reference import annotators
from dashboard.analysis.report import (
    DETECTION,
    Report,
    Scored,
    offset_of,
    report_csv,
    report_json,
    report_rows,
    score_sample,
)
from dashboard.figures.reliability import reliability_curve
from dashboard.ui import cache, panels, state
from dashboard.ui.answers import MARKS
from dashboard.ui.ecg import edited
from dashboard.ui.ecg.cells import show_cells
from dashboard.ui.ecg.heart import Heart
from dashboard.ui.words import literal, signed, thousands

DASH = "\u2060–\u2060"  # an interval is not broken over two lines
ALONE, ALL = "this record", "all loaded records"


def show_report(heart: Heart) -> None:
    """Confusion, rates with intervals, the detector's offset, and calibration."""
    named = annotators(heart.sample)
    if not named:
        panels.head("Report", "beats against the annotations of their file")
        st.markdown(
            ":gray[This record has no reference beats to compare with. Load it together with its "
            "annotation file (.atr), or add beats under an annotator.]"
        )
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        panels.head("Report", "beats against the annotations of their file, after EC57")
        st.space("stretch")
        marks = named[0]
        if len(named) > 1:
            names = [m.name for m in named]
            chosen = st.segmented_control(
                "Annotator", names, default=names[0], required=True, key="report-annotator"
            )
            marks = named[names.index(chosen if chosen in names else names[0])]
        others = _other_records(heart)
        scope = ALONE
        if others:
            scope = st.segmented_control(
                "Records",
                [ALONE, ALL],
                default=ALONE,
                required=True,
                key="report-scope",
                label_visibility="collapsed",
            )
    by_hand = edited.not_the_networks(heart.key, heart.edits) if heart.edits else None
    own = score_sample(heart.sample, heart.beats, marks, heart.source, by_hand)
    report = Report((own, *(_other(other) for other in others)) if scope == ALL else (own,))
    _show(heart, own, report)


def _other_records(heart: Heart) -> list[tuple[str, str, int]]:
    """The other ECGs of this session that have reference beats: digest, network, lead."""
    found = []
    for upload in state.uploads():
        if upload.kind != "ecg" or upload.digest == heart.sample.digest:
            continue
        if annotators(state.sample(upload.digest)):
            lead = cache.default_lead(upload.digest)
            found.append((upload.digest, heart.answer.spec.name, lead))
    return found


def _other(key: edited.Key) -> Scored:
    """Another record against its first annotator: its beats as they were edited, if they were."""
    edits = edited.in_force(key)
    if edits is None:
        return _scored(*key)
    sample = state.by_digest(key[0])
    marks = annotators(sample)[0]
    source = f"{key[1]} · {sample.channels[key[2]]}, edited"
    by_hand = edited.not_the_networks(key, edits)
    return score_sample(sample, edits.beats, marks, source, by_hand)


@cache.remembered(most=64)
def _scored(digest: str, model: str, lead: int) -> Scored:
    """Another record as the network finds its beats, against its first annotator."""
    answer = cache.answer(digest, model, lead, None)
    sample = answer.sample
    source = f"{model} · {sample.channels[lead]}"
    return score_sample(sample, answer.prediction, annotators(sample)[0], source)


def _show(heart: Heart, own: Scored, report: Report) -> None:
    many = len(report.records) > 1
    matrix, table, curve = st.columns([1.05, 1.45, 0.8], gap="medium")
    with matrix.container(gap="xsmall"):
        gross = report.scores.confusion if many else None
        show_cells(heart, own.outcomes, "confusion", ("reference", "found"), gross)
    with table.container(gap="xsmall"):
        _show_rates(report)
        if many:
            _show_records(report)
    with curve.container(gap="xsmall"):
        _show_offset(report)
        _show_reliability(heart, report)
    files = (
        panels.Download("CSV", "report.csv", "text/csv", lambda: report_csv(report)),
        panels.Download("JSON", "report.json", "application/json", lambda: report_json(report)),
    )
    flutter = report.scores.flutter_seconds
    rest = f" · {flutter:.1f} s of flutter left out" if flutter else ""
    what = f"gross over {len(report.records)} records" if many else literal(heart.sample.name)
    who = f"annotator {literal(own.annotator)}"
    panels.caption(f"{what} · {who} · {heart.source} · {report.method}{rest}", "report", files)


def _show_rates(report: Report) -> None:
    """Finding beats, then each class: percent with its interval."""
    rows = []
    for row in report_rows(report):
        mark = "any beat" if row.name == DETECTION else f"{MARKS[row.name]} {row.name}"
        rates = {"Se %": row.se, "+P %": row.ppv, "F1 %": row.f1}
        shown = {name: _percent(rate) for name, rate in rates.items()}
        rows.append({"": mark, "beats": thousands(row.support), **shown})
    st.table(rows, border="horizontal", hide_index=True)


def _percent(rate: tuple[float, float, float]) -> str:
    """99.86 with its interval behind it in quiet ink; a dash where it is undefined.

    Where no resample differs (0 of 2 beats) the interval would only look sure: it is left out.
    """
    value, low, high = (100 * part for part in rate)
    if np.isnan(value):
        return ":gray[–]"
    ends = "" if np.isnan(low) or low == high else f" :gray[:small[{low:.1f}{DASH}{high:.1f}]]"
    return f"{value:.2f}{ends}"


def _show_offset(report: Report) -> None:
    median, low, high = report.offset
    text = "–" if np.isnan(median) else f"{signed(median, 1)} ms"
    st.metric("detector offset, median", text, help="Found minus reference place of paired beats.")
    if not np.isnan(median):
        st.markdown(f":gray[:small[5 to 95 %: {signed(low, 1)} to {signed(high, 1)} ms]]")


def _show_reliability(heart: Heart, report: Report) -> None:
    curve = report.reliability
    error = "–" if np.isnan(curve.error) else f"{100 * curve.error:.1f} %"
    st.markdown(f"**Calibration** :gray[expected error {error}]")
    figure = reliability_curve(
        curve.edges, curve.accuracies, curve.claimed, curve.counts, theme=heart.theme
    )
    panels.chart(figure, "reliability", heart.theme, f"Expected calibration error {error}.")


def _show_records(report: Report) -> None:
    """One line per record: detection, V and S, offset."""
    rows = []
    for record in report.records:
        rates, (median, _, _) = record.scores.rates, offset_of(record.offsets)
        parts = {
            "beats": int(record.scores.confusion[:-1].sum()),
            "Se %": 100 * rates.detection_se,
            "+P %": 100 * rates.detection_ppv,
            "V F1 %": 100 * rates.f1[2],
            "S F1 %": 100 * rates.f1[1],
            "offset ms": median,
        }
        plain = {name: None if np.isnan(v) else round(float(v), 2) for name, v in parts.items()}
        rows.append({"record": record.name, **plain})
    st.dataframe(rows, hide_index=True)
