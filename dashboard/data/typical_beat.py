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
QUIET = 0.35  # of the template's size: quieter stretches count as if they were this loud
ALIKE = 0.75  # correlation from which a beat belongs to the typical ones


def likeness(lead: np.ndarray, rate: float) -> np.ndarray:
    """Correlation (T,) float32, -1..1, of each stretch of `lead` (T,) with its typical beat.

    Zeros where the lead shows no beats. Gain does not matter; the template knows the polarity.
    """
    template = typical_beat(lead, rate)
    if template is None:
        return np.zeros(len(lead), np.float32)
    size = float(np.linalg.norm(template))
    answer = signal.oaconvolve(lead, template[::-1], mode="same")
    power = ndimage.uniform_filter1d(lead.astype(np.float64) ** 2, len(template), mode="constant")
    loudness = np.sqrt(np.maximum(power, 0) * len(template))
    return np.float32(answer / (size * np.maximum(loudness, QUIET * size)))


def typical_beat(lead: np.ndarray, rate: float) -> np.ndarray | None:
    """The median of the beats most alike (2 * HALF_WIDTH s, zero mean), None without any."""
    half = int(HALF_WIDTH * rate)
    found = _steep_places(lead, rate)
    found = found[(found >= half) & (found < len(lead) - half)]
    if len(found) < 3:
        return None
    found = found[np.linspace(0, len(found) - 1, min(len(found), MOST_BEATS)).astype(int)]
    beats = np.stack([lead[p - half : p + half + 1] for p in found]).astype(np.float32)
    beats -= beats.mean(axis=1, keepdims=True)
    shapes = beats / np.maximum(np.linalg.norm(beats, axis=1, keepdims=True), 1e-6)
    # The beat that most others resemble, then the median of those: the majority, not the mixture.
    alike = shapes @ shapes.T > ALIKE  # (B, B)
    family = alike[alike.sum(axis=1).argmax()]
    template = np.median(beats[family], axis=0)
    return template if np.linalg.norm(template) > 0 else None


def _steep_places(lead: np.ndarray, rate: float) -> np.ndarray:
    """Rough places of beats: where the smoothed slope peaks. Good enough for a template."""
    slope = np.abs(np.gradient(lead))
    smooth = ndimage.uniform_filter1d(slope, max(1, int(0.1 * rate)))
    height = 0.4 * np.quantile(smooth, 0.98)
    peaks, _ = signal.find_peaks(smooth, height=max(height, 1e-9), distance=max(1, int(0.3 * rate)))
    return peaks
