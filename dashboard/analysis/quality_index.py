"""How good a lead is, every 10 s: how alike its beats are, and three indices of its values.

Read block by block and vectorised, so a day costs little memory.
"""

from dataclasses import dataclass

import numpy as np
from scipy import signal

from dashboard.analysis.signal_quality import BLOCK, Read, blocks

QUALITY_SECONDS = 10.0
SHORTEST = 2.0  # s; a rest of a record shorter than this is not judged
LEAST_MATCH = 0.66  # mean correlation of usable beats: Orphanidou et al. 2015
LEAST_KURTOSIS = 5.0  # of an ECG without much noise: Li, Mark and Clifford 2008
GOOD, DOUBTFUL, BAD = 0, 1, 2
LEVELS = ("good", "doubtful", "bad")
USUAL_RR = (0.3, 1.5)  # s, what half a beat's width is taken from is kept inside


@dataclass(frozen=True)
class Quality:
    """Indices of every 10 s (W,), NaN where they cannot be told, and `levels` 0, 1, 2 (W,).

    `match` is the mean correlation of the beats with their average; `kurtosis` is kSQI,
    `qrs_power` pSQI (power of 5-15 Hz in that of 5-40 Hz), `baseline` basSQI (1 minus the power
    below 1 Hz in that below 40 Hz). `seconds` is the length of a window.
    """

    match: np.ndarray
    kurtosis: np.ndarray
    qrs_power: np.ndarray
    baseline: np.ndarray
    levels: np.ndarray
    seconds: float = QUALITY_SECONDS

    def __len__(self) -> int:
        return len(self.levels)


def quality(read: Read, length: int, sampling_rate: float, positions: np.ndarray) -> Quality:
    """`Quality` of a lead of `length` samples with beats at `positions` (samples, ascending).

    Template matching: Orphanidou et al., IEEE J Biomed Health Inform 19:832, 2015, without their
    rules on heart rate, which early beats would break. kSQI, pSQI and basSQI: Li, Mark and
    Clifford, Physiol Meas 29:15, 2008, and Clifford et al., Physiol Meas 33:1419, 2012. Bad is a
    match below 0.66 or none; doubtful a kSQI of 5 or less; pSQI and basSQI are for information,
    because wide beats and slow wander move them in records that read well.
    """
    match = template_match(read, length, sampling_rate, positions)
    values = value_indices(read, length, sampling_rate)
    return Quality(match, *values, levels=quality_levels(match, values[0]))


def quality_levels(match: np.ndarray, kurtosis: np.ndarray) -> np.ndarray:
    """0 good, 1 doubtful, 2 bad (W,) int8; NaN is bad."""
    levels = np.full(np.shape(match), BAD, np.int8)
    levels[match >= LEAST_MATCH] = DOUBTFUL
    levels[(match >= LEAST_MATCH) & (kurtosis > LEAST_KURTOSIS)] = GOOD
    return levels


def window_starts(length: int, sampling_rate: float) -> np.ndarray:
    """First sample of every window; the rest of the record counts from `SHORTEST` on."""
    size = max(1, round(QUALITY_SECONDS * sampling_rate))
    starts = np.arange(0, length, size)
    if len(starts) and length - starts[-1] < min(SHORTEST * sampling_rate, size):
        starts = starts[:-1]
    return starts


def template_match(
    read: Read, length: int, sampling_rate: float, positions: np.ndarray
) -> np.ndarray:
    """Mean correlation (W,) of the beats of each window with their average; NaN under two beats.

    A beat is as wide as the median RR interval, here that of the whole record. Beats cut by the
    ends of the record or by a gap are left out.
    """
    starts = window_starts(length, sampling_rate)
    out = np.full(len(starts), np.nan)
    at = np.rint(np.asarray(positions, dtype=float)).astype(np.int64)
    if len(at) < 2:
        return out
    rr = np.clip(np.median(np.diff(at)) / sampling_rate, *USUAL_RR)
    half = max(1, int(rr * sampling_rate / 2))
    size = max(1, round(QUALITY_SECONDS * sampling_rate))
    many = max(1, BLOCK // size)  # windows at once
    for first in range(0, len(starts), many):
        begin = first * size
        end = min(begin + many * size, len(starts) * size, length)
        low, high = max(0, begin - half), min(length, end + half)
        inside = at[(at >= begin) & (at < end) & (at >= half) & (at + half < length)]
        if not len(inside):
            continue
        values = np.asarray(read(low, high), dtype=float)
        beats = values[inside[:, None] - low + np.arange(-half, half)]  # (B, 2 half)
        known = ~np.isnan(beats).any(axis=1)
        window = inside[known] // size
        if known.any():
            _match_windows(beats[known], window, out)
    return out


def _match_windows(beats: np.ndarray, window: np.ndarray, out: np.ndarray) -> None:
    """Writes the mean correlation of `beats` (B, T) in each `window` (B, ascending) to `out`."""
    heads = np.flatnonzero(np.diff(window, prepend=-1))
    counts = np.diff(np.append(heads, len(window)))
    beats = beats - beats.mean(axis=1, keepdims=True)
    means = np.add.reduceat(beats, heads, axis=0) / counts[:, None]
    template = np.repeat(means, counts, axis=0)
    lengths = np.linalg.norm(beats, axis=1) * np.linalg.norm(template, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        alike = (beats * template).sum(axis=1) / lengths
    alike = np.nan_to_num(alike)  # a flat beat is like nothing
    enough = counts >= 2
    out[window[heads][enough]] = (np.add.reduceat(alike, heads) / counts)[enough]


def value_indices(read: Read, length: int, sampling_rate: float) -> np.ndarray:
    """kSQI, pSQI and basSQI (3, W) of each window; NaN where half or more is missing, or flat."""
    count = len(window_starts(length, sampling_rate))
    size = max(1, round(QUALITY_SECONDS * sampling_rate))
    at_once = max(1, BLOCK // size) * size
    parts = [np.empty((3, 0))]
    for start, end in blocks(min(length, count * size), at_once):
        values = read(start, end)
        whole = len(values) // size * size
        if whole:
            parts.append(_indices(values[:whole].reshape(-1, size), sampling_rate))
        if whole < len(values):
            parts.append(_indices(values[None, whole:], sampling_rate))
    return np.concatenate(parts, axis=1)


def _indices(windows: np.ndarray, sampling_rate: float) -> np.ndarray:
    """kSQI, pSQI and basSQI (3, W) of windows (W, T); missing values count as the mean."""
    windows = windows.astype(np.float64)
    missing = np.isnan(windows)
    unknown = missing.mean(axis=1) >= 0.5
    if missing.any():
        counts = np.maximum((~missing).sum(axis=1), 1)
        means = np.where(missing, 0, windows).sum(axis=1) / counts
        windows = np.where(missing, means[:, None], windows)
    centred = windows - windows.mean(axis=1, keepdims=True)
    squares = centred**2
    spread = squares.mean(axis=1)
    unknown |= spread <= 1e-12  # mV^2: one value all along
    frequencies, power = signal.periodogram(centred, sampling_rate, detrend=False)

    def between(low: float, high: float) -> np.ndarray:
        return power[:, (frequencies >= low) & (frequencies <= high)].sum(axis=1)

    with np.errstate(divide="ignore", invalid="ignore"):
        kurtosis = (squares**2).mean(axis=1) / spread**2
        qrs_power = between(5, 15) / between(5, 40)
        baseline = 1 - between(0, 1) / between(0, 40)
    out = np.stack([kurtosis, qrs_power, baseline])
    out[:, unknown] = np.nan
    return out
