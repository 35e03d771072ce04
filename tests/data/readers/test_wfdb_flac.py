"""FLAC signals are decoded elsewhere, exactly, and only as far as their header says."""

import io
import time

import numpy as np
import pytest
import soundfile

from dashboard.data.readers import DamagedFile, UnsafeFile, open_files
from dashboard.data.readers.files import memory_file
from dashboard.data.readers.isolated import Limits, run_isolated
from dashboard.data.readers.wfdb_flac import decode_flac

WAVE = np.random.default_rng(5).integers(-30_000, 30_000, size=(2000, 2)).astype(np.int16)


def _record(samples: int, flac: bytes, leads: int = 2) -> list[tuple[str, bytes]]:
    line = "f.dat 516 200/mV 16 0 0\n"
    return [("f.hea", (f"f {leads} 250 {samples}\n" + line * leads).encode()), ("f.dat", flac)]


def _flac(stored: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, stored, 8000, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def test_two_leads_of_one_stream_are_exact():
    sample = open_files(_record(2000, _flac(WAVE)))
    np.testing.assert_array_equal(sample.array, (WAVE.T / 200).astype(np.float32))


def test_a_stream_that_holds_more_is_read_as_far_as_declared():
    assert open_files(_record(100, _flac(WAVE))).shape == (100,)


@pytest.mark.parametrize(("samples", "leads"), [(2001, 2), (2000, 3)])
def test_a_stream_that_is_not_what_the_header_says(samples, leads):
    with pytest.raises(DamagedFile, match="not a FLAC stream of"):
        open_files(_record(samples, _flac(WAVE), leads))


def test_a_stream_that_expands_enormously_is_refused_at_once():
    start = time.perf_counter()
    silence = _flac(np.zeros((3_000_000, 2), dtype=np.int16))
    with pytest.raises(UnsafeFile, match="made to fill the memory"):
        open_files(_record(3_000_000, silence))
    with pytest.raises(UnsafeFile, match="declared to expand from"):
        decode_flac(memory_file("f.dat", silence), 16, 2, 3_000_000)
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize("seed", range(3))
def test_a_damaged_stream_is_refused(seed):
    flac = bytearray(_flac(WAVE))
    for place in np.random.default_rng(seed).integers(0, len(flac), 40):
        flac[place] ^= 0xFF
    with pytest.raises(DamagedFile):
        open_files(_record(2000, bytes(flac)))


def test_undeclared_length_is_asked_back():
    with pytest.raises(DamagedFile, match="does not say how many samples"):
        open_files(_record(0, _flac(WAVE)))


def test_a_child_that_takes_too_long_is_stopped(tmp_path):
    script = tmp_path / "slow.py"
    script.write_text("import time\ntime.sleep(60)\n")
    with pytest.raises(UnsafeFile, match="stopped after 1 s"):
        run_isolated(script, [], b"", Limits(1, output_bytes=10))


@pytest.mark.parametrize(
    "line", ["b = bytes(4 * 1024**3)", "import sys; sys.stdout.write('x' * 999)"]
)
def test_a_child_that_takes_too_much_is_stopped(tmp_path, line):
    script = tmp_path / "greedy.py"
    script.write_text(line + "\n")
    with pytest.raises(DamagedFile, match="within their bounds"):
        run_isolated(script, [], b"", Limits(20, output_bytes=10))
