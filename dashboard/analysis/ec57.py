"""Beat-by-beat scoring in the manner of ANSI/AAMI EC57: one-to-one matching, classes, flutter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
    def rates(self) -> "Rates":
        """The rates of the confusion, NaN where nothing could be right or wrong."""
        return rates(self.confusion)

    @property
    def detection(self) -> dict[str, float | None]:
        """Sensitivity and positive predictivity of finding beats, whatever their class."""
        found = self.rates
        return {"se": _plain(found.detection_se), "ppv": _plain(found.detection_ppv)}

    @property
    def classes(self) -> dict[str, dict[str, float | int | None]]:
        """Per class: se, ppv, f1 (None where nothing could be right or wrong) and support."""
        found, support = self.rates, self.confusion[:NOWHERE].sum(axis=1)
        return {
            name: {
                "se": _plain(found.se[index]),
                "ppv": _plain(found.ppv[index]),
                "f1": _plain(found.f1[index]),
                "support": int(support[index]),
            }
            for index, name in enumerate(AAMI)
        }

    @property
    def accuracy(self) -> float | None:
        """Rightly named beats among all scored ones, missed and extra ones included."""
        return _plain(self.rates.accuracy)

    @property
    def macro_f1_nsvf(self) -> float | None:
        """Mean F1 of those of N, S, V, F that occur in the reference or in the answer."""
        return _plain(self.rates.macro_f1_nsvf)

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


@dataclass(frozen=True)
class Rates:
    """Rates 0..1 of one confusion or of many (...): NaN where nothing could be right or wrong.

    `se`, `ppv`, `f1` (..., 5) per class; the same of finding beats whatever their class
    `detection_se`, `detection_ppv`, `detection_f1` (...); `accuracy` and `macro_f1_nsvf` (...) as
    in `Scores`.
    """

    se: np.ndarray
    ppv: np.ndarray
    f1: np.ndarray
    detection_se: np.ndarray
    detection_ppv: np.ndarray
    detection_f1: np.ndarray
    accuracy: np.ndarray
    macro_f1_nsvf: np.ndarray


def rates(confusion: np.ndarray) -> Rates:
    """The rates of confusions (..., 6, 6), all at once: rows are the reference."""
    right = np.diagonal(confusion, axis1=-2, axis2=-1)[..., :NOWHERE]  # (..., 5)
    reference = confusion[..., :NOWHERE, :].sum(axis=-1)
    named = confusion[..., :, :NOWHERE].sum(axis=-2)
    found = confusion[..., :NOWHERE, :NOWHERE].sum(axis=(-2, -1))
    f1 = _ratio(2 * right, reference + named)
    nsvf = [AAMI.index(name) for name in "NSVF"]
    present = np.isfinite(f1[..., nsvf])
    return Rates(
        se=_ratio(right, reference),
        ppv=_ratio(right, named),
        f1=f1,
        detection_se=_ratio(found, reference.sum(axis=-1)),
        detection_ppv=_ratio(found, named.sum(axis=-1)),
        detection_f1=_ratio(2 * found, (reference + named).sum(axis=-1)),
        accuracy=_ratio(right.sum(axis=-1), confusion.sum(axis=(-2, -1))),
        macro_f1_nsvf=_ratio(
            np.where(present, f1[..., nsvf], 0).sum(axis=-1), present.sum(axis=-1)
        ),
    )


@dataclass(frozen=True)
class Outcomes:
    """What became of every scored beat (E,), in order of time.

    `rows` is the class in the reference and `columns` the class it was given, NOWHERE for an
    extra or a missed one; `reference` and `found` are its places in samples, NaN where it has
    none; `index` is its place in the list of found beats, -1 for a missed one.
    """

    rows: np.ndarray
    columns: np.ndarray
    reference: np.ndarray
    found: np.ndarray
    index: np.ndarray
    flutter_seconds: float = 0.0

    @property
    def places(self) -> np.ndarray:
        """Where each beat is, in samples: in the reference, or where the extra one was found."""
        return np.where(np.isnan(self.reference), self.found, self.reference)

    @property
    def paired(self) -> np.ndarray:
        """Which beats are in both lists."""
        return (self.rows != NOWHERE) & (self.columns != NOWHERE)

    @property
    def scores(self) -> Scores:
        """Counted."""
        side = NOWHERE + 1
        counts = np.bincount(self.rows * side + self.columns, minlength=side * side)
        return Scores(counts.reshape(side, side), self.flutter_seconds)

    def offsets(self, rate: float) -> np.ndarray:
        """Found minus reference place of every paired beat, ms: the detector's own offset."""
        return 1000 / rate * (self.found - self.reference)[self.paired]


def score(
    reference: tuple[np.ndarray, np.ndarray],
    found: tuple[np.ndarray, np.ndarray],
    rate: float,
    flutter: np.ndarray | None = None,
) -> Scores:
    """Score the beats `found` against a `reference`: `outcomes`, counted."""
    return outcomes(reference, found, rate, flutter).scores


def outcomes(
    reference: tuple[np.ndarray, np.ndarray],
    found: tuple[np.ndarray, np.ndarray],
    rate: float,
    flutter: np.ndarray | None = None,
) -> Outcomes:
    """Pair the beats `found` with a `reference`, each (positions, labels) sorted by position.

    Positions in samples at `rate` Hz, labels indices into AAMI. `flutter` (E, 2) are stretches in
    samples within which neither a reference beat nor an extra detection counts.
    """
    episodes = np.zeros((0, 2)) if flutter is None else np.asarray(flutter, dtype=float)
    partner = match(reference[0], found[0], WINDOW_SECONDS * rate)
    extra = np.setdiff1d(np.arange(len(found[0])), partner)
    nowhere, nan = np.full(len(extra), NOWHERE), np.full(len(extra), np.nan)
    index = np.concatenate([partner, extra]).astype(int)
    all_found = np.append(np.asarray(found[0], dtype=float), np.nan)  # index -1: missed
    all_named = np.append(np.asarray(found[1], dtype=int), NOWHERE)
    result = Outcomes(
        rows=np.concatenate([np.asarray(reference[1], dtype=int), nowhere]),
        columns=all_named[index],
        reference=np.concatenate([np.asarray(reference[0], dtype=float), nan]),
        found=all_found[index],
        index=index,
        flutter_seconds=float((episodes[:, 1] - episodes[:, 0]).sum() / rate),
    )
    order = np.argsort(result.places, kind="stable")
    kept = order[~_inside(result.places[order], episodes)]
    per_beat = ("rows", "columns", "reference", "found", "index")
    return replace(result, **{name: getattr(result, name)[kept] for name in per_beat})


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


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """`part` / `whole`, NaN where the whole is nothing."""
    part, whole = np.asarray(part, dtype=float), np.asarray(whole, dtype=float)
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)


def _plain(rate: np.ndarray) -> float | None:
    """A rate as JSON has it: None where it is undefined."""
    return None if np.isnan(rate) else float(rate)
