"""Writes a volume sample as a compressed NIfTI-1 file, its stored values unchanged."""

import gzip

import nibabel
import numpy as np

from dashboard.data.sample import Sample

_ALIGNED = 2  # NIfTI-1 code: "aligned anatomy", coordinates of some other file


def nifti_bytes(sample: Sample) -> bytes:
    """A .nii.gz of a one-channel volume in its own index order.

    The affine is stored in float32, as NIfTI-1 has it. Raises ValueError for other samples and
    for types NIfTI does not know.
    """
    if sample.dim != 3 or len(sample.array) != 1 or sample.affine is None:
        raise ValueError(f"got {sample.kind} {sample.array.shape}, expected a one-channel volume")
    volume = np.asarray(sample.array[0])
    header = nibabel.Nifti1Header()
    header.set_data_dtype(volume.dtype)
    header.set_data_shape(volume.shape)
    header.set_sform(sample.affine, code=_ALIGNED)
    header.set_zooms(sample.spacing)
    header.set_xyzt_units("mm")
    header.set_slope_inter(*(sample.scale or (1.0, 0.0)))
    header["vox_offset"] = header.single_vox_offset
    no_extensions = bytes(header.single_vox_offset - header.sizeof_hdr)
    little = volume.astype(volume.dtype.newbyteorder("<"), copy=False)
    content = header.as_byteswapped("<").binaryblock + no_extensions + little.tobytes(order="F")
    return gzip.compress(content, compresslevel=6, mtime=0)
