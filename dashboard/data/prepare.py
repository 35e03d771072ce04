"""From a sample to what a network is fed, with the way back to the sample's own index.

Every geometric change (resampling, cropping, reorienting, padding, patch choice) is written into
`Prepared.to_sample`, so that a unit of any layer can be drawn where it belongs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np
from scipy import ndimage, signal

from dashboard.data.sample import Sample
from models.spec import InputSpec


@dataclass(frozen=True)
class Prepared:
    """What a network is fed: `array` (C, *S) float32.

    `to_sample` is (dim+1, dim+1): index in `array` to index in the sample's array, homogeneous.
    `valid` is the spatial shape before padding; `channel` the sample's channel (lead) used;
    `gaps` (S,) marks input positions that were NaN in a signal, None elsewhere.
    """

    array: np.ndarray
    to_sample: np.ndarray
    valid: tuple[int, ...]
    channel: int = 0
    gaps: np.ndarray | None = None

    def index_in_sample(self, index: np.ndarray) -> np.ndarray:
        """Fed index (..., dim) to (fractional) sample index."""
        matrix = self.to_sample
        return np.asarray(index, dtype=float) @ matrix[:-1, :-1].T + matrix[:-1, -1]

    def index_in_input(self, index: np.ndarray) -> np.ndarray:
        """Sample index (..., dim) to (fractional) fed index; inverse of `index_in_sample`."""
        matrix = np.linalg.inv(self.to_sample)
        return np.asarray(index, dtype=float) @ matrix[:-1, :-1].T + matrix[:-1, -1]


def prepare(
    sample: Sample,
    spec: InputSpec,
    *,
    channel: int = 0,
    position: Sequence[float] | None = None,
    whole: bool = False,
) -> Prepared:
    """Feed `sample` to a network with input `spec`.

    `channel` chooses the lead of a signal; `position` (sample index) the centre of a patch,
    default the sample's own `position` or its middle; `whole` feeds a patch network the whole
    volume. Raises ValueError when the ranks differ.
    """
    policy = CROPS[spec.crop]
    if policy.dim not in (None, sample.dim):
        raise ValueError(
            f"got a {sample.kind}, expected {policy.dim} spatial axes for this network"
        )
    if position is None:
        position = sample.position or tuple((n - 1) / 2 for n in sample.shape)
    return policy.apply(sample, spec, channel, tuple(position), whole)


# Signals


def _whole_signal(
    sample: Sample, spec: InputSpec, channel: int, position: tuple[float, ...], whole: bool
) -> Prepared:
    lead = sample.values((channel,))
    missing = ~np.isfinite(lead)
    filled = fill_gaps(lead, missing)
    rate = spec.sampling_rate or sample.sampling_rate
    ratio = Fraction(rate / sample.sampling_rate).limit_denominator(1000)
    resampled = _resample(filled, ratio)
    step = float(1 / ratio)
    gaps = None
    if missing.any():
        source = np.clip(np.rint(np.arange(len(resampled)) * step), 0, len(lead) - 1).astype(int)
        gaps = missing[source]
    fed = NORMALISERS[spec.normalise](resampled[None], spec)
    padding = ceil(len(resampled) / spec.multiple) * spec.multiple - len(resampled)
    fed = np.pad(fed, ((0, 0), (0, padding)), mode="constant")
    to_sample = np.array([[step, 0.0], [0.0, 1.0]])
    return Prepared(fed.astype(np.float32), to_sample, (len(resampled),), channel, gaps)


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


# Images


def _whole_image(
    sample: Sample, spec: InputSpec, channel: int, position: tuple[float, ...], whole: bool
) -> Prepared:
    image = _with_channels(_unit_range(sample.values()), spec.channels)
    fed = NORMALISERS[spec.normalise](image, spec)
    return Prepared(fed.astype(np.float32), np.eye(3), sample.shape)


def _digit(
    sample: Sample, spec: InputSpec, channel: int, position: tuple[float, ...], whole: bool
) -> Prepared:
    """MNIST's own preparation: bright ink on black, 20 px high or wide, centred by mass.

    LeCun, Cortes, Burges, "The MNIST database of handwritten digits": the digit fits a 20x20
    box, its centre of mass lies in the middle of the 28x28 field. A 28x28 image is fed as it is.
    """
    ink = _with_channels(_unit_range(sample.values()), 1)[0]
    border = np.concatenate([ink[0], ink[-1], ink[:, 0], ink[:, -1]])
    if np.median(border) > 0.5:
        ink = 1.0 - ink
    if ink.shape == tuple(spec.size):
        matrix = np.eye(3)
    else:
        matrix = _digit_frame(ink, spec.size)
        ink = _sample_area(ink, matrix, spec.size)
        ink = ink / max(float(ink.max()), 1e-6)
    fed = NORMALISERS[spec.normalise](ink[None], spec)
    return Prepared(fed.astype(np.float32), matrix, tuple(spec.size))


def _digit_frame(ink: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Fed index to image index such that the ink fills a 20/28 box around its centre of mass."""
    present = ink > 0.3 * max(float(ink.max()), 1e-6)
    if not present.any():
        present = np.ones_like(ink, dtype=bool)
    weight = np.where(present, ink, 0) + 1e-9
    lows, highs, centre = [], [], []
    for axis in range(2):
        along = np.flatnonzero(present.any(axis=1 - axis))
        lows.append(along[0])
        highs.append(along[-1] + 1)
        centre.append((weight.sum(axis=1 - axis) * np.arange(ink.shape[axis])).sum() / weight.sum())
    step = max(h - low for low, h in zip(lows, highs, strict=True)) / (size[0] * 20 / 28)
    matrix = np.diag([step, step, 1.0])
    matrix[:2, 2] = np.array(centre) - step * (np.array(size) / 2)
    return matrix


def _sample_area(image: np.ndarray, matrix: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """`image` read at `matrix` @ index, blurred first when it is reduced (no aliasing)."""
    step = matrix[0, 0]
    blurred = ndimage.gaussian_filter(image, max(0.0, 0.35 * (step - 1)))
    return ndimage.affine_transform(
        blurred, matrix[:2, :2], matrix[:2, 2], output_shape=tuple(size), order=1, mode="constant"
    )


def _unit_range(image: np.ndarray) -> np.ndarray:
    """Image values in 0..1: 8 bit divided by 255, 16 bit by 65535, others by their range."""
    highest = float(np.nanmax(image)) if image.size else 1.0
    top = next((t for t in (1.0, 255.0, 65535.0) if highest <= t), highest)
    return np.nan_to_num(image) / np.float32(top)


def _with_channels(image: np.ndarray, channels: int) -> np.ndarray:
    """`image` (C, H, W) with the wanted channels: luma of RGB, grey repeated, alpha over black."""
    if image.shape[0] in (2, 4):
        image = image[:-1] * image[-1:]
    if image.shape[0] == channels:
        return image
    if image.shape[0] == 3:
        image = np.tensordot(np.float32([0.299, 0.587, 0.114]), image, axes=1)[None]
    return np.repeat(image[:1], channels, axis=0)


# Volumes


def _patch(
    sample: Sample, spec: InputSpec, channel: int, position: tuple[float, ...], whole: bool
) -> Prepared:
    """A patch in RAS+ order at `position`, or the whole volume in RAS+ order.

    The axes are permuted and flipped to the closest RAS+ (no rotation is resampled away) and
    resampled to `spec.spacing` only where the file's spacing differs from it by more than 2 %.
    A whole volume is scaled by the median range of its own patches, so that its maps agree with
    what single patches give.
    """
    turn, steps = _to_ras(sample.affine, spec.spacing)
    if whole:
        matrix, shape = _whole_frame(turn, steps, sample.shape)
    else:
        shape = np.array(spec.size)
        matrix = _patch_frame(turn, steps, shape, position)
    fed = _read_frame(sample, channel, matrix, tuple(int(n) for n in shape))
    if whole:
        fed = scale_to(fed, *_typical_range(fed, spec.size or (20, 20, 20)))
        fed = NORMALISERS["none"](fed[None], spec)
    else:
        fed = NORMALISERS[spec.normalise](fed[None], spec)
    return Prepared(fed.astype(np.float32), matrix, tuple(fed.shape[1:]), channel)


def _to_ras(affine: np.ndarray, spacing: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Signed permutation (RAS axis to array axis) and step in array voxels per fed voxel."""
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    turn = np.zeros((3, 3))
    free = set(range(3))
    for ras in np.argsort(-np.abs(directions).max(axis=1)):
        best = max(free, key=lambda axis: abs(directions[ras, axis]))
        turn[best, ras] = np.sign(directions[ras, best]) or 1.0
        free.discard(best)
    voxel = np.abs(turn).T @ np.linalg.norm(affine[:3, :3], axis=0)
    steps = np.ones(3) if spacing is None else spacing / voxel
    steps[np.abs(steps - 1) <= 0.02] = 1.0
    return turn, steps


def _patch_frame(
    turn: np.ndarray, steps: np.ndarray, size: np.ndarray, position: tuple[float, ...]
) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = turn * steps
    matrix[:3, 3] = np.rint(position) - matrix[:3, :3] @ (size // 2)
    return matrix


def _whole_frame(
    turn: np.ndarray, steps: np.ndarray, shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    matrix = np.eye(4)
    matrix[:3, :3] = turn * steps
    highest = np.array(shape) - 1
    matrix[:3, 3] = np.where(turn.sum(axis=1) < 0, highest, 0)
    fed = np.floor(np.abs(turn).T @ highest / steps).astype(int) + 1
    return matrix, fed


def _read_frame(
    sample: Sample, channel: int, matrix: np.ndarray, shape: tuple[int, ...]
) -> np.ndarray:
    """Sample values at matrix @ index, linear, edge values outside; reads only what it needs."""
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in shape], indexing="ij")).reshape(3, -1)
    reached = matrix[:3, :3] @ corners + matrix[:3, 3:]
    limit = np.array(sample.shape)
    low = np.clip(np.floor(reached.min(axis=1)), 0, limit - 1).astype(int)
    high = np.clip(np.ceil(reached.max(axis=1)) + 1, low + 1, limit).astype(int)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    values = np.nan_to_num(sample.values((channel, *box)))
    return ndimage.affine_transform(
        values, matrix[:3, :3], matrix[:3, 3] - low, output_shape=shape, order=1, mode="nearest"
    )


def _typical_range(volume: np.ndarray, size: tuple[int, ...]) -> tuple[float, float]:
    """Median over the patches that hold something of their 0.5 and 99.5 percentiles."""
    starts = [range(0, max(1, n - s + 1), s) for n, s in zip(volume.shape, size, strict=True)]
    floor = np.percentile(volume[::4, ::4, ::4], 50)
    ranges = []
    for i in starts[0]:
        for j in starts[1]:
            for k in starts[2]:
                block = volume[i : i + size[0], j : j + size[1], k : k + size[2]][::2, ::2, ::2]
                if (block > floor).mean() > 0.5:
                    ranges.append(np.percentile(block, (0.5, 99.5)))
    ranges = ranges or [np.percentile(volume[::4, ::4, ::4], (0.5, 99.5))]
    low, high = np.median(ranges, axis=0)
    return float(low), float(high)


# Normalisation


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
    sos = signal.butter(2, 0.5, "highpass", fs=rate, output="sos")
    flat = signal.sosfiltfilt(sos, lead, padlen=min(len(lead) - 1, int(4 * rate)))
    stretch = min(len(flat), int(2 * rate))
    stretches = flat[: len(flat) // stretch * stretch].reshape(-1, stretch)  # (count, 2 s)
    swings = np.ptp(stretches, axis=1)
    lively = swings[swings > 0.02 * np.quantile(swings, 0.95)]
    spread = float(np.median(lively)) if len(lively) else 0.0
    return np.clip(flat / max(spread, 1e-3), -4, 4)[None]


NORMALISERS: dict[str, Callable[[np.ndarray, InputSpec], np.ndarray]] = {
    "none": _none,
    "fixed": _fixed,
    "percentiles": _percentiles,
    "ecg": _ecg,
}


@dataclass(frozen=True)
class _Crop:
    dim: int | None
    apply: Callable[[Sample, InputSpec, int, tuple[float, ...], bool], Prepared]


def _whole(
    sample: Sample, spec: InputSpec, channel: int, position: tuple[float, ...], whole: bool
) -> Prepared:
    apply = (_whole_signal, _whole_image, _patch)[sample.dim - 1]
    return apply(sample, spec, channel, position, True)


CROPS = {
    "whole": _Crop(None, _whole),
    "whole-signal": _Crop(1, _whole_signal),
    "whole-image": _Crop(2, _whole_image),
    "digit": _Crop(2, _digit),
    "patch": _Crop(3, _patch),
}
