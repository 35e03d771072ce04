"""What the XML formats have in common: strips of simultaneous leads, and how numbers are packed."""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from dashboard.data.readers.ecg_sample import check_values
from dashboard.data.readers.errors import ChoiceNeeded, DamagedFile, UnsafeFile, short
from dashboard.data.readers.limb_leads import STANDARD

RHYTHM, MEDIAN = "rhythm", "median"
MOST_BLOCKS = 200
MOST_LEADS = 64
PIECE = 2**20
_BLANK = re.compile(r"\s")
_STANDARD_NAMES = {name.lower(): name for name in STANDARD}
_BLANKS = dict.fromkeys(map(ord, " \t\r\n"))


@dataclass(frozen=True)
class Beat:
    """A beat that the recorder marked: its time in s from the first sample, and a WFDB code."""

    seconds: float
    symbol: str
    note: str = ""


@dataclass(frozen=True)
class Strip:
    """Leads recorded at the same time: `values` (C, T) float32 in mV."""

    leads: tuple[str, ...]
    values: np.ndarray
    beats: tuple[Beat, ...] = ()
    notes: tuple[str, ...] = ()
    start_time: str | None = None


@dataclass(frozen=True)
class Block:
    """One strip of a file, before its samples are decoded.

    `label` is "rhythm" or "median"; `rate` in Hz is None where the file does not say it; `read`
    takes the rate and decodes.
    """

    label: str
    rate: float | None
    read: Callable[[float], Strip]


def first_blocks(blocks: Iterable[Block], source: str) -> list[Block]:
    """The blocks as a list; raises UnsafeFile beyond `MOST_BLOCKS`, before looking at the rest."""
    found = list(islice(blocks, MOST_BLOCKS + 1))
    if len(found) > MOST_BLOCKS:
        raise UnsafeFile(
            f"{short(source)} holds over {MOST_BLOCKS} strips, which is the most that is read: "
            "export a shorter recording."
        )
    return found


def check_leads(count: int, source: str) -> None:
    """Refuse more leads than a recorder has, before each of them is looked at."""
    if count > MOST_LEADS:
        raise UnsafeFile(
            f"{short(source)} holds {count:,} leads in one strip, at most {MOST_LEADS} are read."
        )


def choose_block(
    blocks: Sequence[Block], choices: Mapping[str, str], reader: str, source: str
) -> tuple[Block, tuple[str, ...]]:
    """The block that `choices["kind"]` names, else the first rhythm; notes on the others.

    The choice may also name the reader, which says nothing about the block. Raises ChoiceNeeded.
    """
    labels = _told_apart([block.label for block in blocks])
    asked = str(choices.get("kind", "")).strip().lower()
    if asked in labels:
        place = labels.index(asked)
    elif asked in ("", reader.lower()):
        place = labels.index(RHYTHM) if RHYTHM in labels else 0
    else:
        question = f"{short(source)} has no block {short(asked, 20)!r}."
        raise ChoiceNeeded("kind", question, tuple(labels))
    rest = [label for number, label in enumerate(labels) if number != place]
    notes = []
    if blocks[place].label == MEDIAN:
        notes.append("The recorder's median beat, not the rhythm")
    if rest:
        notes.append(f"Left out: {short(', '.join(rest), 100)} (--choose kind={rest[0]} opens it)")
    return blocks[place], tuple(notes)


def _told_apart(labels: Sequence[str]) -> list[str]:
    """ "rhythm", "rhythm 2" ... for blocks of one label."""
    return [
        label if labels[:place].count(label) == 0 else f"{label} {labels[: place + 1].count(label)}"
        for place, label in enumerate(labels)
    ]


def stack(leads: Sequence[tuple[str, np.ndarray]], source: str) -> np.ndarray:
    """(C, T) float32 of leads (T,); raises DamagedFile where there are none or lengths differ."""
    if not leads:
        raise DamagedFile(f"{short(source)} holds no leads: expected at least one; export it anew.")
    check_leads(len(leads), source)
    lengths = {values.size for _, values in leads}
    if len(lengths) > 1:
        raise DamagedFile(
            f"{short(source)} has leads of {min(lengths):,} to {max(lengths):,} samples in one "
            "strip, expected one length: export it anew."
        )
    check_values(len(leads), lengths.pop(), source)
    return np.stack([values for _, values in leads], dtype=np.float32, casting="same_kind")


def packed_bytes(text: str, what: str) -> bytes:
    """The bytes that base64 `text` stands for; raises DamagedFile, which calls it `what`."""
    plain = text.translate(_BLANKS)
    try:
        return base64.b64decode(plain, validate=True)
    except (binascii.Error, ValueError) as error:
        raise DamagedFile(
            f"{what} is not whole base64 text ({len(plain):,} characters): a part is missing or "
            "changed; copy the file again."
        ) from error


def listed_numbers(text: str, what: str) -> np.ndarray:
    """The numbers (T,) in `text` between blanks; raises DamagedFile, which calls it `what`."""
    try:
        pieces = [np.fromiter(map(float, piece.split()), np.float64) for piece in _pieces(text)]
    except ValueError as error:
        raise DamagedFile(
            f"{what} has text among its numbers: expected numbers separated by blanks; get a "
            "fresh export."
        ) from error
    return np.concatenate([np.empty(0), *pieces])


def _pieces(text: str) -> Iterator[str]:
    """`text` in pieces cut at blanks: the words of all of it would need ten times its memory."""
    start = 0
    while start < len(text):
        blank = _BLANK.search(text, start + PIECE)
        stop = blank.start() if blank else len(text)
        yield text[start:stop]
        start = stop


def standard_lead(name: str) -> str:
    """The name of a lead as textbooks write it: "AVR" is aVR, "v1" is V1; others stay."""
    plain = name.strip()
    return _STANDARD_NAMES.get(plain.lower(), short(plain))


def clock(date: str, time: str) -> str | None:
    """Date and time as the file writes them, None where they are anything but digits and marks."""
    both = f"{date} {time}".strip()
    return both if re.fullmatch(r"[\d:/.+ -]{4,40}", both) else None
