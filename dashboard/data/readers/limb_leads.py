"""Limb leads that a recorder does not store because they follow from leads I and II."""

from collections.abc import Sequence

import numpy as np

STANDARD = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
# Weights of I and II: Einthoven's law III = II - I, and Goldberger's augmented leads.
DERIVED = {
    "III": (-1.0, 1.0),
    "aVR": (-0.5, -0.5),
    "aVL": (1.0, -0.5),
    "aVF": (-0.5, 1.0),
}
_PLACES = {name.lower(): place for place, name in enumerate(STANDARD)}


def with_limb_leads(
    channels: Sequence[str], values: np.ndarray
) -> tuple[tuple[str, ...], np.ndarray, list[str]]:
    """Channels and `values` (C, T) with III, aVR, aVL and aVF computed where they are missing.

    `values` are in one voltage unit for all channels; NaN in I or II stays NaN. The result is in
    the order I, II, III, aVR, aVL, aVF, V1 to V6, then all others in their own order; the notes
    say what was computed. Without both I and II everything is handed back as it came. Source:
    Malmivuo and Plonsey, Bioelectromagnetism, 1995, section 15.2 to 15.4.
    """
    places = {name.lower(): row for row, name in enumerate(channels)}
    if "i" not in places or "ii" not in places:
        return tuple(channels), values, []
    first, second = values[places["i"]], values[places["ii"]]
    missing = [name for name in DERIVED if name.lower() not in places]
    names = [*channels, *missing]
    order = sorted(range(len(names)), key=lambda i: _PLACES.get(names[i].lower(), len(STANDARD)))
    full = np.empty((len(names), values.shape[1]), dtype=values.dtype)
    for row, index in enumerate(order):
        if index < len(channels):
            full[row] = values[index]
        else:
            of_first, of_second = DERIVED[names[index]]
            full[row] = of_first * first + of_second * second
    notes = [f"Computed from I and II: {', '.join(missing)}"] if missing else []
    return tuple(names[index] for index in order), full, notes
