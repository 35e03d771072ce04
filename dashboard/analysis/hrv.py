"""Heart rate variability from N-N intervals alone, in time and in frequency.

Definitions and bands: Task Force of the European Society of Cardiology and NASPE, "Heart rate
variability: standards of measurement, physiological interpretation, and clinical use", Circulation
93:1043-1065, 1996. Computed by NeuroKit2 (Makowski et al., Behav Res Methods 53, 2021), which is
imported when first used: it takes over a second.
"""

from dataclasses import dataclass, fields
from math import nan

import numpy as np

from dashboard.analysis.intervals import Intervals

BANDS = {"VLF": (0.0033, 0.04), "LF": (0.04, 0.15), "HF": (0.15, 0.4)}  # Hz
FEWEST = 10  # intervals and pairs of intervals
TRIANGULAR_SECONDS = 20 * 60  # the Task Force's least for the triangular index
LEAST_SECONDS = 120.0  # of record for a spectrum: what LF needs by the Task Force
STRETCH = 300.0  # s at least where the record is as long: the Task Force's short-term recording
COVERED = 0.8  # of a stretch's time must be N-N intervals
WINDOW = 115.0  # s, half-overlapping inside a stretch; two fit into 80 % of 300 s
RATE = 4.0  # Hz, evenly spaced intervals


@dataclass(frozen=True)
class InTime:
    """Milliseconds, pNN50 in percent; `triangular` has no unit and is NaN under 20 minutes.

    `pnn50` counts the pairs of successive N-N intervals that differ by more than 50 ms. `sd1` and
    `sd2` are the spreads of the Poincaré plot across and along its diagonal.
    """

    mean: float
    sdnn: float
    rmssd: float
    pnn50: float
    triangular: float
    sd1: float
    sd2: float


@dataclass(frozen=True)
class Spectrum:
    """Mean power spectral density `density` (F,) in ms²/Hz at `frequencies` (F,) Hz.

    `vlf`, `lf`, `hf` and their sum `total` in ms²; `vlf` misses what is slower than a window of
    `window` s. `used` of `stretches` stretches of `stretch` s each had enough N-N intervals.
    """

    frequencies: np.ndarray
    density: np.ndarray
    vlf: float
    lf: float
    hf: float
    used: int
    stretches: int
    stretch: float
    window: float

    @property
    def total(self) -> float:
        """Power of the three bands, ms²."""
        return self.vlf + self.lf + self.hf

    @property
    def ratio(self) -> float:
        """LF / HF; NaN without HF."""
        return self.lf / self.hf if self.hf > 0 else nan


@dataclass(frozen=True)
class Missing:
    """A result there cannot be, and the sentence that says why."""

    why: str


def in_time(intervals: Intervals) -> InTime | Missing:
    """Time-domain numbers; successive differences only where two N-N intervals touch."""
    kept, pairs = intervals.kept, intervals.pairs
    if kept.sum() < FEWEST or len(pairs) < FEWEST:
        return Missing(
            f"{kept.sum()} N-N intervals, {len(pairs)} of them followed by another one: "
            f"variability needs at least {FEWEST} of each."
        )
    from neurokit2 import hrv_time

    lengths = np.where(kept, 1000 * intervals.lengths, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):  # ratios not asked for, of equal intervals
        table = hrv_time({"RRI": lengths, "RRI_Time": intervals.ends})
    row = table.iloc[0]
    long_enough = intervals.ends[-1] - intervals.ends[0] >= TRIANGULAR_SECONDS
    first, second = lengths[pairs], lengths[pairs + 1]
    return InTime(
        mean=float(row["HRV_MeanNN"]),
        sdnn=float(row["HRV_SDNN"]),
        rmssd=float(row["HRV_RMSSD"]),
        pnn50=100 * float((np.abs(second - first) > 50).mean()),
        triangular=float(row["HRV_HTI"]) if long_enough else nan,
        sd1=float(np.std((second - first) / np.sqrt(2), ddof=1)),
        sd2=float(np.std((second + first) / np.sqrt(2), ddof=1)),
    )


def spectrum(intervals: Intervals) -> Spectrum | Missing:
    """The mean spectrum of equal stretches of five minutes or a little more.

    In each, what was left out is bridged in a straight line of beats, the intervals are made even
    at 4 Hz (cubic spline: a monotone one would take a quarter off HF), the straight trend is taken
    off, and Welch's method is applied with Hann windows (of half the record where that is under
    four minutes). A stretch counts when N-N intervals fill 80 % of it.
    """
    span = float(intervals.ends[-1] - intervals.ends[0]) if len(intervals) else 0.0
    if span < LEAST_SECONDS:
        return Missing(
            f"No frequency domain: {span:.0f} s of beats, and the slow rhythm (LF, from 0.04 Hz, "
            f"25 s a wave) needs at least {LEAST_SECONDS:.0f} s."
        )
    count = max(1, int(span // STRETCH))
    stretch = span / count
    window = min(WINDOW, stretch / 2)
    found = []
    for k in range(count):
        start = intervals.ends[0] + k * stretch
        inside = intervals.kept & (intervals.ends >= start) & (intervals.ends <= start + stretch)
        if intervals.lengths[inside].sum() >= COVERED * stretch:
            found.append(_density(intervals.ends[inside], intervals.lengths[inside], window))
    if not found:
        return Missing(
            f"No frequency domain: in none of the {count} stretches of {stretch:.0f} s are "
            f"{100 * COVERED:.0f} % of the time N-N intervals."
        )
    frequencies, density = found[0][0], np.mean([power for _, power in found], axis=0)
    parts = {name.lower(): _power(frequencies, density, band) for name, band in BANDS.items()}
    return Spectrum(
        frequencies,
        density,
        **parts,
        used=len(found),
        stretches=count,
        stretch=stretch,
        window=window,
    )


def _density(ends: np.ndarray, lengths: np.ndarray, window: float) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies (F,) Hz and density (F,) ms²/Hz of one stretch."""
    from neurokit2 import intervals_process, signal_psd

    ends, lengths = bridged(ends, lengths)
    even, _, _ = intervals_process(
        1000 * lengths,
        intervals_time=ends,
        interpolate=True,
        interpolation_rate=RATE,
        detrend="polynomial",
        method="cubic",
    )
    table = signal_psd(
        even,
        sampling_rate=RATE,
        method="welch",
        window=window,
        min_frequency=0,
        max_frequency=0.5,
        normalize=False,
    )
    return table["Frequency"].to_numpy(), table["Power"].to_numpy()


def bridged(ends: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Intervals (K,), s, with evenly spaced ones put into every hole between them.

    Their lengths lie on the straight line from the interval before the hole to the one after; a
    spline alone would swing out in a hole.
    """
    holes = np.diff(ends) - lengths[1:]
    places = [ends]
    for k in np.flatnonzero(holes > 0.01):
        beats = max(1, round(holes[k] / ((lengths[k] + lengths[k + 1]) / 2)))
        places.append(ends[k] + holes[k] * np.arange(1, beats + 1) / beats)
    times = np.sort(np.concatenate(places))
    return times, np.interp(times, ends, lengths)


def _power(frequencies: np.ndarray, density: np.ndarray, band: tuple[float, float]) -> float:
    """ms² of a band; every frequency belongs to one band, so the bands add up."""
    step = frequencies[1] - frequencies[0]
    inside = (frequencies >= band[0]) & (frequencies < band[1])
    return float(density[inside].sum() * step)


def hrv_rows(
    intervals: Intervals, time: InTime | Missing, frequency: Spectrum | Missing
) -> list[tuple[str, float, str]]:
    """(name, value, unit) of everything there is, with what was left out."""
    kept = int(intervals.kept.sum())
    rows: list[tuple[str, float, str]] = [
        ("intervals", len(intervals), ""),
        ("N-N intervals", kept, ""),
        *((f"left out: {reason}", count, "") for reason, count in intervals.left_out()),
    ]
    if isinstance(time, InTime):
        units = {"pnn50": "%", "triangular": ""}
        rows += [(f.name, getattr(time, f.name), units.get(f.name, "ms")) for f in fields(InTime)]
    if isinstance(frequency, Spectrum):
        rows += [(name, getattr(frequency, name), "ms^2") for name in ("vlf", "lf", "hf", "total")]
        rows += [("lf/hf", frequency.ratio, ""), ("stretches used", frequency.used, "")]
        rows += [("stretches", frequency.stretches, ""), ("stretch", frequency.stretch, "s")]
    return rows
