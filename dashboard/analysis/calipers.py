"""Calipers on a signal: two moments, snapped to extrema if wanted, and what lies between them."""

from dataclasses import dataclass

import numpy as np
from scipy.signal import find_peaks

SNAP_SECONDS = 0.05  # how far a moment moves at most
PROMINENCE = 0.25  # of the range in reach; smaller wiggles are noise


@dataclass(frozen=True)
class Measured:
    """From one moment to another: `interval` in ms, `rate` in bpm (NaN for no interval).

    `amplitude` is the later value minus the earlier one, in the unit of the signal.
    """

    interval: float
    rate: float
    amplitude: float


def snap(values: np.ndarray, index: int, reach: int) -> int:
    """The extremum of `values` (T,) nearest to `index` within `reach` samples, else `index`.

    An extremum is a sample above (below) both its neighbours, of a plateau the middle one, that
    stands out by a quarter of the range of values in reach, so that noise does not hold it. The
    one that stands out more wins a tie. Nothing is snapped across a gap (NaN).
    """
    low, high = max(0, index - reach), min(len(values), index + reach + 1)
    near = np.asarray(values[low:high], dtype=float)
    if len(near) < 3 or not np.isfinite(near).all():
        return index
    wanted = PROMINENCE * np.ptp(near)
    if wanted == 0:
        return index
    found = []
    for turned in (near, -near):
        at, facts = find_peaks(turned, prominence=wanted, plateau_size=1)
        found += [
            (abs(place + low - index), -stands, place + low)
            for place, stands in zip(at, facts["prominences"], strict=True)
        ]
    return int(min(found)[2]) if found else index


def measured(
    first: int, second: int, levels: tuple[float, float], sampling_rate: float
) -> Measured:
    """What lies between two samples at `sampling_rate` Hz, in order, with the value at each."""
    seconds = (second - first) / sampling_rate
    return Measured(
        interval=1000 * seconds,
        rate=60 / seconds if seconds else float("nan"),
        amplitude=levels[1] - levels[0],
    )
