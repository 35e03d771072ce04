"""The usual ways to lay out twelve leads: which lead in which row, and over which part of a window.

Columns follow each other in time, as on a recorder that switches leads: a moment of the page is
one moment of the record in every row.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

STANDARD = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
LEAST_LEADS = 6  # of the twelve; with fewer a layout is mostly holes
_NAMES = {name.upper(): name for name in STANDARD}


@dataclass(frozen=True)
class LeadLayout:
    """Rows of lead names from left to right; no rows is a stack of whatever leads are chosen."""

    name: str
    rows: tuple[tuple[str, ...], ...]


LAYOUTS = (
    LeadLayout("stack", ()),
    LeadLayout(
        "3×4",
        (
            ("I", "aVR", "V1", "V4"),
            ("II", "aVL", "V2", "V5"),
            ("III", "aVF", "V3", "V6"),
            ("II",),  # the rhythm strip
        ),
    ),
    LeadLayout("6×2", tuple(zip(STANDARD[:6], STANDARD[6:], strict=True))),
    LeadLayout("12×1", tuple((name,) for name in STANDARD)),
)


@dataclass(frozen=True)
class Piece:
    """One lead in one row from `start` to `end` (s); `channel` None where it was not recorded."""

    name: str
    row: int
    start: float
    end: float
    channel: int | None


def standard_name(channel: str) -> str | None:
    """The standard lead a channel's name means ("Lead avr", "MDC_ECG_LEAD_V1"), else None.

    Modified leads such as MLII are leads of their own.
    """
    words = re.findall(r"[A-Z0-9]+", channel.upper())
    found = [_NAMES[word] for word in words if word in _NAMES]
    return found[0] if len(found) == 1 else None


def layout_named(name: str) -> LeadLayout:
    """The layout of this name, the stack for an unknown one."""
    return next((layout for layout in LAYOUTS if layout.name == name), LAYOUTS[0])


def missing_leads(layout: LeadLayout, channels: Sequence[str]) -> tuple[str, ...]:
    """Leads of the layout that are not among the channels, in standard order."""
    there = {standard_name(name) for name in channels}
    wanted = {name for row in layout.rows for name in row}
    return tuple(name for name in STANDARD if name in wanted - there)


def can_show(layout: LeadLayout, channels: Sequence[str]) -> bool:
    """Whether enough of the layout's leads were recorded for it to make sense."""
    return not layout.rows or len(STANDARD) - len(missing_leads(layout, channels)) >= LEAST_LEADS


def pieces(
    layout: LeadLayout, channels: Sequence[str], window: tuple[float, float]
) -> tuple[Piece, ...]:
    """The layout's leads over equal parts of `window` (s), row by row."""
    first = {standard_name(name): k for k, name in reversed(list(enumerate(channels)))}
    out = []
    for row, names in enumerate(layout.rows):
        part = (window[1] - window[0]) / len(names)
        for column, name in enumerate(names):
            start = window[0] + column * part
            out.append(Piece(name, row, start, start + part, first.get(name)))
    return tuple(out)
