"""Reading, checking and storing weights: strictly, and never running code from a file."""

import hashlib
import pickle
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

# What the two readers raise on files that are cut, altered or not theirs (found by fuzzing).
_DAMAGED = (
    *(SafetensorError, pickle.UnpicklingError, struct.error, EOFError, OSError, MemoryError),
    *(RuntimeError, ValueError, LookupError, TypeError, AttributeError, AssertionError),
)


class WeightsError(ValueError):
    """A weights file that is missing, damaged, altered or made for another network."""


def read(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a .safetensors, .pth, .pt or .th file by name, on the CPU.

    Pickled files are read with `weights_only=True`; a `state_dict` inside a checkpoint is
    unwrapped and the `module.` that data-parallel training puts before names is taken off.
    Raises WeightsError.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"no weights file at {path}")
    try:
        if path.suffix == ".safetensors":
            return load_file(path, device="cpu")
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except _DAMAGED as error:
        reason = (str(error).strip() or "the file ends too early").splitlines()[0]
        raise WeightsError(f"cannot read weights from {path.name}: {reason}") from error
    return _plain(loaded, path)


def _plain(loaded: object, path: Path) -> dict[str, Tensor]:
    """The state dict inside what a pickled file held."""
    if isinstance(loaded, Mapping) and isinstance(loaded.get("state_dict"), Mapping):
        loaded = loaded["state_dict"]
    if not isinstance(loaded, Mapping) or not all(isinstance(v, Tensor) for v in loaded.values()):
        raise WeightsError(f"{path.name} holds no state dict of tensors")
    return {name.removeprefix("module."): value for name, value in loaded.items()}


def load_strict(
    net: nn.Module, state: Mapping[str, Tensor], rename: Sequence[tuple[str, str]] = ()
) -> nn.Module:
    """Fill `net` with `state`, every key and shape alike; returns `net`.

    `rename`: (prefix in the file, prefix in the network) pairs, the first that fits is applied.
    Batch counters (`num_batches_tracked`) may be missing, as in files older than they are.
    Raises WeightsError that names the first keys that differ.
    """
    state = {_renamed(name, rename): value for name, value in state.items()}
    own = net.state_dict()
    missing = [n for n in own if n not in state and not n.endswith("num_batches_tracked")]
    unexpected = [n for n in state if n not in own]
    misshaped = [
        f"{n} {tuple(state[n].shape)} (expected {tuple(own[n].shape)})"
        for n in own
        if n in state and state[n].shape != own[n].shape
    ]
    found = {"missing": missing, "unexpected": unexpected, "other shape": misshaped}
    if any(found.values()):
        parts = [f"{what}: {_first(names)}" for what, names in found.items() if names]
        raise WeightsError(f"weights do not fit {type(net).__name__}; " + "; ".join(parts))
    net.load_state_dict(state)
    return net


def _renamed(name: str, rename: Sequence[tuple[str, str]]) -> str:
    for old, new in rename:
        if name.startswith(old):
            return new + name[len(old) :]
    return name


def _first(names: Sequence[str], count: int = 3) -> str:
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(names[:count]) + more


def save(net: nn.Module, path: str | Path) -> Path:
    """Store the network's state dict as safetensors; returns the file written."""
    path = Path(path)
    state = {name: value.detach().cpu().contiguous() for name, value in net.state_dict().items()}
    save_file(state, path)
    return path


def sha256(path: str | Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
