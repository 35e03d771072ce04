"""WFDB records: a header, its signal files, and the annotations beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dashboard.data.readers.content import looks_like_text
from dashboard.data.readers.ecg_sample import asked_rate, check_values, ecg_sample
from dashboard.data.readers.errors import ChoiceNeeded, DamagedFile, UnknownFormat, short
from dashboard.data.readers.files import File, Files
from dashboard.data.readers.leads import choose_group, millivolts, unique
from dashboard.data.readers.wfdb_annotations import read_marks
from dashboard.data.readers.wfdb_header import Header, SignalLine, read_header
from dashboard.data.readers.wfdb_signals import (
    SignalFile,
    check_expansion,
    frames_present,
    read_into,
    signal_files,
)
from dashboard.data.sample import Marks, Sample

NO_SEGMENT = "~"
# Segments may share one signal file, so bytes can count more than once, but not without end.
MOST_VALUES_PER_BYTE = 200
NOT_ANNOTATIONS = (
    *(".hea", ".dat", ".mat", ".zip", ".txt"),
    *(".csv", ".json", ".png", ".html", ".xml"),
)


@dataclass(frozen=True)
class _Segment:
    """A stretch of `frames` frames; `sources` is empty where nothing was recorded."""

    sources: tuple[SignalFile, ...]
    signals: tuple[SignalLine, ...]
    frames: int


class WfdbReader:
    """.hea with .dat or PhysioNet challenge .mat, and annotators such as .atr."""

    name = "WFDB"
    suffixes = (".hea", ".dat", ".atr")

    def sniff(self, files: Files) -> bool:
        """A header, or a signal or annotation file that has lost its header."""
        lost = files.with_suffix(".dat", ".atr")
        return bool(files.with_suffix(".hea")) or (
            len(lost) == len(files) and any(not looks_like_text(file.head()) for file in lost)
        )

    def read(self, files: Files, choices: Mapping[str, str]) -> Sample:
        header_file = _choose_record(files, choices)
        header = read_header(header_file)
        frame_rate = header.rate or asked_rate(choices, header_file.name)
        segments = _segments(files, header_file, header)
        lines = next(segment.signals for segment in segments if segment.signals)
        names = unique([line.name for line in lines])
        rates = [frame_rate * line.per_frame for line in lines]
        chosen, left_out = choose_group(names, rates, choices)
        array, notes = _read_segments(header_file, segments, chosen)
        per_frame = lines[chosen[0]].per_frame
        marks, mark_notes = _annotations(files, header_file, segments, frame_rate, per_frame)
        return ecg_sample(
            array,
            name=header_file.stem,
            channels=[names[i] for i in chosen],
            units=[millivolts(lines[i].unit)[1] for i in chosen],
            rate=rates[chosen[0]],
            source=header_file.name,
            annotations=marks,
            notes=(*left_out, *_gain_notes(lines, names, chosen), *notes, *mark_notes),
            start_time=header.start_time,
        )


def _choose_record(files: Files, choices: Mapping[str, str]) -> File:
    """The header of the one record, or of the one that was asked for."""
    headers = files.with_suffix(".hea")
    if not headers:
        lost = next(iter(files.with_suffix(".dat", ".atr")))
        raise DamagedFile(
            f"{lost.shown} was given without its header {short(lost.stem)}.hea, which says how "
            "to read it: give both together."
        )
    whole = _without_segments(files, headers)
    labels = {file.name[: -len(".hea")]: file for file in whole}
    if "record" in choices and choices["record"] not in labels:
        question = f"There is no record {short(str(choices['record']))!r}."
        raise ChoiceNeeded("record", question, tuple(labels))
    if "record" in choices:
        return labels[choices["record"]]
    if len(labels) > 1:
        raise ChoiceNeeded("record", f"There are {len(labels)} records here.", tuple(labels))
    return whole[0]


def _without_segments(files: Files, headers: Sequence[File]) -> Sequence[File]:
    """The headers that are not just a segment of another record."""
    if len(headers) == 1:
        return headers
    parts: set[str] = set()
    for file in headers:
        # A damaged header is reported when it is the one to be read.
        first = file.head().split(b"\n", 1)[0].split()
        if first and b"/" in first[0]:
            for name, _ in read_header(file).segments:
                part = files.beside(file, f"{name}.hea")
                parts.add(part.name if part else "")
    return [file for file in headers if file.name not in parts] or headers


def _segments(files: Files, header_file: File, header: Header) -> list[_Segment]:
    """The record as segments of known length; a plain record is one."""
    if not header.segments:
        return [_segment(files, header_file, header, header.length)]
    if header.segments[0][1] == 0:
        raise UnknownFormat(
            f"{header_file.shown} is a multi-segment record of variable layout, which is not "
            "read: give one of its segments instead."
        )
    segments = [_named_segment(files, header_file, header, *item) for item in header.segments]
    layouts = {tuple(line.per_frame for line in s.signals) for s in segments if s.signals}
    total = sum(segment.frames for segment in segments)
    if len(layouts) != 1 or (header.length is not None and header.length != total):
        raise DamagedFile(
            f"{header_file.shown} declares {header.length or 0:,} samples in segments of one "
            f"layout, but they hold {total:,} in {len(layouts)} layouts: get all files again."
        )
    return segments


def _named_segment(
    files: Files, header_file: File, header: Header, name: str, frames: int
) -> _Segment:
    if name == NO_SEGMENT:
        return _Segment((), (), frames)
    part_file = files.beside(header_file, f"{name}.hea")
    if part_file is None:
        raise DamagedFile(
            f"{header_file.shown} needs the segment {short(name)}.hea, which is missing: give "
            "all files of the record together, as a folder or a zip."
        )
    part = read_header(part_file)
    wrong_length = part.length is not None and part.length != frames
    wrong_rate = None not in (part.rate, header.rate) and part.rate != header.rate
    if part.segments or part.signal_count != header.signal_count or wrong_length or wrong_rate:
        raise DamagedFile(
            f"{header_file.shown} and its segment {part_file.shown} disagree on signals, "
            "sampling rate or length: they belong to different records."
        )
    return _segment(files, part_file, part, frames)


def _segment(files: Files, header_file: File, header: Header, declared: int | None) -> _Segment:
    sources = tuple(signal_files(files, header_file, header))
    frames = frames_present(header_file, sources, declared)
    if frames is None:
        raise DamagedFile(
            f"{header_file.shown} does not say how many samples its compressed signals hold: "
            "add the number after the sampling rate."
        )
    if frames == 0:
        raise DamagedFile(f"{header_file.shown} belongs to a record of 0 samples.")
    return _Segment(sources, header.signals, frames)


def _read_segments(
    header_file: File, segments: Sequence[_Segment], chosen: Sequence[int]
) -> tuple[np.ndarray, list[str]]:
    """(C, T) float32 in the units of `millivolts`, and notes."""
    per_frame = next(s.signals for s in segments if s.signals)[chosen[0]].per_frame
    total = sum(segment.frames for segment in segments) * per_frame
    check_values(len(chosen), total, header_file.name)
    given = {source.file.name: source.file.size for s in segments for source in s.sources}
    check_expansion(total * len(chosen), sum(given.values()), header_file, MOST_VALUES_PER_BYTE)
    array = np.full((len(chosen), total), np.nan, dtype=np.float32)
    rows = {index: row for row, index in enumerate(chosen)}
    notes: list[str] = []
    start = 0
    for segment in segments:
        stop = start + segment.frames * per_frame
        for source in segment.sources:
            notes += read_into(array[:, start:stop], source, rows, segment.frames)
        start = stop
    return array, list(dict.fromkeys(notes))


def _gain_notes(
    lines: Sequence[SignalLine], names: Sequence[str], chosen: Sequence[int]
) -> list[str]:
    assumed = [names[i] for i in chosen if lines[i].assumed_gain]
    if not assumed:
        return []
    return [
        f"The header gives no gain (or 0) for {', '.join(assumed[:6])}: 200 steps per mV are "
        "assumed, as WFDB prescribes; amplitudes are uncalibrated"
    ]


def _annotations(
    files: Files,
    header_file: File,
    segments: Sequence[_Segment],
    frame_rate: float,
    per_frame: int,
) -> tuple[list[Marks], list[str]]:
    """Every annotator beside the header under the record's name, and notes on unreadable ones."""
    signals = {source.file.name for segment in segments for source in segment.sources}
    marks: list[Marks] = []
    notes: list[str] = []
    for file in files.values():
        beside = file.folder == header_file.folder and file.stem == header_file.stem
        if not beside or file.name in signals or file.suffix in (*NOT_ANNOTATIONS, ""):
            continue
        try:
            marks.append(read_marks(file, file.suffix[1:], frame_rate, per_frame))
        except DamagedFile as error:
            notes.append(str(error))
    return marks, notes
