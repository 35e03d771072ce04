"""Samples that come with the app: an ECG, digits, an average brain, the shape of a gland."""

import csv
import gzip
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path

import nibabel
import numpy as np

from dashboard.data.sample import Sample
from dashboard.data.synthetic import synthetic_ecg
from dashboard.data.synthetic_shape import adrenal_shape
from dashboard.data.writers.nifti_file import nifti_bytes
from dashboard.data.writers.png_file import png_bytes
from dashboard.data.writers.signal_csv import signal_csv
from dashboard.data.writers.wfdb_files import record_zip


@dataclass(frozen=True)
class BuiltinSample:
    """One row of `BUILTIN`; `files()` gives (file name, bytes, mime) of each kind of download."""

    key: str
    title: str
    modality: str
    make: Callable[[], Sample]
    files: Callable[[], tuple[tuple[str, bytes, str], ...]]


_FIRST_DIGIT = 5

# A clear example of each class among scikit-learn's 1797 digits, by row of the data set.
_DIGIT_ROWS = (72, 42, 51, 133, 194, 32, 67, 299, 249, 69)

# Anterior part of the left hippocampus, RAS+ mm of MNI space.
_HIPPOCAMPUS = (-26.0, -14.0, -20.0)


def _package_file(package: str, path: str) -> Path:
    """A file inside an installed package, without importing that package (slow for these two)."""
    return Path(find_spec(package).submodule_search_locations[0]) / path


@cache
def _digits() -> np.ndarray:
    """scikit-learn's digits (1797, 65): 64 values of 0..16, then the class."""
    path = _package_file("sklearn", "datasets/data/digits.csv.gz")
    with gzip.open(path, "rt", encoding="ascii") as file:
        return np.array([[int(float(v)) for v in row] for row in csv.reader(file)], dtype=np.uint8)


def _digit(digit: int) -> Sample:
    row = _digits()[_DIGIT_ROWS[digit]]
    pixels = np.rint(row[:64].reshape(8, 8) * (255 / 16)).astype(np.uint8)
    return Sample(
        array=pixels[None],
        name=f"handwritten {digit}",
        modality="digit",
        channels=("grey",),
        units=("",),
        axis_unit="px",
        notes=("8 x 8 pixels of 0 to 16, scaled to 0 to 255",),
        source="scikit-learn, load_digits (UCI Optical Recognition of Handwritten Digits)",
    )


def _brain() -> Sample:
    """The MNI152 average T1 brain at 1 mm that nilearn installs, its crosshair on a hippocampus."""
    path = _package_file(
        "nilearn", "datasets/data/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"
    )
    image = nibabel.load(path)
    position = np.linalg.inv(image.affine) @ (*_HIPPOCAMPUS, 1.0)
    return Sample(
        array=np.asanyarray(image.dataobj)[None],
        name="average brain",
        modality="mr",
        channels=("value",),
        units=("",),
        axis_unit="mm",
        affine=image.affine,
        scale=(1.0, 0.0),
        source="MNI ICBM152 2009a symmetric T1, inside nilearn",
        position=tuple(float(p) for p in np.rint(position[:3])),
    )


def _ecg_files() -> tuple[tuple[str, bytes, str], ...]:
    sample = synthetic_ecg()
    return (
        ("synthetic_ecg.zip", record_zip(sample, "synthetic_ecg"), "application/zip"),
        ("synthetic_ecg.csv", signal_csv(sample), "text/csv"),
    )


def _digit_files(digit: int) -> tuple[tuple[str, bytes, str], ...]:
    return ((f"digit_{digit}.png", png_bytes(_digit(digit)), "image/png"),)


def _brain_files() -> tuple[tuple[str, bytes, str], ...]:
    return (("average_brain.nii.gz", nifti_bytes(_brain()), "application/gzip"),)


def _shape_files() -> tuple[tuple[str, bytes, str], ...]:
    return (("adrenal_shape.nii.gz", nifti_bytes(adrenal_shape()), "application/gzip"),)


def _digit_row(digit: int, key: str) -> BuiltinSample:
    return BuiltinSample(
        key,
        f"Handwritten {digit}",
        "digit",
        partial(_digit, digit),
        partial(_digit_files, digit),
    )


BUILTIN: tuple[BuiltinSample, ...] = (
    BuiltinSample("ecg", "12-lead ECG, computed", "ecg", synthetic_ecg, _ecg_files),
    _digit_row(_FIRST_DIGIT, "digit"),
    BuiltinSample("brain", "Average brain, MR", "mr", _brain, _brain_files),
    *(_digit_row(digit, f"digit-{digit}") for digit in range(10) if digit != _FIRST_DIGIT),
    BuiltinSample("adrenal", "Adrenal-like shape, computed", "mask", adrenal_shape, _shape_files),
)

# The digit shown first is also found by its own number.
_OTHER_KEYS = {f"digit-{_FIRST_DIGIT}": "digit"}


def builtin(key: str) -> Sample:
    """The built-in sample of a key of `BUILTIN`; KeyError names the keys there are."""
    wanted = _OTHER_KEYS.get(key, key)
    for row in BUILTIN:
        if row.key == wanted:
            return row.make()
    raise KeyError(f"got built-in sample {key!r}, expected one of {[r.key for r in BUILTIN]}")
