"""Feeds one lead of a signal: gaps bridged, resampled without delay, padded at its end."""

from fractions import Fraction
from math import ceil

import numpy as np
from scipy import signal

from dashboard.data.normalise import NORMALISERS
from dashboard.data.prepared import Prepared, Request


def whole_signal(request: Request) -> Prepared:
    """The lead `request.channel` at the network's sampling rate."""
    sample, spec = request.sample, request.spec
    lead = sample.values((request.channel,))
    missing = ~np.isfinite(lead)
    filled = fill_gaps(lead, missing)
    ratio = rate_ratio(spec.sampling_rate or sample.sampling_rate, sample.sampling_rate)
    resampled = _resample(filled, ratio)
    step = float(1 / ratio)
    gaps = _resampled_gaps(missing, len(resampled), step) if missing.any() else None
    fed = NORMALISERS[spec.normalise](resampled[None], spec).astype(np.float32, copy=False)
    padding = ceil(len(resampled) / spec.multiple) * spec.multiple - len(resampled)
    if padding:
        fed = np.pad(fed, ((0, 0), (0, padding)))
    to_sample = np.array([[step, 0.0], [0.0, 1.0]])
    return Prepared(fed, to_sample, (len(resampled),), request.channel, gaps)


def rate_ratio(wanted: float, given: float) -> Fraction:
    """`wanted` / `given` with the larger of numerator and denominator's quotient kept accurate."""
    if wanted >= given:
        return Fraction(wanted / given).limit_denominator(1000)
    return 1 / Fraction(given / wanted).limit_denominator(1000)


def fill_gaps(lead: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """`lead` (T,) with its missing stretches bridged by straight lines; all missing gives zeros."""
    if not missing.any():
        return lead
    if missing.all():
        return np.zeros_like(lead)
    present = np.flatnonzero(~missing)
    filled = lead.copy()
    filled[missing] = np.interp(np.flatnonzero(missing), present, lead[present])
    return filled


def _resample(lead: np.ndarray, ratio: Fraction) -> np.ndarray:
    """Polyphase resampling without delay: output n lies at input n / ratio."""
    if ratio == 1 or len(lead) < 2:
        return lead
    return signal.resample_poly(lead, ratio.numerator, ratio.denominator, padtype="line")


def _resampled_gaps(missing: np.ndarray, length: int, step: float) -> np.ndarray:
    """Whether the nearest original value of each fed position is missing."""
    source = np.clip(np.rint(np.arange(length) * step), 0, len(missing) - 1).astype(int)
    return missing[source]
