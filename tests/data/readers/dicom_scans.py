"""DICOM slices made by hand: small, with fictitious patients and known geometry."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from dashboard.data.readers import UnreadableFile, open_files
from dashboard.data.readers.dicom_records import Image, Plane
from dashboard.data.readers.files import memory_file

CT, MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
AXIAL = (1, 0, 0, 0, 1, 0)
SECRET = "Mustermann"
ROWS, COLUMNS = 5, 4


def numbers(index: int = 0, dtype: str = "<i2", rows: int = ROWS, columns: int = COLUMNS):
    """Stored values of slice `index`: all of them different."""
    return (np.arange(rows * columns).reshape(rows, columns) + 100 * index).astype(dtype)


def slice_set(values: np.ndarray, index: int = 0, *, storage: str = CT, **changes) -> Dataset:
    """A slice of `values` at z = 3 * `index` mm, pixels 0.5 mm apart in a column, 0.7 in a row."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = storage
    uid = f"1.2.3.4.{index}"
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = uid
    dataset.PatientName, dataset.PatientID = f"{SECRET}^Erika", "AB12345"
    dataset.Modality = "CT" if storage == CT else "MR"
    dataset.SeriesInstanceUID, dataset.SeriesNumber = "1.2.3.4", 7
    dataset.SeriesDescription = "Thorax 3 mm"
    dataset.InstanceNumber = 50 - index
    dataset.ImagePositionPatient = [-10, 20, 3 * index]
    dataset.ImageOrientationPatient = list(AXIAL)
    dataset.PixelSpacing, dataset.SliceThickness = [0.5, 0.7], 3
    dataset.Rows, dataset.Columns = values.shape[:2]
    dataset.SamplesPerPixel = values.shape[2] if values.ndim == 3 else 1
    dataset.PhotometricInterpretation = "RGB" if values.ndim == 3 else "MONOCHROME2"
    bits = values.dtype.itemsize * 8
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    dataset.PixelRepresentation = int(values.dtype.kind == "i")
    if values.ndim == 3:
        dataset.PlanarConfiguration = 0
    if storage == CT:
        dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
    dataset.add_new("PixelData", "OB" if bits == 8 else "OW", values.tobytes())
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    return dataset


def as_bytes(dataset: Dataset) -> bytes:
    """The file that holds `dataset`."""
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def series(count: int = 4, **changes) -> list[tuple[str, bytes]]:
    """Files of `count` slices, named against their order in space."""
    return [
        (f"{count - i:02}.dcm", as_bytes(slice_set(numbers(i), i, **changes))) for i in range(count)
    ]


def volume(count: int = 4) -> np.ndarray:
    """(column, row, slice) of `series`, by the definition of its values."""
    return np.stack([numbers(i).T for i in range(count)], axis=-1)


def _group(keyword: str, **values) -> Dataset:
    item, inside = Dataset(), Dataset()
    for name, value in values.items():
        setattr(inside, name, value)
    setattr(item, keyword, Sequence([inside]))
    return item


def enhanced(heights, slopes=None) -> Dataset:
    """One file with a frame at each of `heights`, placed by functional groups alone."""
    frames = np.stack([numbers(i) for i in range(len(heights))])
    dataset = slice_set(frames[0], storage="1.2.840.10008.5.1.4.1.1.4.1")
    for word in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        delattr(dataset, word)
    dataset.NumberOfFrames, dataset.PixelData = len(heights), frames.tobytes()
    shared = _group("PlaneOrientationSequence", ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    shared.update(_group("PixelMeasuresSequence", PixelSpacing=[0.5, 0.7], SliceThickness=2))
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    items = [_group("PlanePositionSequence", ImagePositionPatient=[1, 2, z]) for z in heights]
    for item, slope in zip(items, slopes or [], strict=False):
        scale = {"RescaleSlope": slope, "RescaleIntercept": 0}
        item.update(_group("PixelValueTransformationSequence", **scale))
    dataset.PerFrameFunctionalGroupsSequence = Sequence(items)
    return dataset


def refused(kind: type[UnreadableFile], files, choices=None) -> str:
    """The sentence with which `files` are refused; it names no patient."""
    with pytest.raises(UnreadableFile) as caught:
        open_files(files, choices)
    message = str(caught.value)
    assert type(caught.value) is kind, message
    assert SECRET not in message
    return message


def plane(z: float, *, order: int = 0, series: str = "1", number: int = 1, **changes) -> Plane:
    """A slice of 2 x 2 pixels of 1 mm at height `z`, as the header would give it."""
    image = Image(
        file=memory_file("x.dcm", b""),
        syntax=ExplicitVRLittleEndian,
        rows=2,
        columns=2,
        frames=1,
        samples=1,
        dtype=np.dtype("i2"),
        stored_bits=16,
        high_bit=15,
        photometric="MONOCHROME2",
        start=0,
        length=8,
        uid="",
        series=series,
        number=number,
        description="",
        modality="CT",
        unit="HU",
        padding=None,
        window=None,
        mosaic=None,
    )
    facts = {
        "image": image,
        "frame": 0,
        "tile": None,
        "position": (0.0, 0.0, float(z)),
        "orientation": tuple(float(c) for c in AXIAL),
        "spacing": (1.0, 1.0),
        "thickness": 2.0,
        "slope": 1.0,
        "intercept": 0.0,
        "order": (order, 0, 0),
        "keys": (),
    }
    return Plane(**facts | changes)


def stack(heights, **changes: Callable) -> list[Plane]:
    """Slices at `heights`, counted in that order; each of `changes` gives a value from z."""
    return [
        plane(z, order=n, **{name: change(z) for name, change in changes.items()})
        for n, z in enumerate(heights)
    ]
