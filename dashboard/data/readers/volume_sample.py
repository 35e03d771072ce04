"""What every reader of volumes ends with: values kept small, modality told, one Sample."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from dashboard.data.readers.errors import DamagedFile
from dashboard.data.readers.volume_values import type_notes
from dashboard.data.sample import Sample

MODALITIES = ("mr", "ct", "mask", "volume")
MOST_LABELS = 16  # different values of a map of labels
_FIRST = 1000  # values
_SLAB = 2**18  # values
_CT_VALUES = (-4100.0, -500.0, 16384.0)  # HU: lowest may lie between the first two; highest below


def volume_sample(
    stored: np.ndarray,
    *,
    name: str,
    source: str,
    affine: np.ndarray,
    scale: tuple[float, float] = (1.0, 0.0),
    choices: Mapping[str, str],
    modality: str | None = None,
    unit: str = "",
    notes: Sequence[str] = (),
) -> Sample:
    """A volume `stored` (i, j, k) in the index order of its file, as a sample of one channel.

    `scale` (slope, intercept) takes stored values to `unit`; `affine` (4, 4) array index to RAS+
    mm; `modality` is what the file itself says ("mr", "ct"), None where it is guessed from the
    values; the choice "kind" overrules both. Integers up to 32 bits stay as they are, the rest
    becomes float32 with NaN for what is no finite number. Raises DamagedFile for a scale beyond
    all numbers.
    """
    volume, kept_scale, about_values = plain_values(stored, scale)
    modality, why = _modality(volume, kept_scale or (1.0, 0.0), modality, choices)
    return Sample(
        array=volume[None],
        name=name,
        modality=modality,
        channels=("value",),
        units=(unit or ("HU" if modality == "ct" else ""),),
        axis_unit="mm",
        affine=affine,
        scale=kept_scale,
        notes=(*notes, *about_values, *why),
        source=source,
    )


def plain_values(
    stored: np.ndarray, scale: tuple[float, float]
) -> tuple[np.ndarray, tuple[float, float] | None, list[str]]:
    """Integers up to 32 bits as they are with their scale; float32 otherwise; notes."""
    if stored.dtype.kind in "iu" and stored.dtype.itemsize <= 4:
        _check_scale(stored, scale)
        return stored, scale, []
    notes = type_notes(stored.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        stored = stored.astype(np.float32, copy=False)
    bad = 0
    for slab in _slabs(stored):
        finite = np.isfinite(slab)
        if not finite.all():
            bad += slab.size - int(finite.sum())
            slab[~finite] = np.nan
    if bad:
        notes.append(f"{bad} of {stored.size} values are no finite numbers: read as missing")
    _check_scale(stored, scale)
    return stored, None if scale == (1.0, 0.0) else scale, notes


def _slabs(volume: np.ndarray) -> Iterator[np.ndarray]:
    """Views of all of `volume`, small enough that copies of one cost next to nothing."""
    slowest = int(np.argmax(volume.strides))
    moved = np.moveaxis(volume, slowest, 0)
    step = max(1, _SLAB // max(1, moved[0].size))
    for start in range(0, len(moved), step):
        yield moved[start : start + step]


def _check_scale(stored: np.ndarray, scale: tuple[float, float]) -> None:
    largest = max(abs(value) for value in _range(stored)) * abs(scale[0]) + abs(scale[1])
    if not largest < float(np.finfo(np.float32).max):
        raise DamagedFile(
            f"The file's scale (slope {scale[0]:g}, intercept {scale[1]:g}) takes its values "
            "beyond all numbers: export it again."
        )


def _range(volume: np.ndarray) -> tuple[float, float]:
    """Lowest and highest number (what is none is NaN by now); 0, 0 when there is none."""
    lows, highs = [], []
    for slab in _slabs(volume):
        lows.append(np.fmin.reduce(slab, axis=None))
        highs.append(np.fmax.reduce(slab, axis=None))
    low, high = float(np.fmin.reduce(lows)), float(np.fmax.reduce(highs))
    return (0.0, 0.0) if np.isnan(low) else (low, high)


def _modality(
    volume: np.ndarray, scale: tuple[float, float], told: str | None, choices: Mapping[str, str]
) -> tuple[str, list[str]]:
    """The modality and a note saying how it is known; no note where the file says it."""
    kind = choices.get("kind")
    if kind in MODALITIES:
        return kind, [f"called {kind} by choice"]
    if told is not None:
        return told, []
    slope, intercept = scale
    low, high = sorted(value * slope + intercept for value in _range(volume))
    lowest, air, highest = _CT_VALUES
    if lowest <= low < air and high < highest:
        return "ct", [f"values from {low:g} to {high:g}: taken as CT"]
    labels = _labels(volume)
    if len(labels) == 2:
        return "mask", [f"only the values {low:g} and {high:g}: taken as a mask"]
    if len(labels) > 2:
        shown = ", ".join(f"{label:g}" for label in labels)
        return "volume", [f"only the values {shown}: taken as labels, not as a scan"]
    return "mr", ["the file does not say what it shows: taken as MR"]


def _labels(volume: np.ndarray) -> list[float]:
    """The values of a mask or a map of labels, sorted: a few whole numbers; empty for a scan."""
    known = np.zeros(0, volume.dtype)
    for slab in _slabs(volume):
        new = slab[~np.isin(slab, known)]
        if not new.size:
            continue
        # A scan is told from labels by its first numbers, before a long search for all of them.
        known = np.union1d(known, new[:_FIRST])
        if len(known) <= MOST_LABELS:
            known = np.union1d(known, new)
        if len(known) > MOST_LABELS or not (known == np.rint(known)).all():
            return []
    return [float(value) for value in known] if len(known) > 1 else []
