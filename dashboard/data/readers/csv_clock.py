"""Sampling rate and gaps from a table's time column."""

import re
from dataclasses import dataclass

import numpy as np

# Rates an ECG is recorded at, Hz: what decides between seconds, milliseconds and microseconds.
LOWEST_RATE, HIGHEST_RATE = 30.0, 25_000.0
SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
# A step this much longer than the usual one is a gap and not jitter.
GAP_STEPS = 1.6
MOST_GAP_SHARE = 20
_TIME_NAME = re.compile(r"(elapsed.*|time.*|.*[ _]time|timestamp.*|t|sec|secs|seconds?|ms|date.*)")
_INDEX_NAME = re.compile(r"(sample.*|index|idx|#|n|no|nr|row|unnamed.*|)")
_UNIT_WORDS = (
    (re.compile(r"(^|[^a-z])(us|usec|µs|μs|micro\w*)($|[^a-z])"), "us"),
    (re.compile(r"(^|[^a-z])(ms|msec|milli\w*)($|[^a-z])"), "ms"),
    (re.compile(r"(^|[^a-z])(ns|nano\w*)($|[^a-z])"), "ns"),
    (re.compile(r"(^|[^a-z])(s|sec|secs|seconds?)($|[^a-z])"), "s"),
)


@dataclass(frozen=True)
class Clock:
    """`rate` in Hz, None where the column does not tell; `places` (T,) the sample index per row.

    `places` is None where the rows follow each other without gaps; `note` says what was done.
    """

    rate: float | None
    places: np.ndarray | None = None
    note: str = ""


def is_time_name(name: str) -> bool:
    """Whether a column called `name` holds times."""
    return _TIME_NAME.fullmatch(name.strip().lower()) is not None


def is_counter(name: str, values: np.ndarray) -> bool:
    """Whether a column only counts the rows: steps of 1, and named so or not at all."""
    counts = len(values) > 2 and bool(np.all(np.diff(values) == 1))
    return counts and _INDEX_NAME.fullmatch(name.strip().lower()) is not None


def is_ramp(values: np.ndarray) -> bool:
    """Whether unnamed numbers rise by nearly equal steps, as times do and a signal never."""
    if len(values) < 3 or not np.isfinite(values).all():
        return False
    steps = np.diff(values)
    usual = float(np.median(steps))
    return usual > 0 and steps.min() > 0 and bool(np.mean(np.abs(steps - usual) < usual / 2) > 0.9)


def read_clock(values: np.ndarray, name: str, unit: str) -> Clock:
    """The clock in `values` (T,), of a column called `name` with the header's `unit`."""
    if len(values) < 2 or not np.isfinite(values).all():
        return Clock(None, note="The time column has missing values and is not used")
    steps = np.diff(values)
    usual = float(np.median(steps))
    if usual <= 0 or steps.min() <= 0:
        return Clock(None, note="The time column does not rise steadily and is not used")
    scale = _seconds_per_unit(usual, f"{name} {unit}")
    if scale is None:
        return Clock(None)
    jumps = steps > GAP_STEPS * usual
    # The mean of the regular steps: jitter averages out, gaps do not count.
    step = float(steps[~jumps].mean())
    rate = _round_rate(1.0 / (step * scale), float(values[-1] - values[0]) / step)
    if not jumps.any():
        return Clock(rate)
    missing = np.where(jumps, np.rint(steps / step) - 1, 0)
    if missing.sum() > MOST_GAP_SHARE * len(values):
        return Clock(rate, note="The time column jumps too far to keep its gaps: rows are joined")
    places = np.concatenate([[0], np.cumsum(1 + missing)]).astype(np.int64)
    return Clock(rate, places, f"{int(jumps.sum())} gaps in the time column are shown as gaps")


def _seconds_per_unit(step: float, words: str) -> float | None:
    for pattern, unit in _UNIT_WORDS:
        if pattern.search(words.lower()):
            return SECONDS[unit]
    fitting = [s for s in SECONDS.values() if LOWEST_RATE <= 1 / (step * s) <= HIGHEST_RATE]
    return fitting[0] if len(fitting) == 1 else None


def _round_rate(rate: float, steps: float) -> float:
    """A whole number of Hz where the printed times cannot tell it from one."""
    return float(round(rate)) if abs(rate - round(rate)) * steps < rate * 0.51 else rate


def clock_seconds(texts: list[str]) -> np.ndarray:
    """Seconds of clock times ("0:00.002", "10:23:45.1", "2021-12-17 12:58:58"), (T,) float64.

    Midnight passed without a date adds a day; NaN where a text is no time.
    """
    seconds = np.array([_seconds_of(text) for text in texts])
    falls = np.diff(seconds, prepend=seconds[:1]) < -43_200
    return seconds + 86_400 * np.cumsum(falls)


def _days_of(date: str) -> float:
    """Days since 1970 of a date that begins with its year; 0 for another order."""
    try:
        return float(np.datetime64(date.replace("/", "-").replace(".", "-"), "D").astype(int))
    except ValueError:
        # Day and month cannot be told apart; midnight still counts as a new day.
        return 0.0


def _seconds_of(text: str) -> float:
    plain = text.strip(" []\"'").replace(",", ".")
    days = 0.0
    date, separator, rest = plain.replace("T", " ").partition(" ")
    if separator and ":" not in date:
        plain = rest
        days = _days_of(date)
    clock = re.split(r"Z|[-+ ]", plain)[0]
    total = 0.0
    try:
        for part in clock.split(":"):
            total = total * 60 + float(part)
    except ValueError:
        return float("nan")
    return days * 86_400 + total
