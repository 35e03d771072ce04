"""What the rhythm says about each beat: how early it comes, weighed by whether there are P waves.

A supraventricular ectopic beat has the shape of a normal one and comes too early. In atrial
fibrillation every beat comes early or late and none is ectopic; there the atria leave no P wave
at a fixed place before the QRS complex, so that the mean of many such stretches vanishes.
RR ratios: de Chazal, O'Dwyer and Reilly, IEEE Trans. Biomed. Eng. 51 (2004); averaged P waves
against fibrillation: Ladavich and Ghoraani, Biomed. Signal Process. Control 18 (2015).
"""

import numpy as np
from scipy.ndimage import uniform_filter

FEATURES = ("RR before / mean", "RR after / mean", "RR of 11 beats / mean", "P waves seen")
SHORTEST_RR, LONGEST_RR = 0.2, 3.0  # s: what lies outside counts as this
NEARBY = 11  # beats whose RR is the local one
P_WAVE = (-0.3, -0.07)  # s before a beat where its P wave lies, also with a long PR interval
P_BEATS = 121  # beats that are averaged to see whether there is one
NO_P, SURE_P = 0.05, 0.3  # share of the power that the average keeps: from here to there


def rhythm_features(
    lead: np.ndarray,
    rate: float,
    places: np.ndarray,
    odd: np.ndarray,
    gaps: np.ndarray | None = None,
) -> np.ndarray:
    """Features (B, 4) of beats at `places` (B,), sorted, in samples of `lead` (T,) at `rate` Hz.

    Log of RR before, after and around each beat over the mean RR of the record, pauses included,
    each times the presence of P waves (0..1), and that presence itself. `odd` (B,) are beats
    whose shape is not supraventricular: they have no P wave. An RR across `gaps` (T,), where the
    lead has no values, or beyond the first or last beat is not known and counts as the mean.
    """
    if not len(places):
        return np.zeros((0, len(FEATURES)))
    rr = np.clip(np.diff(places) / rate, SHORTEST_RR, LONGEST_RR)
    if gaps is not None:
        missing = np.cumsum(gaps)[np.rint(places).astype(int).clip(0, len(gaps) - 1)]
        rr[np.diff(missing) > 0] = np.nan
    mean = np.nanmean(rr) if np.isfinite(rr).any() else 1.0
    rr = np.r_[mean, np.nan_to_num(rr, nan=mean), mean]
    around = uniform_filter(rr[:-1], NEARBY)
    ratios = np.log(np.stack([rr[:-1], rr[1:], around], axis=1) / mean)  # (B, 3)
    present = p_presence(lead, rate, places, odd)[:, None]
    return np.concatenate([present * ratios, present], axis=1)


def p_presence(lead: np.ndarray, rate: float, places: np.ndarray, odd: np.ndarray) -> np.ndarray:
    """Whether beats have a P wave, (B,) 0..1: what the mean of the stretches before them keeps."""
    steps = np.arange(int(P_WAVE[0] * rate), int(P_WAVE[1] * rate) + 1)
    at = np.rint(places).astype(int)[:, None] + steps
    stretches = _without_line(lead[np.clip(at, 0, len(lead) - 1)].astype(np.float64))  # (B, K)
    stretches[odd] = 0
    span = min(P_BEATS, len(places))
    count = np.maximum(span * uniform_filter((~odd).astype(float), span), 2.0)
    mean = span * uniform_filter(stretches, (span, 1)) / count[:, None]
    power = span * uniform_filter((stretches**2).sum(axis=1), span) / count
    kept = (mean**2).sum(axis=1) / np.maximum(power, 1e-12)
    kept = (count * kept - 1) / (count - 1)  # what n stretches of mere noise would keep is 1 / n
    return np.clip((kept - NO_P) / (SURE_P - NO_P), 0, 1)


def _without_line(stretches: np.ndarray) -> np.ndarray:
    """Stretches (B, K) less their mean and slope."""
    line = np.linspace(-1, 1, stretches.shape[1])
    slope = stretches @ line / (line @ line)
    return stretches - stretches.mean(axis=1, keepdims=True) - slope[:, None] * line
