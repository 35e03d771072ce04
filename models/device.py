"""The one place where a device is chosen, described and its memory settled."""

import ctypes
import os
import platform
from functools import cache

import torch


class DeviceError(ValueError):
    """A device that does not exist or is not usable here."""


def choose(name: str | torch.device | None = None) -> torch.device:
    """The device of that name ("cpu", "cuda", "cuda:1", "mps").

    None and "auto" mean what `CONVSCOPE_DEVICE` says, else the first usable of CUDA, MPS, CPU.
    Raises DeviceError.
    """
    wanted = str(name or "auto").lower()
    if wanted == "auto":
        wanted = os.environ.get("CONVSCOPE_DEVICE", "auto").lower() or "auto"
    if wanted == "auto":
        return torch.device(_best())
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise DeviceError(
            f"got device {wanted!r}, expected auto, cpu, cuda, cuda:N or mps"
        ) from error
    _check(device)
    return device


def _best() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _check(device: torch.device) -> None:
    """Raise DeviceError where PyTorch cannot use `device` on this machine."""
    if device.type == "cpu":
        return
    if device.type == "cuda":
        count = torch.cuda.device_count()
        if (device.index or 0) < count:
            return
        raise DeviceError(f"got device {device}, but PyTorch sees {count} CUDA devices here")
    if device.type == "mps":
        if torch.backends.mps.is_available():
            return
        raise DeviceError("got device mps, but PyTorch has no Metal support on this machine")
    raise DeviceError(f"got device {device}, expected auto, cpu, cuda, cuda:N or mps")


def describe(device: torch.device) -> str:
    """One line for people: the device, its name, and the CPU's threads."""
    if device.type == "cuda":
        return f"{device}: {torch.cuda.get_device_name(device)}"
    if device.type == "mps":
        return f"mps: Apple GPU of {platform.machine()}"
    return f"cpu: {platform.machine()}, {torch.get_num_threads()} threads"


# M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of mallopt(3). The second has the value at which glibc
# itself arrives once a block of 32 MiB has been freed, the first holds all activations of a pass
# over half an hour of one lead.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = (-1, 256 * 2**20), (-3, 32 * 2**20)


@cache
def reuse_freed_memory() -> bool:
    """Let the C library keep up to 256 MiB of freed activations; whether it could be told.

    A young process gives every map back to the system and takes fresh pages for the next pass:
    tracing a ResNet-18 then costs 20 to 50 % more than a plain pass, most of it page faults, and
    5 % with this. Only glibc has the setting; elsewhere nothing is done.
    """
    library = _glibc()
    return library is not None and all(
        library.mallopt(*setting) for setting in (_TRIM_THRESHOLD, _MMAP_THRESHOLD)
    )


def hand_back_freed_memory() -> None:
    """Return what `reuse_freed_memory` kept to the system, before memory is measured."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    """The C library of this process where it is glibc."""
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
