"""WFDB records: a header, its signal files, and the annotations beside them."""

from collections.abc import Mapping, Sequence

from dashboard.data.readers.content import looks_like_text
from dashboard.data.readers.ecg_sample import asked_rate, ecg_sample
from dashboard.data.readers.errors import ChoiceNeeded, DamagedFile, short
from dashboard.data.readers.files import File, Files
from dashboard.data.readers.leads import choose_group, millivolts, unique
from dashboard.data.readers.wfdb_annotations import read_marks
from dashboard.data.readers.wfdb_header import SignalLine, read_header
from dashboard.data.readers.wfdb_segments import find_record, read_segments
from dashboard.data.sample import Marks, Sample

NOT_ANNOTATIONS = (
    *(".hea", ".dat", ".mat", ".zip", ".txt"),
    *(".csv", ".json", ".png", ".html", ".xml", ".dcm", ".scp"),
)


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
        record = find_record(files, header_file, header)
        lines = record.lines
        names = unique([line.name for line in lines])
        rates = [frame_rate * line.per_frame for line in lines]
        chosen, left_out = choose_group(names, rates, choices)
        array, notes = read_segments(header_file, record, chosen)
        per_frame = lines[chosen[0]].per_frame
        marks, mark_notes = _annotations(files, header_file, record.sources, frame_rate, per_frame)
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
    signals: set[str],
    frame_rate: float,
    per_frame: int,
) -> tuple[list[Marks], list[str]]:
    """Every annotator beside the header under the record's name, and notes on unreadable ones."""
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
