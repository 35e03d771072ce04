"""The files given together, by safe relative name, read only when asked for."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from dashboard.data.readers.errors import UnsafeFile, short

HEAD_BYTES = 4096
DOUBLE_SUFFIXES = (".nii.gz", ".hdr.gz", ".img.gz", ".mgh.gz", ".brik.gz")


@dataclass(frozen=True)
class File:
    """One file: `name` is relative with "/" and never leaves its set; `path` None unless on disk.

    `opener` gives a fresh binary stream from the start.
    """

    name: str
    size: int
    opener: Callable[[], BinaryIO]
    path: Path | None = None

    def open(self) -> BinaryIO:
        """A new stream at the first byte; use it in a `with`."""
        return self.opener()

    def read(self) -> bytes:
        """All bytes."""
        with self.open() as stream:
            return stream.read()

    def head(self, count: int = HEAD_BYTES) -> bytes:
        """The first `count` bytes."""
        with self.open() as stream:
            return stream.read(count)

    @property
    def suffix(self) -> str:
        """Last suffix in small letters, those of packed volumes (".nii.gz") kept together."""
        lower = self.name.lower()
        last = PurePosixPath(lower).suffix
        return next((both for both in DOUBLE_SUFFIXES if lower.endswith(both)), last)

    @property
    def stem(self) -> str:
        """File name without folder and suffix."""
        base = PurePosixPath(self.name).name
        return base[: len(base) - len(self.suffix)]

    @property
    def folder(self) -> str:
        """Folder inside the set, "." at its top."""
        return str(PurePosixPath(self.name).parent)

    @property
    def shown(self) -> str:
        """The name as it fits into a message."""
        return short(self.name)


class Files(Mapping[str, File]):
    """Files by relative name, in the order given."""

    def __init__(self, files: Iterable[File]) -> None:
        self._files: dict[str, File] = {}
        for file in files:
            if file.name in self._files:
                raise UnsafeFile(f"Two files are called {file.shown}: give each only once.")
            self._files[file.name] = file

    def __getitem__(self, name: str) -> File:
        return self._files[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def with_suffix(self, *suffixes: str) -> list[File]:
        """The files with one of `suffixes` (small letters, with the dot)."""
        return [file for file in self.values() if file.suffix in suffixes]

    def beside(self, file: File, name: str) -> File | None:
        """The file called `name` in the folder of `file`; letter case decides only if it must."""
        exact = self.get(str(PurePosixPath(file.folder) / name))
        if exact is not None:
            return exact
        wanted = str(PurePosixPath(file.folder) / name).lower()
        alike = [other for other in self.values() if other.name.lower() == wanted]
        return alike[0] if len(alike) == 1 else None

    def names(self, most: int = 4) -> str:
        """The names for a message."""
        shown = ", ".join(file.shown for file in list(self.values())[:most])
        more = len(self) - most
        return f"{shown} and {more} more" if more > 0 else shown


def safe_name(name: str) -> str:
    """`name` as a relative path with "/"; raises UnsafeFile for one that points elsewhere."""
    plain = name.replace("\\", "/")
    path = PurePosixPath(plain)
    drive = len(plain) > 1 and plain[1] == ":"
    hidden = any(ord(character) < 32 for character in plain)
    if not path.parts or path.is_absolute() or ".." in path.parts or drive or hidden:
        raise UnsafeFile(
            f"The file name {short(name)!r} points outside its own folder: expected a plain "
            "relative name; rename it."
        )
    return str(path)


def memory_file(name: str, data: bytes) -> File:
    """A file whose bytes are at hand (an upload)."""
    held = bytes(data)
    return File(safe_name(name), len(held), lambda: BytesIO(held))


def disk_file(path: Path, name: str | None = None) -> File:
    """A file on disk, called `name` (default: its own name)."""
    size = path.stat().st_size
    return File(safe_name(name or path.name), size, lambda: path.open("rb"), path)


def folder_files(folder: Path, most: int) -> list[File]:
    """All files below `folder`, sorted; hidden ones and links that lead outside are left out."""
    root = folder.resolve()
    found: list[File] = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(place) / name
            inside = path.is_file() and path.resolve().is_relative_to(root)
            if name.startswith(".") or not inside:
                continue
            found.append(disk_file(path, path.relative_to(folder).as_posix()))
            if len(found) > most:
                raise UnsafeFile(
                    f"The folder {short(folder.name)} holds more than {most:,} files: "
                    "give the files of one sample."
                )
    return found
