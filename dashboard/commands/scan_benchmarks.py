"""How quick a scan is shown: a new slice of 512 x 512 x 512, and the first view of a large CT."""

import statistics
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import numpy as np

from dashboard.analysis.benchmarks.timing import Measure
from dashboard.data.readers import open_files
from dashboard.data.sample import Sample
from dashboard.data.store import Store
from dashboard.data.value_counts import value_counts
from dashboard.data.windows import presets
from dashboard.figures.greys import GreyPicture, grey_picture
from dashboard.figures.slabs import slab_values
from dashboard.figures.theme import LIGHT
from dashboard.figures.volumes import Plane, planes
from dashboard.figures.window_histogram import window_histogram

SIDE = 512
CT_SHAPE = (512, 512, 300)
NOISE = 12.0  # HU, of a body scan at usual dose
MOVES = 7  # slices per plane
BASE64 = 4 / 3  # of a picture's bytes on their way


def scan_slice(device: str) -> Iterator[Measure]:
    """A new slice of a 512 cubed int16 CT, memory-mapped: reading, greys and packing.

    One picture travels; the other two planes get a new crosshair only.
    """
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        sample = store.get(store.put(synthetic_ct((SIDE,) * 3)))
        for preset in presets("ct")[:2]:  # the default, and the one that shows most noise
            window = (preset.low, preset.high)
            seconds: dict[str, list[float]] = {}
            sizes = []
            for position in np.linspace(100, SIDE - 100, MOVES).round():
                for where in planes(sample.shape, sample.affine, np.full(3, position)):
                    started = perf_counter()
                    picture = slice_picture(sample, where, window)
                    seconds.setdefault(where.name, []).append(perf_counter() - started)
                    sizes.append(len(picture.data) * BASE64 / 1e3)
            slowest = max(statistics.median(series) for series in seconds.values()) * 1e3
            name = f"512 cubed, a new slice, {preset.name}"
            yield Measure(f"{name}: server", slowest, "ms", 80, detail="the slowest plane")
            yield Measure(f"{name}: sent", max(sizes), "kB", 150, detail="the largest picture")
        store.close()


def slice_picture(sample: Sample, where: Plane, window: tuple[float, float]) -> GreyPicture:
    """One plane of a sample as the Scan page sends it."""
    return grey_picture(slab_values(where, sample), window)


def scan_first_view(device: str) -> Iterator[Measure]:
    """From the bytes of a 512 x 512 x 300 NIfTI in memory to three planes and their histogram."""
    content = nifti_content(synthetic_ct(CT_SHAPE))
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        started = perf_counter()
        sample = store.get(store.put(open_files([("ct.nii", content)])))
        window = (presets("ct")[0].low, presets("ct")[0].high)
        for where in planes(sample.shape, sample.affine, np.array(sample.shape) // 2):
            slice_picture(sample, where, window)
        window_histogram(value_counts(sample), window, theme=LIGHT).to_json()
        seconds = perf_counter() - started
        store.close()
    yield Measure("512 x 512 x 300 CT, bytes to first view", seconds, "s", 3)


def synthetic_ct(shape: tuple[int, int, int]) -> Sample:
    """An ellipsoid of soft tissue in a shell of bone with noise, int16 HU, first axis fastest."""
    rng = np.random.default_rng(0)
    i, j, k = (np.linspace(-1, 1, count, dtype=np.float32) for count in shape)
    stored = np.empty(shape, np.int16, order="F")
    across = (i[:, None] / 0.8) ** 2 + (j[None] / 0.9) ** 2
    waves = 60 * np.sin(9 * i)[:, None] * np.cos(7 * j)[None]
    for number, height in enumerate(k):
        radius = across + (height / 0.95) ** 2
        body = np.where(radius < 1, 40 + waves + 800 * (radius > 0.85), -1000)
        noise = rng.normal(0, NOISE, body.shape)
        stored[:, :, number] = np.rint(body + noise)
    affine = np.diag([0.7, 0.7, 0.7, 1.0])
    options = {"affine": affine, "scale": (1.0, 0.0)}
    return Sample(stored[None], "computed", "ct", ("value",), ("HU",), "mm", **options)


def nifti_content(sample: Sample) -> bytes:
    """An uncompressed NIfTI-1 file of an int16 sample, written by hand to save copies."""
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, *sample.shape, 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, 4, 16)  # int16
    struct.pack_into("<8f", header, 76, 1.0, *sample.spacing, 0, 0, 0, 0)
    struct.pack_into("<3f", header, 108, 352, 1.0, 0.0)  # where values start, slope, intercept
    struct.pack_into("<b", header, 123, 2)  # mm
    struct.pack_into("<2h", header, 252, 0, 1)  # the affine is in the sform
    struct.pack_into("<12f", header, 280, *sample.affine[:3].ravel())
    header[344:348] = b"n+1\0"
    return bytes(header) + sample.array[0].tobytes(order="F")
