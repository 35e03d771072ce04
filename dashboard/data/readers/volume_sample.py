"""What every reader of volumes ends with: values kept small, modality told, one Sample."""

from collections.abc import Mapping, Sequence

import numpy as np

from dashboard.data.readers.errors import DamagedFile
from dashboard.data.sample import Sample

MODALITIES = ("mr", "ct", "mask", "volume")
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
    modality, why = _modality(volume, kept_scale, modality, choices)
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
    notes = []
    if stored.dtype != np.float32:
        notes.append(f"stored as {stored.dtype}, read as float32")
        with np.errstate(over="ignore", invalid="ignore"):
            stored = stored.astype(np.float32)
    bad = ~np.isfinite(stored)
    if bad.any():
        notes.append(f"{bad.sum()} of {stored.size} values are no finite numbers: read as missing")
        stored[bad] = np.nan
    _check_scale(stored, scale)
    return stored, None if scale == (1.0, 0.0) else scale, notes


def _check_scale(stored: np.ndarray, scale: tuple[float, float]) -> None:
    largest = max(abs(value) for value in _range(stored)) * abs(scale[0]) + abs(scale[1])
    if not largest < float(np.finfo(np.float32).max):
        raise DamagedFile(
            f"The file's scale (slope {scale[0]:g}, intercept {scale[1]:g}) takes its values "
            "beyond all numbers: export it again."
        )


def _range(stored: np.ndarray) -> tuple[float, float]:
    """Lowest and highest finite value; 0, 0 when there is none."""
    if stored.dtype.kind in "iu":
        return float(stored.min()), float(stored.max())
    finite = np.isfinite(stored)
    if not finite.any():
        return 0.0, 0.0
    return (
        float(stored.min(where=finite, initial=np.inf)),
        float(stored.max(where=finite, initial=-np.inf)),
    )


def _modality(
    volume: np.ndarray,
    scale: tuple[float, float] | None,
    told: str | None,
    choices: Mapping[str, str],
) -> tuple[str, list[str]]:
    """The modality and a note saying how it is known; no note where the file says it."""
    kind = choices.get("kind")
    if kind in MODALITIES:
        return kind, [f"called {kind} by choice"]
    if told is not None:
        return told, []
    slope, intercept = scale or (1.0, 0.0)
    low, high = sorted(value * slope + intercept for value in _range(volume))
    lowest, air, highest = _CT_VALUES
    if lowest <= low < air and high < highest:
        return "ct", [f"values from {low:g} to {high:g}: taken as CT"]
    if volume.dtype.kind in "iu" and low < high and not _between(volume).any():
        return "mask", [f"only the values {low:g} and {high:g}: taken as a mask"]
    return "mr", ["the file does not say what it shows: taken as MR"]


def _between(volume: np.ndarray) -> np.ndarray:
    """Where values lie between the lowest and the highest."""
    return (volume > volume.min()) & (volume < volume.max())
