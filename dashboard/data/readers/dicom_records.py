"""What is known of the images in DICOM files before any pixel is read."""

from dataclasses import dataclass

import numpy as np

from dashboard.data.readers.files import File


@dataclass(frozen=True)
class Mosaic:
    """`count` slices of `tile` (rows, columns), `across` of them in a row of one picture.

    `normal` is the direction (LPS) in which they follow one another, None where not told.
    """

    count: int
    tile: tuple[int, int]
    across: int
    normal: tuple[float, ...] | None


@dataclass(frozen=True, eq=False)
class Image:
    """The pixels of one file: `start` and `length` of their values in it, and how they are coded.

    `syntax` is the UID of the coding; `dtype` is that of one value; `uid` and `series` are the
    file's own; `window` (centre, width) and `padding` are as it states them.
    """

    file: File
    syntax: str
    rows: int
    columns: int
    frames: int
    samples: int
    dtype: np.dtype
    stored_bits: int
    high_bit: int
    photometric: str
    start: int
    length: int
    uid: str
    series: str
    number: int | None
    description: str
    modality: str
    unit: str
    padding: int | None
    window: tuple[float, float] | None
    mosaic: Mosaic | None

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame when it is not compressed."""
        return self.rows * self.columns * self.samples * self.dtype.itemsize

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of one slice."""
        return self.mosaic.tile if self.mosaic else (self.rows, self.columns)


@dataclass(frozen=True, eq=False)
class Plane:
    """One slice: where it lies, what its stored values mean, what tells it from others there.

    `position` (3,) of its first voxel's centre and `orientation` (6,) (direction of a row, then of
    a column) in LPS mm, None where the file does not say; `spacing` between rows, then between
    columns; `thickness` along the stack, mm; `order` is the file's own counting; `tile` (row,
    column) of a mosaic.
    """

    image: Image
    frame: int
    tile: tuple[int, int] | None
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    spacing: tuple[float, float] | None
    thickness: float | None
    slope: float
    intercept: float
    order: tuple[int, int, int]
    keys: tuple[tuple[str, float | str], ...]

    @property
    def placed(self) -> bool:
        """Whether the file says where the slice lies."""
        return self.position is not None and self.orientation is not None

    @property
    def scale(self) -> tuple[float, float]:
        """(slope, intercept) from stored values to the unit."""
        return self.slope, self.intercept
