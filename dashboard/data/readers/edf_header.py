"""EDF, EDF+ and BDF headers: parsed and checked before anything they declare is believed.

Source: Kemp, Varri, Rosa, Nielsen, Gade, "A simple format for exchange of digitized polygraphic
recordings", 1992; EDF+ specification, https://www.edfplus.info/specs/edfplus.html
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.data.readers.errors import DamagedFile, EmptyFile, short
from dashboard.data.readers.files import File

EDF_START = b"0       "
BDF_START = b"\xffBIOSEMI"
FIXED_BYTES = 256
SIGNAL_BYTES = 256
MOST_SIGNALS = 4096
ANNOTATION_LABELS = ("EDF Annotations", "BDF Annotations")

# Widths of a signal's fields in the order of the file; each field comes for all signals at once.
_FIELDS = {
    "label": 16,
    "transducer": 80,
    "unit": 8,
    "physical_low": 8,
    "physical_high": 8,
    "digital_low": 8,
    "digital_high": 8,
    "filters": 80,
    "samples": 8,
    "reserved": 32,
}


@dataclass(frozen=True)
class EdfSignal:
    """One signal: `samples` per data record, from byte `start` of the record on.

    `gain` and `offset` make `unit` of stored numbers; gain 0 where the header's ranges are empty.
    """

    label: str
    unit: str
    gain: float
    offset: float
    samples: int
    start: int

    @property
    def is_annotations(self) -> bool:
        return self.label in ANNOTATION_LABELS


@dataclass(frozen=True)
class EdfHeader:
    """`records` data records of `record_bytes` bytes and `duration` s, from `data_start` on."""

    sample_bytes: int
    data_start: int
    records: int
    record_bytes: int
    duration: float
    discontinuous: bool
    signals: tuple[EdfSignal, ...]
    start_time: str | None


def read_edf_header(file: File) -> EdfHeader:
    """The header of `file`; the patient and recording fields are skipped unread.

    Raises DamagedFile where it contradicts itself or declares more than is there.
    """
    fixed = file.head(FIXED_BYTES)
    if not fixed:
        raise EmptyFile(f"{file.shown} is empty (0 bytes): expected an EDF or BDF recording.")
    if not fixed.startswith((EDF_START, BDF_START)) or len(fixed) < FIXED_BYTES:
        raise DamagedFile(
            f"{file.shown} does not begin with an EDF or BDF header of {FIXED_BYTES} bytes: it is "
            "cut off or another format; get a fresh copy."
        )
    sample_bytes = 3 if fixed.startswith(BDF_START) else 2
    count = _whole(file, "number of signals", fixed[252:256])
    header_bytes = FIXED_BYTES + count * SIGNAL_BYTES
    if not 0 < count <= MOST_SIGNALS or file.size < header_bytes:
        raise DamagedFile(
            f"{file.shown} declares {count} signals: expected 1 to {MOST_SIGNALS} and a header "
            f"of {header_bytes} bytes, the file has {file.size:,}; get a fresh copy."
        )
    signals = _signals(file, file.head(header_bytes)[FIXED_BYTES:], count, sample_bytes)
    record_bytes = sum(signal.samples for signal in signals) * sample_bytes
    declared = _whole(file, "number of data records", fixed[236:244])
    return EdfHeader(
        sample_bytes=sample_bytes,
        data_start=header_bytes,
        records=_records(file, declared, file.size - header_bytes, record_bytes),
        record_bytes=record_bytes,
        duration=_duration(file, fixed[244:252], signals),
        discontinuous=fixed[192:197] in (b"EDF+D", b"BDF+D"),
        signals=signals,
        start_time=" ".join(_text(part) for part in (fixed[168:176], fixed[176:184])) or None,
    )


def _text(field: bytes) -> str:
    return field.decode("latin-1").replace("\0", " ").strip()


def _whole(file: File, what: str, field: bytes) -> int:
    text = _text(field)
    try:
        return int(text)
    except ValueError:
        raise DamagedFile(
            f"{file.shown} gives its {what} as {short(text, 20)!r}: expected a whole number; "
            "get a fresh copy."
        ) from None


def _number(field: bytes) -> float:
    """A number of the header, NaN where it is none (a comma for the point is common)."""
    try:
        return float(_text(field).replace(",", "."))
    except ValueError:
        return math.nan


def _duration(file: File, field: bytes, signals: Sequence[EdfSignal]) -> float:
    """Seconds of a data record; 0 is allowed where there are only annotations."""
    duration = _number(field)
    only_annotations = all(signal.is_annotations for signal in signals)
    if math.isfinite(duration) and (duration > 0 or (duration == 0 and only_annotations)):
        return duration
    raise DamagedFile(
        f"{file.shown} gives its data records a duration of {short(_text(field), 20)!r} s, so it "
        "has no sampling rate: expected a positive number; correct the header."
    )


def _records(file: File, declared: int, present_bytes: int, record_bytes: int) -> int:
    """Data records to read; -1 in the header means that the recorder did not count them."""
    present = present_bytes // record_bytes if record_bytes else 0
    if declared > present:
        raise DamagedFile(
            f"{file.shown} declares {declared:,} data records of {record_bytes:,} bytes, but "
            f"holds only {present:,}: it is cut off; copy it again."
        )
    records = present if declared == -1 else declared
    if records < 1:
        raise DamagedFile(f"{file.shown} holds no data records: expected at least one.")
    return records


def _signals(file: File, data: bytes, count: int, sample_bytes: int) -> tuple[EdfSignal, ...]:
    columns: dict[str, list[bytes]] = {}
    at = 0
    for name, width in _FIELDS.items():
        columns[name] = [data[at + i * width : at + (i + 1) * width] for i in range(count)]
        at += width * count
    signals: list[EdfSignal] = []
    start = 0
    for index in range(count):
        fields = {name: column[index] for name, column in columns.items()}
        signals.append(_signal(file, fields, start))
        start += signals[-1].samples * sample_bytes
    return tuple(signals)


def _signal(file: File, fields: dict[str, bytes], start: int) -> EdfSignal:
    samples = _whole(file, "samples per data record", fields["samples"])
    if samples < 0:
        raise DamagedFile(f"{file.shown} declares {samples} samples per data record.")
    low, high = _number(fields["physical_low"]), _number(fields["physical_high"])
    first, last = _number(fields["digital_low"]), _number(fields["digital_high"])
    gain = (high - low) / (last - first) if last != first else 0.0
    usable = math.isfinite(gain) and math.isfinite(low - gain * first)
    return EdfSignal(
        label=_text(fields["label"]),
        unit=_text(fields["unit"]),
        gain=gain if usable else 0.0,
        offset=low - gain * first if usable else 0.0,
        samples=samples,
        start=start,
    )
