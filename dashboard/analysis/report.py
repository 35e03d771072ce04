"""An EC57 style report: the beats of records against their annotations, as numbers and as files."""

import csv
import io
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from dashboard.analysis.agreement import named_beats, named_marks
from dashboard.analysis.bootstrap import Intervals, intervals
from dashboard.analysis.calibration import Reliability, reliability
from dashboard.analysis.ec57 import (
    NOTHING,
    WINDOW_SECONDS,
    Outcomes,
    Scores,
    flutter_episodes,
    outcomes,
)
from dashboard.data.sample import Marks, Sample
from models.records import AAMI, Beats

METHOD = (
    f"one to one within {1000 * WINDOW_SECONDS:.0f} ms, whole records, nothing scored inside "
    "ventricular flutter (ANSI/AAMI EC57)"
)
DETECTION = "beat"  # the row of finding beats, whatever their class


@dataclass(frozen=True)
class Scored:
    """One record: what became of each of its beats, and how right its probabilities were.

    `offsets` (M,) are found minus reference places of paired beats, ms; `source` says who found
    the beats, `annotator` whose beats they were scored against.
    """

    name: str
    source: str
    annotator: str
    outcomes: Outcomes
    offsets: np.ndarray
    reliability: Reliability

    @property
    def scores(self) -> Scores:
        """The record's beats, counted."""
        return self.outcomes.scores


def score_sample(
    sample: Sample,
    beats: Beats,
    marks: Marks,
    source: str = "",
    by_hand: np.ndarray | None = None,
) -> Scored:
    """Score the beats of a sample (positions in its own samples) against an annotator's.

    Beats made `by_hand` (B,) claim no probability: they do not count in the calibration.
    """
    rate = sample.sampling_rate
    flutter = flutter_episodes(marks.positions, marks.symbols, sample.shape[0])
    found = named_beats(beats)
    became = outcomes(named_marks(marks), found, rate, flutter)
    paired = became.paired
    chosen = became.index[paired]
    confidence = beats.probabilities[chosen, np.asarray(beats.labels, dtype=int)[chosen]]
    known = np.isfinite(confidence)
    if by_hand is not None:
        known &= ~by_hand[chosen]
    right = (became.rows == became.columns)[paired]
    curve = reliability(confidence[known], right[known])
    return Scored(sample.name, source, marks.name, became, became.offsets(rate), curve)


@dataclass(frozen=True)
class Report:
    """Records scored together: gross numbers pool their beats."""

    records: tuple[Scored, ...]

    @cached_property
    def scores(self) -> Scores:
        """Gross: the beats of all records in one table."""
        return sum((record.scores for record in self.records), NOTHING)

    @cached_property
    def intervals(self) -> Intervals:
        """How sure the gross rates are; over beats of one record, over records of several."""
        return intervals([record.scores for record in self.records])

    @cached_property
    def reliability(self) -> Reliability:
        """Of all paired beats: claimed probability against share rightly named."""
        first, *rest = (record.reliability for record in self.records)
        return sum(rest, first)

    @property
    def offset(self) -> tuple[float, float, float]:
        """Median, 5 and 95 % of found minus reference place, ms; NaN without paired beats."""
        return offset_of(np.concatenate([record.offsets for record in self.records]))

    @property
    def method(self) -> str:
        """How the numbers were made, on one line."""
        return f"{METHOD}; {self.intervals.method}"


def offset_of(offsets: np.ndarray) -> tuple[float, float, float]:
    """Median, 5 and 95 % of offsets (ms)."""
    if not len(offsets):
        return (float("nan"),) * 3
    return tuple(float(v) for v in np.percentile(offsets, (50, 5, 95)))


@dataclass(frozen=True)
class Row:
    """One line of the report: a class or DETECTION, with reference beats and its rates.

    Each rate is (value, low end, high end), NaN where it is undefined.
    """

    name: str
    support: int
    se: tuple[float, float, float]
    ppv: tuple[float, float, float]
    f1: tuple[float, float, float]


def report_rows(report: Report) -> list[Row]:
    """Finding beats first, then one row per class."""
    support = report.scores.confusion[: len(AAMI)].sum(axis=1)
    parts = (report.scores.rates, report.intervals.low, report.intervals.high)

    def rate(name: str, index: tuple[int, ...] = ()) -> tuple[float, float, float]:
        return tuple(float(getattr(part, name)[index]) for part in parts)

    kinds = ("se", "ppv", "f1")
    rows = [Row(DETECTION, int(support.sum()), *(rate(f"detection_{kind}") for kind in kinds))]
    for index, name in enumerate(AAMI):
        rows.append(Row(name, int(support[index]), *(rate(kind, (index,)) for kind in kinds)))
    return rows


def report_csv(report: Report) -> bytes:
    """One line per record and class, last the gross ones with their intervals; rates 0 to 1."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    rates = ("se", "ppv", "f1")
    ends = [f"{rate}{end}" for rate in rates for end in ("", "_low", "_high")]
    writer.writerow(["record", "annotator", "class", "reference_beats", *ends])
    groups = [(record.name, record.annotator, Report((record,))) for record in report.records]
    if len(report.records) > 1:
        groups.append(("gross", "", report))
    for name, annotator, part in groups:
        for row in report_rows(part):
            values = [_written(v) for rate in rates for v in getattr(row, rate)]
            writer.writerow([name, annotator, row.name, row.support, *values])
    return text.getvalue().encode("utf-8")


def report_json(report: Report) -> bytes:
    """The gross metrics as `evaluate --json` names them, with intervals, and those per record."""
    document = {
        "method": report.method,
        **_entry(report),
        "intervals": {row.name: _ends(row) for row in report_rows(report)},
        "records": [
            {
                "record": record.name,
                "found_by": record.source,
                "annotator": record.annotator,
                **_entry(Report((record,))),
            }
            for record in report.records
        ],
    }
    return json.dumps(document, indent=1, allow_nan=False).encode("utf-8")


def _entry(report: Report) -> dict[str, Any]:
    median, low, high = (_number(v) for v in report.offset)
    return {
        "metrics": report.scores.as_metrics(),
        "offset_ms": {"median": median, "p5": low, "p95": high},
        "expected_calibration_error": _number(report.reliability.error),
    }


def _ends(row: Row) -> dict[str, list[float | None]]:
    return {kind: [_number(v) for v in getattr(row, kind)[1:]] for kind in ("se", "ppv", "f1")}


def _number(value: float) -> float | None:
    return round(value, 6) if np.isfinite(value) else None


def _written(value: float) -> str:
    return f"{value:.6f}" if np.isfinite(value) else ""
