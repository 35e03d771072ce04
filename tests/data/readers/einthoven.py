"""The laws that tie the six limb leads together, for tests of readers."""

import numpy as np

from dashboard.data.readers.limb_leads import STANDARD


def limb_leads(sample) -> dict[str, np.ndarray]:
    """The six limb leads of a sample by name, mV."""
    return {name: sample.array[sample.channels.index(name)].astype(float) for name in STANDARD[:6]}


def law_errors(leads) -> list[float]:
    """The largest deviation, mV, from the laws of Einthoven and Goldberger."""
    one, two, three = leads["I"], leads["II"], leads["III"]
    laws = (
        two - one - three,
        leads["aVR"] + (one + two) / 2,
        leads["aVL"] - (one - three) / 2,
        leads["aVF"] - (two + three) / 2,
    )
    return [float(np.abs(law).max()) for law in laws]
