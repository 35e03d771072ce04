"""Writes volumes as compressed NIfTI-1 files: a sample as it is stored, a map on its own grid."""

import gzip

import nibabel
import numpy as np

from dashboard.data.sample import Sample

_ALIGNED = 2  # NIfTI-1 code: "aligned anatomy", coordinates of some other file
_LONGEST = 2**15 - 1  # NIfTI-1 stores lengths as int16
_FAST = 1  # gzip level of maps: floats hardly shrink, whatever the effort
_RIGHT_ANGLE = 1e-6  # cosine between axes up to which an affine is a rotation with spacings


def nifti_bytes(sample: Sample) -> bytes:
    """A .nii.gz of a one-channel volume in its own index order, its stored values unchanged.

    The affine goes into sform (float32, as NIfTI-1 has it), and into qform as well where its axes
    stand at right angles. Raises ValueError for other samples and for types NIfTI does not know.
    """
    if sample.dim != 3 or len(sample.array) != 1 or sample.affine is None:
        raise ValueError(f"got {sample.kind} {sample.array.shape}, expected a one-channel volume")
    volume = np.asarray(sample.array[0])
    return _packed(volume, sample.affine, sample.scale or (1.0, 0.0), effort=6)


def map_nifti_bytes(values: np.ndarray, affine: np.ndarray) -> bytes:
    """A .nii.gz, float32, of a map (*S), or of maps (C, *S) as a fourth axis of the file.

    `affine` (4, 4) takes an index of the map's own grid to RAS+ mm: for a layer the sample's
    affine times its unit-to-sample matrix, so that any viewer shows it in place without
    resampling. Raises ValueError for other shapes.
    """
    values = np.asarray(values, dtype=np.float32)
    if values.ndim not in (3, 4) or np.shape(affine) != (4, 4):
        raise ValueError(
            f"got values {values.shape} and an affine {np.shape(affine)}, "
            "expected (*S) or (C, *S) of three axes and (4, 4)"
        )
    if values.ndim == 4:
        values = np.moveaxis(values, 0, -1)  # (*S, C): a series, as viewers know it
    return _packed(values, np.asarray(affine, dtype=float), (1.0, 0.0), effort=_FAST)


def _packed(
    values: np.ndarray, affine: np.ndarray, scale: tuple[float, float], *, effort: int
) -> bytes:
    if max(values.shape) > _LONGEST:
        raise ValueError(f"got {values.shape}, expected at most {_LONGEST} along each axis")
    header = nibabel.Nifti1Header()
    header.set_data_dtype(values.dtype)
    header.set_data_shape(values.shape)
    _set_affine(header, affine)
    header.set_xyzt_units("mm")
    header.set_slope_inter(*scale)
    header["vox_offset"] = header.single_vox_offset
    no_extensions = bytes(header.single_vox_offset - header.sizeof_hdr)
    little = values.astype(values.dtype.newbyteorder("<"), copy=False)
    content = header.as_byteswapped("<").binaryblock + no_extensions + little.tobytes(order="F")
    return gzip.compress(content, compresslevel=effort, mtime=0)


def _set_affine(header: nibabel.Nifti1Header, affine: np.ndarray) -> None:
    """The affine as sform, and as qform where a rotation and spacings can say it."""
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    directions = affine[:3, :3] / spacing
    cosines = directions.T @ directions - np.eye(3)
    if np.abs(cosines).max() <= _RIGHT_ANGLE:
        header.set_qform(affine, code=_ALIGNED, strip_shears=False)
    header.set_sform(affine, code=_ALIGNED)
    zooms = header.get_zooms()
    header.set_zooms((*spacing, *zooms[3:]))
