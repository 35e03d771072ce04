"""Reads NRRD volumes: .nrrd, or .nhdr with the file of its values given together."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import BinaryIO

from dashboard.data.readers.errors import DamagedFile, UnreadableFile, UnsafeFile, short
from dashboard.data.readers.files import File, Files
from dashboard.data.readers.nrrd_header import MAGIC, TEXT, Layout, layout_of
from dashboard.data.readers.unpacked import from_hexadecimal, from_text, inflated, unbzipped
from dashboard.data.readers.volume_companion import companion
from dashboard.data.readers.volume_parts import chosen_file, chosen_part
from dashboard.data.readers.volume_sample import volume_sample
from dashboard.data.readers.volume_values import (
    Stream,
    check_limits,
    read_values,
    skip,
    type_notes,
)
from dashboard.data.sample import Sample

MOST_SKIPPED_LINES = 10_000
_LONGEST_LINE = 64 * 1024  # bytes
_PACKED = ("gzip", "gz", "bzip2", "bz2")


class NrrdReader:
    """NRRD volumes of one file, or of a header and the one file it names."""

    name = "NRRD"
    suffixes = (".nrrd", ".nhdr")

    def sniff(self, files: Files) -> bool:
        """By suffix; a lone file without one by its mark."""
        return bool(_headers(files))

    def read(self, files: Files, choices: Mapping[str, str]) -> Sample:
        """The volume in its own index order.

        `choices`: "record", "frame", "part", "channel", "kind". Raises DamagedFile,
        UnreadableFile with the reason, UnsafeFile, ChoiceNeeded.
        """
        file = chosen_file(_headers(files), choices)
        layout = layout_of(file)
        check_limits(file, layout.stored)
        part = chosen_part(file, layout.stored, choices, layout.meaning)
        data_file = companion(file, layout.data_file, files) if layout.data_file else file
        with _values(file, data_file, layout) as stream:
            start = part.frame * layout.stored.frame_bytes
            values = read_values(data_file, stream, layout.stored, start, part.take)
        return volume_sample(
            values,
            name=file.stem,
            source=PurePosixPath(file.name).name,
            affine=layout.affine,
            choices=choices,
            modality=part.modality,
            notes=(*layout.notes, *part.notes, *type_notes(layout.stored.dtype)),
        )


def _headers(files: Files) -> list[File]:
    bare = files.with_suffix("") if len(files) == 1 else []
    return files.with_suffix(".nrrd", ".nhdr") + [f for f in bare if f.head(8).startswith(MAGIC)]


@contextmanager
def _values(file: File, data_file: File, layout: Layout) -> Iterator[Stream]:
    """A stream that begins with the first value; lines are skipped packed, bytes unpacked."""
    if not 0 <= layout.line_skip <= MOST_SKIPPED_LINES or not -1 <= layout.byte_skip < 2**40:
        raise UnsafeFile(
            f"{file.shown} skips {layout.line_skip} lines and {layout.byte_skip} bytes before its "
            f"values: expected at most {MOST_SKIPPED_LINES:,} lines; export it again."
        )
    with data_file.open() as stream:
        skip(stream, layout.length if data_file is file else 0)
        for _ in range(layout.line_skip):
            stream.readline(_LONGEST_LINE)
        if layout.byte_skip == -1:
            _to_the_end(data_file, stream, layout)
        unpacked = _decoded(file, stream, layout)
        skip(unpacked, max(0, layout.byte_skip))
        yield unpacked


def _to_the_end(data_file: File, stream: BinaryIO, layout: Layout) -> None:
    """Skips to where plain values begin that are the end of the file."""
    if layout.encoding != "raw":
        raise DamagedFile(
            f"{data_file.shown} is {short(layout.encoding, 20)}, and its header counts bytes from "
            "the end, which only raw values allow: export it again."
        )
    begin = data_file.size - layout.stored.frame_bytes * layout.stored.frames
    passed = stream.tell()
    skip(stream, max(0, begin - passed))


def _decoded(file: File, stream: BinaryIO, layout: Layout) -> Stream:
    if layout.encoding == "raw":
        return stream
    if layout.encoding in _PACKED:
        return (inflated if layout.encoding.startswith("g") else unbzipped)(stream)
    if layout.encoding == "hex":
        return from_hexadecimal(stream)
    if layout.encoding in TEXT:
        return from_text(stream, layout.stored.dtype)
    raise UnreadableFile(
        f"{file.shown} is packed as {short(layout.encoding or 'nothing', 20)}: expected raw, gzip, "
        "bzip2, hex or text; save it so."
    )
