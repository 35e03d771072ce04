"""Small recordings made by hand, for tests that need a file with a known fault."""

import io
import json
import struct
import zipfile
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from dashboard.data.readers import dicom_header_child, dicom_headers

Parts = list[tuple[str, bytes]]


@pytest.fixture(scope="session")
def wave() -> np.ndarray:
    """Two leads of 1000 samples as 12-bit integers: (2, 1000) int16."""
    time = np.arange(1000) / 250
    return np.rint([400 * np.sin(7 * time), 300 * np.cos(5 * time)]).astype(np.int16)


@pytest.fixture(scope="session")
def plain_record(wave) -> Callable[..., Parts]:
    """A format-16 record "r": header words can be changed one by one."""

    def make(
        *,
        rate: str = " 250",
        length: str = " 1000",
        gain: str = "200",
        file: str = "r.dat",
        stored: np.ndarray = wave,
        leads: Sequence[str] = ("I", "II"),
    ) -> Parts:
        lines = [f"r {len(leads)}{rate}{length}"]
        lines += [f"{file} 16 {gain}/mV 12 0 0 0 0 {lead}" for lead in leads]
        header = "\n".join([*lines, "# Name: Erika Mustermann", ""])
        return [("r.hea", header.encode()), ("r.dat", stored.T.astype("<i2").tobytes())]

    return make


@pytest.fixture(scope="session")
def zipped() -> Callable[[Parts], bytes]:
    """The bytes of a zip with these files."""

    def make(parts: Parts) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in parts:
                archive.writestr(name, data)
        return buffer.getvalue()

    return make


@pytest.fixture(scope="session")
def edf_bytes() -> Callable[..., bytes]:
    """An EDF file field by field: `signals` are (label, unit, physical range, (records, n))."""

    def make(
        signals: Sequence[tuple[str, str, tuple[str, str], np.ndarray]],
        *,
        duration: str = "1",
        records: str | None = None,
        reserved: str = "",
        starts: Sequence[bytes] = (),
    ) -> bytes:
        count = len(signals[0][3])
        columns = list(signals)
        if starts:
            filled = np.frombuffer(b"".join(s.ljust(60, b"\0") for s in starts), "<i2")
            columns.append(("EDF Annotations", "", ("-1", "1"), filled.reshape(count, 30)))
        fixed = "0".ljust(8) + "Erika Mustermann".ljust(80) + "ward 7".ljust(80)
        fixed += "01.02.03" + "04.05.06" + str(256 * (len(columns) + 1)).ljust(8)
        fixed += reserved.ljust(44) + (records or str(count)).ljust(8) + duration.ljust(8)
        fixed += str(len(columns)).ljust(4)
        fields = [
            [(label, 16) for label, *_ in columns],
            [("", 80) for _ in columns],
            [(unit, 8) for _, unit, *_ in columns],
            [(span[0], 8) for _, _, span, _ in columns],
            [(span[1], 8) for _, _, span, _ in columns],
            [("-32768", 8) for _ in columns],
            [("32767", 8) for _ in columns],
            [("", 80) for _ in columns],
            [(str(data.shape[1]), 8) for *_, data in columns],
            [("", 32) for _ in columns],
        ]
        header = fixed + "".join(text.ljust(width) for field in fields for text, width in field)
        body = [data[i].astype("<i2").tobytes() for i in range(count) for *_, data in columns]
        return header.encode("latin-1") + b"".join(body)

    return make


@pytest.fixture(scope="session")
def mark_words() -> Callable[..., bytes]:
    """An annotation file of (code, step) words, ended."""

    def make(*words: tuple[int, int]) -> bytes:
        return b"".join(struct.pack("<H", code << 10 | step) for code, step in (*words, (0, 0)))

    return make


@pytest.fixture
def headers_here(monkeypatch) -> None:
    """DICOM headers are parsed in this process: ten times faster than in a child."""

    def asked(_script, _arguments, data, _limits, _failed):
        told = dicom_header_child.answer(io.BytesIO(data))
        return json.loads(json.dumps(told)), memoryview(b"")

    monkeypatch.setattr(dicom_headers, "run_with_facts", asked)
