"""What a NIfTI header declares, checked before any value is read."""

from dataclasses import dataclass
from math import prod

import numpy as np
from nibabel import nifti1, nifti2

from dashboard.data.readers.errors import DamagedFile, EmptyFile, UnreadableFile
from dashboard.data.readers.files import File
from dashboard.data.readers.unpacked import expanded
from dashboard.data.readers.volume_parts import COLOUR, COMPLEX, COMPONENTS
from dashboard.data.readers.volume_place import checked_affine, no_place
from dashboard.data.readers.volume_values import MOST_BYTES, Stored, check_limits

_NO_SCAN = (*range(2, 25), *range(1003, 1010))  # intent: statistics; matrices, vectors ...
_MM_PER_UNIT = {"mm": 1.0, "meter": 1000.0, "micron": 0.001, "unknown": 1.0}
_ORDERS = (("little", "<"), ("big", ">"))
_HEADERS = {348: nifti1.Nifti1Header, 540: nifti2.Nifti2Header}
_PAIR_HEADERS = {348: nifti1.Nifti1PairHeader, 540: nifti2.Nifti2PairHeader}


@dataclass(frozen=True)
class Layout:
    """What a header says, checked: `stored` values from byte `offset`, what they mean and where.

    `meaning` of several numbers per voxel: "colour" or "complex"; `modality` is "volume" where
    the header calls the values statistics or vectors, else None.
    """

    stored: Stored
    meaning: str
    offset: int
    scale: tuple[float, float]
    affine: np.ndarray
    modality: str | None
    notes: tuple[str, ...]


def layout_of(file: File, pair: bool) -> Layout:
    """The checked header of `file`; `pair` where the values lie in another file.

    Raises EmptyFile, DamagedFile, UnsafeFile (too large), or UnreadableFile with the reason.
    """
    if file.size == 0:
        raise EmptyFile(f"{file.shown} is empty (0 bytes): expected a NIfTI volume.")
    with expanded(file) as stream:
        block = stream.read(540)
    header = _header(file, block, pair)
    shape, frames = _shape(file, header)
    dtype, inner, meaning = _numbers(file, header)
    stored = Stored(shape, dtype, inner, frames)
    check_limits(file, stored)
    offset = int(header.get_data_offset()) or (0 if pair else header.single_vox_offset)
    if not 0 <= offset <= MOST_BYTES:
        raise DamagedFile(f"{file.shown} says its values start at byte {offset}: export it again.")
    affine, notes = _affine(file, header)
    if header["dim"][0] < 3:
        notes = (*notes, "a single plane: one voxel along the third axis")
    slope, intercept = header.get_slope_inter()
    # The standard gives colours no scale.
    scaled = slope is not None and meaning != COLOUR
    scale = (float(slope), float(intercept or 0.0)) if scaled else (1.0, 0.0)
    modality = "volume" if int(header["intent_code"]) in _NO_SCAN else None
    return Layout(stored, meaning, offset, scale, affine, modality, notes)


def _header(file: File, block: bytes, pair: bool) -> nifti1.Nifti1Header:
    sizes = {int.from_bytes(block[:4], order): mark for order, mark in _ORDERS}
    size = next((s for s in _HEADERS if s in sizes), None)
    if size is None or len(block) < size:
        raise DamagedFile(
            f"{file.shown} does not start with a NIfTI header: expected .nii, .nii.gz, or .hdr "
            "with .img; export it again."
        )
    magic = block[344:347] if size == 348 else block[4:7]
    # Some programs write pairs with the magic of a single file and the other way round.
    if magic not in (b"n+1", b"ni1", b"n+2", b"ni2"):
        raise DamagedFile(
            f"{file.shown} has an ANALYZE header, which does not say where left is: export it as "
            "NIfTI."
        )
    kind = (_PAIR_HEADERS if pair else _HEADERS)[size]
    return kind(block[:size], endianness=sizes[size], check=False)


def _shape(file: File, header: nifti1.Nifti1Header) -> tuple[tuple[int, int, int], int]:
    """Voxels along i, j, k and the number of volumes."""
    axes = int(header["dim"][0])
    sizes = [int(n) for n in header["dim"][1 : axes + 1]]
    if not 1 <= axes <= 7 or min(sizes) < 1:
        raise DamagedFile(
            f"{file.shown} declares {axes} axes of sizes {sizes}: expected 3 or more of at least "
            "1; export it again."
        )
    if axes < 2:
        raise UnreadableFile(
            f"{file.shown} holds a single row of {sizes[0]} values: expected a volume with three "
            "axes; export the whole scan, or a signal as CSV."
        )
    sizes += [1] * (3 - axes)
    return (sizes[0], sizes[1], sizes[2]), prod(sizes[3:])


def _numbers(file: File, header: nifti1.Nifti1Header) -> tuple[np.dtype, int, str]:
    """The type of the stored numbers, how many there are per voxel, and what they mean."""
    dtype = header.get_data_dtype()
    if dtype.kind == "V":
        return np.dtype(np.uint8), len(dtype.names), COLOUR
    if dtype.itemsize > (16 if dtype.kind == "c" else 8):
        raise UnreadableFile(
            f"{file.shown} holds numbers of 128 bits: expected at most 64; export it as float32."
        )
    if dtype.kind == "c":
        return np.dtype(f"{dtype.byteorder}f{dtype.itemsize // 2}"), 2, COMPLEX
    return dtype, 1, COMPONENTS


def _affine(file: File, header: nifti1.Nifti1Header) -> tuple[np.ndarray, tuple[str, ...]]:
    """Array index to RAS+ mm, and what had to be assumed for it."""
    placed = header["sform_code"] > 0 or header["qform_code"] > 0
    notes = [] if placed else ["the file does not say how it is oriented: first axis to the left"]
    spacings = np.abs(header["pixdim"][1:4])
    if header["dim"][0] < 3 and not spacings[2] > 0:
        header = _with_thickness(header)
        notes.append("the plane has no thickness: taken as 1")
    elif not header["sform_code"] > 0 and not (spacings > 0).all():
        raise no_place(file)
    unit = header.get_xyzt_units()[0]
    if unit == "unknown":
        notes.append("the file names no unit of length: taken as mm")
    with np.errstate(invalid="ignore", over="ignore"):  # what is no number is refused below
        affine = np.array(header.get_best_affine(), dtype=float)
    affine[:3] *= _MM_PER_UNIT[unit]
    return checked_affine(file, affine), tuple(notes)


def _with_thickness(header: nifti1.Nifti1Header) -> nifti1.Nifti1Header:
    """A copy in which a plane is one unit thick."""
    copy = header.copy()
    copy["pixdim"][3] = 1
    return copy
