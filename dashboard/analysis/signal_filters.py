"""Filters of an ECG for the eye: baseline wander, mains hum and muscle noise, without delay.

Zero phase (forward and backward), so that nothing moves in time. What a network is fed never
comes from here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, floor

import numpy as np
from scipy import signal

from dashboard.data.sample import Sample

BASELINE = 0.5  # Hz; zero-phase filters may go up to 0.67 Hz (Kligfield et al., Circulation 2007)
MAINS = (50, 60)  # Hz
LOW_PASS = (40, 100, 150)  # Hz; 150 is the least for diagnosis, 40 is usual on monitors
NOTCH_QUALITY = 30  # the notch is 1/30 of its frequency wide at -3 dB
BEFORE_SECONDS = 60.0  # a longer window has no room to tell before from after
MARGIN_SECONDS = 6.0  # on either side of a window; what a baseline filter still remembers after it


@dataclass(frozen=True)
class Filters:
    """What is taken away: wander below 0.5 Hz, a mains frequency, all above `low_pass` (Hz).

    0 and False are off.
    """

    baseline: bool = False
    mains: int = 0
    low_pass: int = 0

    def __bool__(self) -> bool:
        return bool(self.baseline or self.mains or self.low_pass)

    @property
    def words(self) -> str:
        """What is done, for captions; "" for nothing."""
        parts = [f"above {BASELINE:g} Hz"] if self.baseline else []
        parts += [f"{self.mains} Hz notch"] if self.mains else []
        parts += [f"below {self.low_pass} Hz"] if self.low_pass else []
        return ", ".join(parts)

    def possible(self, sampling_rate: float) -> "Filters":
        """The filters whose frequencies this sampling rate (Hz) can hold."""
        half = 0.5 * sampling_rate
        return Filters(
            self.baseline,
            self.mains if self.mains < 0.95 * half else 0,
            self.low_pass if self.low_pass < 0.95 * half else 0,
        )


@lru_cache(maxsize=32)
def sections(filters: Filters, sampling_rate: float) -> np.ndarray:
    """Second-order sections (S, 6) of all filters in a row.

    Butterworth, second order for the baseline and fourth for the low-pass; run in both directions
    each counts twice. The notch is scipy's `iirnotch`.
    """
    design = {"fs": sampling_rate, "output": "sos"}
    rows = [np.empty((0, 6))]
    if filters.baseline:
        rows.append(signal.butter(2, BASELINE, "highpass", **design))
    if filters.mains:
        notch = signal.iirnotch(filters.mains, NOTCH_QUALITY, fs=sampling_rate)
        rows.append(signal.tf2sos(*notch))
    if filters.low_pass:
        rows.append(signal.butter(4, filters.low_pass, "lowpass", **design))
    return np.concatenate(rows)


def filtered(values: np.ndarray, sampling_rate: float, filters: Filters) -> np.ndarray:
    """`values` (C, T) through the filters the rate allows, float32, gaps (NaN) kept as gaps.

    A gap is bridged by a straight line while filtering. The ends are extended by point reflection
    (scipy's `odd`); give `MARGIN_SECONDS` beyond what is shown to keep them out of sight.
    """
    design = sections(filters.possible(sampling_rate), float(sampling_rate))
    if not len(design) or values.shape[-1] < 2:
        return np.asarray(values, np.float32)
    known = np.isfinite(values)
    bridged = np.asarray(values, dtype=float)
    if not known.all():
        bridged = np.stack([_bridged(row, at) for row, at in zip(bridged, known, strict=True)])
    pad = min(values.shape[-1] - 1, round(MARGIN_SECONDS * sampling_rate))
    out = signal.sosfiltfilt(design, bridged, padlen=pad).astype(np.float32)
    if not known.all():
        out[~known] = np.nan
    return out


def filtered_window(
    sample: Sample, channels: Sequence[int], span: tuple[float, float], filters: Filters
) -> tuple[int, np.ndarray, np.ndarray]:
    """Channels over `span` (s): index of the first value, values as recorded and as drawn (C, T).

    Filters see some seconds beyond the span, so that their ends stay out of sight.
    """
    rate, length = sample.sampling_rate, sample.shape[0]
    first = max(0, floor(span[0] * rate) - 1)
    last = min(length, ceil(span[1] * rate) + 2)
    margin = round(MARGIN_SECONDS * rate) if filters else 0
    start, end = max(0, first - margin), min(length, last + margin)
    values = np.stack([sample.values((row, slice(start, end))) for row in channels])
    drawn = filtered(values, rate, filters) if filters else values
    inner = slice(first - start, last - start)
    return first, values[:, inner], drawn[:, inner]


def _bridged(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Straight lines over the gaps of (T,); zeros where nothing is known."""
    at = np.flatnonzero(known)
    if not len(at):
        return np.zeros_like(values)
    return np.interp(np.arange(len(values)), at, values[at])
