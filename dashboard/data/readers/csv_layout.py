"""How a table of numbers is laid out: delimiter, preamble, header lines, units, sampling rate."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.data.readers.leads import millivolts

MOST_PREAMBLE_LINES = 200
LINES_TRIED = 25
# What the patterns below meet is bounded, so that none can take long.
LONGEST_HEADING, LONGEST_FACT = 120, 500
DELIMITERS = ("\t", ";", ",", "|", r"\s+")
MISSING = ("", "-", "na", "nan", "null", "none", "n/a", "?", "inf", "-inf")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_COMMA_NUMBER = re.compile(r"[-+]?\d+,\d+([eE][-+]?\d+)?")
# 0:00.002, 10:23:45.120, 2021-12-17 12:58:58, [19:46:25.757 01/02/2000]
_CLOCK = re.compile(
    r"\[?(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}[ T])?\d{1,2}:\d{2}(:\d{2})?([.,]\d+)?"
    r"( *\d{1,2}/\d{1,2}/\d{4})?\]?(Z|[-+]\d{2}:?\d{2})?"
)
_RATE_LINE = re.compile(
    r"(sampl\w*[\s_]*(rate|freq\w*)|\bfs\b|\brate_hz\b)[^\d\n]*?(\d+(?:[.,]\d+)?)\s*(k?)",
    re.IGNORECASE,
)
_UNIT_LINE = re.compile(r"^\W*units?\W+([\w/µμ]+)", re.IGNORECASE)
_NAME_LINE = re.compile(r"^\W*(leads?|labels?|channels?)\b\s*[:=,;\t]+=?\s*(.+)$", re.IGNORECASE)
_UNIT_IN_NAME = re.compile(r"^(.*?)\s*(?:[\[(]\s*([^\])]*)\s*[\])]|[_\s/]([numµμ]V))$")


@dataclass(frozen=True)
class Layout:
    """`skip` lines come before the numbers, which are `columns` wide.

    `names` and `units` are per column and empty strings where not given; `rate` in Hz, `unit`
    and `leads` are what the preamble says of the whole table. Nothing else of it is kept: it may
    name the patient.
    """

    delimiter: str
    decimal: str
    skip: int
    columns: int
    clock: bool
    names: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    rate: float | None = None
    unit: str = ""
    leads: tuple[str, ...] = ()


def find_layout(lines: Sequence[str]) -> Layout | None:
    """The layout of a table that begins within `lines`; None where there is none.

    Every line from its first row on must be a row, for the LINES_TRIED that are looked at.
    """
    lines = lines[: MOST_PREAMBLE_LINES + LINES_TRIED]
    # What splits a row decides; only then a row may be one number, perhaps with a decimal comma.
    several, one = [], []
    for delimiter in DELIMITERS:
        rows = [split(line, delimiter) for line in lines]
        start = _first_row(rows)
        if start is not None and not _splits_decimals(rows[start:], delimiter):
            found = several if len(rows[start]) > 1 else one
            found.append((rows, start, delimiter))
    for rows, start, delimiter in [*several, *one][:1]:
        return _describe(lines, rows, start, delimiter)
    return None


def _splits_decimals(rows: Sequence[list[str]], delimiter: str) -> bool:
    """Whether a comma between two fields is a decimal one: "0,05" is a number, "0" and "05" not."""
    pairs = delimiter == "," and all(len(row) == 2 for row in rows)
    return pairs and any(re.fullmatch(r"0\d+", row[1]) for row in rows)


def split(line: str, delimiter: str) -> list[str]:
    """The fields of a line, without blanks and quotes around them."""
    fields = line.split() if delimiter == r"\s+" else line.split(delimiter)
    return [field.strip().strip("\"'").strip() for field in fields]


def _first_row(rows: Sequence[list[str]]) -> int | None:
    for start in range(min(len(rows), MOST_PREAMBLE_LINES)):
        if not _is_row(rows[start]):
            continue
        tried = [row for row in rows[start : start + LINES_TRIED] if row not in ([], [""])]
        same = all(_is_row(row) and len(row) == len(rows[start]) for row in tried)
        if same and (len(tried) > 1 or start + 1 == len(rows)):
            return start
    return None


def _is_row(fields: Sequence[str]) -> bool:
    """Numbers or missing values, at least one number; the first field may be a clock time."""
    rest = fields[1:] if fields and _CLOCK.fullmatch(fields[0]) else fields
    numbers = [f for f in rest if _NUMBER.fullmatch(f) or _COMMA_NUMBER.fullmatch(f)]
    missing = [f for f in rest if f.lower() in MISSING]
    return len(numbers) + len(missing) == len(rest) and bool(numbers)


def _describe(
    lines: Sequence[str], rows: Sequence[list[str]], start: int, delimiter: str
) -> Layout:
    columns = len(rows[start])
    preamble = [line.lstrip("#% ").strip() for line in lines[:start] if len(line) < LONGEST_FACT]
    wide = [row for row in rows[:start] if len(row) == columns and columns > 1]
    if columns == 1 and start:
        wide = [[_plain_header(lines[start - 1])]]
    names, units = _header(wide[-2:])
    decimal = any(_COMMA_NUMBER.fullmatch(field) for row in rows[start:] for field in row)
    return Layout(
        delimiter=delimiter,
        decimal="," if decimal else ".",
        skip=start,
        columns=columns,
        clock=bool(_CLOCK.fullmatch(rows[start][0])),
        names=tuple(names),
        units=tuple(units),
        **_facts(preamble),
    )


def _plain_header(line: str) -> str:
    """A one-column header; a line of the preamble ("# Labels:= ECG") is none."""
    plain = line.strip().strip("\"'")
    return "" if plain.startswith(("#", "%")) or re.search(r"[:=,;]", plain) else plain


def _header(wide: Sequence[list[str]]) -> tuple[list[str], list[str]]:
    """Names and units from the last lines before the numbers that have as many fields."""
    if not wide:
        return [], []
    last = [_in_quotes(field) for field in wide[-1]]
    if len(wide) == 2 and any(millivolts(field)[1] == "mV" for field in last):
        return [_in_quotes(field) for field in wide[0]], last
    split_names = [_UNIT_IN_NAME.match(field) for field in last]
    names = [m[1] if m else field for m, field in zip(split_names, last, strict=True)]
    return names, [(m[2] or m[3] or "") if m else "" for m in split_names]


def _in_quotes(field: str) -> str:
    return field.lstrip("#%").strip().strip("\"'").strip()[:LONGEST_HEADING]


def _facts(preamble: Sequence[str]) -> dict:
    """Sampling rate, unit and lead names, each from the first line that gives it."""
    facts: dict = {}
    for line in preamble:
        if "rate" not in facts and (found := _RATE_LINE.search(line)):
            rate = float(found[3].replace(",", ".")) * (1000 if found[4] else 1)
            facts["rate"] = rate or None
        elif "unit" not in facts and (found := _UNIT_LINE.match(line)):
            facts["unit"] = found[1]
        elif "leads" not in facts and (found := _NAME_LINE.match(line)):
            facts["leads"] = tuple(part for part in split(found[2], ",") if part)
    return facts
