"""Beat-by-beat scoring in the manner of ANSI/AAMI EC57: one-to-one matching, classes, flutter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.records import AAMI

WINDOW_SECONDS = 0.15  # EC57: how far a detection may lie from the beat it stands for
NOWHERE = len(AAMI)  # row and column of the confusion for a missed or an extra beat

# WFDB beat codes to AAMI classes; every other code marks something that is no beat.
AAMI_OF: Mapping[str, str] = {
    code: name
    for name, codes in {"N": "NLRBej", "S": "AaJSn", "V": "VEr", "F": "F", "Q": "/fQ?"}.items()
    for code in codes
}


@dataclass(frozen=True)
class Scores:
    """What became of every scored beat: `confusion` (6, 6) int, rows the reference.

    Classes N S V F Q and, last, missed (column) or extra (row). `flutter_seconds` were not
    scored. Adding two scores pools their beats: gross statistics.
    """

    confusion: np.ndarray
    flutter_seconds: float = 0.0

    def __add__(self, other: "Scores") -> "Scores":
        return Scores(
            self.confusion + other.confusion, self.flutter_seconds + other.flutter_seconds
        )

    @property
    def detection(self) -> dict[str, float | None]:
        """Sensitivity and positive predictivity of finding beats, whatever their class."""
        found = self.confusion[:NOWHERE, :NOWHERE].sum()
        return {
            "se": _ratio(found, self.confusion[:NOWHERE].sum()),
            "ppv": _ratio(found, self.confusion[:, :NOWHERE].sum()),
        }

    @property
    def classes(self) -> dict[str, dict[str, float | int | None]]:
        """Per class: se, ppv, f1 (None where nothing could be right or wrong) and support."""
        table = {}
        for index, name in enumerate(AAMI):
            right = self.confusion[index, index]
            reference, named = self.confusion[index].sum(), self.confusion[:, index].sum()
            table[name] = {
                "se": _ratio(right, reference),
                "ppv": _ratio(right, named),
                "f1": _ratio(2 * right, reference + named),
                "support": int(reference),
            }
        return table

    @property
    def accuracy(self) -> float | None:
        """Rightly named beats among all scored ones, missed and extra ones included."""
        return _ratio(np.trace(self.confusion[:NOWHERE, :NOWHERE]), self.confusion.sum())

    @property
    def macro_f1_nsvf(self) -> float | None:
        """Mean F1 of those of N, S, V, F that occur in the reference or in the answer."""
        scores = [self.classes[name]["f1"] for name in "NSVF"]
        present = [score for score in scores if score is not None]
        return float(np.mean(present)) if present else None

    def as_metrics(self) -> dict[str, Any]:
        """The numbers as `evaluate --json` prints them."""
        return {
            "detection": self.detection,
            "classes": self.classes,
            "accuracy": self.accuracy,
            "macro_f1_nsvf": self.macro_f1_nsvf,
            "confusion": self.confusion.tolist(),
            "flutter_seconds": round(self.flutter_seconds, 3),
        }


NOTHING = Scores(np.zeros((NOWHERE + 1, NOWHERE + 1), dtype=int))


def score(
    reference: tuple[np.ndarray, np.ndarray],
    found: tuple[np.ndarray, np.ndarray],
    rate: float,
    flutter: np.ndarray | None = None,
) -> Scores:
    """Score the beats `found` against a `reference`, each (positions, labels) sorted by position.

    Positions in samples at `rate` Hz, labels indices into AAMI. `flutter` (E, 2) are stretches in
    samples within which neither a reference beat nor an extra detection counts.
    """
    episodes = np.zeros((0, 2)) if flutter is None else np.asarray(flutter, dtype=float)
    partner = match(reference[0], found[0], WINDOW_SECONDS * rate)
    confusion = NOTHING.confusion.copy()
    counted = ~_inside(reference[0], episodes)
    column = np.full(len(partner), NOWHERE)
    column[partner >= 0] = np.asarray(found[1], dtype=int)[partner[partner >= 0]]
    np.add.at(confusion, (np.asarray(reference[1], dtype=int)[counted], column[counted]), 1)
    extra = np.ones(len(found[0]), dtype=bool)
    extra[partner[partner >= 0]] = False
    extra &= ~_inside(found[0], episodes)
    np.add.at(confusion, (NOWHERE, np.asarray(found[1], dtype=int)[extra]), 1)
    return Scores(confusion, float((episodes[:, 1] - episodes[:, 0]).sum() / rate))


def match(reference: np.ndarray, found: np.ndarray, window: float) -> np.ndarray:
    """For each of the sorted `reference` positions the index of its partner in `found`, or -1.

    One to one, the nearest pairs first (the earlier ones on a tie), no pair further apart than
    `window`, which is in the unit of the positions.
    """
    reference, found = np.asarray(reference, dtype=float), np.asarray(found, dtype=float)
    first = np.searchsorted(found, reference - window, side="left")
    count = np.searchsorted(found, reference + window, side="right") - first
    left = np.repeat(np.arange(len(reference)), count)
    right = np.arange(len(left)) - np.repeat(np.cumsum(count) - count, count)
    right += np.repeat(first, count)
    partner = np.full(len(reference), -1)
    taken = np.zeros(len(found), dtype=bool)
    for pair in np.argsort(np.abs(reference[left] - found[right]), kind="stable"):
        if partner[left[pair]] < 0 and not taken[right[pair]]:
            partner[left[pair]] = right[pair]
            taken[right[pair]] = True
    return partner


def aami_beats(positions: np.ndarray, symbols: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The beats among WFDB annotations: (positions, indices into AAMI), other marks left out."""
    labels = np.array([AAMI.index(AAMI_OF[s]) if s in AAMI_OF else -1 for s in symbols], dtype=int)
    return np.asarray(positions)[labels >= 0], labels[labels >= 0]


def flutter_episodes(positions: np.ndarray, symbols: Sequence[str], length: int) -> np.ndarray:
    """Stretches (E, 2) between the marks [ and ]; one that is not closed lasts to `length`."""
    episodes, start = [], None
    for position, symbol in zip(positions, symbols, strict=True):
        if symbol == "[" and start is None:
            start = position
        elif symbol == "]" and start is not None:
            episodes.append((start, position))
            start = None
    if start is not None:
        episodes.append((start, length))
    return np.array(episodes, dtype=float).reshape(-1, 2)


def _inside(positions: np.ndarray, episodes: np.ndarray) -> np.ndarray:
    """Which positions lie within an episode, its ends included."""
    places = np.asarray(positions, dtype=float)[:, None]
    return ((places >= episodes[:, 0]) & (places <= episodes[:, 1])).any(axis=1)


def _ratio(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None
