"""GE MUSE XML ("RestingECG"): eight stored leads in base64, the median beat before the rhythm."""

import re
import zlib
from collections.abc import Iterator
from functools import partial
from xml.etree.ElementTree import Element

import numpy as np

from dashboard.data.readers.errors import DamagedFile, UnknownFormat
from dashboard.data.readers.files import File
from dashboard.data.readers.leads import millivolts
from dashboard.data.readers.xml_strip import (
    MEDIAN,
    RHYTHM,
    Beat,
    Block,
    Strip,
    check_leads,
    clock,
    packed_bytes,
    stack,
)
from dashboard.data.readers.xml_tree import number, shown, text_at

SAMPLE_BYTES = (1, 2, 4)
MOST_BEATS = 100_000


def muse_blocks(root: Element, file: File) -> Iterator[Block]:
    """The waveforms of a RestingECG, in the file's order (the median comes first)."""
    beats = _beats(root)
    start = clock(
        text_at(root, "TestDemographics/AcquisitionDate"),
        text_at(root, "TestDemographics/AcquisitionTime"),
    )
    for waveform in root.iterfind("Waveform"):
        if text_at(waveform, "WaveformType").lower().startswith("median"):
            yield Block(MEDIAN, _rate(waveform), partial(_strip, waveform, file, (), None))
        else:
            yield Block(RHYTHM, _rate(waveform), partial(_strip, waveform, file, beats, start))


def _rate(waveform: Element) -> float | None:
    """SampleBase times ten to the SampleExponent, Hz."""
    base = number(text_at(waveform, "SampleBase"))
    exponent = number(text_at(waveform, "SampleExponent")) or 0.0
    return base and base * 10.0 ** min(max(exponent, -9.0), 9.0)


def _strip(
    waveform: Element, file: File, beats: tuple[Beat, ...], start: str | None, rate: float
) -> Strip:
    found = waveform.findall("LeadData")
    check_leads(len(found), file.name)
    leads, notes, off = [], [], []
    for lead in found:
        name = text_at(lead, "LeadID") or "(no name)"
        what = f"Lead {shown(name)} of {file.shown}"
        data = packed_bytes(text_at(lead, "WaveFormData"), what)
        leads.append((name, _samples(lead, data, what) * _step(lead, what)))
        checksum = text_at(lead, "LeadDataCRC32")
        if re.fullmatch(r"\d{1,10}", checksum) and int(checksum) != zlib.crc32(data):
            notes.append(f"The checksum of lead {shown(name)} does not fit its samples")
        if text_at(lead, "LeadOff").upper() == "TRUE":
            off.append(name)
    if off:
        notes.append(f"Electrode off, says the recorder: {shown(', '.join(off))}")
    values = stack(leads, file.name)
    return Strip(tuple(name for name, _ in leads), values, beats, tuple(notes), start)


def _samples(lead: Element, data: bytes, what: str) -> np.ndarray:
    """(T,) of little-endian integers, as many as the file says."""
    size = number(text_at(lead, "LeadSampleSize")) or 2
    if size not in SAMPLE_BYTES:
        raise UnknownFormat(f"{what} has samples of {size:g} bytes: expected 1, 2 or 4.")
    for counted, found, path in (
        ("bytes", len(data), "LeadByteCountTotal"),
        ("samples", len(data) / size, "LeadSampleCountTotal"),
    ):
        declared = number(text_at(lead, path))
        if (declared is not None and declared != found) or found != int(found):
            raise DamagedFile(
                f"{what} declares {declared or 0:,.0f} {counted}, but holds {found:,g}: a part is "
                "missing or changed; copy the file again."
            )
    return np.frombuffer(data, dtype=f"<i{size:.0f}")


def _step(lead: Element, what: str) -> float:
    """Millivolts per step of the stored numbers."""
    step = number(text_at(lead, "LeadAmplitudeUnitsPerBit"))
    unit = text_at(lead, "LeadAmplitudeUnits")
    factor, found = millivolts(unit)
    if not step or step < 0 or found != "mV":
        raise DamagedFile(
            f"{what} has no scale (LeadAmplitudeUnitsPerBit {step or 0:g}, LeadAmplitudeUnits "
            f"{shown(unit)}): expected a number above 0 and a voltage; export it anew."
        )
    return step * factor


def _beats(root: Element) -> tuple[Beat, ...]:
    """The QRS list: times in ms, type 0 the dominant shape, others a shape of their own.

    What shape those are is not in the file, so they are of unknown class ("Q").
    """
    beats = []
    for qrs in root.findall("QRSTimesTypes/QRS")[:MOST_BEATS]:
        time, kind = number(text_at(qrs, "Time")), number(text_at(qrs, "Type"))
        if time is not None and kind is not None:
            beats.append(Beat(time / 1000, "Q" if kind else "N", f"QRS type {kind:g}"))
    return tuple(beats)
