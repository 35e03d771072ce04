"""ECG in plain MATLAB files (.mat, version 4 to 7): an array, or one inside a struct."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

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
    UnsafeFile,
    short,
)
from dashboard.data.readers.files import File, Files
from dashboard.data.readers.isolated import Limits, run_with_facts
from dashboard.data.readers.leads import choose_group, plain_lead, unique
from dashboard.data.readers.limb_leads import DERIVED, STANDARD
from dashboard.data.sample import Sample

CHILD = Path(__file__).with_name("mat_child.py")
MOST_BYTES = 512 * 1024**2
MOST_VALUES = 2**27  # of all arrays together, 4 bytes each: 24 h of 12 leads at 125 Hz
MOST_FACTS = 4 * 1024**2
SECONDS = 60
HDF5_AT = 512  # where MATLAB 7.3 puts the HDF5 file behind its own header
PHYSIONET = "val"  # the one variable of the .mat files that go with a WFDB header
# Names under which people keep the signal, in small letters.
SIGNAL_NAMES = ("ecg", "signal", "signals", "data", "val", "x")


@dataclass(frozen=True)
class _Contents:
    """What the child found: arrays by dotted name, and facts as (name, kind, what it says)."""

    arrays: dict[str, np.ndarray]
    facts: tuple[tuple[str, str, object], ...]

    def fact(self, kind: str, beside: str) -> object:
        """The fact of this kind in the struct of array `beside`, else at the top, else None."""
        for folder in (beside.rpartition(".")[0], ""):
            for name, found, said in self.facts:
                if found == kind and name.rpartition(".")[0] == folder:
                    return said
        return None


class MatReader:
    """.mat without a WFDB header beside it; which variable, rate and unit are asked for."""

    name = "MATLAB"
    suffixes = (".mat",)

    def sniff(self, files: Files) -> bool:
        """A .mat that no WFDB header of its name claims."""
        return bool(_own(files))

    def read(self, files: Files, choices: Mapping[str, str]) -> Sample:
        found = _own(files)
        file = _choose_file(found, choices)
        contents = _contents(file)
        name = _choose_signal(file, contents, choices, several=len(found) > 1)
        array = _leads_by_samples(file, contents.arrays[name])
        rate = _rate(contents.fact("rate", name)) or asked_rate(choices, file.name)
        names, notes = _lead_names(array, contents.fact("lead", name))
        units = _per_lead(contents.fact("unit", name), len(array))
        units = units or [asked_unit(choices, file.name, array)] * len(array)
        chosen, left_out = choose_group(names, [rate] * len(names), choices)
        array = np.array(array[chosen], dtype=np.float32)
        return ecg_sample(
            array,
            name=file.stem,
            channels=[names[i] for i in chosen],
            units=to_millivolts(array, [units[i] for i in chosen]),
            rate=rate,
            source=file.name,
            notes=(*left_out, *notes),
        )


def _own(files: Files) -> list[File]:
    headers = {header.name[: -len(".hea")] for header in files.with_suffix(".hea")}
    return [file for file in files.with_suffix(".mat") if file.name[: -len(".mat")] not in headers]


def _choose_file(found: Sequence[File], choices: Mapping[str, str]) -> File:
    """The one file, or the one asked for; `choices["record"]` may be "file: variable" then."""
    asked = str(choices.get("record", "")).partition(": ")[0]
    return choose_file(found, {**choices, "record": asked})


def _contents(file: File) -> _Contents:
    if file.size > MOST_BYTES:
        raise UnsafeFile(
            f"{file.shown} has {file.size:,} bytes: of MATLAB files at most "
            f"{MOST_BYTES // 1024**2} MiB are read. Save the recording in parts."
        )
    head = file.head(HDF5_AT + 8)
    if head.startswith((b"MATLAB 7.3", b"\x89HDF")) or head[HDF5_AT : HDF5_AT + 4] == b"\x89HDF":
        raise UnknownFormat(
            f"{file.shown} is a MATLAB 7.3 file (HDF5), which is not read: save it in MATLAB "
            "with save(..., '-v7'), or as CSV."
        )
    failed = (
        f"{file.shown} is not a readable MATLAB file of version 4 to 7, or far larger inside than "
        "outside: save it again."
    )
    limits = Limits(SECONDS, 4 * MOST_VALUES + MOST_FACTS, memory_bytes=2 * 1024**3)
    told, values = run_with_facts(CHILD, [str(MOST_VALUES)], file.read(), limits, failed)
    if told["total"] > MOST_VALUES:
        raise UnsafeFile(
            f"{file.shown} holds arrays of {told['total']:,} numbers: at most {MOST_VALUES:,} are "
            "read. Save the recording alone, or in parts."
        )
    if not told["signals"]:
        raise UnknownFormat(_no_signal(file, told["rest"]))
    return _Contents(_arrays(told["signals"], values), tuple(map(tuple, told["facts"])))


def _arrays(shapes: Sequence, values: memoryview) -> dict[str, np.ndarray]:
    flat = np.frombuffer(values, dtype=np.float32)
    arrays: dict[str, np.ndarray] = {}
    start = 0
    for name, shape in shapes:
        stop = start + prod(shape)
        arrays[name] = flat[start:stop].reshape(shape)
        start = stop
    return arrays


def _no_signal(file: File, rest: Sequence) -> str:
    held = ", ".join(f"{short(name, 30)} {tuple(shape)}" for name, shape, _ in rest) or "nothing"
    return (
        f"{file.shown} holds {short(held, 150)}: expected an ECG as an array of real numbers, "
        "(leads, samples) or (samples, leads), at least 50 samples long."
    )


def _choose_signal(
    file: File, contents: _Contents, choices: Mapping[str, str], several: bool
) -> str:
    """The variable that is the signal: the only one, the one so called, or the one asked for."""
    names = list(contents.arrays)
    if names == [PHYSIONET] and len(contents.facts) == 0:
        raise UnknownFormat(
            f"{file.shown} is a PhysioNet .mat, which says neither rate nor gain nor leads: give "
            f"it together with its header {short(file.stem)}.hea."
        )
    asked = str(choices.get("record", ""))
    asked = asked.partition(": ")[2] or asked
    named = [name for name in names if name.rsplit(".", 1)[-1].lower() in SIGNAL_NAMES]
    for fitting in ([name for name in names if name == asked.partition(" (")[0]], named, names):
        if len(fitting) == 1:
            return fitting[0]
    question = f"{file.shown} holds {len(names)} arrays of numbers."
    before = f"{file.name}: " if several else ""
    options = [
        f"{before}{name} ({' × '.join(map(str, array.shape))})"
        for name, array in contents.arrays.items()
    ]
    raise ChoiceNeeded("record", question, tuple(options))


def _leads_by_samples(file: File, values: np.ndarray) -> np.ndarray:
    """(leads, samples): the longer axis is time."""
    check_values(min(values.shape), max(values.shape), file.name)
    return values if values.shape[0] <= values.shape[1] else values.T


def _rate(said: object) -> float | None:
    return said if isinstance(said, float) and 0 < said < np.inf else None


def _per_lead(said: object, count: int) -> list[str]:
    """Texts one per lead; one text alone is for all."""
    if not isinstance(said, list) or len(said) not in (1, count):
        return []
    return said if len(said) == count else said * count


def _lead_names(array: np.ndarray, said: object) -> tuple[tuple[str, ...], list[str]]:
    """Names from the file; for twelve unnamed leads the standard ones where the values prove it."""
    if isinstance(said, list) and len(said) == len(array):
        return unique([plain_lead(name) for name in said]), []
    if len(array) == len(STANDARD) and _is_standard(array):
        return STANDARD, ["Leads are named I to V6: III, aVR, aVL and aVF follow from I and II"]
    return unique([""] * len(array)), []


def _is_standard(array: np.ndarray) -> bool:
    """Whether rows 3 to 6 are the limb leads that follow from rows 1 and 2, to within 5 %."""
    first, second = array[0].astype(np.float64), array[1].astype(np.float64)
    for row, (of_first, of_second) in enumerate(DERIVED.values(), start=2):
        expected = of_first * first + of_second * second
        spread = np.nanstd(expected)
        if not spread > 0 or not np.nanstd(array[row] - expected) < 0.05 * spread:
            return False
    return True
