"""Names and units of ECG leads: which channels are an ECG, and what makes millivolts of them."""

import re
from collections.abc import Mapping, Sequence

from dashboard.data.readers.errors import ChoiceNeeded, short

# Limb, augmented, chest, right-sided, posterior, Frank, modified and Holter leads as recorders,
# PhysioNet databases and the EDF+ specification name them.
_LEAD = re.compile(
    r"(ML|MCL|CM|CC|CB|ML)?(I{1,3}|[1-6])?|-?AV[RLF]|-?V[1-9]?R?|V[XYZ]|MV[1-9]|D[1-4]|LEAD|"
    r"A?-?[EA]-?[SI]|ECG|EKG|ELECTROCARDIOGRAM",
    re.IGNORECASE,
)
_TO_MILLIVOLT = {
    "v": 1000.0,
    "volt": 1000.0,
    "volts": 1000.0,
    "mv": 1.0,
    "millivolt": 1.0,
    "millivolts": 1.0,
    "uv": 0.001,
    "microvolt": 0.001,
    "microvolts": 0.001,
    "nv": 0.000001,
    "nanovolt": 0.000001,
    "nanovolts": 0.000001,
}


def is_ecg(name: str) -> bool:
    """Whether a channel called `name` is an ECG lead.

    Every word must be part of a lead's name, or one of them must say "ECG" outright.
    """
    words = [word for word in re.split(r"[\s_:,.()\[\]']+", name.strip()) if word]
    if any(re.match(r"(ECG|EKG)", word, re.IGNORECASE) for word in words):
        return True
    if any(re.fullmatch(r"\d+", word) for word in words[:1]):
        return False
    return bool(words) and all(_LEAD.fullmatch(word) for word in words)


def plain_lead(name: str) -> str:
    """A lead's own name: "ECG MLII" and "Lead II" (EDF+, Apple Watch) lose the word before it."""
    first, _, rest = name.strip().partition(" ")
    prefixed = first.upper() in ("ECG", "EKG", "LEAD")
    return rest.strip() if prefixed and re.match("[A-Za-z]", rest) and is_ecg(rest) else name


def millivolts(unit: str) -> tuple[float, str]:
    """(factor, unit): values in `unit` times factor are in mV; a unit that is no voltage stays."""
    plain = unit.strip()
    key = plain.replace("µ", "u").replace("μ", "u").lower()  # micro sign, Greek mu
    if key in _TO_MILLIVOLT:
        return _TO_MILLIVOLT[key], "mV"
    return 1.0, plain or "NU"


def ecg_first(names: Sequence[str]) -> list[int]:
    """Indices of `names`, the ECG leads first, else in their own order."""
    return sorted(range(len(names)), key=lambda i: not is_ecg(names[i]))


def unique(names: Sequence[str]) -> tuple[str, ...]:
    """`names` with empty ones numbered and repeated ones told apart ("ECG", "ECG 2")."""
    seen: dict[str, int] = {}
    told: list[str] = []
    for number, name in enumerate(names, start=1):
        base = " ".join(name.split()) or f"channel {number}"
        seen[base] = seen.get(base, 0) + 1
        told.append(base if seen[base] == 1 else f"{base} {seen[base]}")
    return tuple(told)


def choose_group(
    names: Sequence[str], rates: Sequence[float], choices: Mapping[str, str]
) -> tuple[list[int], tuple[str, ...]]:
    """Channels to read together, all of one rate, and notes on what was left out.

    `names` and `rates` (Hz) are per channel. `choices["lead"]` names the leads wanted, separated
    by commas; `choices["group"]` the label of a group; else the group with the most ECG leads.
    Raises ChoiceNeeded where a name is not there.
    """
    groups: dict[float, list[int]] = {}
    for index, rate in enumerate(rates):
        groups.setdefault(rate, []).append(index)
    if "lead" in choices:
        chosen = _by_lead(names, rates, choices["lead"])
    elif "group" in choices and len(groups) > 1:
        chosen = _by_label(names, groups, choices["group"])
    else:
        best = max(groups, key=lambda rate: sum(is_ecg(names[i]) for i in groups[rate]))
        chosen = [groups[best][i] for i in ecg_first([names[i] for i in groups[best]])]
    return chosen, _left_out(names, rates, chosen)


def _by_lead(names: Sequence[str], rates: Sequence[float], wanted: str) -> list[int]:
    lower = [name.lower() for name in names]
    asked = [part.strip() for part in wanted.split(",") if part.strip()]
    if wanted.strip().lower() in lower:  # a name that has a comma itself
        asked = [wanted.strip()]
    chosen: list[int] = []
    for name in asked:
        if name.lower() not in lower:
            raise ChoiceNeeded("lead", f"There is no lead called {short(name)!r}.", tuple(names))
        chosen.append(lower.index(name.lower()))
    if not chosen or len({rates[i] for i in chosen}) > 1:
        raise ChoiceNeeded("lead", "Leads shown together need one sampling rate.", tuple(names))
    return list(dict.fromkeys(chosen))


def _by_label(names: Sequence[str], groups: Mapping[float, list[int]], wanted: str) -> list[int]:
    labels = {group_label(names, rate, members): members for rate, members in groups.items()}
    for label, members in labels.items():
        if wanted.strip() in (label, label.split(":")[0]):
            return members
    raise ChoiceNeeded("group", f"There is no group {short(wanted)!r}.", tuple(labels))


def group_label(names: Sequence[str], rate: float, members: Sequence[int]) -> str:
    """The name of channels of one rate, as choices show it: "125 Hz: ABP, PAP"."""
    return f"{rate:g} Hz: {', '.join(names[i] for i in members)}"


def _left_out(
    names: Sequence[str], rates: Sequence[float], chosen: Sequence[int]
) -> tuple[str, ...]:
    rest: dict[float, list[int]] = {}
    for index, rate in enumerate(rates):
        if index not in chosen:
            rest.setdefault(rate, []).append(index)
    return tuple(
        f"Left out: {short(group_label(names, rate, members), 200)}"
        for rate, members in rest.items()
    )
