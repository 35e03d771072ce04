"""What a list of beats says about the rhythm: RR intervals, heart rate, counts per class."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models.records import Beats

LONGEST_RR = 3.0  # s; a longer distance is a gap or a pause, not a beat-to-beat interval


@dataclass(frozen=True)
class Rhythm:
    """Beats in time.

    `times` (B,) s; `symbols` (B,) the class letter of each; `rr` (B,) s from the beat before, NaN
    for the first and across gaps; `rates` (B,) beats per minute; `counts` beats per class name;
    medians and 5 to 95 % of RR in ms, `heart_rate` in bpm, all NaN when there are fewer than two
    beats.
    """

    times: np.ndarray
    symbols: np.ndarray
    rr: np.ndarray
    rates: np.ndarray
    counts: Mapping[str, int]
    heart_rate: float
    rr_median: float
    rr_low: float
    rr_high: float


def rhythm(beats: Beats, sampling_rate: float) -> Rhythm:
    """`Rhythm` of beats whose positions are samples at `sampling_rate` Hz, in order of time."""
    times = np.asarray(beats.positions, dtype=float) / sampling_rate
    rr = np.full(len(times), np.nan)
    rr[1:] = np.diff(times)
    rr[rr > LONGEST_RR] = np.nan
    known = rr[np.isfinite(rr)]
    low, median, high = np.percentile(known, (5, 50, 95)) if known.size else (np.nan,) * 3
    return Rhythm(
        times=times,
        symbols=np.array(beats.symbols, dtype=str),
        rr=rr,
        rates=60 / rr,
        counts={name: int((beats.labels == i).sum()) for i, name in enumerate(beats.names)},
        heart_rate=60 / median,
        rr_median=1000 * median,
        rr_low=1000 * low,
        rr_high=1000 * high,
    )
