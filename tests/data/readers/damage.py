"""Ways in which files are damaged at random."""

import numpy as np


def cut(data: bytes, rng: np.random.Generator) -> bytes:
    """The beginning of the file."""
    return data[: rng.integers(0, len(data))]


def flip(data: bytes, rng: np.random.Generator) -> bytes:
    """Some bytes changed, half of them near the start, where headers are."""
    changed = bytearray(data)
    for _ in range(rng.integers(1, 9)):
        span = len(data) if rng.random() < 0.5 else min(len(data), 600)
        changed[rng.integers(0, span)] = rng.integers(0, 256)
    return bytes(changed)


def renumber(data: bytes, rng: np.random.Generator) -> bytes:
    """A digit near the start changed: a header that is well formed and wrong."""
    digits = [i for i, byte in enumerate(data[:2000]) if chr(byte).isdigit()]
    if not digits:
        return flip(data, rng)
    changed = bytearray(data)
    for place in rng.choice(digits, size=2):
        changed[place] = rng.integers(ord("0"), ord("9") + 1)
    return bytes(changed)
