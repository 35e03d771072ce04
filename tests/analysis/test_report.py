"""The report against wfdb, `evaluate`'s own scores and hand counts; its files read back."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
import wfdb
from wfdb.processing import compare_annotations

from dashboard.analysis.report import (
    DETECTION,
    Report,
    report_csv,
    report_json,
    report_rows,
    score_sample,
)
from dashboard.data.sample import Marks, Sample
from dashboard.recipes.beat_records import read_record, score_record
from models import registry
from models.records import AAMI, Beats

BEAT_CODES = "NLRBejAaJSnVErF/fQ?"


def sample_of(marks: Marks, length: int = 60_000, name: str = "made up") -> Sample:
    """A flat lead at 100 Hz with an annotator."""
    return Sample(
        array=np.zeros((1, length), np.float32),
        name=name,
        modality="ecg",
        channels=("II",),
        units=("mV",),
        axis_unit="s",
        sampling_rate=100.0,
        annotations=(marks,),
    )


def beats_at(positions: list[float], letters: str, confidence: float = 0.8) -> Beats:
    labels = np.array([AAMI.index(letter) for letter in letters], dtype=int)
    probabilities = np.full((len(labels), 5), (1 - confidence) / 4)
    probabilities[np.arange(len(labels)), labels] = confidence
    return Beats(AAMI, np.array(positions), labels, np.ones(len(labels)), probabilities)


def made_up() -> Report:
    """Four reference beats and flutter: N right, V called N, S missed; one extra V."""
    marks = Marks("atr", np.array([100, 200, 300, 400, 1000, 1500]), ("N", "V", "A", "+", "[", "]"))
    beats = beats_at([101.6, 203.0, 330.0, 1200.0], "NNVV")
    return Report((score_sample(sample_of(marks), beats, marks, "net · II"),))


def test_report_of_a_case_counted_by_hand():
    report = made_up()
    rows = {row.name: row for row in report_rows(report)}
    assert rows[DETECTION].support == 3
    assert rows[DETECTION].se[0] == pytest.approx(2 / 3)
    assert rows[DETECTION].ppv[0] == pytest.approx(2 / 3)
    assert rows["N"].ppv[0] == pytest.approx(1 / 2)
    assert np.isnan(rows["F"].f1[0])
    assert report.offset == pytest.approx((25.0, 20.5, 29.5))  # 20 and 30 ms: whole samples
    assert report.scores.flutter_seconds == 5.0
    # Both paired beats claim 0.8, one of them rightly.
    assert report.reliability.error == pytest.approx(0.3)
    for row in rows.values():
        for value, low, high in (row.se, row.ppv, row.f1):
            assert np.isnan(value) or low <= value <= high


def test_beats_made_by_hand_do_not_count_in_the_calibration():
    marks = Marks("atr", np.array([100, 200]), ("N", "N"))
    beats = beats_at([100.0, 200.0], "NV")
    by_hand = np.array([False, True])
    scored = score_sample(sample_of(marks), beats, marks, by_hand=by_hand)
    assert scored.reliability.counts.sum() == 1
    assert scored.reliability.error == pytest.approx(0.2)
    assert scored.scores.confusion[0, 2] == 1  # it is scored all the same


def test_files_of_a_report_read_back():
    one = made_up()
    other = replace(one.records[0], name="other")
    report = Report((one.records[0], other))
    document = json.loads(report_json(report))
    assert document["metrics"]["confusion"] == (2 * one.scores.confusion).tolist()
    assert [r["record"] for r in document["records"]] == ["made up", "other"]
    assert document["records"][0]["offset_ms"]["median"] == 25.0
    assert "over records, 1000 times" in document["method"]
    lines = list(csv.DictReader(io.StringIO(report_csv(report).decode())))
    assert len(lines) == 3 * 6
    gross = {line["class"]: line for line in lines if line["record"] == "gross"}
    assert int(gross["N"]["reference_beats"]) == 2
    assert float(gross["N"]["ppv"]) == 0.5
    assert gross["F"]["f1"] == ""


def test_record_without_any_found_beat_has_a_report():
    marks = Marks("atr", np.array([100, 200]), ("N", "N"))
    report = Report((score_sample(sample_of(marks), beats_at([], ""), marks),))
    assert report.scores.detection == {"se": 0.0, "ppv": None}
    assert np.isnan(report.offset).all()
    assert json.loads(report_json(report))["expected_calibration_error"] is None


@pytest.mark.parametrize("name", ["208", "119"])
def test_report_of_a_real_record_equals_wfdb_and_evaluate(data_dir, name):
    header = data_dir / "mitdb" / f"{name}.hea"
    if not header.is_file():
        pytest.skip(f"no record {name}")
    sample, spec = read_record(header), registry.find("ecg-beats")
    theirs, beats = score_record(registry.load("ecg-beats"), spec, sample)
    report = Report((score_sample(sample, beats, sample.annotations[0]),))
    np.testing.assert_array_equal(report.scores.confusion, theirs.scores.confusion)
    marks = wfdb.rdann(str(header.with_suffix("")), "atr")
    reference = np.array(
        [p for p, s in zip(marks.sample, marks.symbol, strict=True) if s in BEAT_CODES]
    )
    compared = compare_annotations(reference, beats.positions, 55)  # its edge is excluded
    row = report_rows(report)[0]
    assert row.se[0] == pytest.approx(compared.sensitivity)
    assert row.ppv[0] == pytest.approx(compared.positive_predictivity)
    confusion = report.scores.confusion
    assert (confusion[:5, 5].sum(), confusion[5, :5].sum()) == (compared.fn, compared.fp)
