"""Run by `run_isolated`: MATLAB file on standard input; facts as a JSON line and values on output.

Every array of real numbers that could be a signal goes out as float32 in C order, one after the
other; of all else only sampling rates, units and lead names do. Structs are looked into.
"""

import io
import json
import sys
import warnings

import numpy as np
import scipy.io

MOST_NAMES = 2000
DEEPEST = 3
MOST_LEADS = 256
SHORTEST = 50
MOST_WORDS = 256
FACTS = {
    "rate": ("fs", "rate", "rate_hz", "samplerate", "sampling_rate", "sample_rate", "sfreq"),
    "unit": ("unit", "units"),
    "lead": ("lead", "leads", "channels", "lead_names", "sig_name", "labels"),
}


def walk(name, value, depth=0):
    """(dotted name, array) of everything in variables and structs, one struct per place."""
    if not isinstance(value, np.ndarray):
        return
    if value.dtype.names and value.size == 1 and depth < DEEPEST:
        for field in value.dtype.names:
            yield from walk(f"{name}.{field}", value.reshape(-1)[0][field], depth + 1)
    else:
        yield name, value


def words(value):
    """Texts of a char array or of a cell array of them."""
    if value.dtype.kind == "O":
        return [word for cell in value.reshape(-1)[:MOST_WORDS] for word in cell_words(cell)]
    return [str(text).strip() for text in value.reshape(-1)[:MOST_WORDS]]


def cell_words(cell):
    return words(cell)[:1] if isinstance(cell, np.ndarray) and cell.dtype.kind in "US" else []


def fact(kind, value):
    """What a variable called like a fact says, None where it is something else."""
    if kind == "rate":
        number = value.dtype.kind in "iuf" and value.size == 1
        return float(value.reshape(-1)[0]) if number else None
    texts = words(value) if value.dtype.kind in "USO" else []
    return [text[:60] for text in texts] or None


def is_signal(value):
    plain = value.dtype.kind in "iufb" and value.ndim == 2 and value.size > 0
    return plain and max(value.shape) >= SHORTEST and min(value.shape) <= MOST_LEADS


def main() -> None:
    warnings.simplefilter("ignore")
    most = int(sys.argv[1])
    loaded = scipy.io.loadmat(io.BytesIO(sys.stdin.buffer.read()), struct_as_record=True)
    found = [
        pair
        for name in sorted(loaded)
        if not name.startswith("__")
        for pair in walk(name, loaded[name])
    ]
    found = found[:MOST_NAMES]
    kinds = {alias: kind for kind, aliases in FACTS.items() for alias in aliases}
    facts = []
    for name, value in found:
        kind = kinds.get(name.rsplit(".", 1)[-1].lower())
        said = fact(kind, value) if kind else None
        if said is not None:
            facts.append([name, kind, said])
    signals = [(name, value) for name, value in found if is_signal(value)]
    rest = [[name, list(value.shape), str(value.dtype.kind)] for name, value in found[:8]]
    total = sum(value.size for _, value in signals)
    shapes = [[name, list(value.shape)] for name, value in signals]
    told = {"signals": shapes, "facts": facts, "rest": rest, "total": total}
    sys.stdout.buffer.write(json.dumps(told).encode() + b"\n")
    if total <= most:
        for _, value in signals:
            sys.stdout.buffer.write(np.ascontiguousarray(value, dtype=np.float32).data.cast("B"))


if __name__ == "__main__":
    main()
