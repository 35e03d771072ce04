"""What DICOM files say of their images, asked of a child process; what else lies between them."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dashboard.data.readers.dicom_checks import planes_of
from dashboard.data.readers.dicom_records import Plane
from dashboard.data.readers.errors import DamagedFile, UnknownFormat, UnreadableFile, UnsafeFile
from dashboard.data.readers.files import File, Files
from dashboard.data.readers.isolated import Limits, run_with_facts

CHILD = Path(__file__).with_name("dicom_header_child.py")
MOST_FILES = 10_000
MOST_PLANES = 50_000
MOST_HEADER_BYTES = 512 * 1024**2  # of all files together
MOST_FACTS = 128 * 1024**2
SECONDS = 120
_FIRST_PIECE = 8 * 1024
_FIRST_ELEMENTS = tuple(bytes([element, 0]) for element in range(0x19))
_PIXEL_TAGS = (b"\xe0\x7f\x10\x00", b"\x7f\xe0\x00\x10", b"\xe0\x7f\x08\x00", b"\xe0\x7f\x09\x00")
# What is DICOM and no image, by the beginning of its class.
_DOCUMENTS = (
    ("1.2.840.10008.1.3.10", "a DICOMDIR, which only lists files: give its folder"),
    ("1.2.840.10008.5.1.4.1.1.88.", "a structured report"),
    ("1.2.840.10008.5.1.4.1.1.104.", "a document (PDF, CDA or a mesh)"),
    ("1.2.840.10008.5.1.4.1.1.481.3", "a set of radiotherapy structures (contours)"),
    ("1.2.840.10008.5.1.4.1.1.481.", "a radiotherapy plan or record"),
    ("1.2.840.10008.5.1.4.1.1.9.", "a recorded waveform"),
    ("1.2.840.10008.5.1.4.1.1.11.", "a presentation state"),
    ("1.2.840.10008.5.1.4.1.1.66", "a registration or raw data"),
    ("1.2.840.10008.5.1.4.1.1.4.2", "a spectroscopy measurement"),
)


@dataclass(frozen=True)
class Found:
    """All slices of the images among the files, and notes on what else was there."""

    planes: tuple[Plane, ...]
    notes: tuple[str, ...]


def looks_dicom(file: File) -> bool:
    """Whether `file` begins as DICOM does: its mark after 128 bytes, or, as the oldest, without."""
    head = file.head(132)
    if head[128:132] == b"DICM":
        return True
    # Group 2 or 8, low element: without the mark only these are believed, and no suffix of others.
    bare = head[:2] in (b"\x08\x00", b"\x02\x00") and head[2:4] in _FIRST_ELEMENTS
    return bare and file.suffix in ("", ".dcm", ".dic", ".ima", ".dicom")


def read_headers(files: Files) -> Found:
    """The slices in `files`; what is no image is left out with a note.

    Raises UnknownFormat where nothing is an image, DamagedFile, UnsafeFile.
    """
    given = [file for file in files.values() if looks_dicom(file)]
    if not given:
        raise DamagedFile(f"{files.names(1)} does not begin as a DICOM file: get a fresh copy.")
    if len(given) > MOST_FILES:
        raise UnsafeFile(
            f"{len(given):,} DICOM files were given: at most {MOST_FILES:,} are read; give the "
            "files of one series."
        )
    facts = _all_facts(given)
    kinds: dict[str, list[File]] = {"image": [], "other": [], "damaged": []}
    for file, fact in zip(given, facts, strict=True):
        kinds[fact["status"]].append(file)
    if not kinds["image"]:
        raise _no_image(given, facts)
    planes, refused = _all_planes(
        [(f, t) for f, t in zip(given, facts, strict=True) if t["status"] == "image"]
    )
    known = {file.name for file in given}
    strangers = [f for f in files.values() if f.name not in known and not _is_listing(f)]
    notes = [
        *refused,
        *_left_out(strangers, "no DICOM"),
        *_left_out(kinds["damaged"], "damaged"),
        *_left_out(kinds["other"], "DICOM without an image"),
    ]
    return Found(tuple(planes), tuple(notes))


def _all_planes(told: Sequence[tuple[File, Mapping]]) -> tuple[list[Plane], list[str]]:
    """Slices of all images; those that cannot be read are left out, unless none can."""
    planes: list[Plane] = []
    refused: list[UnreadableFile] = []
    for file, fact in told:
        try:
            planes += planes_of(file, fact)
        except UnreadableFile as error:
            refused.append(error)
        if len(planes) > MOST_PLANES:
            raise UnsafeFile(
                f"The files declare more than {MOST_PLANES:,} slices: give the files of one series."
            )
    if not planes:
        raise refused[0]
    more = [f"left out: {len(refused) - 2} more of this kind"] if len(refused) > 2 else []
    return planes, [*(f"left out: {error}" for error in refused[:2]), *more]


def _is_listing(file: File) -> bool:
    return file.stem.upper() == "DICOMDIR"


def _left_out(files: Sequence[File], why: str) -> list[str]:
    if not files:
        return []
    names = ", ".join(file.shown for file in files[:3])
    more = f" and {len(files) - 3} more" if len(files) > 3 else ""
    return [f"left out ({why}): {names}{more}"]


# Asking the child


def _all_facts(files: Sequence[File]) -> list[dict]:
    """Facts of each file: from its first bytes, from all of it where those do not suffice."""
    starts = [(file, _start_of(file)) for file in files]
    facts = _asked([(file, piece, len(piece) >= file.size) for file, piece in starts])
    again = [i for i, fact in enumerate(facts) if fact["status"] == "more"]
    if again:
        whole = _asked([(files[i], files[i].read(), True) for i in again])
        for i, fact in zip(again, whole, strict=True):
            facts[i] = fact
    return facts


def _start_of(file: File) -> bytes:
    """Bytes up to where the pixels seem to begin, and a little more."""
    with file.open() as stream:
        piece = stream.read(_FIRST_PIECE)
        while len(piece) < file.size and not any(tag in piece[:-64] for tag in _PIXEL_TAGS):
            following = stream.read(len(piece))
            if not following:
                break
            piece += following
    return piece


def _asked(pieces: Sequence[tuple[File, bytes, bool]]) -> list[dict]:
    """Facts of each file by a piece of it, and whether that is the whole file."""
    total = sum(len(piece) for _, piece, _ in pieces)
    if total > MOST_HEADER_BYTES:
        raise UnsafeFile(
            f"The headers of the {len(pieces):,} DICOM files take {total // 2**20} MiB: at most "
            f"{MOST_HEADER_BYTES // 2**20} MiB are read; give the files of one series."
        )
    framed = b"".join(
        part
        for _, piece, whole in pieces
        for part in (struct.pack(">?Q", whole, len(piece)), piece)
    )
    shown = pieces[0][0].shown
    failed = f"{shown} is a damaged DICOM file: its elements cannot be read; export it again."
    limits = Limits(SECONDS, MOST_FACTS, memory_bytes=2 * 1024**3)
    told, _ = run_with_facts(CHILD, [], framed, limits, failed)
    return told["files"]


def _no_image(files: Sequence[File], facts: Sequence[Mapping]) -> Exception:
    """What the files are instead of images."""
    first, fact = files[0], facts[0]
    others = [(f, t) for f, t in zip(files, facts, strict=True) if t["status"] == "other"]
    if others:
        first, fact = next((p for p in others if not _is_listing(p[0])), others[0])
    if fact["status"] == "damaged" or fact.get("elements", 0) == 0:
        return DamagedFile(
            f"{first.shown} is a damaged DICOM file: its elements cannot be read; export it again."
        )
    kind = str(fact["class"] or "")
    what = next((what for start, what in _DOCUMENTS if kind.startswith(start)), None)
    if what is None:
        return DamagedFile(
            f"{first.shown} is a DICOM file without pixels: it is cut off or holds no image; "
            "expected the files of a CT, MR or other series."
        )
    return UnknownFormat(
        f"{first.shown} is DICOM, but {what}: expected the images of a CT, MR or other series."
    )
