"""Which volume of a file is read where it holds several numbers per voxel, or several volumes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dashboard.data.readers.errors import ChoiceNeeded
from dashboard.data.readers.files import File
from dashboard.data.readers.volume_values import Stored, Take

COLOUR, COMPLEX, COMPONENTS = "colour", "complex", "components"
_COLOURS = ("red", "green", "blue", "alpha")
# ITU-R BT.601, in 1/65536 as Pillow has them.
_LUMINANCE = (19595, 38470, 7471)
_PARTS = ("magnitude", "phase", "real", "imaginary")


@dataclass(frozen=True)
class Part:
    """The chosen volume: its number in the file, how its values are made, and notes.

    `modality` is "volume" where the values are no scan's whatever they look like, else None.
    """

    frame: int
    take: Take | None
    notes: tuple[str, ...]
    modality: str | None = None


def chosen_part(
    file: File, stored: Stored, choices: Mapping[str, str], meaning: str = COMPONENTS
) -> Part:
    """The volume that `choices` name; `meaning` says what the inner numbers of a voxel are.

    Raises ChoiceNeeded: "frame" of several volumes, "part" of complex numbers. Colours are read
    as luminance unless the choice "channel" names one.
    """
    if stored.inner == 1:
        frame = asked_frame(file, stored.frames, choices)
        return Part(frame, None, _frame_note(frame, stored.frames))
    if meaning == COMPONENTS:
        number = asked_frame(file, stored.frames * stored.inner, choices)
        frame, component = divmod(number, stored.inner)
        note = _frame_note(number, stored.frames * stored.inner)
        return Part(frame, lambda piece: piece[:, component], note)
    frame = asked_frame(file, stored.frames, choices)
    take, note = (_colour if meaning == COLOUR else _complex)(file, stored, choices)
    no_scan = meaning == COLOUR or choices.get("part", "").lower() == "phase"
    notes = (*_frame_note(frame, stored.frames), note)
    return Part(frame, take, notes, "volume" if no_scan else None)


def chosen_file(found: Sequence[File], choices: Mapping[str, str]) -> File:
    """The only volume of `found`, or the one that the choice "record" names."""
    names = tuple(file.name for file in found)
    wanted = names[0] if len(names) == 1 else choices.get("record")
    if wanted not in names:
        raise ChoiceNeeded("record", f"{len(names)} volumes were given: which one?", names)
    return found[names.index(wanted)]


def asked_frame(file: File, count: int, choices: Mapping[str, str]) -> int:
    """Which of `count` volumes, from 0; raises ChoiceNeeded without a usable answer."""
    if count == 1:
        return 0
    options = tuple(str(n) for n in range(count))
    if choices.get("frame") not in options:
        raise ChoiceNeeded(
            "frame",
            f"{file.shown} holds {count} volumes, counted from 0: which one?",
            options,
        )
    return int(choices["frame"])


def _frame_note(frame: int, count: int) -> tuple[str, ...]:
    return (f"frame {frame}",) if count > 1 else ()


def _colour(file: File, stored: Stored, choices: Mapping[str, str]) -> tuple[Take, str]:
    named = _COLOURS[: stored.inner]
    wanted = choices.get("channel", "").lower()
    if wanted in named:
        channel = named.index(wanted)
        return lambda piece: piece[:, channel], f"of its colours the channel {wanted}"
    return luminance, "stored in colour, read as luminance"


def luminance(colours: np.ndarray) -> np.ndarray:
    """Luminance (ITU-R BT.601) of unsigned integers up to 16 bits, colours on the last axis."""
    parts = (np.uint32(w) * colours[..., n] for n, w in enumerate(_LUMINANCE))
    return (sum(parts, start=np.uint32(0x8000)) >> 16).astype(colours.dtype)


def _complex(file: File, stored: Stored, choices: Mapping[str, str]) -> tuple[Take, str]:
    wanted = choices.get("part", "").lower()
    if wanted not in _PARTS:
        raise ChoiceNeeded("part", f"{file.shown} holds complex numbers: which part?", _PARTS)
    return _COMPLEX[wanted], f"of complex numbers the {wanted}"


def _magnitude(piece: np.ndarray) -> np.ndarray:
    return np.hypot(piece[:, 0], piece[:, 1])


def _phase(piece: np.ndarray) -> np.ndarray:
    """Radians."""
    return np.arctan2(piece[:, 1], piece[:, 0])


_COMPLEX: Mapping[str, Take] = {
    "magnitude": _magnitude,
    "phase": _phase,
    "real": lambda piece: piece[:, 0],
    "imaginary": lambda piece: piece[:, 1],
}
