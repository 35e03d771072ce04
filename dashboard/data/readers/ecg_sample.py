"""The last step of every ECG reader: an array in mV and its facts become a checked Sample."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from dashboard.data.readers.errors import ChoiceNeeded, DamagedFile, UnsafeFile, short
from dashboard.data.readers.files import File
from dashboard.data.readers.leads import millivolts
from dashboard.data.sample import Marks, Sample

# 24 h of 12 leads at 1000 Hz are 1.04e9 values, 4 bytes each.
MOST_VALUES = 2**30
HIGHEST_RATE = 1e7
USUAL_RATES = ("250", "360", "500", "1000", "128", "100")
RAW = "raw"
UNITS = ("mV", "uV", "V", RAW)
# Peak to peak, a surface ECG is some mV: numbers in the tens and more are rather microvolts.
HIGHEST_MILLIVOLTS = 30.0
MOST_NAMES_IN_NOTE = 6


def check_values(channels: int, samples: int, source: str) -> None:
    """Refuse what would not fit in memory, before anything is allocated."""
    if channels * samples > MOST_VALUES:
        raise UnsafeFile(
            f"{short(source)} holds {samples:,} samples of {channels} channels: at most "
            f"{MOST_VALUES:,} values are read. Cut the recording into parts."
        )


def asked_rate(choices: Mapping[str, str], source: str) -> float:
    """The sampling rate in Hz that the person gives; raises ChoiceNeeded without a usable one."""
    text = str(choices.get("rate_hz", "")).strip()
    if not text:
        question = f"{short(source)} does not say its sampling rate in Hz."
        raise ChoiceNeeded("rate_hz", question, USUAL_RATES)
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0 < rate <= HIGHEST_RATE:
        question = f"The sampling rate {short(text, 20)!r} is not a positive number of Hz."
        raise ChoiceNeeded("rate_hz", question, USUAL_RATES)
    return rate


def asked_unit(choices: Mapping[str, str], source: str, array: np.ndarray) -> str:
    """The unit the person gives for `array`; "raw" leaves the numbers as they are (NU)."""
    text = str(choices.get("unit", "")).strip()
    if text.lower() == RAW:
        return "NU"
    if text and millivolts(text)[1] == "mV":
        return text
    finite = array[np.isfinite(array)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    options = UNITS if high - low <= HIGHEST_MILLIVOLTS else ("uV", "mV", "V", RAW)
    question = f"{short(source)} does not say its unit; its values run from {low:g} to {high:g}."
    if text:
        question = f"The unit {short(text, 20)!r} is not a voltage."
    raise ChoiceNeeded("unit", question, options)


def to_millivolts(array: np.ndarray, units: Sequence[str]) -> tuple[str, ...]:
    """Scale the rows of `array` (C, T) in place to mV where they are voltages; the units after."""
    done = [millivolts(unit) for unit in units]
    for row, (factor, _) in zip(array, done, strict=True):
        if factor != 1.0:
            row *= np.float32(factor)
    return tuple(unit for _, unit in done)


def choose_file(found: Sequence[File], choices: Mapping[str, str]) -> File:
    """The only one of `found`, or the one that `choices["record"]` names."""
    if len(found) == 1:
        return found[0]
    for file in found:
        if file.name == choices.get("record"):
            return file
    names = tuple(file.name for file in found)
    raise ChoiceNeeded("record", f"There are {len(found)} recordings here.", names)


def ecg_sample(
    array: np.ndarray,
    *,
    name: str,
    channels: Sequence[str],
    units: Sequence[str],
    rate: float,
    source: str,
    annotations: Sequence[Marks] = (),
    notes: Sequence[str] = (),
    start_time: str | None = None,
) -> Sample:
    """A signal Sample of `array` (C, T) float32 at `rate` Hz; infinite values become gaps."""
    if array.size == 0:
        raise DamagedFile(f"{short(source)} holds no samples: expected at least one.")
    kept, dropped = _inside(annotations, array.shape[1])
    return Sample(
        array=array,
        name=name,
        modality="ecg",
        channels=tuple(channels),
        units=tuple(units),
        axis_unit="s",
        sampling_rate=float(rate),
        start_time=start_time,
        annotations=kept,
        notes=(*notes, *dropped, *_gaps(array, channels)),
        source=source,
    )


def _inside(annotations: Sequence[Marks], length: int) -> tuple[tuple[Marks, ...], list[str]]:
    """The marks that lie in the signal, and a note on those that do not."""
    kept: list[Marks] = []
    notes: list[str] = []
    for marks in annotations:
        inside = (marks.positions >= 0) & (marks.positions < length)
        if not inside.all():
            outside = int((~inside).sum())
            notes.append(f"{outside} of {len(marks)} marks of {marks.name} lie outside the signal")
            marks = _only(marks, inside)
        kept.append(marks)
    return tuple(kept), notes


def _only(marks: Marks, wanted: np.ndarray) -> Marks:
    chosen = np.flatnonzero(wanted)
    return Marks(
        marks.name,
        marks.positions[chosen],
        tuple(marks.symbols[i] for i in chosen),
        tuple(marks.notes[i] for i in chosen) if marks.notes else (),
    )


def _gaps(array: np.ndarray, channels: Sequence[str]) -> list[str]:
    """Notes on missing values; infinite ones are made missing in place, a lead at a time."""
    empty: list[str] = []
    gapped: list[str] = []
    for name, lead in zip(channels, array, strict=True):
        missing = ~np.isfinite(lead)
        count = np.count_nonzero(missing)
        if count == 0:
            continue
        lead[missing] = np.nan
        if count == lead.size:
            empty.append(name)
        else:
            gapped.append(f"{name} ({100 * count / lead.size:.3g} %)")
    notes = [f"No valid samples in {_listed(empty)}"] if empty else []
    return notes + ([f"Gaps in {_listed(gapped)}"] if gapped else [])


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMES_IN_NOTE
    shown = ", ".join(names[:MOST_NAMES_IN_NOTE])
    return f"{shown} and {more} more" if more > 0 else shown
