"""One loaded signal, image or volume with its place in the world: the app's central record."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np


@dataclass(frozen=True)
class Marks:
    """Annotations of a signal: `positions` (B,) sample indices, one symbol and note each.

    `name` is the annotator ("atr"); symbols are WFDB beat codes ("N", "V", "+", "[" ...).
    """

    name: str
    positions: np.ndarray
    symbols: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.positions)


@dataclass(frozen=True)
class Sample:
    """A signal, image or volume. One class for the three ranks; `dim` is derived.

    `array` is (C, *S): a signal (leads, samples) in `units` with NaN for gaps; an image
    (channels, rows, columns); a volume (channels, i, j, k) in the index order of its file,
    never flipped or transposed. `scale` (slope, intercept) turns stored values into `units`,
    None where the array already is in them. `affine` (4x4, volumes) maps array index to RAS+ mm
    and is the only place that stores spacing; images have `pixel_spacing` in px (1.0 each).
    `modality` is one of "ecg", "image", "digit", "photo", "mr", "ct", "mask",
    "volume".
    """

    array: np.ndarray
    name: str
    modality: str
    channels: tuple[str, ...]
    units: tuple[str, ...]
    axis_unit: Literal["s", "px", "mm"]
    sampling_rate: float | None = None
    affine: np.ndarray | None = None
    scale: tuple[float, float] | None = None
    start_time: str | None = None
    annotations: tuple[Marks, ...] = ()
    notes: tuple[str, ...] = ()
    source: str = ""
    position: tuple[float, ...] | None = field(default=None)  # where a viewer starts, array index

    def __post_init__(self) -> None:
        count = self.array.shape[0]
        if len(self.channels) != count or len(self.units) != count:
            raise ValueError(
                f"got {len(self.channels)} channel names and {len(self.units)} units "
                f"for {count} channels"
            )

    @property
    def dim(self) -> int:
        """Number of spatial axes: 1 signal, 2 image, 3 volume."""
        return self.array.ndim - 1

    @property
    def kind(self) -> str:
        """ "ecg", "image" or "volume": the word the command line uses."""
        return ("ecg", "image", "volume")[self.dim - 1]

    @property
    def shape(self) -> tuple[int, ...]:
        """Spatial shape S, without the channel axis."""
        return tuple(self.array.shape[1:])

    @property
    def spacing(self) -> tuple[float, ...]:
        """Size of one array step per axis in `axis_unit` (s, px or mm)."""
        if self.affine is not None:
            return tuple(float(s) for s in np.linalg.norm(self.affine[:3, :3], axis=0))
        if self.sampling_rate:
            return (1.0 / self.sampling_rate,)
        return (1.0,) * self.dim

    @property
    def extent(self) -> tuple[float, ...]:
        """Length per axis in `axis_unit`."""
        return tuple(n * s for n, s in zip(self.shape, self.spacing, strict=True))

    @cached_property
    def digest(self) -> str:
        """Hex digest of values and geometry: what caches and links are keyed by."""
        digest = hashlib.blake2b(digest_size=16)
        # Scans come in with their first axis fastest: hashed in that order, 20 times faster.
        values = self.array.T if self.dim == 3 else self.array
        digest.update(np.ascontiguousarray(values).data.cast("B"))
        place = (self.array.dtype.str, self.array.shape, self.sampling_rate, self.scale)
        digest.update(repr((place, self.channels, self.units)).encode())
        if self.affine is not None:
            digest.update(np.ascontiguousarray(self.affine, dtype=np.float64).data.cast("B"))
        for marks in self.annotations:
            digest.update(repr((marks.name, marks.symbols)).encode())
            digest.update(np.ascontiguousarray(marks.positions, dtype=np.int64).data.cast("B"))
        return digest.hexdigest()

    def values(self, index: tuple | slice = ()) -> np.ndarray:
        """Stored values at `index` of `array`, as float32 in `units`."""
        stored = np.asarray(self.array[index], dtype=np.float32)
        if self.scale is None:
            return stored
        slope, intercept = self.scale
        return stored * np.float32(slope) + np.float32(intercept)

    def to_world(self, index: np.ndarray) -> np.ndarray:
        """Array index (..., dim) to world coordinates: s, px, or RAS+ mm."""
        index = np.asarray(index, dtype=float)
        if self.affine is not None:
            return index @ self.affine[:3, :3].T + self.affine[:3, 3]
        return index * np.asarray(self.spacing)

    def to_index(self, world: np.ndarray) -> np.ndarray:
        """World coordinates (..., dim) to (fractional) array index; inverse of `to_world`."""
        world = np.asarray(world, dtype=float)
        if self.affine is not None:
            return (world - self.affine[:3, 3]) @ np.linalg.inv(self.affine[:3, :3]).T
        return world / np.asarray(self.spacing)
