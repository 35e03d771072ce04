"""ECG in text tables (CSV, TXT, TSV): layout found, sampling rate and unit found or asked for."""

import io
import re
from collections.abc import Mapping, Sequence

import numpy as np

from dashboard.data.readers.content import looks_like_text, what_is
from dashboard.data.readers.csv_clock import (
    Clock,
    clock_seconds,
    is_counter,
    is_ramp,
    is_time_name,
    read_clock,
)
from dashboard.data.readers.csv_layout import MISSING, Layout, find_layout
from dashboard.data.readers.ecg_sample import (
    asked_rate,
    asked_unit,
    check_values,
    choose_file,
    ecg_sample,
    to_millivolts,
)
from dashboard.data.readers.errors import DamagedFile, EmptyFile, UnknownFormat, UnsafeFile
from dashboard.data.readers.files import File, Files
from dashboard.data.readers.leads import choose_group, millivolts, plain_lead, unique
from dashboard.data.sample import Sample

HEAD_BYTES = 64 * 1024
MOST_BYTES = 256 * 1024**2
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class CsvReader:
    """Rows of numbers, one column per lead, with or without time, header and preamble."""

    name = "table"
    suffixes = (".csv", ".txt", ".tsv", ".asc")

    def sniff(self, files: Files) -> bool:
        """A text file in which a table of numbers begins."""
        return bool(self._tables(files))

    def read(self, files: Files, choices: Mapping[str, str]) -> Sample:
        found = self._tables(files) or files.with_suffix(*self.suffixes)
        file = choose_file(found, choices)
        layout = _layout(file)
        if layout is None:
            raise _no_table(file)
        columns = _columns(file, layout)
        names = list(layout.names) or [""] * len(columns)
        units = list(layout.units) or [""] * len(columns)
        clock = _take_clock(layout, columns, names, units)
        check_values(len(columns), len(columns[0]), file.name)
        rate = layout.rate or clock.rate or asked_rate(choices, file.name)
        array = _placed(np.stack(columns).astype(np.float32), clock, file)
        units = _units(layout, units, array, choices, file)
        names = unique([plain_lead(name) for name in _lead_names(layout, names)])
        chosen, notes = choose_group(names, [rate] * len(names), choices)
        array = array[chosen]
        return ecg_sample(
            array,
            name=file.stem,
            channels=[names[i] for i in chosen],
            units=to_millivolts(array, [units[i] for i in chosen]),
            rate=rate,
            source=file.name,
            notes=(*notes, *([clock.note] if clock.note else [])),
        )

    def _tables(self, files: Files) -> list[File]:
        # Beside a header, a .dat is a signal file whatever its bytes look like.
        unclear = () if files.with_suffix(".hea") else (".dat", "")
        texts = files.with_suffix(*self.suffixes, *unclear)
        return [file for file in texts if _layout(file) is not None]


def _encoding(head: bytes) -> str:
    """Only numbers and a few words matter, and latin-1 never fails."""
    if head.startswith(UTF16_MARKS):
        return "utf-16"
    try:
        # The head may end within a character, so its last line does not count.
        head[: head.rfind(b"\n") + 1].decode("utf-8-sig")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig"


def _layout(file: File) -> Layout | None:
    head = file.head(HEAD_BYTES)
    if not looks_like_text(head) or what_is(head):
        return None
    lines = re.split(r"\r\n|\n|\r", head.decode(_encoding(head), errors="replace"))
    lines = lines[:-1] if lines[-1] == "" else lines
    whole = len(head) == file.size
    return find_layout(lines if whole or len(lines) < 2 else lines[:-1])


def _no_table(file: File) -> Exception:
    head = file.head(HEAD_BYTES)
    if not head:
        return EmptyFile(f"{file.shown} is empty (0 bytes): expected rows of numbers.")
    kind = what_is(head) or ("text" if looks_like_text(head) else "binary data")
    return UnknownFormat(
        f"{file.shown} is {kind} without a table of numbers: expected one row per sample and one "
        "column per lead, separated by commas, semicolons, tabs or blanks."
    )


def _columns(file: File, layout: Layout) -> list[np.ndarray]:
    """Every column as (T,) float64 with NaN where a value is missing."""
    # pandas takes as long to import as a whole record to read, and only tables need it.
    import pandas as pd

    if file.size > MOST_BYTES:
        raise UnsafeFile(
            f"{file.shown} has {file.size:,} bytes, at most {MOST_BYTES:,} of text are read: "
            "convert it to WFDB or EDF."
        )
    encoding = _encoding(file.head(HEAD_BYTES))
    text = io.StringIO(file.read().decode(encoding, errors="replace"), newline=None)
    for _ in range(layout.skip):
        text.readline()
    try:
        table = pd.read_csv(
            text,
            sep=layout.delimiter,
            decimal=layout.decimal,
            header=None,
            names=list(range(layout.columns)),
            index_col=False,
            na_values=[*MISSING, *(word.upper() for word in MISSING)],
            skipinitialspace=True,
            low_memory=False,
            on_bad_lines="error",
        )
    except pd.errors.ParserError as error:
        raise DamagedFile(
            f"{file.shown} has rows of different lengths: expected {layout.columns} columns in "
            "each; look for a broken line or a footer."
        ) from error
    if layout.clock:
        table[0] = clock_seconds(table[0].astype(str).tolist())
    return [_numbers(file, number, table[number]) for number in range(layout.columns)]


def _numbers(file: File, number: int, column) -> np.ndarray:
    if column.dtype.kind in "iufb":
        return column.to_numpy(dtype=np.float64)
    raise DamagedFile(
        f"{file.shown} has text among the numbers of column {number + 1}: expected numbers only "
        "below the header; remove what does not belong."
    )


def _take_clock(
    layout: Layout, columns: list[np.ndarray], names: list[str], units: list[str]
) -> Clock:
    """Remove counting, time and empty last columns from the three lists; the clock if any."""
    clock = Clock(None)
    if len(columns) > 1 and not names[-1] and np.isnan(columns[-1]).all():
        _drop(-1, columns, names, units)  # lines that end with a delimiter
    if len(columns) > 1 and is_counter(names[0], columns[0]):
        _drop(0, columns, names, units)
    if len(columns) > 1:
        timed = [i for i, name in enumerate(names) if is_time_name(name)]
        # Columns without a telling name ("Var1") are times where they rise like them.
        if not timed and (layout.clock or is_ramp(columns[0])):
            timed = [0]
        if timed:
            unit = "s" if layout.clock and timed[0] == 0 else units[timed[0]]
            clock = read_clock(columns[timed[0]], names[timed[0]], unit)
            _drop(timed[0], columns, names, units)
    return clock


def _drop(index: int, *lists: list) -> None:
    for items in lists:
        del items[index]


def _placed(array: np.ndarray, clock: Clock, file: File) -> np.ndarray:
    """`array` (C, T) with NaN where the clock has gaps."""
    if clock.places is None:
        return array
    check_values(len(array), int(clock.places[-1]) + 1, file.name)
    spread = np.full((len(array), int(clock.places[-1]) + 1), np.nan, dtype=np.float32)
    spread[:, clock.places] = array
    return spread


def _units(
    layout: Layout, units: Sequence[str], array: np.ndarray, choices: Mapping[str, str], file: File
) -> list[str]:
    """One unit per column: its own, the preamble's, or what the person says."""
    if any(millivolts(unit)[1] == "mV" for unit in units if unit):
        return list(units)
    common = layout.unit or asked_unit(choices, file.name, array)
    return [common] * len(units)


def _lead_names(layout: Layout, names: Sequence[str]) -> Sequence[str]:
    if any(names):
        return names
    return layout.leads if len(layout.leads) == len(names) else names
