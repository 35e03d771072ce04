"""Writes the classes of a segmentation as NIfTI-1, on the grid of the scan they were found in."""

from pathlib import Path

import nibabel
import numpy as np

from dashboard.data.sample import Sample
from models.records import Mask

SCANNER = 1  # NIfTI's code for coordinates of the scanner (qform and sform)


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
    image.set_sform(sample.affine, SCANNER)
    image.set_qform(sample.affine, SCANNER)
    image.header.set_xyzt_units("mm")
    named = ", ".join(f"{k} {name}" for k, name in enumerate(mask.names))
    image.header["descrip"] = named.encode("ascii", "replace")[:79]
    image.header["cal_max"] = max(1, len(mask.names) - 1)
    nibabel.save(image, path)
    return path
