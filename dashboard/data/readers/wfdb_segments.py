"""WFDB records in segments: of one layout, or of leads that come and go between gaps.

Source: WFDB Applications Guide, header(5), sections "Multi-segment records" and "Record line".
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dashboard.data.readers.ecg_sample import check_values
from dashboard.data.readers.errors import DamagedFile, short
from dashboard.data.readers.files import File, Files
from dashboard.data.readers.leads import millivolts, unique
from dashboard.data.readers.wfdb_header import Header, SignalLine, read_header
from dashboard.data.readers.wfdb_signals import (
    SignalFile,
    check_expansion,
    frames_present,
    read_into,
    signal_files,
)

NO_SEGMENT = "~"
NO_FILE = "~"  # what the signals of a layout header name as their file
# Segments may share one signal file, so bytes can count more than once, but not without end.
MOST_VALUES_PER_BYTE = 200


@dataclass(frozen=True)
class Segment:
    """A stretch of `frames` frames; `sources` is empty where nothing was recorded.

    `places` says which signal of the record each signal of the segment is.
    """

    sources: tuple[SignalFile, ...]
    signals: tuple[SignalLine, ...]
    frames: int
    places: tuple[int, ...]


@dataclass(frozen=True)
class Record:
    """All of a record but its values: `lines` are its signals, `segments` follow one another."""

    lines: tuple[SignalLine, ...]
    segments: tuple[Segment, ...]

    @property
    def sources(self) -> set[str]:
        """Names of the signal files."""
        return {source.file.name for segment in self.segments for source in segment.sources}


def find_record(files: Files, header_file: File, header: Header) -> Record:
    """The record behind `header`, its segments found and checked; a plain one is one segment.

    Raises DamagedFile where files are missing, cut off or contradict each other.
    """
    if not header.segments:
        whole = _segment(files, header_file, header, header.length)
        return Record(whole.signals, (whole,))
    if header.segments[0][1] == 0:
        return _variable_record(files, header_file, header)
    segments = [_named_segment(files, header_file, header, *item) for item in header.segments]
    layouts = {tuple(line.per_frame for line in s.signals) for s in segments if s.signals}
    total = sum(segment.frames for segment in segments)
    if len(layouts) != 1 or (header.length is not None and header.length != total):
        raise DamagedFile(
            f"{header_file.shown} declares {header.length or 0:,} samples in segments of one "
            f"layout, but they hold {total:,} in {len(layouts)} layouts: get all files again."
        )
    lines = next(segment.signals for segment in segments if segment.signals)
    return Record(lines, tuple(segments))


def read_segments(
    header_file: File, record: Record, chosen: Sequence[int]
) -> tuple[np.ndarray, list[str]]:
    """Signals `chosen` as (C, T) float32 in the units of `millivolts`, and notes.

    NaN wherever a lead was not recorded.
    """
    per_frame = record.lines[chosen[0]].per_frame
    total = sum(segment.frames for segment in record.segments) * per_frame
    check_values(len(chosen), total, header_file.name)
    given = {s.file.name: s.file.size for segment in record.segments for s in segment.sources}
    check_expansion(total * len(chosen), sum(given.values()), header_file, MOST_VALUES_PER_BYTE)
    array = np.full((len(chosen), total), np.nan, dtype=np.float32)
    row_of = {place: row for row, place in enumerate(chosen)}
    notes: list[str] = []
    start = 0
    for segment in record.segments:
        stop = start + segment.frames * per_frame
        rows = {i: row_of[place] for i, place in enumerate(segment.places) if place in row_of}
        for source in segment.sources:
            notes += read_into(array[:, start:stop], source, rows, segment.frames)
        start = stop
    return array, list(dict.fromkeys(notes))


def _variable_record(files: Files, header_file: File, header: Header) -> Record:
    """A record whose first segment, of no samples, only lists all signals there ever are."""
    layout_file, layout = _part(files, header_file, header.segments[0][0])
    if layout.segments or layout.signal_count != header.signal_count:
        raise DamagedFile(
            f"{header_file.shown} declares {header.signal_count} signals, but its layout "
            f"{layout_file.shown} lists {layout.signal_count}: they belong to different records."
        )
    if any(line.file != NO_FILE for line in layout.signals):
        raise DamagedFile(
            f"{layout_file.shown} is the layout of a record and should name no signal files "
            f"('{NO_FILE}' instead): get the header again."
        )
    names = unique([line.name for line in layout.signals])
    segments = [
        _varied_segment(files, header_file, header, layout, names, *item)
        for item in header.segments[1:]
    ]
    total = sum(segment.frames for segment in segments)
    if header.length is not None and header.length != total:
        raise DamagedFile(
            f"{header_file.shown} declares {header.length:,} samples, but its segments hold "
            f"{total:,}: get all files of the record again."
        )
    return Record(_lines_in_use(header_file, layout, names, segments), tuple(segments))


def _varied_segment(
    files: Files,
    header_file: File,
    header: Header,
    layout: Header,
    names: Sequence[str],
    name: str,
    frames: int,
) -> Segment:
    """One segment with the place of each of its signals among `names`, the layout's."""
    if name == NO_SEGMENT:
        return Segment((), (), frames, ())
    part_file, part = _part(files, header_file, name)
    _check_part(header_file, header, part_file, part, frames)
    here = unique([line.name for line in part.signals])
    strange = [own for own in here if own not in names]
    if strange:
        raise DamagedFile(
            f"{part_file.shown} holds the signal {short(strange[0], 30)}, which the layout of "
            f"{header_file.shown} does not list: they belong to different records."
        )
    places = tuple(names.index(own) for own in here)
    for line, place in zip(part.signals, places, strict=True):
        if line.per_frame != layout.signals[place].per_frame:
            raise DamagedFile(
                f"{part_file.shown} holds {short(names[place], 30)} with {line.per_frame} samples "
                f"per frame, but the layout of {header_file.shown} says "
                f"{layout.signals[place].per_frame}: get all files of the record again."
            )
    return _segment(files, part_file, part, frames, places)


def _lines_in_use(
    header_file: File, layout: Header, names: Sequence[str], segments: Sequence[Segment]
) -> tuple[SignalLine, ...]:
    """Each signal as its first segment describes it: gain and unit of a layout are placeholders."""
    if not any(segment.sources for segment in segments):
        raise DamagedFile(
            f"{header_file.shown} consists of gaps alone: expected at least one segment with "
            "signals."
        )
    lines = list(layout.signals)
    units: dict[int, str] = {}
    for segment in segments:
        for line, place in zip(segment.signals, segment.places, strict=True):
            unit = millivolts(line.unit)[1]
            if units.setdefault(place, unit) != unit:
                raise DamagedFile(
                    f"{header_file.shown} holds {short(names[place], 30)} in {units[place]} in "
                    f"one segment and in {short(unit, 20)} in another: give them one at a time."
                )
            lines[place] = line if lines[place].file == NO_FILE else lines[place]
    return tuple(lines)


def _named_segment(
    files: Files, header_file: File, header: Header, name: str, frames: int
) -> Segment:
    if name == NO_SEGMENT:
        return Segment((), (), frames, ())
    part_file, part = _part(files, header_file, name)
    if part.signal_count != header.signal_count:
        raise _disagree(header_file, part_file)
    _check_part(header_file, header, part_file, part, frames)
    return _segment(files, part_file, part, frames)


def _part(files: Files, header_file: File, name: str) -> tuple[File, Header]:
    """The header of a segment that must be beside its record."""
    part_file = files.beside(header_file, f"{name}.hea")
    if part_file is None:
        raise DamagedFile(
            f"{header_file.shown} needs the segment {short(name)}.hea, which is missing: give "
            "all files of the record together, as a folder or a zip."
        )
    return part_file, read_header(part_file)


def _check_part(
    header_file: File, header: Header, part_file: File, part: Header, frames: int
) -> None:
    wrong_length = part.length is not None and part.length != frames
    wrong_rate = None not in (part.rate, header.rate) and part.rate != header.rate
    if part.segments or wrong_length or wrong_rate:
        raise _disagree(header_file, part_file)


def _disagree(header_file: File, part_file: File) -> DamagedFile:
    return DamagedFile(
        f"{header_file.shown} and its segment {part_file.shown} disagree on signals, "
        "sampling rate or length: they belong to different records."
    )


def _segment(
    files: Files,
    header_file: File,
    header: Header,
    declared: int | None,
    places: tuple[int, ...] | None = None,
) -> Segment:
    sources = tuple(signal_files(files, header_file, header))
    frames = frames_present(header_file, sources, declared)
    if frames is None:
        raise DamagedFile(
            f"{header_file.shown} does not say how many samples its compressed signals hold: "
            "add the number after the sampling rate."
        )
    if frames == 0:
        raise DamagedFile(f"{header_file.shown} belongs to a record of 0 samples.")
    own = tuple(range(len(header.signals))) if places is None else places
    return Segment(sources, header.signals, frames, own)
