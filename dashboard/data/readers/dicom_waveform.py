"""DICOM waveforms: 12-lead, general and ambulatory ECG in their own units.

Source: DICOM PS3.3, C.10.9 (Waveform Module) and PS3.16, CID 3001 (lead codes).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dashboard.data.readers.ecg_sample import HIGHEST_RATE, check_values, choose_file, ecg_sample
from dashboard.data.readers.errors import (
    ChoiceNeeded,
    DamagedFile,
    UnknownFormat,
    UnsafeFile,
    short,
)
from dashboard.data.readers.files import File, Files
from dashboard.data.readers.isolated import Limits, run_with_facts
from dashboard.data.readers.leads import choose_group, millivolts, plain_lead, unique
from dashboard.data.readers.scp_leads import lead_of_code
from dashboard.data.sample import Sample

CHILD = Path(__file__).with_name("dicom_child.py")
WAVEFORM_CLASS = b"1.2.840.10008.5.1.4.1.1.9."  # all storage classes of waveforms begin so
MOST_BYTES = 256 * 1024**2
MOST_FACTS = 4 * 1024**2
SECONDS = 60
# (bits, interpretation) of samples that are plain integers; the others are companded speech.
KINDS = {("8", "SB"): "i1", ("8", "UB"): "u1", ("16", "SS"): "i2", ("16", "US"): "u2"}
KINDS |= {("32", "SL"): "i4", ("32", "UL"): "u4"}
LONGEST_SKEW = 10.0  # s


@dataclass(frozen=True)
class _Channel:
    """One lead: stored * `factor` + `baseline` is in `unit`; its first sample is `skew` late."""

    name: str
    unit: str
    factor: float
    baseline: float
    skew: int
    calibrated: bool


@dataclass(frozen=True)
class _Group:
    """Channels sampled together: `values` (samples, channels) as stored; `padding` marks gaps."""

    label: str
    rate: float
    channels: tuple[_Channel, ...]
    values: np.ndarray
    padding: int | None


class DicomReader:
    """.dcm with an ECG; several groups of channels (rhythm, median beat) are a question."""

    name = "DICOM waveform"
    suffixes = (".dcm",)

    def sniff(self, files: Files) -> bool:
        """Any DICOM file whose storage class is one of the waveforms'."""
        return bool(_waveforms(files))

    def read(self, files: Files, choices: Mapping[str, str]) -> Sample:
        file = choose_file(_waveforms(files) or files.with_suffix(*self.suffixes), choices)
        facts, values = _contents(file)
        group = _choose(file, _groups(file, facts, values), choices)
        names = unique([channel.name for channel in group.channels])
        chosen, left_out = choose_group(names, [group.rate] * len(names), choices)
        array = _physical(file, group, chosen)
        return ecg_sample(
            array,
            name=file.stem,
            channels=[names[i] for i in chosen],
            units=[millivolts(group.channels[i].unit)[1] for i in chosen],
            rate=group.rate,
            source=file.name,
            notes=(*left_out, *_notes(group, names, chosen)),
            start_time=_start_time(facts["start"]),
        )


def _waveforms(files: Files) -> list[File]:
    heads = ((file, file.head(1024)) for file in files.values())
    return [file for file, head in heads if head[128:132] == b"DICM" and WAVEFORM_CLASS in head]


def _contents(file: File) -> tuple[dict, bytes]:
    """What the child process tells of the file, and the samples of all groups."""
    if file.size > MOST_BYTES:
        raise UnsafeFile(
            f"{file.shown} has {file.size:,} bytes: of DICOM waveforms at most "
            f"{MOST_BYTES // 1024**2} MiB are read. Export it in parts, or as EDF."
        )
    failed = f"{file.shown} is a damaged DICOM file: its elements cannot be read; export it again."
    limits = Limits(SECONDS, file.size + MOST_FACTS, memory_bytes=2 * 1024**3)
    facts, values = run_with_facts(CHILD, [], file.read(), limits, failed)
    if not facts.get("dicom"):
        raise DamagedFile(f"{file.shown} does not begin as a DICOM file: get a fresh copy.")
    if not facts["groups"]:
        raise UnknownFormat(
            f"{file.shown} is a DICOM file without waveforms: expected an ECG (Waveform Sequence)."
        )
    return facts, values


def _groups(file: File, facts: Mapping, values: bytes) -> list[_Group]:
    groups: list[_Group] = []
    start = 0
    for number, group in enumerate(facts["groups"], start=1):
        data = values[start : start + group["bytes"]]
        start += group["bytes"]
        groups.append(_group(file, number, group, data, facts["little"]))
    return groups


def _group(file: File, number: int, facts: Mapping, data: bytes, little: bool) -> _Group:
    if None in (facts["bits"], facts["kind"]) or not data:
        raise DamagedFile(
            f"{file.shown} holds a waveform without its samples: it is cut off; copy it again."
        )
    kind = KINDS.get((facts["bits"], facts["kind"]))
    if kind is None:
        raise UnknownFormat(
            f"{file.shown} stores samples as {facts['bits']} bits "
            f"{short(str(facts['kind']), 20)}: expected plain integers (SB, UB, SS, US, SL, UL)."
        )
    samples, count = _whole(facts["samples"]), _whole(facts["count"])
    stored = np.dtype(kind).newbyteorder("<" if little else ">")
    if samples < 1 or count < 1 or count != len(facts["channels"]):
        raise DamagedFile(
            f"{file.shown} declares {max(count, 0)} channels of {max(samples, 0):,} samples and "
            f"defines {len(facts['channels'])} channels: export it again."
        )
    check_values(count, samples, file.name)
    if samples * count * stored.itemsize > len(data):
        raise DamagedFile(
            f"{file.shown} declares {samples:,} samples of {count} channels, but holds "
            f"{len(data):,} bytes of them: it is cut off; copy it again."
        )
    rate = _number(file, facts["rate"], "sampling frequency", 0.0)
    if not 0 < rate <= HIGHEST_RATE:
        raise DamagedFile(
            f"{file.shown} gives a sampling frequency of {short(str(facts['rate']), 20)} Hz: "
            "expected a positive number."
        )
    padding = bytes.fromhex(facts["padding"] or "")
    return _Group(
        label=" ".join((facts["label"] or f"group {number}").split()),
        rate=rate,
        channels=tuple(_channel(file, channel, rate) for channel in facts["channels"]),
        values=np.frombuffer(data, stored, samples * count).reshape(samples, count),
        padding=int(np.frombuffer(padding, stored, 1)[0])
        if len(padding) >= stored.itemsize
        else None,
    )


def _channel(file: File, facts: Mapping, rate: float) -> _Channel:
    sensitivity = _number(file, facts["sensitivity"], "channel sensitivity", math.nan)
    calibrated = math.isfinite(sensitivity) and sensitivity != 0 and facts["unit"] is not None
    correction = _number(file, facts["correction"], "sensitivity correction", 1.0)
    skew = _number(file, facts["sample_skew"], "channel skew", 0.0)
    skew += _number(file, facts["time_skew"], "channel skew", 0.0) * rate
    if abs(skew) > LONGEST_SKEW * rate:
        raise DamagedFile(
            f"{file.shown} shifts a channel by {skew / rate:g} s (channel skew): expected "
            f"at most {LONGEST_SKEW:g} s; export it again."
        )
    return _Channel(
        name=_name(facts),
        unit=facts["unit"][0] if calibrated else "NU",
        factor=sensitivity * correction if calibrated else 1.0,
        baseline=_number(file, facts["baseline"], "baseline", 0.0) if calibrated else 0.0,
        skew=round(skew),
        calibrated=calibrated,
    )


def _name(facts: Mapping) -> str:
    """The lead by its code, else as the file words it ("Lead I (Einthoven)" is "I")."""
    value, meaning = facts["source"] or ("", "")
    worded = meaning.partition("(")[0].strip() or (facts["label"] or "").strip()
    return lead_of_code(value) or plain_lead(short(worded, 40))


def _start_time(text: str | None) -> str | None:
    """A DICOM date and time, "20130125105919", as "2013-01-25 10:59:19"."""
    if not text or not text[:14].isdigit() or len(text) < 14:
        return None
    return f"{text[:4]}-{text[4:6]}-{text[6:8]} {text[8:10]}:{text[10:12]}:{text[12:14]}"


def _whole(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else 0


def _number(file: File, text: str | None, what: str, missing: float) -> float:
    if text is None or not text.strip() or text == "None":
        return missing
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise DamagedFile(
            f"{file.shown} gives the {what} as {short(text, 20)!r}: expected a number; export it "
            "again."
        )
    return number


def _choose(file: File, groups: Sequence[_Group], choices: Mapping[str, str]) -> _Group:
    """The only group, or the one that `choices["series"]` names."""
    if len(groups) == 1:
        return groups[0]
    labels = unique([_label(group) for group in groups])
    asked = str(choices.get("series", "")).strip()
    for label, group in zip(labels, groups, strict=True):
        if asked.lower() in (label.lower(), label.split(":")[0].lower()):
            return group
    question = f"{file.shown} holds {len(groups)} groups of waveforms."
    if asked:
        question = f"There is no group {short(asked)!r} in {file.shown}."
    raise ChoiceNeeded("series", question, labels)


def _label(group: _Group) -> str:
    seconds = len(group.values) / group.rate
    return f"{short(group.label, 40)}: {len(group.channels)} leads, {seconds:.3g} s"


def _physical(file: File, group: _Group, chosen: Sequence[int]) -> np.ndarray:
    """(C, T) float32 in mV where the unit is a voltage, each channel moved by its skew."""
    channels = [group.channels[i] for i in chosen]
    first = min(channel.skew for channel in channels)
    last = max(channel.skew for channel in channels)
    total = len(group.values) + last - first
    check_values(len(channels), total, file.name)
    array = np.full((len(channels), total), np.nan, dtype=np.float32)
    for row, (index, channel) in enumerate(zip(chosen, channels, strict=True)):
        stored = group.values[:, index]
        to_unit = millivolts(channel.unit)[0]
        lead = stored * (channel.factor * to_unit) + channel.baseline * to_unit
        if group.padding is not None:
            lead[stored == group.padding] = np.nan
        start = channel.skew - first
        array[row, start : start + len(lead)] = lead
    return array


def _notes(group: _Group, names: Sequence[str], chosen: Sequence[int]) -> list[str]:
    raw = [names[i] for i in chosen if not group.channels[i].calibrated]
    moved = [names[i] for i in chosen if group.channels[i].skew]
    notes = [f"No sensitivity for {', '.join(raw[:6])}: shown as stored numbers"] if raw else []
    return notes + ([f"Moved by their channel skew: {', '.join(moved[:12])}"] if moved else [])
