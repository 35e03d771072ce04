"""The peak of resident memory over a block of code."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from models.device import hand_back_freed_memory

if sys.platform != "win32":
    import resource


@dataclass
class Peak:
    """Megabytes by which the memory in use rose above its start; filled in at the end."""

    megabytes: float = float("nan")


@contextmanager
def peak_memory() -> Iterator[Peak]:
    """Measure the peak over the block: exact on Linux, a lower bound on macOS, NaN on Windows."""
    peak = Peak()
    hand_back_freed_memory()  # else the block takes what was freed before and seems to need none
    start = _resident() if _reset_peak() else _highest()
    yield peak
    peak.megabytes = (_highest() - start) / 2**20


def _reset_peak() -> bool:
    """Set the kernel's high-water mark to now; False where the system does not offer that."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _resident() -> float:
    """Bytes of memory in use now."""
    return _status("VmRSS:")


def _highest() -> float:
    """Bytes of memory in use at the high-water mark."""
    if Path("/proc/self/status").exists():
        return _status("VmHWM:")
    if sys.platform == "win32":
        return float("nan")
    scale = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, others kilobytes
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale)


def _status(key: str) -> float:
    """A memory line of /proc/self/status in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) * 1024 for line in lines if line.startswith(key))
