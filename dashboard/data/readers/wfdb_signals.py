"""Samples of WFDB signal files, in physical units, read piece by piece."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dashboard.data.readers import wfdb_formats
from dashboard.data.readers.errors import DamagedFile, EmptyFile, UnknownFormat, UnsafeFile, short
from dashboard.data.readers.files import File, Files
from dashboard.data.readers.leads import millivolts
from dashboard.data.readers.wfdb_flac import decode_flac
from dashboard.data.readers.wfdb_header import Header, SignalLine

PIECE_SAMPLES = 2**19


@dataclass(frozen=True)
class SignalFile:
    """One signal file of a record and the signals interleaved in it, in order.

    `indices` are the places of `lines` in the header.
    """

    file: File
    lines: tuple[SignalLine, ...]
    indices: tuple[int, ...]

    @property
    def format(self) -> int:
        return self.lines[0].format

    @property
    def offset(self) -> int:
        return max(line.offset for line in self.lines)

    @property
    def per_frame(self) -> int:
        """Samples in one frame, all signals together."""
        return sum(line.per_frame for line in self.lines)

    @property
    def frames(self) -> int | None:
        """Whole frames in the bytes that are there; None where they are compressed."""
        if self.format in wfdb_formats.FLAC_BITS:
            return None
        kind = wfdb_formats.FORMATS[self.format]
        return kind.samples_in(max(0, self.file.size - self.offset)) // self.per_frame


def signal_files(files: Files, header_file: File, header: Header) -> list[SignalFile]:
    """The signal files that `header` names, checked to be there and of a known format."""
    by_name: dict[str, list[int]] = {}
    for index, line in enumerate(header.signals):
        by_name.setdefault(line.file, []).append(index)
    return [_signal_file(files, header_file, header, name, by_name[name]) for name in by_name]


def _signal_file(
    files: Files, header_file: File, header: Header, name: str, indices: Sequence[int]
) -> SignalFile:
    file = files.beside(header_file, name)
    if file is None:
        others = [other.shown for other in files.values() if other is not header_file]
        given = f"given were {', '.join(others[:4])}" if others else "it was given alone"
        raise DamagedFile(
            f"{header_file.shown} needs its signal file {short(name)}, which is missing "
            f"({given}): give both together, under the names they were made with."
        )
    if file.size == 0:
        raise EmptyFile(f"{file.shown} is empty (0 bytes): expected the samples of a record.")
    lines = tuple(header.signals[i] for i in indices)
    _check_lines(header_file, name, lines)
    return SignalFile(file, lines, tuple(indices))


def _check_lines(header_file: File, name: str, lines: Sequence[SignalLine]) -> None:
    number = lines[0].format
    if number not in wfdb_formats.FORMATS and number not in wfdb_formats.FLAC_BITS:
        known = ", ".join(str(n) for n in (*wfdb_formats.FORMATS, *wfdb_formats.FLAC_BITS))
        raise UnknownFormat(
            f"{header_file.shown} stores signals in WFDB format {number}: the known ones are "
            f"{known}."
        )
    if any(line.format != number for line in lines):
        raise DamagedFile(f"{header_file.shown} gives {short(name)} two formats: expected one.")
    if any(not 0 < line.per_frame <= 10_000 for line in lines):
        raise DamagedFile(
            f"{header_file.shown} gives a signal 0 or over 10,000 samples per frame: expected 1 "
            "or a few."
        )


def frames_present(
    header_file: File, sources: Sequence[SignalFile], declared: int | None
) -> int | None:
    """Frames to read: what is declared if it is there, else what is there.

    None where neither says so (compressed, undeclared). Raises DamagedFile with the numbers when
    more is declared than present.
    """
    for source in sources:
        if declared is not None and source.frames is not None and source.frames < declared:
            raise DamagedFile(
                f"{header_file.shown} declares {declared:,} samples per signal, but "
                f"{source.file.shown} ({source.file.size:,} bytes) holds only {source.frames:,}: "
                "it is cut off or belongs to another record; copy it again."
            )
    if declared is not None:
        return declared
    known = [source.frames for source in sources if source.frames is not None]
    return min(known) if known else None


def read_into(
    array: np.ndarray, source: SignalFile, rows: dict[int, int], frames: int
) -> list[str]:
    """Write the signals of `source` that `rows` (header index to row) wants into `array`.

    `array` (C, frames * samples per frame) float32 ends up in mV where the unit is a voltage,
    NaN where a sample is marked invalid. Gives notes: checksums that do not fit.
    """
    wanted = [
        _Column(array[rows[index]], line, first)
        for index, line, first in zip(
            source.indices, source.lines, _firsts(source.lines), strict=True
        )
        if index in rows
    ]
    if not wanted:
        return []
    done = 0
    for piece in _pieces(source, frames):  # each (frames, samples per frame)
        for column in wanted:
            column.write(piece, done)
        done += len(piece)
    return [column.note() for column in wanted if column.note()]


def _firsts(lines: Sequence[SignalLine]) -> list[int]:
    """Where each signal starts in a frame."""
    return [sum(line.per_frame for line in lines[:i]) for i in range(len(lines))]


def _pieces(source: SignalFile, frames: int) -> Iterator[np.ndarray]:
    """Decoded samples, (n, samples per frame) int32 at a time."""
    if source.format in wfdb_formats.FLAC_BITS:
        yield from _flac_pieces(source, frames)
        return
    kind = wfdb_formats.FORMATS[source.format]
    # Whole packs, so that no sample is split between two pieces.
    step = max(1, PIECE_SAMPLES // source.per_frame // kind.pack_samples) * kind.pack_samples
    with source.file.open() as stream:
        stream.read(source.offset)  # members of an archive cannot seek
        for start in range(0, frames, step):
            count = min(step, frames - start) * source.per_frame
            data = stream.read(kind.bytes_of(count))
            if len(data) < kind.bytes_of(count):
                raise DamagedFile(f"{source.file.shown} ends early: copy it again.")
            yield wfdb_formats.decode(source.format, data, count).reshape(-1, source.per_frame)


def _flac_pieces(source: SignalFile, frames: int) -> Iterator[np.ndarray]:
    if source.offset or len({line.per_frame for line in source.lines}) > 1:
        raise UnknownFormat(
            f"{source.file.shown} holds FLAC signals of several rates or behind an offset: "
            "expected one plain FLAC stream. Convert it to format 16."
        )
    per_frame = source.lines[0].per_frame
    bits = wfdb_formats.FLAC_BITS[source.format]
    flat = decode_flac(source.file, bits, len(source.lines), frames * per_frame)
    if per_frame > 1:  # (T, signals) to a frame's order: all samples of one signal, then the next
        flat = flat.reshape(frames, per_frame, -1).swapaxes(1, 2).reshape(frames, -1)
    step = max(1, PIECE_SAMPLES // source.per_frame)
    for start in range(0, frames, step):
        yield flat[start : start + step]


class _Column:
    """One signal on its way from decoded pieces into its row."""

    def __init__(self, row: np.ndarray, line: SignalLine, first: int) -> None:
        self._row = row
        self._line = line
        self._first = first
        self._factor = millivolts(line.unit)[0]
        self._last = line.initial
        self._sum = 0
        self._invalid = _invalid_value(line.format)

    def write(self, piece: np.ndarray, done: int) -> None:
        """Convert this signal's part of `piece`, whose first frame is frame `done`."""
        line = self._line
        stored = piece[:, self._first : self._first + line.per_frame].reshape(-1)
        if line.format == wfdb_formats.DIFFERENCES:
            stored = np.cumsum(stored, dtype=np.int64) + self._last
            self._last = int(stored[-1])
        self._sum += int(stored.sum(dtype=np.int64))
        physical = (stored - float(line.baseline)) / line.gain * self._factor
        if self._invalid is not None:
            physical[stored == self._invalid] = np.nan
        start = (done - line.skew) * line.per_frame  # header(5): skewed signals come late
        physical = physical[max(0, -start) :]
        start = max(0, start)
        self._row[start : start + len(physical)] = physical

    def note(self) -> str:
        """What is wrong with the checksum, empty if nothing is."""
        declared = self._line.checksum
        if declared is None or (self._sum - declared) % 65536 == 0:
            return ""
        return f"The checksum of {short(self._line.name or 'a signal', 30)} does not fit its header"


def _invalid_value(number: int) -> int | None:
    if number in wfdb_formats.FLAC_BITS:
        return -(2 ** (wfdb_formats.FLAC_BITS[number] - 1))
    return wfdb_formats.FORMATS[number].invalid


def check_expansion(values: int, given: int, header_file: File, highest: int) -> None:
    """Refuse a record that makes more than `highest` values of every byte given."""
    if values > highest * max(given, 1):
        raise UnsafeFile(
            f"{header_file.shown} makes {values:,} samples out of {given:,} bytes, more than "
            f"{highest} for each: it is damaged or made to fill the memory."
        )
