"""The session store: what goes in comes out, within its quota, and nothing stays behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dashboard.data import store as store_module
from dashboard.data.sample import Marks, Sample
from dashboard.data.store import Store, StoreFull, sweep


def volume(**changes) -> Sample:
    values = {
        "array": np.arange(24, dtype=np.int16).reshape(1, 2, 3, 4),
        "name": "a scan",
        "modality": "mr",
        "channels": ("value",),
        "units": ("",),
        "axis_unit": "mm",
        "affine": np.array([[0, -2, 0, 5], [1, 0, 0, 6.5], [0, 0, 3, 7], [0, 0, 0, 1.0]]),
        "scale": (0.5, -3.0),
        "notes": ("read", "once"),
        "position": (1.0, 1.0, 2.0),
    }
    return Sample(**(values | changes))


def signal() -> Sample:
    array = np.array([[0.5, np.nan, 1.5], [0.0, 1.0, 2.0]], dtype=np.float32)
    marks = Marks("atr", np.array([0, 2]), ("N", "V"), ("", "note"))
    return Sample(
        array, "a record", "ecg", ("I", "II"), ("mV", "mV"), "s", 250.0, annotations=(marks,)
    )


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    yield store
    store.close()


@pytest.mark.parametrize("sample", [volume(), signal()], ids=["volume", "signal"])
def test_a_sample_comes_back_equal_field_by_field(store, sample):
    back = store.get(store.put(sample))
    assert back.array.dtype == sample.array.dtype
    np.testing.assert_array_equal(back.array, sample.array)
    for name in ("name", "modality", "channels", "units", "axis_unit", "sampling_rate", "scale"):
        assert getattr(back, name) == getattr(sample, name)
    assert (back.notes, back.position, back.start_time) == (sample.notes, sample.position, None)
    if sample.affine is not None:
        np.testing.assert_array_equal(back.affine, sample.affine)
    for mine, theirs in zip(back.annotations, sample.annotations, strict=True):
        assert (mine.name, mine.symbols, mine.notes) == (theirs.name, theirs.symbols, theirs.notes)
        np.testing.assert_array_equal(mine.positions, theirs.positions)


def test_digest_computed_anew_from_the_stored_values_is_the_same(store):
    for sample in (volume(), signal()):
        back = store.get(store.put(sample))
        fresh = Sample(**{f: getattr(back, f) for f in Sample.__dataclass_fields__})
        assert fresh.digest == sample.digest


def test_digest_goes_by_values_not_by_their_order_in_memory(store):
    fortran = volume(array=np.asfortranarray(volume().array))
    assert fortran.digest == volume().digest
    assert store.put(fortran) == store.put(volume())
    assert volume(array=volume().array[:, :, ::-1]).digest != volume().digest


def test_digest_is_not_computed_by_reading_the_array_again(store, monkeypatch):
    digest = store.put(volume())
    monkeypatch.setattr("hashlib.blake2b", None)
    assert store.get(digest).digest == digest


def test_arrays_come_back_memory_mapped_and_read_only(store):
    array = store.get(store.put(volume())).array
    assert isinstance(array, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0, 0, 0] = 1


def test_a_session_over_its_quota_is_refused_before_anything_is_written(tmp_path):
    store = Store(tmp_path, session_quota=40)
    with pytest.raises(StoreFull, match="this session"):
        store.put(volume())
    assert store.names() == {}
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    store.close()


def test_quota_of_all_sessions_counts_what_the_others_hold(tmp_path):
    first, second = Store(tmp_path), Store(tmp_path, total_quota=900)
    first.put(volume(array=np.zeros((1, 8, 8, 8), np.uint8)))
    with pytest.raises(StoreFull, match="all sessions"):
        second.put(volume(array=np.zeros((1, 7, 7, 7), np.uint8)))
    first.close()
    second.put(volume(array=np.zeros((1, 7, 7, 7), np.uint8)))
    second.close()


def test_the_same_sample_twice_takes_its_room_once_and_the_latest_name(tmp_path):
    store = Store(tmp_path, session_quota=1200)
    array = np.zeros((1, 9, 9, 9), np.uint8)
    digest = store.put(volume(array=array))
    assert store.put(volume(array=array, name="renamed")) == digest
    assert store.names() == {digest: "renamed"}
    store.close()


def test_one_session_cannot_get_what_another_has_put(tmp_path):
    first, second = Store(tmp_path), Store(tmp_path)
    digest = first.put(volume())
    with pytest.raises(KeyError, match="in this session"):
        second.get(digest)
    first.close()
    second.close()


@pytest.mark.parametrize("digest", ["../x", "", "0" * 32, "session-1", "*"])
def test_what_is_no_digest_of_this_session_is_a_key_error(store, digest):
    store.put(volume())
    with pytest.raises(KeyError):
        store.get(digest)


def test_a_removed_sample_is_gone_and_its_room_is_free(tmp_path):
    store = Store(tmp_path, session_quota=1500)
    digest = store.put(volume(array=np.zeros((1, 10, 10, 10), np.uint8)))
    store.remove(digest)
    assert store.names() == {}
    store.put(volume(array=np.ones((1, 10, 10, 10), np.uint8)))
    store.close()


def test_closing_removes_the_folder_and_may_be_done_twice(tmp_path):
    store = Store(tmp_path)
    store.put(volume())
    store.close()
    store.close()
    assert list(tmp_path.iterdir()) == []


def test_folders_are_only_for_their_owner(tmp_path):
    store = Store(tmp_path / "spool")
    for folder in [tmp_path / "spool", *(tmp_path / "spool").iterdir()]:
        assert folder.stat().st_mode & 0o077 == 0
    store.close()


CRASH = """
import os, sys
from pathlib import Path
import numpy as np
from dashboard.data.sample import Sample
from dashboard.data.store import Store
store = Store(Path(sys.argv[1]))
store.put(Sample(np.zeros((1, 5), np.float32), "x", "ecg", ("I",), ("mV",), "s", 100.0))
os._exit(1)
"""


def test_sweep_removes_what_a_crashed_process_left_and_keeps_the_living(tmp_path):
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", CRASH, str(tmp_path)], cwd=root, check=False)
    assert len(list(tmp_path.glob("session-*/*.npy"))) == 1
    store = Store(tmp_path)
    digest = store.put(volume())
    assert sweep(tmp_path) == 1
    assert store.get(digest).name == "a scan"
    store.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_sweep_is_not_fooled_by_a_process_number_used_again(tmp_path):
    (tmp_path / f"session-{os.getpid()}-1-{'0' * 32}").mkdir()
    (tmp_path / "someone-else").mkdir()
    assert sweep(tmp_path) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["someone-else"]


def test_without_proc_a_session_is_over_a_week_after_its_last_sample(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "_PROC", tmp_path / "no-proc")
    old, new = (tmp_path / f"session-1-0-{digit * 32}" for digit in "01")
    old.mkdir()
    new.mkdir()
    os.utime(old, (0, 0))
    assert sweep(tmp_path) == 1
    assert new.exists()


def test_state_folder_of_the_environment_is_used(tmp_path, monkeypatch):
    monkeypatch.setenv("CONVSCOPE_STATE", str(tmp_path))
    store = Store()
    digest = store.put(volume())
    (described,) = (tmp_path / "spool").glob(f"session-*/{digest}.json")
    assert json.loads(described.read_text())["name"] == "a scan"
    store.close()
