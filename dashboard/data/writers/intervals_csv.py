"""Intervals between beats and numbers made of them, as tables (CSV)."""

import csv
import io
from collections.abc import Iterable
from typing import Any

import numpy as np


def normal_intervals_csv(ends: np.ndarray, lengths: np.ndarray, kept: np.ndarray) -> bytes:
    """One row per N-N interval: index among all intervals, end_s, nn_ms.

    `ends` and `lengths` (K,) s, `kept` (K,) which of them are N-N.
    """
    rows = [[k, f"{ends[k]:.4f}", f"{1000 * lengths[k]:.2f}"] for k in np.flatnonzero(kept)]
    return table_csv(["interval", "end_s", "nn_ms"], rows)


def measures_csv(measures: Iterable[tuple[str, float, str]]) -> bytes:
    """One row per (name, value, unit); a value that there is not is an empty field."""
    rows = [
        [name, f"{value:.6g}" if np.isfinite(value) else "", unit] for name, value, unit in measures
    ]
    return table_csv(["measure", "value", "unit"], rows)


def table_csv(head: list[str], rows: Iterable[Iterable[Any]]) -> bytes:
    """A header line and rows, comma separated, as UTF-8."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8")
