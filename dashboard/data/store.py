"""Where loaded samples live between two clicks: memory-mapped files of one session, with a quota.

Each session owns one folder with an unguessable name below the spool folder. It is removed by
`Store.close`, when the process ends, or, after a crash, by `sweep` at the next start.
"""

import json
import os
import re
import secrets
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import BinaryIO

import numpy as np

from dashboard.data.sample import Marks, Sample

SESSION_QUOTA = 2 * 2**30  # bytes
TOTAL_QUOTA = 8 * 2**30  # bytes
_DIGEST = re.compile(r"[0-9a-f]{32}")
_FOLDER = re.compile(r"session-(\d+)-(\d+)-[0-9a-f]{32}")
_PROC = Path("/proc")
_WEEK = 7 * 24 * 3600  # s

# Sessions of one server measure and then write: together, or both could pass the same last bytes.
_writing = threading.Lock()


class StoreFull(ValueError):
    """A sample would go over what a session, all sessions, or the disk can hold."""


class Store:
    """The samples of one session, by digest. Arrays come back memory-mapped and read-only."""

    def __init__(
        self,
        folder: Path | None = None,
        session_quota: int = SESSION_QUOTA,
        total_quota: int = TOTAL_QUOTA,
    ) -> None:
        self._root = spool_folder() if folder is None else Path(folder)
        self._quotas = (session_quota, total_quota)
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        pid = os.getpid()
        self._folder = self._root / f"session-{pid}-{_started(pid)}-{secrets.token_hex(16)}"
        self._folder.mkdir(mode=0o700)
        self._remove = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def put(self, sample: Sample) -> str:
        """Write `sample`; its digest. Raises StoreFull before anything is written."""
        digest = sample.digest
        array = self._folder / f"{digest}.npy"
        with _writing:
            if not array.exists():
                self._check_room(sample.array.nbytes)
                _write_whole(array, lambda file: np.save(file, sample.array, allow_pickle=False))
            # The digest does not cover the name or the notes: the latest sample's are kept.
            text = json.dumps(_described(sample), default=float).encode()
            _write_whole(array.with_suffix(".json"), lambda file: file.write(text))
        return digest

    def get(self, digest: str) -> Sample:
        """The sample of a digest; raises KeyError when this session does not hold it."""
        if not _DIGEST.fullmatch(digest) or not (self._folder / f"{digest}.json").exists():
            raise KeyError(f"no sample {digest!r} in this session; open the file again")
        described = json.loads((self._folder / f"{digest}.json").read_text())
        array = np.load(self._folder / f"{digest}.npy", mmap_mode="r", allow_pickle=False)
        sample = _restored(array, described)
        sample.__dict__["digest"] = digest  # known: computing it again would read the whole array
        return sample

    def names(self) -> dict[str, str]:
        """Name of each stored sample by digest, oldest first."""
        described = sorted(self._folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        return {path.stem: json.loads(path.read_text())["name"] for path in described}

    def remove(self, digest: str) -> None:
        """Forget one sample; nothing happens when it is not there."""
        if _DIGEST.fullmatch(digest):
            for suffix in (".json", ".npy"):
                (self._folder / f"{digest}{suffix}").unlink(missing_ok=True)

    def close(self) -> None:
        """Remove everything of this session; calling it twice does no harm."""
        self._remove()

    def _check_room(self, size: int) -> None:
        session_quota, total_quota = self._quotas
        rooms = (
            (session_quota - _size(self._folder), "this session may keep; remove a sample first"),
            (total_quota - _size(self._root), "all sessions together may keep; try again later"),
            (shutil.disk_usage(self._root).free, "the disk holds; free some space"),
        )
        for room, whose in rooms:
            if size > room:
                raise StoreFull(
                    f"got a sample of {size / 2**20:.1f} MiB, expected at most "
                    f"{max(room, 0) / 2**20:.1f} MiB, which is what {whose}"
                )


def spool_folder() -> Path:
    """Where sessions keep their samples: below CONVSCOPE_STATE, else the system's temporary one."""
    state = os.environ.get("CONVSCOPE_STATE")
    if state:
        return Path(state) / "spool"
    user = os.getuid() if hasattr(os, "getuid") else "user"
    return Path(tempfile.gettempdir()) / f"convscope-{user}"


def sweep(folder: Path | None = None) -> int:
    """Remove what sessions of dead processes left in the spool folder; how many there were."""
    root = spool_folder() if folder is None else Path(folder)
    dead = [path for path in root.glob("session-*") if not _alive(path)]
    for path in dead:
        shutil.rmtree(path, ignore_errors=True)
    return len(dead)


def _alive(folder: Path) -> bool:
    """Whether the session a folder is named after may still run; folders of others: yes.

    Without /proc (macOS, Windows) nothing tells a process from a later one with the same number:
    there a session counts as over a week after it last stored something.
    """
    match = _FOLDER.fullmatch(folder.name)
    if match is None:
        return True
    if not _PROC.exists():
        return time.time() - folder.stat().st_mtime < _WEEK
    return _started(int(match[1])) == int(match[2])


def _started(pid: int) -> int:
    """When a process started, in clock ticks (a number alone is used again); 0 if unknown."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(stat.rpartition(")")[2].split()[19])  # proc(5): field 22; the name may hold blanks


def _size(folder: Path) -> int:
    """Bytes below `folder`; files that other sessions remove meanwhile do not count."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total


def _write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write beside `path` and rename, so that a reader never sees half a file."""
    partial = path.with_name(path.name + ".part")
    try:
        with partial.open("wb") as file:
            write(file)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _described(sample: Sample) -> dict:
    """Every field of a sample but its array, as JSON values."""
    described = {f.name: getattr(sample, f.name) for f in fields(Sample) if f.name != "array"}
    described["affine"] = None if sample.affine is None else np.asarray(sample.affine).tolist()
    described["annotations"] = [
        {
            "name": marks.name,
            "positions": np.asarray(marks.positions).tolist(),
            "symbols": marks.symbols,
            "notes": marks.notes,
        }
        for marks in sample.annotations
    ]
    return described


def _restored(array: np.ndarray, described: dict) -> Sample:
    """Inverse of `_described`: JSON's lists become tuples and arrays again."""
    values = {key: tuple(v) if isinstance(v, list) else v for key, v in described.items()}
    if described["affine"] is not None:
        values["affine"] = np.array(described["affine"], dtype=float)
    values["annotations"] = tuple(
        Marks(
            marks["name"],
            np.array(marks["positions"], dtype=np.int64),
            tuple(marks["symbols"]),
            tuple(marks["notes"]),
        )
        for marks in described["annotations"]
    )
    return Sample(array=array, **values)
