"""How much each moment of a lead looks like the lead's own typical beat: the patient as reference.

What is odd in one person is normal in another (a bundle branch block is as wide as a ventricular
beat), so a network that names beats is shown, beside the lead, how alike each stretch is to the
beat this lead shows most. Normalised cross-correlation with a template: Krasteva and Jekova,
"QRS template matching for recognition of ventricular ectopic beats", Ann. Biomed. Eng. 35 (2007).
"""

import numpy as np
from scipy import ndimage, signal

HALF_WIDTH = 0.2  # s on either side of the middle of a beat
MOST_BEATS = 400  # that the typical beat is taken from, spread over the record
LOCAL_SECONDS = 32.0  # of a stretch whose own typical beat counts
SLACK = 0.06  # s that beats may be shifted when they are compared
QUIET = 0.35  # of the template's size: quieter stretches count as if they were this loud
BLOCK = 2**20  # samples correlated at once
ALIKE = 0.75  # correlation from which a beat belongs to the typical ones


def likeness(lead: np.ndarray, rate: float) -> np.ndarray:
    """Correlation (T,) float32, -1..1, of each stretch of `lead` (T,) with its typical beat.

    Zeros where the lead shows no beats. Gain does not matter; the template knows the polarity.
    """
    template = typical_beat(lead, rate)
    if not template.any():
        return np.zeros(len(lead), np.float32)
    margin = len(template)
    answer = np.empty(len(lead), np.float32)
    for start in range(0, len(lead), BLOCK):  # so that memory stays bounded
        low = max(0, start - margin)
        part = correlation(lead[low : start + BLOCK + margin], template)
        answer[start : start + BLOCK] = part[start - low : start - low + BLOCK]
    return answer


def local_likeness(lead: np.ndarray, rate: float) -> np.ndarray:
    """`likeness` to the typical beat of the same half minute: what is usual just now.

    A run of odd beats is alike here and not alike in the whole; an electrode that has moved too.
    """
    block = int(LOCAL_SECONDS * rate)
    starts = range(0, max(1, len(lead) - block // 2), block)  # a short rest joins the last block
    ends = [*list(starts)[1:], len(lead)]
    parts = [likeness(lead[a:b], rate) for a, b in zip(starts, ends, strict=True)]
    return np.concatenate(parts)


def correlation(lead: np.ndarray, template: np.ndarray) -> np.ndarray:
    """Pearson's correlation (T,) of each stretch of a lead (T,) with a template (not constant)."""
    template = template - template.mean()
    size = float(np.linalg.norm(template))
    answer = signal.oaconvolve(lead, template[::-1], mode="same")
    exact = lead.astype(np.float64)
    mean, power = (
        ndimage.uniform_filter(values, len(template), mode="constant")
        for values in (exact, exact**2)
    )
    loudness = np.sqrt(np.maximum(power - mean**2, 0) * len(template))
    return answer / (size * np.maximum(loudness, QUIET * size))


def typical_beat(lead: np.ndarray, rate: float) -> np.ndarray:
    """The median of the beats most alike, 2 * HALF_WIDTH s long; zeros without beats.

    Beats are compared at the shift at which they agree best: the places are rough.
    """
    half, slack = int(HALF_WIDTH * rate), max(1, int(SLACK * rate))
    nothing = np.zeros(2 * half + 1, np.float32)
    if len(lead) <= len(nothing):  # also too short for a slope
        return nothing
    found = _steep_places(lead, rate)
    found = found[(found >= half + slack) & (found < len(lead) - half - slack)]
    if len(found) < 3:
        return nothing
    found = found[np.linspace(0, len(found) - 1, min(len(found), MOST_BEATS)).astype(int)]
    reach = np.arange(-half - slack, half + slack + 1)
    stretches = lead[found[:, None] + reach].astype(np.float32)  # (B, K + 2 * slack)
    beats = np.lib.stride_tricks.sliding_window_view(stretches, len(nothing), axis=1)
    beats = beats - beats.mean(axis=2, keepdims=True)  # (B, shifts, K)
    shapes = beats / np.maximum(np.linalg.norm(beats, axis=2, keepdims=True), 1e-6)
    agreement = np.tensordot(shapes[:, slack], shapes, axes=(1, 2))  # (B, B, shifts): correlations
    alike = agreement.max(axis=2) > ALIKE
    # The beat that most others resemble, and those: the majority, not a mixture.
    chosen = alike.sum(axis=1).argmax()
    family = alike[chosen]
    return np.median(beats[family, agreement[chosen, family].argmax(axis=1)], axis=0)


def _steep_places(lead: np.ndarray, rate: float) -> np.ndarray:
    """Rough places of beats: where the smoothed slope peaks. Good enough for a template."""
    slope = np.abs(np.gradient(lead))
    smooth = ndimage.uniform_filter(slope, max(1, int(0.1 * rate)))
    height = 0.4 * np.quantile(smooth, 0.98)
    peaks, _ = signal.find_peaks(smooth, height=max(height, 1e-9), distance=max(1, int(0.3 * rate)))
    return peaks
