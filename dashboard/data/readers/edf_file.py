"""EDF, EDF+ and BDF recordings with their annotations; channels of one sampling rate at a time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from dashboard.data.readers import wfdb_formats
from dashboard.data.readers.ecg_sample import check_values, choose_file, ecg_sample
from dashboard.data.readers.edf_header import (
    BDF_START,
    EDF_START,
    EdfHeader,
    EdfSignal,
    read_edf_header,
)
from dashboard.data.readers.errors import DamagedFile, UnsafeFile, short
from dashboard.data.readers.files import File, Files
from dashboard.data.readers.leads import choose_group, is_ecg, millivolts, plain_lead, unique
from dashboard.data.readers.wfdb_annotations import SYMBOLS
from dashboard.data.sample import Marks, Sample

PIECE_BYTES = 4 * 1024**2
# A discontinuous recording may have long pauses; this many times its own length is no recording.
LONGEST_PAUSES = 200
COMMENT = '"'  # WFDB's symbol for a note
_DECODERS = {2: wfdb_formats.FORMATS[16].decode, 3: wfdb_formats.FORMATS[24].decode}


@dataclass
class _Contents:
    """What one pass over the data records collects.

    `stored` (C, records * samples) of the file's integers; `starts` (records,) s, NaN where a
    record does not say; `events` (onset s, text).
    """

    stored: np.ndarray
    starts: np.ndarray
    events: list[tuple[float, str]] = field(default_factory=list)


class EdfReader:
    """.edf (16 bit) and .bdf (24 bit), by their first bytes."""

    name = "EDF"
    suffixes = (".edf", ".bdf", ".rec")

    def sniff(self, files: Files) -> bool:
        """Any file that begins as an EDF or BDF file does."""
        return bool(_recordings(files))

    def read(self, files: Files, choices: Mapping[str, str]) -> Sample:
        found = _recordings(files) or files.with_suffix(*self.suffixes)
        file, beside = _recording_and_notes(found, choices)
        header = read_edf_header(file)
        signals = [s for s in header.signals if not s.is_annotations and s.samples > 0]
        if not signals:
            raise DamagedFile(f"{file.shown} holds only annotations: expected signals.")
        names = unique([signal.label for signal in signals])
        rates = [signal.samples / header.duration for signal in signals]
        chosen, notes = choose_group(names, rates, choices)
        wanted = [signals[i] for i in chosen]
        check_values(len(wanted), header.records * wanted[0].samples, file.name)
        contents = _read_records(file, header, wanted)
        array = _physical(file, header, contents, wanted, rates[chosen[0]])
        return ecg_sample(
            array,
            name=file.stem,
            channels=unique([plain_lead(names[i]) for i in chosen]),
            units=[millivolts(s.unit)[1] if s.gain else "NU" for s in wanted],
            rate=rates[chosen[0]],
            source=file.name,
            annotations=(
                *_marks(contents, rates[chosen[0]]),
                *(mark for other in beside for mark in _marks_alone(other, rates[chosen[0]])),
            ),
            notes=(*notes, *_range_notes(wanted), *_no_ecg_note(names), *_beside_notes(beside)),
            start_time=header.start_time,
        )


def _recordings(files: Files) -> list[File]:
    return [file for file in files.values() if file.head(8) in (EDF_START, BDF_START)]


def _recording_and_notes(
    found: Sequence[File], choices: Mapping[str, str]
) -> tuple[File, list[File]]:
    """The recording to read, and the files of annotations alone that came with it."""
    if len(found) == 1:
        return found[0], []
    alone = [
        file
        for file in found
        if all(signal.is_annotations for signal in read_edf_header(file).signals)
    ]
    recordings = [file for file in found if file not in alone]
    return choose_file(recordings or found, choices), alone if recordings else []


def _marks_alone(file: File, rate: float) -> tuple[Marks, ...]:
    """The annotations of a file without signals, in samples of a recording at `rate` Hz."""
    marks = _marks(_read_records(file, read_edf_header(file), []), rate)
    return tuple(replace(one, name=file.stem) for one in marks)


def _read_records(file: File, header: EdfHeader, wanted: Sequence[EdfSignal]) -> _Contents:
    kind = np.int16 if header.sample_bytes == 2 else np.int32
    samples = wanted[0].samples if wanted else 0
    stored = np.empty((len(wanted), header.records * samples), dtype=kind)
    contents = _Contents(stored, np.full(header.records, np.nan))
    annotations = [signal for signal in header.signals if signal.is_annotations]
    decode = _DECODERS[header.sample_bytes]
    done = 0
    for block in _blocks(file, header):  # each (records, record bytes) uint8
        for row, signal in enumerate(wanted):
            part = _part(block, signal, header)
            start = done * signal.samples
            stored[row, start : start + len(block) * signal.samples] = decode(part.reshape(-1))
        for number, signal in enumerate(annotations):
            for record, raw in enumerate(_part(block, signal, header), start=done):
                _note_events(contents, record, raw.tobytes(), keeps_time=number == 0)
        done += len(block)
    return contents


def _blocks(file: File, header: EdfHeader) -> Iterator[np.ndarray]:
    step = max(1, PIECE_BYTES // header.record_bytes)
    with file.open() as stream:
        stream.read(header.data_start)  # members of an archive cannot seek
        for start in range(0, header.records, step):
            count = min(step, header.records - start)
            data = stream.read(count * header.record_bytes)
            if len(data) < count * header.record_bytes:
                raise DamagedFile(f"{file.shown} ends early: copy it again.")
            yield np.frombuffer(data, dtype=np.uint8).reshape(count, header.record_bytes)


def _part(block: np.ndarray, signal: EdfSignal, header: EdfHeader) -> np.ndarray:
    """The bytes of `signal`, (records, bytes), contiguous."""
    stop = signal.start + signal.samples * header.sample_bytes
    return np.ascontiguousarray(block[:, signal.start : stop])


def _note_events(contents: _Contents, record: int, raw: bytes, keeps_time: bool) -> None:
    """EDF+ 2.2.2: lists of onset, duration and texts between the control bytes 20, 21 and 0.

    The first list of a record's first annotation signal has an empty text and says when the
    record starts.
    """
    for number, item in enumerate(part for part in raw.split(b"\0") if part):
        onset_and_duration, _, rest = item.partition(b"\x14")
        try:
            onset = float(onset_and_duration.split(b"\x15")[0])
        except ValueError:
            continue
        texts = [text for text in rest.split(b"\x14") if text]
        if number == 0 and keeps_time:
            contents.starts[record] = onset
        for text in texts:
            contents.events.append((onset, text.decode("utf-8", errors="replace")))


def _physical(
    file: File, header: EdfHeader, contents: _Contents, wanted: Sequence[EdfSignal], rate: float
) -> np.ndarray:
    """(C, T) float32 in mV where the unit is a voltage, NaN between discontinuous records."""
    if not header.discontinuous:
        array = np.empty(contents.stored.shape, dtype=np.float32)
        for row, signal in enumerate(wanted):
            array[row] = _in_units(contents.stored[row], signal)
        return array
    places = _places(file, header, contents, wanted[0].samples, rate)
    array = np.full((len(wanted), places[-1] + wanted[0].samples), np.nan, dtype=np.float32)
    for row, signal in enumerate(wanted):
        values = _in_units(contents.stored[row], signal).reshape(header.records, -1)
        for place, record in zip(places, values, strict=True):
            array[row, place : place + signal.samples] = record
    return array


def _in_units(stored: np.ndarray, signal: EdfSignal) -> np.ndarray:
    if not signal.gain:
        return stored.astype(np.float32)
    factor = millivolts(signal.unit)[0]
    values = stored * (signal.gain * factor)
    values += signal.offset * factor
    return values.astype(np.float32)


def _places(
    file: File, header: EdfHeader, contents: _Contents, samples: int, rate: float
) -> np.ndarray:
    """First sample index of every record of a discontinuous recording."""
    starts = contents.starts - contents.starts[0]
    steps = np.diff(starts)
    if np.isnan(starts).any() or (steps < header.duration * (1 - 1e-3)).any():
        raise DamagedFile(
            f"{file.shown} is discontinuous (EDF+D), but the start times of its data records are "
            "missing or overlap: get a fresh copy."
        )
    if starts[-1] > LONGEST_PAUSES * header.records * header.duration:
        raise UnsafeFile(
            f"{file.shown} has pauses of over {LONGEST_PAUSES} times its own length: cut it."
        )
    places = np.rint(starts * rate).astype(np.int64)
    check_values(len(contents.stored), int(places[-1]) + samples, file.name)
    return places


def _marks(contents: _Contents, rate: float) -> tuple[Marks, ...]:
    """The EDF+ annotations as one annotator; a text that is a WFDB beat code is its symbol."""
    if not contents.events:
        return ()
    known = set(SYMBOLS.values())
    first = contents.starts[0] if np.isfinite(contents.starts[0]) else 0.0
    events = sorted(contents.events, key=lambda event: event[0])
    positions = np.rint([(onset - first) * rate for onset, _ in events]).astype(np.int64)
    symbols = tuple(text.strip() if text.strip() in known else COMMENT for _, text in events)
    return (Marks("edf", positions, symbols, tuple(text for _, text in events)),)


def _range_notes(wanted: Sequence[EdfSignal]) -> list[str]:
    flat = [signal.label for signal in wanted if not signal.gain]
    if not flat:
        return []
    return [f"The header gives no range for {', '.join(flat[:6])}: shown as stored numbers"]


def _beside_notes(beside: Sequence[File]) -> list[str]:
    return [
        f"{file.shown} holds annotations: counted from the recording's start" for file in beside
    ]


def _no_ecg_note(names: Sequence[str]) -> list[str]:
    if any(is_ecg(name) for name in names):
        return []
    return [f"No channel is named like an ECG lead ({short(', '.join(names), 120)})"]
