"""Philips Sierra XML ("restingecgdata", 1.03 and 1.04): plain, base64 or XLI-compressed leads."""

from collections.abc import Iterator, Sequence
from functools import partial
from xml.etree.ElementTree import Element

import numpy as np

from dashboard.data.readers.ecg_sample import check_values
from dashboard.data.readers.errors import DamagedFile, UnknownFormat
from dashboard.data.readers.files import File
from dashboard.data.readers.limb_leads import STANDARD
from dashboard.data.readers.philips_xli import unpack_leads
from dashboard.data.readers.xml_strip import (
    MEDIAN,
    MOST_LEADS,
    RHYTHM,
    Block,
    Strip,
    check_leads,
    clock,
    listed_numbers,
    packed_bytes,
    stack,
    standard_lead,
)
from dashboard.data.readers.xml_tree import number, shown, text_at

STANDARD_SETS = ("STD-12", "10-WIRE")
NOT_COMPRESSED = ("", "none", "uncompressed", "false")
LIMB = STANDARD[:6]
ROUNDING = 4  # steps by which limb leads that are rounded one by one may miss Einthoven's law
NO_VALUE = 32767  # fills a representative beat up to the length that it declares


def philips_blocks(root: Element, file: File) -> Iterator[Block]:
    """The recorded leads, and the representative beats where the file has them."""
    signal = root.find("dataacquisition/signalcharacteristics")
    signal = Element("signalcharacteristics") if signal is None else signal
    parsed = root.find("waveforms/parsedwaveforms")
    if parsed is not None:
        rate = _number(parsed, signal, "samplespersecond", "samplingrate")
        taken = root.find("dataacquisition")
        start = clock(taken.get("date", ""), taken.get("time", "")) if taken is not None else None
        yield Block(RHYTHM, rate, partial(_rhythm, parsed, signal, file, start))
    beats = root.find("waveforms/repbeats")
    if beats is not None and beats.find("repbeat") is not None:
        rate = _number(beats, signal, "samplespersec", "samplingrate")
        yield Block(MEDIAN, rate, partial(_median, beats, signal, file))


def _number(element: Element, signal: Element, *names: str) -> float | None:
    """The first of `names` that is an attribute of `element` or, else, a child of `signal`."""
    found = [number(element.get(name)) for name in names]
    found += [number(signal.findtext(name)) for name in names]
    return next((value for value in found if value is not None), None)


def _rhythm(parsed: Element, signal: Element, file: File, start: str | None, rate: float) -> Strip:
    names = _lead_names(parsed, signal, file)
    duration = parsed.get("durationperchannel", "")
    samples = round(min(max(number(duration) or 0.0, 0.0), 1e12) * rate / 1000)
    if samples == 0:
        raise DamagedFile(
            f"{file.shown} does not say how long its leads are (durationperchannel "
            f"{shown(duration)}): expected milliseconds; export it anew."
        )
    check_values(len(names), samples, file.name)
    steps, notes = _stored(parsed, signal, names, samples, file)
    scale = _scale(parsed, signal, file)
    offset = _number(parsed, signal, "signaloffset") or 0.0
    leads = [(name, (row - offset) * scale) for name, row in zip(names, steps, strict=True)]
    return Strip(names, stack(leads, file.name), notes=tuple(notes), start_time=start)


def _lead_names(parsed: Element, signal: Element, file: File) -> tuple[str, ...]:
    labels = [standard_lead(label) for label in parsed.get("leadlabels", "").split()]
    counted = ("numberofleads",) if labels else ("numberchannelsallocated", "numberchannelsvalid")
    count = _number(parsed, signal, *counted) or len(labels)
    if not 1 <= count <= MOST_LEADS or (labels and count > len(labels)):
        raise DamagedFile(
            f"{file.shown} declares {count:,g} leads and names {len(labels)}: expected 1 to "
            f"{MOST_LEADS}; export it anew."
        )
    if labels:
        return tuple(labels[: int(count)])
    known = text_at(signal, "acquisitiontype") in STANDARD_SETS
    known = known or text_at(signal, "leadset") in STANDARD_SETS
    given = STANDARD if known else ()
    return tuple(given[i] if i < len(given) else f"channel {i + 1}" for i in range(int(count)))


def _stored(
    parsed: Element, signal: Element, names: Sequence[str], samples: int, file: File
) -> tuple[Sequence[np.ndarray], list[str]]:
    """Each lead as stored steps (T,), and notes."""
    what = f"The waveform of {file.shown}"
    encoding = parsed.get("dataencoding", "").lower()
    method = parsed.get("compression", parsed.get("compressmethod", "")).lower()
    if parsed.get("compressflag", "").lower() == "false":
        method = ""
    if encoding not in ("base64", "plain") or method not in (*NOT_COMPRESSED, "xli"):
        raise UnknownFormat(
            f"{what} is encoded as {shown(encoding)} and compressed as {shown(method)}: expected "
            "Base64 or Plain, and XLI or nothing."
        )
    if method == "xli":
        data = packed_bytes(parsed.text or "", what)
        rows = unpack_leads(data, len(names), samples, what)
        if tuple(names[:6]) == LIMB:
            rows = _limb_leads_rebuilt(rows)
        return _without_calibration(rows, names)
    if encoding == "plain":
        flat = listed_numbers(parsed.text or "", what)
    else:
        flat = _integers(packed_bytes(parsed.text or "", what), parsed, signal, what)
    if flat.size < len(names) * samples:
        raise DamagedFile(
            f"{what} declares {samples:,} samples of {len(names)} leads, but holds {flat.size:,} "
            "values: copy the file again."
        )
    return _without_calibration(list(flat[: len(names) * samples].reshape(len(names), -1)), names)


def _integers(data: bytes, element: Element, signal: Element, what: str) -> np.ndarray:
    bits = _number(element, signal, "bitspersample", "nbitspersample") or 16
    if bits != 16 or len(data) % 2:
        raise DamagedFile(
            f"{what} has {len(data):,} bytes of {bits:g}-bit samples: expected whole samples of 16 "
            "bits; copy the file again."
        )
    signed = element.get("signalsigned", text_at(signal, "signalsigned")).lower() != "false"
    return np.frombuffer(data, dtype="<i2" if signed else "<u2")


def _limb_leads_rebuilt(rows: Sequence[np.ndarray]) -> list[np.ndarray]:
    """XLI packs III, aVR, aVL and aVF as what they differ from their sum of I and II, rounded."""
    first, second, *rest = rows
    third = second - first - rest[0]
    right = -((first + second) // 2) - rest[1]
    left = (first - third) // 2 - rest[2]
    foot = (second + third) // 2 - rest[3]
    return [first, second, third, right, left, foot, *rest[4:]]


def _without_calibration(
    rows: Sequence[np.ndarray], names: Sequence[str]
) -> tuple[Sequence[np.ndarray], list[str]]:
    """The leads up to the calibration pulse that recorders append to all of them.

    Where I, II and III have one value, III = II - I says that it is 0 but for rounding, so what
    is larger in all leads alike cannot be a heart's.
    """
    if not set(LIMB[:3]) <= set(names):
        return rows, []
    same = np.all([row == rows[0] for row in rows[1:]], axis=0)
    end = int(np.flatnonzero(~same)[-1]) + 1 if not same.all() else same.size
    if np.abs(rows[0][end:]).max(initial=0) <= ROUNDING:
        return rows, []
    note = f"Left out: {same.size - end} samples of calibration pulse at the end"
    return [row[:end] for row in rows], [note]


def _scale(element: Element, signal: Element, file: File) -> float:
    """Millivolts per stored step; the file gives microvolts."""
    step = _number(element, signal, "resolution", "signalresolution")
    if not step or step < 0:
        raise DamagedFile(
            f"{file.shown} has no scale (resolution {step or 0:g}): expected the microvolts of one "
            "step, above 0; export it anew."
        )
    return step / 1000


def _median(beats: Element, signal: Element, file: File, rate: float) -> Strip:
    """Representative beats; 1.04 wraps their numbers in an element of their own, 1.03 does not."""
    scale = _scale(beats, signal, file)
    found = beats.findall("repbeat")
    check_leads(len(found), file.name)
    leads = []
    for beat in found:
        name = standard_lead(beat.get("leadname", ""))
        what = f"The representative beat of {shown(name)} in {file.shown}"
        wrapped = beat.find("waveform")
        text = (beat.text if wrapped is None else wrapped.text) or ""
        if beats.get("dataencoding", "").lower() == "plain":
            values = listed_numbers(text, what)
        else:
            values = _integers(packed_bytes(text, what), beats, signal, what)
        leads.append((name, np.where(values == NO_VALUE, np.nan, values * scale)))
    values = stack(leads, file.name)
    filled = np.flatnonzero(np.isfinite(values).any(axis=0))
    return Strip(
        tuple(name for name, _ in leads), values[:, : filled[-1] + 1 if len(filled) else 0]
    )
