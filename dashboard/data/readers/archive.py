"""Zip archives under limits on members, size and ratio, counted while expanding."""

import io
import stat
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import BinaryIO

from dashboard.data.readers.errors import DamagedFile, EmptyFile, UnsafeFile, short
from dashboard.data.readers.files import File, safe_name

MOST_MEMBERS = 10_000
MOST_BYTES = 2 * 1024**3
HIGHEST_RATIO = 200
PIECE_BYTES = 1024**2
# bz2 and lzma members expand a whole input block at once, which no limit can interrupt.
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED_FLAG = 0x1
# zipfile raises NotImplementedError for a member that claims a newer version or another packing.
BAD_ARCHIVE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError)


class _Counted(io.RawIOBase):
    """A member's stream that stops as soon as more comes out than was declared or allowed."""

    def __init__(self, stream: BinaryIO, allowed: int, archive: str) -> None:
        self._stream = stream
        self._allowed = allowed
        self._archive = archive
        self._seen = 0

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._seen

    def readinto(self, buffer: memoryview) -> int:
        try:
            data = self._stream.read(min(len(buffer), PIECE_BYTES))
        except BAD_ARCHIVE as error:
            raise DamagedFile(
                f"A file inside the archive {short(self._archive)} is damaged: "
                "make the archive again."
            ) from error
        self._seen += len(data)
        if self._seen > self._allowed:
            raise UnsafeFile(_too_big(self._archive))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


def _too_big(name: str) -> str:
    return (
        f"The archive {short(name)} expands to more than {MOST_BYTES // 1024**3} GiB or "
        f"{HIGHEST_RATIO} times its size: give the files of one sample, or unpack it first."
    )


def expand(archive: File, ratio: int = HIGHEST_RATIO) -> list[File]:
    """The members of a zip as files that expand when read, together at most `ratio` times.

    Nothing is written to disk; archives inside are not opened. Raises UnsafeFile for names that
    leave the archive, links and too much of anything; DamagedFile where it is not a zip.
    """
    if archive.size == 0:
        raise EmptyFile(f"{archive.shown} is empty (0 bytes): expected a zip archive.")
    try:
        opened = zipfile.ZipFile(io.BytesIO(archive.read()) if not archive.path else archive.path)
    except BAD_ARCHIVE as error:
        raise DamagedFile(
            f"{archive.shown} is not a readable zip archive: make it again or give the files."
        ) from error
    members = [info for info in opened.infolist() if not info.is_dir()]
    _check_members(archive, members, ratio)
    wanted = [info for info in members if not _is_clutter(info.filename)]
    if not wanted:
        raise EmptyFile(f"The archive {archive.shown} holds no files.")
    return [_member(archive, opened, info) for info in wanted]


def _check_members(archive: File, members: list[zipfile.ZipInfo], ratio: int) -> None:
    if len(members) > MOST_MEMBERS:
        raise UnsafeFile(
            f"The archive {archive.shown} holds {len(members):,} files, at most "
            f"{MOST_MEMBERS:,} are read: give the files of one sample."
        )
    total = sum(info.file_size for info in members)
    if total > MOST_BYTES or total > ratio * archive.size:
        raise UnsafeFile(_too_big(archive.name))
    for info in members:
        safe_name(info.filename)
        _check_member(archive, info)


def _check_member(archive: File, info: zipfile.ZipInfo) -> None:
    inside = f"{short(info.filename)} in the archive {archive.shown}"
    if stat.S_ISLNK(info.external_attr >> 16):
        raise UnsafeFile(f"{inside} is a link: only plain files are read from archives.")
    if info.flag_bits & ENCRYPTED_FLAG:
        raise DamagedFile(f"{inside} is encrypted: unpack it with its password first.")
    if info.compress_type not in METHODS:
        raise UnsafeFile(f"{inside} uses an unusual compression: expected deflate; zip it again.")


def _is_clutter(name: str) -> bool:
    """What operating systems add to archives and no person means."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return "__MACOSX" in parts or parts[-1].startswith(".")


def _member(archive: File, opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> File:
    def opener() -> BinaryIO:
        try:
            stream = opened.open(info)
        except BAD_ARCHIVE as error:
            raise DamagedFile(
                f"{short(info.filename)} in the archive {archive.shown} is damaged: "
                "make the archive again."
            ) from error
        # A small buffer: the readers look at the start of each of a series' hundreds of files.
        return io.BufferedReader(_Counted(stream, info.file_size, archive.name))

    return File(safe_name(info.filename), info.file_size, opener)
