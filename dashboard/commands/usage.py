"""Wrong usage, said in one line: the parser and the error that every verb uses."""

import argparse
from typing import NoReturn


class UsageError(ValueError):
    """What was given, what was expected and what to do, in one line; exit status 2."""


class LineParser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, without the usage block before it."""

    def __init__(self, **options: object) -> None:
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see {self.prog} --help")
