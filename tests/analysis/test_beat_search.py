"""From one abnormal beat to the next and round the end."""

import numpy as np
import pytest

from dashboard.analysis.beat_search import Found, find_beat
from models.records import AAMI, Beats


def beats(letters, positions):
    labels = np.array([AAMI.index(letter) for letter in letters])
    count = len(labels)
    return Beats(AAMI, np.array(positions, float), labels, np.ones(count), np.eye(5)[labels])


GIVEN = beats("NSNVN", [100, 200, 300, 400, 500])


@pytest.mark.parametrize(
    ("position", "way", "found"),
    [
        (0, 1, Found(1, False)),
        (200, 1, Found(3, False)),  # the one looked at is passed over
        (400, 1, Found(1, True)),
        (400, -1, Found(1, False)),
        (250, -1, Found(1, False)),
        (200, -1, Found(3, True)),
        (199.6, 1, Found(3, False)),  # half a sample is the same beat
    ],
)
def test_steps_by_hand(position, way, found):
    assert find_beat(GIVEN, position, way) == found


def test_only_beats_of_the_classes_chosen_are_found():
    assert find_beat(GIVEN, 0, 1, ("V",)) == Found(3, False)
    assert find_beat(GIVEN, 0, 1, ("F",)) is None


def test_stepping_on_visits_every_abnormal_beat_once_then_wraps():
    rng = np.random.default_rng(0)
    letters = rng.choice(list("NNNSVFQ"), 200)
    given = beats(letters, np.sort(rng.choice(100_000, 200, replace=False)))
    wanted = [k for k, letter in enumerate(letters) if letter != "N"]
    at, seen = -1.0, []
    while True:
        found = find_beat(given, at, 1)
        if found.wrapped:
            break
        seen.append(found.beat)
        at = given.positions[found.beat]
    assert seen == wanted
    assert found.beat == wanted[0]
