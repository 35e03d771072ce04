"""Beats as a table (CSV), as a WFDB annotation file and as an EDF+ file."""

import csv
import io

import numpy as np

from dashboard.data.sample import Marks, Sample
from dashboard.data.writers.edf_file import edf_bytes
from dashboard.data.writers.wfdb_files import annotation_bytes
from models.records import Beats


def beats_csv(beats: Beats, sampling_rate: float) -> bytes:
    """One row per beat: sample, time_s, label, score and the probability of every class.

    `beats.positions` are in the file's own samples at `sampling_rate` Hz; `sample` is the nearest.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["sample", "time_s", "label", "score", *beats.names])
    rows = zip(beats.positions, beats.symbols, beats.scores, beats.probabilities, strict=True)
    for position, symbol, score, probabilities in rows:
        shares = [f"{p:.4f}" for p in probabilities]
        time = f"{position / sampling_rate:.4f}"
        writer.writerow([round(float(position)), time, symbol, f"{score:.4f}", *shares])
    return text.getvalue().encode("utf-8")


def beat_marks(beats: Beats, name: str = "beats") -> Marks:
    """The beats as marks of annotator `name`; the AAMI letters are WFDB symbols themselves."""
    positions = np.rint(np.asarray(beats.positions, dtype=float)).astype(np.int64)
    return Marks(name, positions, tuple(beats.symbols))


def beat_annotations(beats: Beats, sampling_rate: float) -> bytes:
    """The beats as the bytes of a WFDB annotation file (.atr)."""
    return annotation_bytes(beat_marks(beats), sampling_rate)


def beats_edf(beats: Beats, sample: Sample, lead: int) -> bytes:
    """The beats of a signal as EDF+ annotations, with the signal where it is not too long."""
    return edf_bytes(sample, beat_marks(beats), lead)
