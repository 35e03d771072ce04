"""Writes the classes of a segmentation as NIfTI-1, on the grid of the scan they were found in."""

from pathlib import Path

import nibabel
import numpy as np

from dashboard.data.sample import Sample
from models.records import Mask

ALIGNED = 2  # NIfTI-1 code: "aligned anatomy", coordinates of another file


def write_labels(mask: Mask, sample: Sample, path: Path) -> Path:
    """Store `mask.labels` (i, j, k) uint8 with the sample's affine (RAS+ mm); returns `path`.

    `path` ends in .nii or .nii.gz. The class names stand in the header's description, as far as
    its 79 letters go. Raises ValueError when mask and sample differ in shape or are no volumes.
    """
    if mask.labels.shape != sample.shape or sample.affine is None:
        raise ValueError(
            f"got labels {mask.labels.shape} for a sample {sample.shape}, expected a volume's"
        )
    image = nibabel.Nifti1Image(mask.labels.astype(np.uint8, copy=False), sample.affine)
    image.set_sform(sample.affine, ALIGNED)
    columns = sample.affine[:3, :3] / np.array(sample.spacing)
    # A qform holds rotations only: with shear, readers must take the sform.
    straight = np.allclose(columns.T @ columns, np.eye(3), atol=1e-4)
    image.set_qform(sample.affine, ALIGNED if straight else 0)
    image.header.set_xyzt_units("mm")
    named = ", ".join(f"{k} {name}" for k, name in enumerate(mask.names))
    image.header["descrip"] = named.encode("ascii", "replace")[:79]
    image.header["cal_max"] = max(1, len(mask.names) - 1)
    nibabel.save(image, path)
    return path
