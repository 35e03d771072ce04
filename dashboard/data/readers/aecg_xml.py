"""HL7 annotated ECG ("AnnotatedECG", ANSI/HL7 V3 ECG, R1-2004): sequences of numbers as text."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from xml.etree.ElementTree import Element

import numpy as np

from dashboard.data.readers.errors import DamagedFile, UnknownFormat, short
from dashboard.data.readers.files import File
from dashboard.data.readers.leads import millivolts
from dashboard.data.readers.xml_strip import (
    MEDIAN,
    RHYTHM,
    Beat,
    Block,
    Strip,
    clock,
    listed_numbers,
    stack,
)
from dashboard.data.readers.xml_tree import number, shown

LEAD = "MDC_ECG_LEAD_"
TIMES = ("TIME_ABSOLUTE", "TIME_RELATIVE")
SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "min": 60.0}
QRS = ("MDC_ECG_WAVC_QRSWAVE", "MDC_ECG_WAVC_QRS")
# Beat codes of IEEE 11073-10101 (10:8192 to 10:8752) to WFDB's; "Q" where they say no class.
BEATS: Mapping[str, str] = {
    "NORMAL": "N",
    "DOMINANT": "N",
    "SV_P_C": "S",
    "ATR_P_C": "A",
    "JUNC_P_C": "J",
    "ATR_P_C_ABERR": "a",
    "V_P_C": "V",
    "V_P_C_RonT": "V",
    "V_P_C_FUSION": "F",
    "SV_ESC": "n",
    "ATR_ESC": "e",
    "JUNC_ESC": "j",
    "V_ESC": "E",
    "BB_BLK": "B",
    "LBB_BLK_COMP": "L",
    "RBB_BLK_COMP": "R",
    "PACED": "/",
    "PACED_FUS": "f",
}
# Frank's leads as WFDB calls them; the others are named in their own code.
LEADS = {"X": "VX", "Y": "VY", "Z": "VZ", "AVRNEG": "-aVR"}
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?(\.\d{1,6})?\d*([+-]\d{4})?")


def aecg_blocks(root: Element, file: File) -> Iterator[Block]:
    """Every set of simultaneous sequences: of the series, and of what was derived from them."""
    for series in root.iterfind("component/series"):
        for part in (series, *series.findall("derivation/derivedSeries")):
            yield from _blocks(part, file)


def _blocks(series: Element, file: File) -> Iterator[Block]:
    label = MEDIAN if _code(series) == "REPRESENTATIVE_BEAT" else RHYTHM
    for sequences in series.findall("component/sequenceSet"):
        found = sequences.findall("component/sequence")
        times = next((s for s in found if _code(s) in TIMES), None)
        rate = _rate(times, file)
        yield Block(label, rate, partial(_strip, series, found, times, file))


def _code(element: Element | None) -> str:
    found = None if element is None else element.find("code")
    return "" if found is None else found.get("code", "")


def _quantity(element: Element | None, path: str) -> tuple[float | None, str]:
    """Value and unit of the quantity at `path`."""
    found = None if element is None else element.find(path)
    if found is None:
        return None, ""
    return number(found.get("value")), found.get("unit", "")


def _rate(times: Element | None, file: File) -> float | None:
    """One over the increment of the time sequence, Hz; None where there is none or it is 0."""
    step, unit = _quantity(times, "value/increment")
    if not step:
        return None
    if unit not in SECONDS:
        raise DamagedFile(
            f"{file.shown} gives its sampling interval in {shown(unit)}: expected s, ms or us."
        )
    return 1.0 / (step * SECONDS[unit])


def _strip(
    series: Element, sequences: list[Element], times: Element | None, file: File, rate: float
) -> Strip:
    leads = []
    for sequence in sequences:
        code = _code(sequence)
        if code.startswith(LEAD):
            name = code[len(LEAD) :]
            leads.append((LEADS.get(name.upper(), short(name)), _millivolts(sequence, file)))
    head = None if times is None else times.find("value/head")
    start = "" if head is None else head.get("value", "")
    # A file may hold several readings of one signal: the first that names beats is taken.
    readings = (tuple(_beats(s, _moment(start))) for s in series.findall("subjectOf/annotationSet"))
    beats = next(filter(None, readings), ())
    values = stack(leads, file.name)
    return Strip(tuple(name for name, _ in leads), values, beats, start_time=_written(start))


def _millivolts(sequence: Element, file: File) -> np.ndarray:
    """Origin plus scale times each number of the list (T,)."""
    what = f"Lead {shown(_code(sequence))} of {file.shown}"
    value = sequence.find("value")
    kind = "" if value is None else value.get("type", "")
    if value is None or not kind.endswith(("SLIST_PQ", "SLIST_INT")):
        raise UnknownFormat(f"{what} is stored as {shown(kind)}: expected SLIST_PQ.")
    scale, unit = _quantity(value, "scale")
    factor, found = millivolts(unit)
    if not scale or found != "mV":
        raise DamagedFile(
            f"{what} has no scale (value {scale or 0:g}, unit {shown(unit)}): expected a number "
            "other than 0 and a voltage; export it anew."
        )
    origin, origin_unit = _quantity(value, "origin")
    origin_factor = millivolts(origin_unit)[0] if origin_unit else factor
    digits = listed_numbers(value.findtext("digits") or "", what)
    return digits * (scale * factor) + (origin or 0.0) * origin_factor


def _moment(text: str) -> datetime | None:
    """An HL7 time stamp, YYYYMMDDHHMM[SS[.ffff]][+ZZZZ]; without a zone it is taken as UTC."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return None
    *parts, fraction, zone = found.groups()
    try:
        moment = datetime(*(int(part or 0) for part in parts), tzinfo=_zone(zone))
    except ValueError:
        return None
    return moment + timedelta(seconds=float(fraction or 0))


def _zone(text: str | None) -> timezone:
    if not text:
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[3:]))
    return timezone(-offset if text[0] == "-" else offset)


def _written(text: str) -> str | None:
    moment = _moment(text)
    return clock(f"{moment:%Y-%m-%d}", f"{moment:%H:%M:%S}") if moment else None


def _beats(reading: Element, start: datetime | None) -> Iterator[Beat]:
    """The beats of an annotation set, each at the middle of its QRS complex."""
    for annotation in reading.findall("component/annotation"):
        value = annotation.find("value")
        if _code(annotation) != "MDC_ECG_BEAT" or value is None:
            continue
        code = value.get("code", "").removeprefix("MDC_ECG_BEAT_")
        for wave in annotation.findall("component/annotation"):
            named = wave.find("value")
            middle = None if named is None or named.get("code") not in QRS else _middle(wave, start)
            if middle is not None:
                yield Beat(middle, BEATS.get(code, "Q"), short(code))
                break


def _middle(wave: Element, start: datetime | None) -> float | None:
    """Seconds from `start` to the middle of the wave's region of interest."""
    for boundary in wave.findall("support/supportingROI/component/boundary"):
        if _code(boundary) == "TIME_RELATIVE":
            edges = [_quantity(boundary, f"value/{edge}") for edge in ("low", "high")]
            known = [
                value * SECONDS[unit]
                for value, unit in edges
                if value is not None and unit in SECONDS
            ]
        elif _code(boundary) == "TIME_ABSOLUTE" and start is not None:
            ends = [boundary.find(f"value/{edge}") for edge in ("low", "high")]
            moments = [_moment(end.get("value", "")) for end in ends if end is not None]
            known = [(moment - start).total_seconds() for moment in moments if moment]
        else:
            continue
        if len(known) == 2:
            return sum(known) / 2
    return None
