"""How sure the rates of a confusion are: percentile intervals of the bootstrap, all at once.

Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapters 6 and 13. Beats of one
record are not independent, so that its interval is too narrow for other hours of the same heart
and says nothing of other hearts; with several records whole records are drawn, as one draws
patients (the cluster bootstrap, Field and Welsh, J. R. Stat. Soc. B 69:369, 2007).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from dashboard.analysis.ec57 import Rates, Scores, rates

TIMES = 1000  # resamples
LEVEL = 0.95
FEWEST_RECORDS = 2  # from here on records are drawn, not beats


@dataclass(frozen=True)
class Intervals:
    """The ends of each rate's interval; `drawn` says what was drawn: "beats" or "records"."""

    low: Rates
    high: Rates
    drawn: str
    times: int

    @property
    def method(self) -> str:
        """One line for captions."""
        return f"{LEVEL:.0%} intervals: percentile bootstrap over {self.drawn}, {self.times} times"


def intervals(scores: Sequence[Scores], *, times: int = TIMES, seed: int = 0) -> Intervals:
    """Percentile intervals of the gross rates of records: over their beats if there is one record.

    A resample in which a rate is undefined does not count for it; NaN where none defines it.
    Raises ValueError without records.
    """
    if not scores:
        raise ValueError("got no scores, expected those of at least one record")
    random = np.random.default_rng(seed)
    by_record = np.stack([one.confusion for one in scores])  # (R, 6, 6)
    many = len(scores) >= FEWEST_RECORDS
    drawn = (
        _draw_records(by_record, times, random) if many else _draw_beats(by_record, times, random)
    )
    resampled = rates(drawn)
    ends = {f.name: _ends(getattr(resampled, f.name)) for f in fields(Rates)}
    low, high = (Rates(**{name: end[k] for name, end in ends.items()}) for k in (0, 1))
    return Intervals(low, high, "records" if many else "beats", times)


def _draw_beats(by_record: np.ndarray, times: int, random: np.random.Generator) -> np.ndarray:
    """Confusions (B, 6, 6) of as many beats drawn with replacement: a multinomial draw of cells."""
    cells = by_record.sum(axis=0).ravel()
    count = int(cells.sum())
    shares = cells / count if count else np.full(len(cells), 1 / len(cells))
    return random.multinomial(count, shares, size=times).reshape(times, *by_record.shape[1:])


def _draw_records(by_record: np.ndarray, times: int, random: np.random.Generator) -> np.ndarray:
    """Gross confusions (B, 6, 6) of as many whole records drawn with replacement."""
    count = len(by_record)
    weights = random.multinomial(count, np.full(count, 1 / count), size=times)  # (B, R)
    return np.tensordot(weights, by_record, axes=1)


def _ends(values: np.ndarray) -> np.ndarray:
    """Low and high end (2, ...) over the resamples (B, ...); NaN where no resample has a value."""
    tail = 50 * (1 - LEVEL)
    ends = np.full((2, *values.shape[1:]), np.nan)
    defined = np.isfinite(values).any(axis=0)
    ends[:, defined] = np.nanpercentile(values[:, defined], (tail, 100 - tail), axis=0)
    return ends
