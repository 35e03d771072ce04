"""Volumes cut and changed at random are read or refused, within bounds, and nothing else."""

import gzip
import io
import tracemalloc

import nibabel
import nrrd
import numpy as np
import pytest
import tifffile

from dashboard.data.readers import UnreadableFile, open_files
from dashboard.data.readers.volume_values import MOST_BYTES
from tests.data.readers import test_afni_file, test_metaimage_file, test_nrrd_file
from tests.data.readers.damage import cut, flip, renumber
from tests.data.readers.scans import CUBE, itk_bytes, itk_image

ANSWERS = {"frame": "0", "part": "real", "record": "scan", "axis": "last"}
DAMAGES = (cut, flip, renumber)
CASES = 25
LIMIT = MOST_BYTES + 40e6  # of memory, whatever a file of a few hundred bytes declares


@pytest.fixture(scope="module")
def sound_files(tmp_path_factory) -> dict[str, tuple[list[tuple[str, bytes]], str]]:
    """One sound volume per format: the files, and which of them is damaged."""
    folder = tmp_path_factory.mktemp("sound")
    packed = itk_bytes(itk_image(), folder / "a.nrrd", compressed=True)
    nrrd.write(str(folder / "b.nhdr"), CUBE, {"encoding": "bzip2"}, detached_header=True)
    mgh = nibabel.MGHImage(CUBE, np.eye(4)).to_bytes()
    npz, tif = io.BytesIO(), io.BytesIO()
    np.savez_compressed(npz, scan=CUBE, affine=np.eye(4))
    tifffile.imwrite(tif, np.zeros((3, 6, 7), np.int16), photometric="minisblack")
    head, brik = test_afni_file.dataset()
    return {
        "NRRD": ([("a.nrrd", packed)], "a.nrrd"),
        "NRRD text": ([test_nrrd_file.file(b"1 " * 60, encoding="text")], "a.nrrd"),
        "NRRD hex": ([test_nrrd_file.file(b"0f" * 120, encoding="hex")], "a.nrrd"),
        "NRRD header": (
            [(path.name, path.read_bytes()) for path in sorted(folder.glob("b.*"))],
            "b.nhdr",
        ),
        "MetaImage": (test_metaimage_file.mha(), "a.mha"),
        "MetaImage packed": (
            [("a.mha", itk_bytes(itk_image(), folder / "a.mha", compressed=True))],
            "a.mha",
        ),
        "MGH": ([("a.mgh", mgh)], "a.mgh"),
        "MGZ": ([("a.mgz", gzip.compress(mgh))], "a.mgz"),
        "AFNI": ([head, brik], head[0]),
        "NPY": ([("a.npy", npy_bytes())], "a.npy"),
        "NPZ": ([("a.npz", npz.getvalue())], "a.npz"),
        "TIFF": ([("a.tif", tif.getvalue())], "a.tif"),
    }


def npy_bytes() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.stack([CUBE, CUBE], axis=-1))
    return buffer.getvalue()


def _read_or_refuse(files: list[tuple[str, bytes]]) -> None:
    tracemalloc.start()
    try:
        sample = open_files(files, ANSWERS)
    except UnreadableFile as error:
        sample, message = None, str(error)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < LIMIT
    if sample is None:
        assert 0 < len(message) <= 400
        assert "\n" not in message
    else:
        assert sample.affine is None or np.isfinite(sample.affine).all()
        assert not np.isinf(sample.array).any()


@pytest.mark.parametrize("damage", DAMAGES, ids=["cut", "flipped", "renumbered"])
@pytest.mark.parametrize(
    "kind",
    [
        *("NRRD", "NRRD text", "NRRD hex", "NRRD header", "MetaImage", "MetaImage packed"),
        *("MGH", "MGZ", "AFNI", "NPY", "NPZ"),
        pytest.param("TIFF", marks=pytest.mark.slow),
    ],
)
def test_damaged_volumes_are_read_or_refused(sound_files, kind, damage):
    files, victim = sound_files[kind]
    assert open_files(files, ANSWERS).dim == 3
    rng = np.random.default_rng(11)
    for _ in range(10 if kind == "TIFF" else CASES):
        _read_or_refuse([(name, damage(d, rng) if name == victim else d) for name, d in files])
