"""Beats as a table and as annotations, read back by other readers."""

import csv

import numpy as np
import wfdb

from dashboard.data.writers.beats_csv import beat_annotations, beats_csv
from models.records import Beats

BEATS = Beats(
    names=("N", "S", "V", "F", "Q"),
    positions=np.array([10.4, 370.6, 5000.0]),
    labels=np.array([0, 2, 1]),
    scores=np.array([0.99, 0.5, 0.75]),
    probabilities=np.array([[0.9, 0.1, 0, 0, 0], [0, 0, 1, 0, 0], [0.2, 0.6, 0.1, 0.1, 0]]),
)


def test_the_table_has_one_row_per_beat():
    rows = list(csv.DictReader(beats_csv(BEATS, 360).decode().splitlines()))
    assert [row["sample"] for row in rows] == ["10", "371", "5000"]
    assert [row["label"] for row in rows] == ["N", "V", "S"]
    assert [float(row["score"]) for row in rows] == [0.99, 0.5, 0.75]
    assert float(rows[1]["time_s"]) == round(370.6 / 360, 4)
    assert [float(rows[2][name]) for name in BEATS.names] == [0.2, 0.6, 0.1, 0.1, 0.0]


def test_the_annotations_are_read_back_equal(tmp_path):
    (tmp_path / "r.atr").write_bytes(beat_annotations(BEATS, 360))
    read = wfdb.rdann(str(tmp_path / "r"), "atr")
    assert read.sample.tolist() == [10, 371, 5000]
    assert read.symbol == ["N", "V", "S"]


def test_no_beats_give_a_header_and_no_marks(tmp_path):
    none = Beats(BEATS.names, np.empty(0), np.empty(0, int), np.empty(0), np.empty((0, 5)))
    assert beats_csv(none, 360).decode() == "sample,time_s,label,score,N,S,V,F,Q\n"
    (tmp_path / "r.atr").write_bytes(beat_annotations(none, 360))
    assert len(wfdb.rdann(str(tmp_path / "r"), "atr").sample) == 0
