"""Going through the beats of one cell of a confusion matrix."""

import numpy as np

from dashboard.analysis.ec57 import outcomes
from dashboard.ui.ecg.cells import next_place, places_of

PLACES = np.array([100.0, 250.0, 900.0])


def walk(way: int, start: float, steps: int = 4) -> list[float]:
    seen, at = [], start
    for _ in range(steps):
        at = next_place(PLACES, at, way)
        seen.append(at)
    return seen


def test_steps_go_round_the_record_in_both_directions():
    assert walk(1, 120.0) == [250.0, 900.0, 100.0, 250.0]
    assert walk(-1, 120.0) == [100.0, 900.0, 250.0, 100.0]
    assert walk(1, 2000.0, 1) == [100.0]
    assert next_place(np.array([]), 5.0, 1) is None


def test_places_of_a_cell_are_those_of_its_beats():
    reference = (np.array([100, 300, 500]), np.array([0, 2, 0]))
    found = (np.array([101, 304, 700]), np.array([0, 0, 2]))
    became = outcomes(reference, found, 360.0)
    assert places_of(became, (2, 0)).tolist() == [300.0]  # V named N, where the reference has it
    assert places_of(became, (0, 5)).tolist() == [500.0]  # missed
    assert places_of(became, (5, 2)).tolist() == [700.0]  # extra, where it was found
