"""WFDB records with reference beats: found in a folder, fed for training, scored and written."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from dashboard.analysis import ec57
from dashboard.analysis.analyze import analyze, ecg_channel
from dashboard.analysis.calibration import Reliability, reliability
from dashboard.data.prepare import prepare
from dashboard.data.readers import open_files
from dashboard.data.sample import Marks, Sample
from dashboard.recipes.recipe import UnsuitableData
from models.records import Beats
from models.spec import ModelSpec
from models.training.beats import BeatRecord
from models.typical_beat import typical_beat

PACED = frozenset({"102", "104", "107", "217"})  # MIT-BIH records with a pacemaker: EC57 drops them

MIXTURES = 3  # views of a record for training beside its own leads


def record_files(data: Path, *, paced: bool, split: str | None = None) -> list[Path]:
    """Headers of the records with reference beats, sorted by name.

    `split` names a text file of record names in `data`; without it `test.txt` where there is one,
    else every record. Raises UnsuitableData.
    """
    listed = data / f"{split or 'test'}.txt"
    if split and not listed.is_file():
        raise UnsuitableData(f"got split {split!r}, expected a list of records {listed}")
    wanted = set(listed.read_text().split()) if listed.is_file() else None
    found = [
        path
        for path in sorted(data.glob("*.hea"))
        if path.with_suffix(".atr").is_file()
        and (paced or path.stem not in PACED)
        and (wanted is None or path.stem in wanted)
    ]
    if not found:
        raise UnsuitableData(
            f"got {data}, expected WFDB records with reference beats: NAME.hea, NAME.dat, NAME.atr"
        )
    return found


def read_record(header: Path) -> Sample:
    """The record of a header, named by its file, with its annotations."""
    return replace(open_files([header]), name=header.stem)


def reference_of(sample: Sample) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions and AAMI labels of the reference beats, and stretches of flutter, in samples."""
    marks = _reference_marks(sample)
    positions, labels = ec57.aami_beats(marks.positions, marks.symbols)
    flutter = ec57.flutter_episodes(marks.positions, marks.symbols, sample.shape[0])
    return positions, labels, flutter


def _reference_marks(sample: Sample) -> Marks:
    """The annotator "atr", else the first one there is. Raises UnsuitableData."""
    for marks in sorted(sample.annotations, key=lambda m: m.name != "atr"):
        return marks
    raise UnsuitableData(f"got record {sample.name} without annotations, expected an .atr file")


def training_record(sample: Sample, spec: ModelSpec) -> BeatRecord:
    """Every lead as the network is fed it, the analysed one first, with its reference beats."""
    analysed = ecg_channel(sample)
    order = [analysed, *(c for c in range(len(sample.channels)) if c != analysed)]
    fed = [prepare(sample, spec.input, channel=channel) for channel in order]
    positions, labels, flutter = reference_of(sample)
    leads = _with_mixtures(np.stack([one.array[0, : one.valid[0]] for one in fed]))
    templates = np.stack([typical_beat(lead, spec.input.sampling_rate) for lead in leads])
    place = fed[0].index_in_input(positions[:, None])[:, 0]
    excluded = fed[0].index_in_input(flutter.reshape(-1, 1)).reshape(-1, 2)
    return BeatRecord(sample.name, leads, templates, place, labels, excluded)


def _with_mixtures(leads: np.ndarray) -> np.ndarray:
    """The leads (L, T) and random mixtures of them: views from other angles, always the same."""
    if len(leads) < 2:
        return leads
    weights = np.random.default_rng(leads.shape[1]).normal(size=(MIXTURES, len(leads)))
    weights /= np.abs(weights).sum(axis=1, keepdims=True)
    return np.concatenate([leads, (weights @ leads).astype(np.float32)])


@dataclass(frozen=True)
class Scored:
    """Beats found in records and what became of them; adding pools records: gross statistics.

    `reliability` is of the beats that have a partner in the reference.
    """

    scores: ec57.Scores
    reliability: Reliability

    def __add__(self, other: "Scored") -> "Scored":
        return Scored(self.scores + other.scores, self.reliability + other.reliability)

    def as_metrics(self) -> dict[str, Any]:
        """The numbers as `evaluate --json` prints them."""
        curve = self.reliability
        calibration = {
            "expected_calibration_error": curve.error if curve.counts.sum() else None,
            "beats": [int(count) for count in curve.counts],
            "right": [int(right) for right in curve.right],
            "claimed": [round(float(claimed), 3) for claimed in curve.confidence],
        }
        return self.scores.as_metrics() | {"calibration": calibration}


def score_record(net: nn.Module, spec: ModelSpec, sample: Sample) -> tuple[Scored, Beats]:
    """Find and name the beats of a record's analysed lead and score them; whole sample places."""
    beats = analyze(sample, spec, net=net).prediction
    beats = replace(beats, positions=np.rint(beats.positions).astype(np.int64))
    positions, labels, flutter = reference_of(sample)
    found = (beats.positions, beats.labels)
    became = ec57.outcomes((positions, labels), found, sample.sampling_rate, flutter)
    confidence = beats.probabilities[became.index[became.paired]].max(axis=1, initial=0)
    right = became.rows[became.paired] == became.columns[became.paired]
    return Scored(became.scores, reliability(confidence, right)), beats


def pooled(scored: Iterable[Scored]) -> Scored:
    """The beats of every record in one table."""
    return sum(scored, Scored(ec57.NOTHING, reliability(np.zeros(0), np.zeros(0))))


def write_predictions(path: Path, beats: Beats) -> None:
    """What was scored, one beat a line: sample, label, score."""
    rows = zip(beats.positions, beats.symbols, beats.scores, strict=True)
    lines = [f"{position},{symbol},{score:.6f}" for position, symbol, score in rows]
    path.write_text("\n".join(["sample,label,score", *lines]) + "\n")
