"""Progress of long work on stderr: one line that rewrites itself, or a line now and then."""

import sys
from collections.abc import Iterator
from contextlib import closing
from time import monotonic

from models.records import Step

QUIET_SECONDS = 10.0  # between lines where stderr is a file


def follow(steps: Iterator[Step]) -> Step | None:
    """Run a generator of steps to its end while showing it; returns the last step.

    An interruption closes the generator, so that it can leave its checkpoint behind.
    """
    last = None
    shown = -QUIET_SECONDS
    rewrites = sys.stderr.isatty()
    with closing(steps):
        for last in steps:
            if rewrites:
                print(f"\r\x1b[K{_line(last)}", end="", file=sys.stderr, flush=True)
            elif monotonic() - shown >= QUIET_SECONDS:
                shown = monotonic()
                print(_line(last), file=sys.stderr, flush=True)
    if last is not None:
        print(f"\r\x1b[K{_line(last)}" if rewrites else _line(last), file=sys.stderr)
    return last


def _line(step: Step) -> str:
    return f"{step.fraction:6.1%}  {step.message}"
