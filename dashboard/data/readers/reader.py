"""What every file reader offers: a name, its suffixes, a look at the files, and the reading."""

from collections.abc import Mapping
from typing import Protocol

from dashboard.data.readers.files import Files
from dashboard.data.sample import Sample


class Reader(Protocol):
    """One format. `read` gets all files given together: a record is often two or more of them."""

    name: str
    suffixes: tuple[str, ...]

    def sniff(self, files: Files) -> bool:
        """Whether this reader should read `files`: by content where a suffix is ambiguous."""
        ...

    def read(self, files: Files, choices: Mapping[str, str]) -> Sample:
        """The sample in `files`; raises `UnreadableFile` or a subclass, `ChoiceNeeded` to ask."""
        ...
