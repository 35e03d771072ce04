"""Edits of beats against a slow list of (position, class) pairs kept for every step."""

import numpy as np
import pytest

from dashboard.analysis.beat_edits import (
    Add,
    Delete,
    EditRefused,
    Move,
    Relabel,
    certain_beats,
    nearest_beat,
    snapped,
    start,
)
from models.records import AAMI, Beats

LENGTH = 60  # samples: short, so that random operations meet often


def network_beats(positions, labels) -> Beats:
    count = len(positions)
    shares = np.full((count, 5), 0.1)
    shares[np.arange(count), labels] = 0.6
    return Beats(AAMI, np.array(positions, float), np.array(labels), np.full(count, 0.7), shares)


def changed_list(rows: list, operation) -> list | None:
    """The rows after one operation, by loops over the list; None where it cannot be done."""
    rows = [list(row) for row in rows]
    at = [row for row in rows if row[0] == operation.position]
    if isinstance(operation, Add):
        if at or not 0 <= operation.position < LENGTH or operation.label not in AAMI:
            return None
        rows.append([operation.position, operation.label])
    elif not at:
        return None
    elif isinstance(operation, Delete):
        rows.remove(at[0])
    elif isinstance(operation, Relabel):
        if operation.label not in AAMI:
            return None
        at[0][1] = operation.label
    else:
        taken = [row for row in rows if row[0] == operation.to]
        if taken or not 0 <= operation.to < LENGTH:
            return None
        at[0][0] = operation.to
    return sorted(rows)


def random_operation(rng: np.random.Generator):
    position, to = (int(p) for p in rng.integers(-2, LENGTH + 2, 2))
    label = str(rng.choice([*AAMI, "x"], p=[0.19] * 5 + [0.05]))
    kind = rng.integers(4)
    return (Add(position, label), Delete(position), Move(position, to), Relabel(position, label))[
        kind
    ]


def rows_of(edits) -> list:
    return [[int(p), s] for p, s in zip(edits.beats.positions, edits.beats.symbols, strict=True)]


@pytest.mark.parametrize("seed", range(20))
def test_random_operations_undo_and_redo_equal_a_list_of_all_states(seed):
    rng = np.random.default_rng(seed)
    positions = np.sort(rng.choice(LENGTH, 12, replace=False))
    edits = start(network_beats(positions, rng.integers(0, 5, 12)), LENGTH)
    states, now = [rows_of(edits)], 0  # every state so far, and which of them is shown
    for _ in range(300):
        way = rng.random()
        if way < 0.2:
            edits, now = edits.undo(), max(0, now - 1)
        elif way < 0.35:
            edits, now = edits.redo(), min(len(states) - 1, now + 1)
        elif way < 0.36:
            edits, now = edits.discard(), 0
        else:
            operation = random_operation(rng)
            expected = changed_list(states[now], operation)
            if expected is None:
                with pytest.raises(EditRefused):
                    edits.do(operation)
            else:
                edits = edits.do(operation)
                states, now = [*states[: now + 1], expected], now + 1
        assert rows_of(edits) == states[now]
        assert (np.diff(edits.beats.positions) > 0).all()
        assert len(edits.applied) == now


def test_touched_beats_are_certain_and_the_others_keep_what_the_network_said():
    edits = start(network_beats([10, 20, 30], [0, 2, 1]), LENGTH)
    edits = edits.do(Relabel(20, "S")).do(Move(30, 33)).do(Add(40, "F")).do(Delete(40))
    assert rows_of(edits) == [[10, "N"], [20, "S"], [33, "S"]]
    assert edits.labels_before == ("V", "S", None, "F")
    assert [edits.label_at(p) for p in (10, 30, 33, 40)] == ["N", None, "S", None]
    assert edits.edited.tolist() == [False, True, True]
    assert edits.beats.scores.tolist() == [0.7, 1.0, 1.0]
    assert edits.beats.probabilities[0].tolist() == [0.6, 0.1, 0.1, 0.1, 0.1]
    assert edits.beats.probabilities[1:].tolist() == [[0, 1, 0, 0, 0]] * 2


def test_everything_undone_gives_the_base_itself():
    edits = start(network_beats([10, 20], [0, 2]), LENGTH)
    again = edits.do(Delete(10)).do(Add(5, "V")).undo().undo()
    for field in ("positions", "labels", "scores", "probabilities"):
        np.testing.assert_array_equal(getattr(again.beats, field), getattr(edits.base, field))
    assert not again.edited.any()


def test_places_are_rounded_into_the_signal_and_told_apart():
    edits = start(network_beats([-0.4, 10.4, 10.45, 11.6, 70.0], [0, 1, 2, 3, 4]), LENGTH)
    assert rows_of(edits) == [[0, "N"], [10, "S"], [12, "F"], [59, "Q"]]


def test_a_new_operation_forgets_what_was_undone():
    edits = start(network_beats([10], [0]), LENGTH).do(Relabel(10, "V")).undo().do(Add(30, "S"))
    assert edits.redo() == edits
    assert edits.applied == (Add(30, "S"),)


def test_beats_can_be_made_where_there_were_none():
    edits = start(certain_beats(np.empty(0, int), np.empty(0, int)), LENGTH)
    assert nearest_beat(edits.beats, 5, 100) is None
    edits = edits.do(Add(7, "V")).do(Add(3, "N"))
    assert rows_of(edits) == [[3, "N"], [7, "V"]]
    assert nearest_beat(edits.beats, 6, 1) == 1
    assert nearest_beat(edits.beats, 20, 12) is None


def test_snapping_finds_the_peak_that_stands_out_and_leaves_slopes_and_gaps():
    lead = np.zeros(400, np.float32)
    lead[190:211] = 1 - np.abs(np.arange(-10, 11)) / 10  # a peak at 200
    lead[214] = -0.2
    assert snapped(lead, 205, 250.0) == 200
    assert snapped(-lead, 190, 250.0) == 200
    assert snapped(lead, 300, 250.0) == 300  # flat
    assert snapped(np.arange(400.0), 50, 250.0) == 50
    assert snapped(np.full(400, np.nan), 50, 250.0) == 50
    gapped = lead.copy()
    gapped[200] = np.nan  # neither beside the gap nor in it: the small one is what is left
    assert snapped(gapped, 205, 250.0) == 214
    assert [snapped(lead, p, 250.0) for p in (0, 399)] == [0, 399]
    assert snapped(np.ones(2), 1, 250.0) == 1
