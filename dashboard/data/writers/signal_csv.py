"""Writes a signal as a table: a header line, the time in seconds, one column per lead."""

import numpy as np

from dashboard.data.sample import Sample

_ROWS_AT_ONCE = 1 << 14


def signal_csv(sample: Sample) -> bytes:
    """UTF-8, comma separated, units in the header; a gap is an empty field.

    Values have the fewest digits that read back as the same float32. Raises ValueError for an
    image or a volume.
    """
    if sample.dim != 1 or not sample.sampling_rate:
        raise ValueError(f"got {sample.kind}, expected a signal with a sampling rate")
    named = zip(sample.channels, sample.units, strict=True)
    parts = [",".join(["time (s)", *(f"{name} ({unit})" for name, unit in named)]) + "\n"]
    for start in range(0, sample.shape[0], _ROWS_AT_ONCE):
        values = sample.values((slice(None), slice(start, start + _ROWS_AT_ONCE)))
        times = np.round((start + np.arange(values.shape[1])) / sample.sampling_rate, 9)
        fields = [times.astype(str), *(_fields(lead) for lead in values)]
        parts += [",".join(row) + "\n" for row in zip(*fields, strict=True)]
    return "".join(parts).encode()


def _fields(lead: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(lead), lead.astype(str), "")
