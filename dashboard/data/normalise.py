"""How values are brought to the range a network was trained on: one function per policy."""

from collections.abc import Callable

import numpy as np
from scipy import signal

from models.spec import InputSpec
from models.typical_beat import likeness, local_likeness

HIGHPASS = 0.5  # Hz
BLOCK_SECONDS = 3600  # longer leads are filtered in blocks, so that memory stays bounded
SETTLE_SECONDS = 20  # overlap of the blocks: the filter forgets a factor of 9 each second
FLAT = 0.02  # of what a lively stretch swings: less is no signal


def scale_to(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """`values` clipped to low..high and mapped to -1..1."""
    return np.clip((values - low) / max(high - low, 1e-6), 0, 1) * 2 - 1


def _none(array: np.ndarray, spec: InputSpec) -> np.ndarray:
    return array


def _fixed(array: np.ndarray, spec: InputSpec) -> np.ndarray:
    axes = (slice(None),) + (None,) * (array.ndim - 1)
    return (array - np.float32(spec.mean)[axes]) / np.float32(spec.std)[axes]


def _percentiles(array: np.ndarray, spec: InputSpec) -> np.ndarray:
    return scale_to(array, *np.percentile(array, (0.5, 99.5)))


def _tissue(array: np.ndarray, spec: InputSpec) -> np.ndarray:
    """`_percentiles` of what lies above the lowest value, the ground of a cut-out brain.

    Where no ground was filled in hardly a voxel has that value, and nothing changes.
    """
    above = array[array > array.min()]
    return scale_to(array, *np.percentile(above if above.size else array, (0.5, 99.5)))


def _ecg(array: np.ndarray, spec: InputSpec) -> np.ndarray:
    """Baseline removed (0.5 Hz, zero phase), divided by a robust spread of the whole lead.

    The spread is the median over two-second stretches of their peak-to-peak value, which neither
    a few artefacts nor pauses move; flat stretches (gaps, a lead that fell off) do not count.
    Artefacts are clipped at four spreads.
    """
    rate = spec.sampling_rate
    lead = array[0]
    if len(lead) < 16:
        return array - array.mean()
    flat = without_baseline(lead, rate)
    stretch = min(len(flat), int(2 * rate))
    stretches = flat[: len(flat) // stretch * stretch].reshape(-1, stretch)  # (count, 2 s)
    swings = np.ptp(stretches, axis=1)
    lively = swings[swings > FLAT * np.quantile(swings, 0.95)]
    spread = float(np.median(lively)) if len(lively) else 0.0
    return np.clip(flat / np.float32(max(spread, 1e-3)), -4, 4)[None]


def _ecg_and_likeness(array: np.ndarray, spec: InputSpec) -> np.ndarray:
    """`_ecg`, and its likeness to the typical beat of the lead, and of the same half minute."""
    lead, rate = _ecg(array, spec)[0], spec.sampling_rate
    return np.stack([lead, likeness(lead, rate), local_likeness(lead, rate)])  # (3, T)


def without_baseline(lead: np.ndarray, rate: float) -> np.ndarray:
    """`lead` (T,) high-passed without delay, float32; long leads in overlapping blocks.

    The overlap is so long that blocks and whole agree to float32 precision.
    """
    sos = signal.butter(2, HIGHPASS, "highpass", fs=rate, output="sos")
    block, settle = int(BLOCK_SECONDS * rate), int(SETTLE_SECONDS * rate)
    flat = np.empty(len(lead), dtype=np.float32)
    for start in range(0, len(lead), block):
        stop = min(start + block, len(lead))
        low, high = max(start - settle, 0), min(stop + settle, len(lead))
        padding = min(high - low - 1, int(4 * rate))
        piece = signal.sosfiltfilt(sos, lead[low:high], padlen=padding)
        flat[start:stop] = piece[start - low : stop - low]
    return flat


NORMALISERS: dict[str, Callable[[np.ndarray, InputSpec], np.ndarray]] = {
    "none": _none,
    "fixed": _fixed,
    "percentiles": _percentiles,
    "tissue": _tissue,
    "ecg": _ecg,
    "ecg-and-likeness": _ecg_and_likeness,
}
