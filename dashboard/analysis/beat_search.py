"""The next or previous beat of chosen classes, round the end of the record and on."""

from dataclasses import dataclass

import numpy as np

from models.records import Beats

ABNORMAL = ("S", "V", "F", "Q")


@dataclass(frozen=True)
class Found:
    """A beat by its row; `wrapped` when the search went past the end of the record."""

    beat: int
    wrapped: bool


def find_beat(
    beats: Beats, position: float, way: int, classes: tuple[str, ...] = ABNORMAL
) -> Found | None:
    """The nearest beat of `classes` after (`way` 1) or before (`way` -1) a sample position.

    A beat within half a sample of the position is the one looked at, so it is passed over. None
    where no beat is of these classes.
    """
    wanted = [k for k, name in enumerate(beats.names) if name in classes]
    rows = np.flatnonzero(np.isin(beats.labels, wanted))
    if not len(rows):
        return None
    places = np.asarray(beats.positions)[rows]
    if way > 0:
        after = int(np.searchsorted(places, position + 0.5, side="right"))
        return Found(int(rows[after % len(rows)]), after == len(rows))
    before = int(np.searchsorted(places, position - 0.5, side="left")) - 1
    return Found(int(rows[before]), before < 0)
