"""The file of values that a header names: one of those given together, and nothing else."""

from pathlib import PurePosixPath

from dashboard.data.readers.errors import DamagedFile, UnsafeFile, short
from dashboard.data.readers.files import File, Files


def companion(header: File, named: str, files: Files) -> File:
    """The given file called `named` in the folder of `header`.

    Raises UnsafeFile for a name that is no plain file name (a path, an address), DamagedFile
    where no such file was given.
    """
    name = named.strip().removeprefix("./")
    if not name or PurePosixPath(name.replace("\\", "/")).name != name or ":" in name:
        raise UnsafeFile(
            f"{header.shown} names its values {short(named)!r}: expected a plain file name; give "
            "both files in one folder and correct the name."
        )
    found = files.beside(header, name)
    if found is None or found is header:
        raise DamagedFile(
            f"{header.shown} came without its values: give {short(name)} together with it."
        )
    return found
