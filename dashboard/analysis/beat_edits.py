"""Beats corrected by hand: a base and a history of operations that can be undone without limit.

Positions are whole samples, sorted and unique: what an annotation file can hold.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from models.records import AAMI, Beats

SNAP_SECONDS = 0.05
AROUND_SECONDS = 0.5  # on each side: whose median a wave is measured against


class EditRefused(ValueError):
    """An operation that cannot be done on the beats as they are; the message says why."""


@dataclass(frozen=True)
class Add:
    """A new beat of class `label` at sample `position`."""

    position: int
    label: str


@dataclass(frozen=True)
class Delete:
    """Takes away the beat at sample `position`."""

    position: int


@dataclass(frozen=True)
class Move:
    """Puts the beat at sample `position` to sample `to`; its class stays."""

    position: int
    to: int


@dataclass(frozen=True)
class Relabel:
    """Gives the beat at sample `position` the class `label`."""

    position: int
    label: str


Operation = Add | Delete | Move | Relabel


@dataclass(frozen=True)
class Edits:
    """`base` with the first `done` of `operations` applied; the rest can be redone.

    `length` is that of the signal in samples. Every method returns new edits.
    """

    base: Beats
    length: int
    operations: tuple[Operation, ...] = ()
    done: int = 0

    def do(self, operation: Operation) -> "Edits":
        """These edits and one more; what had been undone is forgotten.

        Raises EditRefused where there is no such beat, where another beat already is, outside the
        signal, and for an unknown class.
        """
        _apply(self._touched.copy(), operation, self)
        return replace(
            self, operations=(*self.operations[: self.done], operation), done=self.done + 1
        )

    def undo(self) -> "Edits":
        """Without the last operation; the same where nothing is left to undo."""
        return replace(self, done=max(0, self.done - 1))

    def redo(self) -> "Edits":
        """With the operation that was undone last; the same where there is none."""
        return replace(self, done=min(len(self.operations), self.done + 1))

    def discard(self) -> "Edits":
        """The base again; every operation can still be redone."""
        return replace(self, done=0)

    @property
    def applied(self) -> tuple[Operation, ...]:
        """The operations in force, oldest first."""
        return self.operations[: self.done]

    @property
    def names(self) -> tuple[str, ...]:
        """The class letters there are."""
        return self.base.names

    @cached_property
    def beats(self) -> Beats:
        """The beats as edited: one that was touched has score 1, and probability 1 of its class."""
        kept = np.array([p not in self._touched for p in self.base.positions.tolist()], bool)
        made = {p: label for p, label in self._touched.items() if label is not None}
        labels = np.array([self.names.index(label) for label in made.values()], dtype=int)
        positions = np.concatenate([self.base.positions[kept], np.array(list(made), dtype=int)])
        order = np.argsort(positions, kind="stable")
        certain = np.eye(len(self.names), dtype=self.base.probabilities.dtype)[labels]
        return Beats(
            self.names,
            positions[order],
            np.concatenate([self.base.labels[kept], labels])[order],
            np.concatenate([self.base.scores[kept], np.ones(len(made))])[order],
            np.concatenate([self.base.probabilities[kept], certain])[order],
        )

    @cached_property
    def edited(self) -> np.ndarray:
        """(B,) bool: which of `beats` were added, moved or relabelled by hand."""
        return np.isin(self.beats.positions, list(self._touched))

    @cached_property
    def labels_before(self) -> tuple[str | None, ...]:
        """For each of `operations` the class that was at its position before it."""
        touched: dict[int, str | None] = {}
        before = []
        for operation in self.operations:
            before.append(_label_at(operation.position, touched, self.base))
            _apply(touched, operation, self)
        return tuple(before)

    def label_at(self, position: int) -> str | None:
        """The class of the beat at sample `position`, None where there is no beat."""
        return _label_at(position, self._touched, self.base)

    @cached_property
    def _touched(self) -> dict[int, str | None]:
        """What became of every sample an operation named: a class, or None for no beat."""
        touched: dict[int, str | None] = {}
        for operation in self.applied:
            _apply(touched, operation, self)
        return touched


def start(base: Beats, length: int) -> Edits:
    """Edits of `base` for a signal of `length` samples, nothing done yet.

    Positions are rounded to samples inside the signal; of beats on one sample the first stays.
    """
    rounded = np.clip(np.rint(base.positions), 0, max(length - 1, 0)).astype(np.int64)
    positions, first = np.unique(rounded, return_index=True)
    return Edits(
        replace(
            base,
            positions=positions,
            labels=np.asarray(base.labels)[first],
            scores=np.asarray(base.scores)[first],
            probabilities=np.asarray(base.probabilities)[first],
        ),
        int(length),
    )


def certain_beats(positions: np.ndarray, labels: np.ndarray) -> Beats:
    """Annotated beats (AAMI label indices) as `Beats`: score 1, probability 1 of their class."""
    labels = np.asarray(labels, dtype=int)
    return Beats(
        AAMI, np.asarray(positions), labels, np.ones(len(labels)), np.eye(len(AAMI))[labels]
    )


def nearest_beat(beats: Beats, position: float, reach: float) -> int | None:
    """Index of the beat nearest to `position`, None where none lies within `reach` samples."""
    if not len(beats):
        return None
    distance = np.abs(beats.positions - position)
    index = int(distance.argmin())
    return index if distance[index] <= reach else None


def snapped(lead: np.ndarray, position: int, sampling_rate: float) -> int:
    """The local extremum of `lead` (T,) within 50 ms of `position` that stands out most.

    It stands out from the median of half a second on each side. Without an extremum there (a
    slope, a flat stretch, a gap) the position stays.
    """
    reach = max(1, round(SNAP_SECONDS * sampling_rate))
    first, last = max(position - reach, 1), min(position + reach, len(lead) - 2)
    values = np.asarray(lead[first - 1 : last + 2], dtype=float)  # one more on each side
    if len(values) < 3:
        return position
    before, after = values[1:-1] - values[:-2], values[1:-1] - values[2:]
    turns = (before * after >= 0) & ((before != 0) | (after != 0))  # false beside a gap
    if not turns.any():
        return position
    wide = round(AROUND_SECONDS * sampling_rate)
    level = np.nanmedian(lead[max(0, position - wide) : position + wide + 1])
    height = np.where(turns, np.abs(values[1:-1] - level), -1.0)
    return first + int(height.argmax())


def _apply(touched: dict[int, str | None], operation: Operation, edits: Edits) -> None:
    """Change `touched` as one operation says; raises EditRefused and then leaves it unchanged."""
    match operation:
        case Add(position, label):
            _free(position, touched, edits)
            _known(label, edits)
            touched[position] = label
        case Delete(position):
            _present(position, touched, edits)
            touched[position] = None
        case Move(position, to):
            label = _present(position, touched, edits)
            _free(to, touched, edits)
            touched[position], touched[to] = None, label
        case Relabel(position, label):
            _present(position, touched, edits)
            _known(label, edits)
            touched[position] = label


def _label_at(position: int, touched: Mapping[int, str | None], base: Beats) -> str | None:
    if position in touched:
        return touched[position]
    index = int(np.searchsorted(base.positions, position))
    if index < len(base) and base.positions[index] == position:
        return base.names[base.labels[index]]
    return None


def _present(position: int, touched: Mapping[int, str | None], edits: Edits) -> str:
    label = _label_at(position, touched, edits.base)
    if label is None:
        raise EditRefused(f"There is no beat at sample {position}: choose one that is there.")
    return label


def _free(position: int, touched: Mapping[int, str | None], edits: Edits) -> None:
    if not 0 <= position < edits.length:
        raise EditRefused(
            f"Sample {position} lies outside the signal: expected 0 to {edits.length - 1}."
        )
    if _label_at(position, touched, edits.base) is not None:
        raise EditRefused(
            f"There already is a beat at sample {position}: relabel or move that one."
        )


def _known(label: str, edits: Edits) -> None:
    if label not in edits.names:
        raise EditRefused(f"Class {label!r} is none of {', '.join(edits.names)}: choose one.")
