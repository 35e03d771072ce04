"""A record of PhysioNet by database and name: its files, fetched over HTTPS under limits.

Only physionet.org is asked, and only when someone asks for a record. Source of the addresses:
https://physionet.org/files/DATABASE/VERSION/RECORD.hea, as the wfdb package reads them.
"""

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from dashboard.data.readers.errors import UnreadableFile, UnsafeFile, short
from dashboard.data.readers.files import memory_file
from dashboard.data.readers.wfdb_header import Header, read_header
from dashboard.data.readers.wfdb_segments import NO_FILE, NO_SEGMENT

SERVER = "https://physionet.org"
PREFIX = "physionet:"
MOST_BYTES = 256 * 1024**2
MOST_TEXT = 2 * 1024**2  # of a page or a header
MOST_FILES = 400
MOST_ANNOTATORS = 8
ANSWER_SECONDS = 10  # until the server answers or sends the next bytes
ALL_SECONDS = 120
PIECE_BYTES = 2**18
ANNOTATOR = "atr"  # where a database does not list its annotators

_DATABASE = re.compile(r"[a-z0-9][a-z0-9-]{0,60}")
_VERSION = re.compile(r"\d{1,4}(\.\d{1,4}){1,3}")
_PART = re.compile(r"[A-Za-z0-9_][\w.+-]{0,60}", re.ASCII)
_MOST_PARTS = 8
_PAGE_VERSION = re.compile(rb"Version:\s*(\d{1,4}(?:\.\d{1,4}){1,3})\b")

Given = str | Path | tuple[str, bytes]


@dataclass(frozen=True)
class Reference:
    """A record: `version` "" is the newest; `folder` lies in the database, "" at its top."""

    database: str
    version: str
    folder: str
    record: str


def is_reference(given: object) -> bool:
    """Whether `given` names a record of PhysioNet ("physionet:mitdb/100") and no file."""
    return isinstance(given, str) and given.startswith(PREFIX)


def parse_reference(text: str) -> Reference:
    """The record that "[physionet:]DATABASE[/VERSION][/FOLDER]/RECORD" names.

    Raises UnsafeFile for anything but plain names, so that no other address can be reached.
    """
    plain = text.strip()
    plain = plain[len(PREFIX) :] if is_reference(plain) else plain
    database, *parts = plain.split("/")
    version = parts.pop(0) if len(parts) > 1 and _VERSION.fullmatch(parts[0]) else ""
    fine = _DATABASE.fullmatch(database) and 1 <= len(parts) <= _MOST_PARTS
    if not fine or not all(_PART.fullmatch(part) and ".." not in part for part in parts):
        raise UnsafeFile(
            f"{short(text)!r} names no record of PhysioNet: expected DATABASE/RECORD in plain "
            "letters and digits, such as mitdb/100 or ptb-xl/1.0.3/records100/00000/00001_lr."
        )
    record = parts.pop().removesuffix(".hea")
    return Reference(database, version, "/".join(parts), record)


def expand(given: Sequence[Given]) -> list[Given]:
    """`given` with every reference replaced by the files of its record; raises UnreadableFile."""
    files: list[Given] = []
    for item in given:
        files += fetch_record(item) if is_reference(item) else [item]
    return files


def fetch_record(text: str) -> list[tuple[str, bytes]]:
    """Names and bytes of the record's header, signals, segments and annotations.

    Raises UnreadableFile with one sentence: not reachable, no such record, not open to all, or
    larger than is fetched.
    """
    reference = parse_reference(text)
    session = _Session()
    version = reference.version or _newest_version(session, reference)
    places = ("files", reference.database, version, reference.folder)
    folder = "/".join(place for place in places if place)
    files = dict(_record(session, reference, folder, reference.record))
    top = f"files/{reference.database}/{version}"
    for annotator in _annotators(session, top):
        name = f"{reference.record}.{annotator}"
        data = session.get(f"{folder}/{name}", MOST_BYTES)
        if data:
            files[name] = data
    return list(files.items())


def _newest_version(session: "_Session", reference: Reference) -> str:
    page = session.get(f"content/{reference.database}/", MOST_TEXT)
    found = _PAGE_VERSION.search(page or b"")
    if found is None:
        raise UnreadableFile(
            f"PhysioNet has no database {reference.database!r}, or does not say its version: "
            "check the name at physionet.org/about/database, or give DATABASE/VERSION/RECORD."
        )
    return found[1].decode()


def _record(
    session: "_Session", reference: Reference, folder: str, record: str
) -> Iterable[tuple[str, bytes]]:
    """Header, signal files and segments of a record, one after the other."""
    header_name = f"{record}.hea"
    data = session.get(f"{folder}/{header_name}", MOST_TEXT)
    if data is None:
        raise UnreadableFile(
            f"PhysioNet has no record {short(record)!r} in {folder.partition('/')[2]}: check the "
            f"names at physionet.org/content/{reference.database}."
        )
    yield header_name, data
    header = read_header(memory_file(header_name, data))  # refuses names that point elsewhere
    for name in _signal_names(header):
        part = session.get(f"{folder}/{name}", MOST_BYTES)
        if part is not None:
            yield name, part
    for segment in dict.fromkeys(name for name, _ in header.segments if name != NO_SEGMENT):
        yield from _record(session, reference, folder, segment)


def _signal_names(header: Header) -> list[str]:
    return list(dict.fromkeys(line.file for line in header.signals if line.file != NO_FILE))


def _annotators(session: "_Session", top: str) -> list[str]:
    """Suffixes of a database's annotation files, from the list it keeps."""
    listed = session.get(f"{top}/ANNOTATORS", MOST_TEXT)
    if listed is None:
        return [ANNOTATOR]
    words = [line.split()[0] for line in listed.decode("utf-8", "replace").splitlines() if line]
    return [word for word in words if re.fullmatch(r"[A-Za-z0-9_]{1,16}", word)][:MOST_ANNOTATORS]


class _SameServer(HTTPRedirectHandler):
    """Follows a redirection only where it stays on the server."""

    def redirect_request(self, request, answer, code, message, headers, address):
        target, server = urlsplit(address), urlsplit(SERVER)
        if (target.scheme, target.netloc) != (server.scheme, server.netloc):
            answer.close()
            raise UnsafeFile("PhysioNet sent the request on to another server: not followed.")
        return super().redirect_request(request, answer, code, message, headers, address)


@dataclass
class _Session:
    """One record's requests, which share the limits on bytes, files and seconds."""

    bytes_left: int = MOST_BYTES
    files_left: int = MOST_FILES
    deadline: float = field(default_factory=lambda: time.monotonic() + ALL_SECONDS)

    def get(self, place: str, most: int) -> bytes | None:
        """The file at `place` on the server, None where there is none."""
        self.files_left -= 1
        if self.files_left < 0:
            raise UnsafeFile(
                f"The record has over {MOST_FILES} files, more than are fetched at once: download "
                "it and give the part you want."
            )
        request = Request(f"{SERVER}/{place}", headers={"User-Agent": "ConvScope"})
        try:
            with build_opener(_SameServer).open(request, timeout=ANSWER_SECONDS) as answer:
                return self._read(answer, min(most, self.bytes_left))
        except HTTPError as error:
            error.close()
            if error.code in (404, 410):
                return None
            raise UnreadableFile(_refused(error.code)) from error
        except (OSError, HTTPException) as error:
            raise UnreadableFile(
                "PhysioNet cannot be reached (no answer from physionet.org): check the "
                "connection, or download the record elsewhere and give its files here."
            ) from error

    def _read(self, answer: HTTPResponse, most: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        while piece := answer.read1(PIECE_BYTES):  # returns with what has come, however little
            size += len(piece)
            if size > most:
                raise UnsafeFile(
                    f"The record is larger than the {MOST_BYTES // 1024**2} MiB that are fetched "
                    "at once: download it and give its files."
                )
            if time.monotonic() > self.deadline:
                raise UnreadableFile(
                    f"PhysioNet did not deliver the record within {ALL_SECONDS} s: try again "
                    "later, or download it and give its files."
                )
            parts.append(piece)
        if answer.length:
            raise ConnectionResetError(f"{answer.length} bytes are missing")
        self.bytes_left -= size
        return b"".join(parts)


def _refused(code: int) -> str:
    if code in (401, 403):
        return (
            "PhysioNet gives this database only to registered people: sign in there, download "
            "the record and give its files here."
        )
    return f"PhysioNet answered with error {code}: try again later, or download the record."
