"""Files cut and changed at random are read or refused, and nothing else ever happens."""

import io
from collections.abc import Callable

import numpy as np
import pytest

from dashboard.data.readers import UnreadableFile, open_files
from dashboard.data.sample import Sample
from tests.data.readers.damage import cut, flip, renumber

ANSWERS = {"rate_hz": "250", "unit": "mV"}
CASES = 30


@pytest.fixture(scope="module")
def sound_files(plain_record, edf_bytes, mark_words, zipped, wave) -> dict:
    """One sound sample per format: the files, and which of them is damaged."""
    header, data = plain_record()
    marks = ("r.atr", mark_words((1, 10), (59, 0), (0, 0), (0, 400), (5, 0), (63, 2), (26, 1)))
    packed = header[1].replace(b" 16 200", b" 212 200").replace(b" 1000\n", b" 300\n", 1)
    starts = [b"+0\x14\x14\0+0.5\x14V\x14\0", b"+2\x14\x14\0"]
    edf = [("ECG", "uV", ("-100", "100"), wave[:, :250])]
    table = "time [s],I [mV],II\n" + "".join(f"{i / 250},{i % 7},{i % 5}\n" for i in range(300))
    npy, npz = io.BytesIO(), io.BytesIO()
    np.save(npy, wave)
    np.savez(npz, ecg=wave, fs=250)
    record = [header, data, marks]
    return {
        "WFDB header": (record, "r.hea"),
        "WFDB signals": ([("r.hea", packed), data], "r.dat"),
        "WFDB marks": (record, "r.atr"),
        "EDF": ([("e.edf", edf_bytes(edf, reserved="EDF+D", starts=starts))], "e.edf"),
        "table": ([("t.csv", table.encode())], "t.csv"),
        "NPY": ([("a.npy", npy.getvalue())], "a.npy"),
        "NPZ": ([("a.npz", npz.getvalue())], "a.npz"),
        "zip": ([("a.zip", zipped(record))], "a.zip"),
    }


@pytest.mark.parametrize("damage", [cut, flip, renumber], ids=["cut", "flipped", "renumbered"])
@pytest.mark.parametrize(
    "kind", ["WFDB header", "WFDB signals", "WFDB marks", "EDF", "table", "NPY", "NPZ", "zip"]
)
def test_damaged_files_are_read_or_refused(
    sound_files, kind, damage: Callable[[bytes, np.random.Generator], bytes]
):
    files, victim = sound_files[kind]
    assert isinstance(open_files(files, ANSWERS), Sample)
    rng = np.random.default_rng(11)
    for _ in range(CASES):
        given = [(name, damage(data, rng) if name == victim else data) for name, data in files]
        outcome = _read_or_refuse(given)
        if isinstance(outcome, Sample):
            assert np.isfinite(outcome.sampling_rate)
            assert not np.isinf(outcome.array).any()
        else:
            assert 0 < len(outcome) <= 400
            assert "\n" not in outcome


def _read_or_refuse(given: list[tuple[str, bytes]]) -> Sample | str:
    try:
        return open_files(given, ANSWERS)
    except UnreadableFile as error:
        return str(error)
