"""ECG in NumPy files: .npy arrays and .npz sets of them, without pickles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.lib import format as npy_format

from dashboard.data.readers.archive import expand
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
    DamagedFile,
    UnknownFormat,
    UnsafeFile,
    short,
)
from dashboard.data.readers.files import File, Files
from dashboard.data.readers.leads import choose_group, plain_lead, unique
from dashboard.data.sample import Sample

MAGIC = b"\x93NUMPY"
MOST_LEADS = 256
LONGEST_HEADER = 10_000
MOST_FACT_BYTES = 64 * 1024
# Names under which people keep these in an npz, in small letters.
SIGNAL_NAMES = ("ecg", "signal", "signals", "p_signal", "data", "x", "arr_0")
RATE_NAMES = ("fs", "rate", "rate_hz", "sampling_rate", "sampling_rate_hz", "sample_rate", "sfreq")
UNIT_NAMES = ("unit", "units")
LEAD_NAMES = ("lead", "leads", "channels", "sig_name", "names")


@dataclass(frozen=True)
class _Array:
    """One array of the file, its header read and checked but its values not."""

    file: File
    shape: tuple[int, ...]
    dtype: np.dtype
    by_column: bool
    offset: int

    @property
    def name(self) -> str:
        return self.file.stem.lower()

    @property
    def is_signal(self) -> bool:
        return self.dtype.kind in "iuf" and len(self.shape) in (1, 2) and prod(self.shape) > 0

    def values(self) -> np.ndarray:
        flat = np.frombuffer(self.file.read(), self.dtype, prod(self.shape), self.offset)
        return flat.reshape(self.shape, order="F" if self.by_column else "C")


class NpyReader:
    """One array (leads, samples) or (samples, leads); an npz may hold fs, units, leads too."""

    name = "NumPy"
    suffixes = (".npy", ".npz")

    def sniff(self, files: Files) -> bool:
        """By suffix: .npz is a zip like others."""
        return bool(files.with_suffix(*self.suffixes))

    def read(self, files: Files, choices: Mapping[str, str]) -> Sample:
        file = choose_file(files.with_suffix(*self.suffixes), choices)
        arrays = [_describe(member) for member in _members(file)]
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


def _members(file: File) -> list[File]:
    if file.head(len(MAGIC)) == MAGIC:
        return [file]
    if file.suffix == ".npz":
        return [member for member in expand(file) if member.suffix == ".npy"]
    raise DamagedFile(f"{file.shown} does not begin as a NumPy file: get a fresh copy.")


def _describe(file: File) -> _Array:
    """The header of an .npy file, checked against the bytes that are there."""
    with file.open() as stream:
        version = npy_format.read_magic(stream)
        read = {
            (1, 0): npy_format.read_array_header_1_0,
            (2, 0): npy_format.read_array_header_2_0,
        }.get(version)
        if read is None:
            raise DamagedFile(f"{file.shown} is of NumPy file version {version}: expected 1 or 2.")
        shape, by_column, dtype = read(stream, max_header_size=LONGEST_HEADER)
        offset = stream.tell()
    if dtype.hasobject:
        raise UnsafeFile(
            f"{file.shown} holds pickled Python objects, which are never loaded: save plain "
            "numbers instead."
        )
    declared, present = prod(shape) * dtype.itemsize, file.size - offset
    if min(shape, default=0) < 0 or declared > present:
        raise DamagedFile(
            f"{file.shown} declares an array {shape} of {dtype} ({declared:,} bytes), but holds "
            f"{present:,} bytes: it is cut off; copy it again."
        )
    return _Array(file, shape, dtype, by_column, offset)


def _signal(file: File, arrays: Sequence[_Array], choices: Mapping[str, str]) -> _Array:
    """The array that is the signal: the only one, the one so called, or the one asked for."""
    found = [a for a in arrays if a.is_signal and a.name not in RATE_NAMES]
    if not found or any(len(a.shape) > 2 for a in arrays):
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


def _leads_by_samples(file: File, signal: _Array) -> np.ndarray:
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


def _stored_rate(arrays: Sequence[_Array]) -> float | None:
    """Hz from a single number under one of RATE_NAMES; None where there is none or it is 0."""
    for array in arrays:
        if array.name in RATE_NAMES and array.dtype.kind in "iuf" and prod(array.shape) == 1:
            rate = float(array.values().reshape(-1)[0])
            return rate if np.isfinite(rate) and rate > 0 else None
    return None


def _words(arrays: Sequence[_Array], names: Sequence[str], count: int) -> list[str]:
    """Texts under one of `names`, one per lead; one text alone is for all leads."""
    for array in arrays:
        is_text = array.dtype.kind in "US" and array.file.size < MOST_FACT_BYTES
        if array.name in names and is_text and prod(array.shape) in (1, count):
            texts = [_text(item) for item in array.values().reshape(-1)]
            return texts if len(texts) == count else texts * count
    return []


def _text(item: np.str_ | np.bytes_) -> str:
    return item.decode("latin-1") if isinstance(item, bytes) else str(item)
