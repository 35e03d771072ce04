"""How speed is measured: medians of interleaved runs, and the machine's name."""

import os
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import torch


class Unavailable(RuntimeError):
    """A benchmark lacks something that has to be installed first; the message says what."""


@dataclass(frozen=True)
class Measure:
    """One number and its goal: at most `limit`, or at least `limit` where `at_least`."""

    name: str
    value: float
    unit: str
    limit: float
    at_least: bool = False
    detail: str = ""

    @property
    def passed(self) -> bool:
        """Whether the goal is reached."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def interleaved(
    functions: Sequence[Callable[[], object]], *, rounds: int, device: str = "cpu"
) -> list[float]:
    """Median seconds of each function, run in turn `rounds` times after one warm-up each.

    In turn, back and forth, so that a busy machine slows all of them alike and their ratios stay
    meaningful.
    """
    for function in functions:
        function()
    seconds: list[list[float]] = [[] for _ in functions]
    pairs = list(zip(functions, seconds, strict=True))
    for _ in range(rounds):
        for function, series in pairs:
            series.append(_timed(function, device))
        pairs.reverse()
    return [statistics.median(series) for series in seconds]


def _timed(function: Callable[[], object], device: str) -> float:
    started = perf_counter()
    function()
    if device.startswith("cuda"):  # kernels run on after the call returns
        torch.cuda.synchronize()
    return perf_counter() - started


def machine() -> dict[str, object]:
    """What the numbers were measured on."""
    return {
        "cores": os.cpu_count(),
        "cpu": _cpu_name(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
