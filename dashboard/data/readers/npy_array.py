"""NumPy files, .npy arrays and .npz sets of them, without pickles: ECG, or volumes."""

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np

from dashboard.data.readers.ecg_sample import (
    asked_rate,
    asked_unit,
    check_values,
    choose_file,
    ecg_sample,
    to_millivolts,
)
from dashboard.data.readers.errors import (
    ChoiceNeeded,
    UnknownFormat,
    short,
)
from dashboard.data.readers.files import File, Files
from dashboard.data.readers.leads import choose_group, plain_lead, unique
from dashboard.data.readers.npy_header import NpyArray, arrays_of
from dashboard.data.readers.npy_volume import MOST_EXPANSION, holds_volume, read_volume
from dashboard.data.sample import Sample

MOST_LEADS = 256
MOST_FACT_BYTES = 64 * 1024
# Names under which people keep these in an npz, in small letters.
SIGNAL_NAMES = ("ecg", "signal", "signals", "p_signal", "data", "x", "arr_0")
RATE_NAMES = ("fs", "rate", "rate_hz", "sampling_rate", "sampling_rate_hz", "sample_rate", "sfreq")
UNIT_NAMES = ("unit", "units")
LEAD_NAMES = ("lead", "leads", "channels", "sig_name", "names")


class NpyReader:
    """ECG: one array (leads, samples) or (samples, leads); an npz may hold fs, units, leads too.

    Arrays of three axes and more are volumes (`npy_volume`).
    """

    name = "NumPy"
    suffixes = (".npy", ".npz")

    def sniff(self, files: Files) -> bool:
        """By suffix: .npz is a zip like others."""
        return bool(files.with_suffix(*self.suffixes))

    def read(self, files: Files, choices: Mapping[str, str]) -> Sample:
        file = choose_file(files.with_suffix(*self.suffixes), choices)
        arrays = arrays_of(file, MOST_EXPANSION)
        if holds_volume(arrays):
            return read_volume(file, arrays, choices)
        arrays = arrays_of(file)
        signal = _signal(file, arrays, choices)
        array = _leads_by_samples(file, signal)
        count = len(array)
        names = unique([plain_lead(n) for n in _words(arrays, LEAD_NAMES, count)] or [""] * count)
        rate = _stored_rate(arrays) or asked_rate(choices, file.name)
        stored_units = _words(arrays, UNIT_NAMES, count)
        units = stored_units or [asked_unit(choices, file.name, array)] * count
        chosen, notes = choose_group(names, [rate] * count, choices)
        array = np.array(array[chosen], dtype=np.float32)
        return ecg_sample(
            array,
            name=file.stem,
            channels=[names[i] for i in chosen],
            units=to_millivolts(array, [units[i] for i in chosen]),
            rate=rate,
            source=file.name,
            notes=notes,
        )


def _is_signal(array: NpyArray) -> bool:
    return array.dtype.kind in "iuf" and len(array.shape) in (1, 2) and prod(array.shape) > 0


def _signal(file: File, arrays: Sequence[NpyArray], choices: Mapping[str, str]) -> NpyArray:
    """The array that is the signal: the only one, the one so called, or the one asked for."""
    found = [a for a in arrays if _is_signal(a) and a.name not in RATE_NAMES]
    if not found:
        shapes = ", ".join(f"{a.shape} {a.dtype}" for a in arrays[:4]) or "nothing"
        raise UnknownFormat(
            f"{file.shown} holds {short(shapes, 120)}: expected an ECG as numbers with the axes "
            "(leads, samples)."
        )
    asked = [a for a in found if a.file.stem == choices.get("record")]
    named = [a for a in found if a.name in SIGNAL_NAMES]
    for fitting in (asked, named, found):
        if len(fitting) == 1:
            return fitting[0]
    names = tuple(array.file.stem for array in found)
    raise ChoiceNeeded("record", f"{file.shown} holds {len(found)} arrays of numbers.", names)


def _leads_by_samples(file: File, signal: NpyArray) -> np.ndarray:
    """(leads, samples): the longer axis is time."""
    short_axis = min(signal.shape) if len(signal.shape) == 2 else 1
    if short_axis > MOST_LEADS:
        raise UnknownFormat(
            f"{file.shown} holds an array {signal.shape}: as an ECG, one axis should be at most "
            f"{MOST_LEADS} leads. Save pictures as PNG and volumes as NIfTI."
        )
    check_values(short_axis, max(signal.shape), file.name)
    values = signal.values()
    if values.ndim == 1:
        return values[None]
    return values if values.shape[0] <= values.shape[1] else values.T


def _stored_rate(arrays: Sequence[NpyArray]) -> float | None:
    """Hz from a single number under one of RATE_NAMES; None where there is none or it is 0."""
    for array in arrays:
        if array.name in RATE_NAMES and array.dtype.kind in "iuf" and prod(array.shape) == 1:
            rate = float(array.values().reshape(-1)[0])
            return rate if np.isfinite(rate) and rate > 0 else None
    return None


def _words(arrays: Sequence[NpyArray], names: Sequence[str], count: int) -> list[str]:
    """Texts under one of `names`, one per lead; one text alone is for all leads."""
    for array in arrays:
        is_text = array.dtype.kind in "US" and array.file.size < MOST_FACT_BYTES
        if array.name in names and is_text and prod(array.shape) in (1, count):
            texts = [_text(item) for item in array.values().reshape(-1)]
            return texts if len(texts) == count else texts * count
    return []


def _text(item: np.str_ | np.bytes_) -> str:
    return item.decode("latin-1") if isinstance(item, bytes) else str(item)
