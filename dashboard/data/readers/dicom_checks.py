"""What DICOM files say of their images, checked before any pixel is read.

Source: DICOM PS3.3, C.7.6 (image and plane modules) and C.7.6.16 (functional groups of frames).
"""

from collections.abc import Mapping, Sequence

import numpy as np

from dashboard.data.readers.dicom_mosaic import mosaic_of, tiles
from dashboard.data.readers.dicom_records import Image, Plane
from dashboard.data.readers.dicom_syntaxes import refuse_syntax
from dashboard.data.readers.errors import DamagedFile, UnknownFormat, UnsafeFile
from dashboard.data.readers.files import File

MOST_BYTES = 1024**3  # of stored values of one volume
MOST_FRAMES = 20_000  # of one file
_UNDEFINED = 0xFFFFFFFF
_FARTHEST = 1e7  # mm
_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"


def planes_of(file: File, fact: Mapping) -> list[Plane]:
    """The slices of one file's image, by the `fact`s the child tells of it.

    Raises DamagedFile, UnsafeFile (too large) and UnknownFormat with what is wrong.
    """
    image = _image(file, fact)
    told = fact["planes"]
    if image.frames > 1 and len(told) == 1:
        told = _spread(file, image, told[0], fact["offsets"])
    if len(told) != image.frames:
        raise DamagedFile(
            f"{file.shown} declares {image.frames:,} frames and describes {len(told):,}: export "
            "it again."
        )
    order = fact["order"] or 0
    planes: list[Plane] = []
    for frame, plane in enumerate(told):
        scale = (plane["slope"], plane["intercept"])
        if scale[0] is None and fact["dose_scale"]:
            scale = (fact["dose_scale"], 0.0)
        one = Plane(
            image=image,
            frame=frame,
            tile=None,
            position=_vector(plane["position"], 3),
            orientation=_directions(plane["orientation"]),
            spacing=_spacing(plane["spacing"]),
            thickness=_positive(plane["gap"]) or _positive(plane["thickness"]),
            slope=float(scale[0] or 1.0),  # 0 would leave nothing of the values
            intercept=float(scale[1] or 0.0),
            order=(order, frame, 0),
            keys=tuple(sorted(plane["keys"].items())),
        )
        planes += tiles(one, plane["gap"]) if image.mosaic else [one]
    return planes


def _image(file: File, fact: Mapping) -> Image:
    syntax = refuse_syntax(file, fact["syntax"], fact["little"], fact["implicit"])
    if fact["class"] == _SEGMENTATION or fact["bits"] == 1:
        raise UnknownFormat(
            f"{file.shown} is a DICOM segmentation (one bit per voxel), not a scan: leave it out, "
            "or convert it to NIfTI."
        )
    pixels = fact["pixels"]
    rows, columns, frames = fact["rows"] or 0, fact["columns"] or 0, fact["frames"] or 1
    if not (0 < rows < 2**16 and 0 < columns < 2**16 and frames > 0):
        raise DamagedFile(
            f"{file.shown} declares {rows} rows, {columns} columns and {frames} frames: expected "
            "at least one of each; export it again."
        )
    dtype = _dtype(file, fact)
    samples = 1 if fact["samples"] is None else fact["samples"]
    if samples not in (1, 3):
        raise DamagedFile(
            f"{file.shown} declares {samples} values per pixel: expected 1, or 3 for colours; "
            "export it again."
        )
    size = rows * columns * frames * samples * dtype.itemsize
    if size > MOST_BYTES or frames > MOST_FRAMES:
        raise UnsafeFile(
            f"{file.shown} declares {frames:,} frames of {columns} x {rows}: at most "
            f"{MOST_BYTES // 2**20} MiB and {MOST_FRAMES:,} frames are read; crop or resample it."
        )
    bits = dtype.itemsize * 8
    stored = fact["stored"] if 0 < (fact["stored"] or 0) <= bits else bits
    high = fact["high"] if stored - 1 <= (fact["high"] or 0) < bits else stored - 1
    window = fact["window"]
    return Image(
        file=file,
        syntax=syntax,
        rows=rows,
        columns=columns,
        frames=frames,
        samples=samples,
        dtype=dtype,
        stored_bits=stored,
        high_bit=high,
        photometric=fact["photometric"] or "MONOCHROME2",
        start=pixels["start"],
        length=file.size if pixels["length"] == _UNDEFINED else pixels["length"],
        uid=fact["uid"] or "",
        series=fact["series"] or "",
        number=fact["number"],
        description=printable(fact["description"]),
        modality=printable(fact["modality"] or "")[:16],
        unit=_unit(fact),
        padding=fact["padding"],
        window=None if None in window else (float(window[0]), float(window[1])),
        mosaic=mosaic_of(file, fact["mosaic"], rows, columns) if frames == 1 else None,
    )


def _dtype(file: File, fact: Mapping) -> np.dtype:
    kind, bits = fact["pixels"]["kind"], fact["bits"]
    if kind != "integer":
        return np.dtype("f4" if kind == "float" else "f8")
    if bits not in (8, 16, 32):
        raise DamagedFile(
            f"{file.shown} declares {bits or 'no'} bits per pixel: expected 8, 16 or 32; export it "
            "again."
        )
    return np.dtype(f"{'i' if fact['signed'] == 1 else 'u'}{bits // 8}")


def printable(text: str) -> str:
    """`text` on one line, without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _unit(fact: Mapping) -> str:
    if fact["modality"] == "CT":
        return "HU"
    units = {"BQML": "Bq/ml", "GML": "g/ml", "CNTS": "counts", "GY": "Gy"}
    return units.get(str(fact["units"] or fact["dose_units"] or "").upper(), "")


def _spread(
    file: File, image: Image, plane: Mapping, offsets: Sequence[float] | None
) -> list[Mapping]:
    """Frames that lie behind one another, by their offsets (dose) or at equal steps."""
    position, directions = plane["position"], _directions(plane["orientation"])
    step = plane["gap"] or plane["thickness"]
    if _vector(position, 3) is None or directions is None or not step:
        return [plane | {"position": None}] * image.frames
    if offsets and (len(offsets) != image.frames or None in offsets):
        raise DamagedFile(
            f"{file.shown} declares {image.frames:,} frames and places {len(offsets):,}: export "
            "it again."
        )
    normal = np.cross(directions[:3], directions[3:])
    along = np.array(offsets) - offsets[0] if offsets else step * np.arange(image.frames)
    return [plane | {"position": list(np.array(position) + normal * a)} for a in along]


def _vector(values: object, count: int) -> tuple[float, ...] | None:
    """`count` numbers of a sensible size, None for anything else."""
    if not isinstance(values, list) or len(values) != count:
        return None
    if any(value is None or abs(value) > _FARTHEST for value in values):
        return None
    return tuple(float(value) for value in values)


def _directions(values: object) -> tuple[float, ...] | None:
    """Directions of a row and of a column, of length 1 and at right angles; None for others."""
    six = _vector(values, 6)
    if six is None:
        return None
    row, column = np.array(six[:3]), np.array(six[3:])
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if min(lengths) < 0.5 or abs(row @ column) > 0.02 * lengths[0] * lengths[1]:
        return None
    return (*(row / lengths[0]).tolist(), *(column / lengths[1]).tolist())


def _spacing(values: object) -> tuple[float, float] | None:
    two = _vector(values, 2)
    return (two[0], two[1]) if two and min(two) > 1e-6 else None


def _positive(value: object) -> float | None:
    """The size of a number, None where there is none."""
    number = value[0] if isinstance(value, list) and value else value
    return abs(number) if isinstance(number, float) and 1e-6 < abs(number) < _FARTHEST else None
