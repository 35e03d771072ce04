"""Every file under `volumes/` opens with its shape, spacing and orientation, or is refused.

A DICOM folder has one row in FOLDERS (its values: test_dicom_real.py); a folder or file of the
collection that no row names fails the last test.
"""

from dataclasses import dataclass, field
from pathlib import Path

import nibabel
import numpy as np
import pytest

from dashboard.data.readers import ChoiceNeeded, UnreadableFile, open_files
from tests.data.readers.scans import itk_view


@dataclass(frozen=True)
class Opens:
    """A file (with those its header names): what it opens as, with the answers it asks for."""

    name: str
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    codes: str  # where the array axes point
    dtype: str
    modality: str = "mr"
    choices: dict[str, str] = field(default_factory=dict)
    asks: str = ""  # the key of the question it asks first
    note: str = ""  # part of a note it must carry


@dataclass(frozen=True)
class Refused:
    """A file that does not open, and words of the one sentence that says why."""

    name: str
    says: str


HIPPOCAMPUS_3, HIPPOCAMPUS_4 = (34, 52, 35), (36, 52, 38)
BRAIN1 = ((256, 256, 25), (0.78125, 0.78125, 6.5), "LAS")
FILES: tuple[Opens, ...] = (
    Opens(
        "afni/example4d+orig.HEAD",
        *((33, 41, 25), (3, 3, 3), "LPS", "i2"),
        choices={"frame": "1"},
        asks="frame",
    ),
    Opens(
        "converted/ct_chest_half_30pages_int16.tif",
        *((256, 256, 30), (1, 1, 1), "LPS", "i2", "ct"),
        note="no voxel size",
    ),
    Opens(
        "converted/ct_chest_quarter.mhd",
        *((128, 128, 30), (2.5859375, 2.5859375, 8), "LPS", "i2", "ct"),
    ),
    Opens(
        "converted/hippocampus_001.npy",
        *((35, 51, 35), (1, 1, 1), "RAS", "f4"),
        note="does not say how a body lies",
    ),
    Opens(
        "dicom_noise_pixels/reference_nifti/enhanced_multiframe_philips.nii.gz",
        *((256, 256, 8), (1, 1, 1.2), "PIR", "f4"),
    ),
    Opens(
        "dicom_noise_pixels/reference_nifti/mr_head_4slices.nii.gz",
        *((256, 256, 4), (1, 1, 1), "PIL", "u2"),
    ),
    Opens("hdr_img_pair/ras.hdr", (62, 41, 34), (2.3852, 2.3898, 2.3665), "RAS", "u1"),
    Opens("metaimage/niivue_sample.mha", (64, 64, 37), (3.4375, 3.4375, 3.8), "LAS", "i2"),
    Opens("mgz/norm.mgz", (256, 256, 256), (1, 1, 1), "LIA", "u1"),
    Opens("mgz/wm.mgz", (256, 256, 256), (1, 1, 1), "LIA", "u1"),
    Opens("nifti/CT_AVM.nii.gz", (256, 242, 154), (0.7199, 0.7209, 1), "RAS", "u1"),
    Opens("nifti/CT_pitch.nii.gz", (175, 248, 58), (0.8125, 0.8125, 2.397), "RAS", "u1"),
    Opens("nifti/FLAIR.nii.gz", (124, 160, 140), (1, 1, 1), "RAS", "u1"),
    Opens(
        "nifti/FLAIR_lesion_mask.nii.gz",
        *((124, 160, 140), (1, 1, 1), "RAS", "u1", "volume"),
        note="0, 1, 2, 3: taken as labels",
    ),
    Opens("nifti/MNI152_2009_template.nii.gz", (193, 229, 193), (1, 1, 1), "RAS", "i2"),
    Opens("nifti/anatomical_bigendian_int16.nii", (33, 41, 25), (2, 2, 2), "LAS", "i2"),
    Opens("nifti/avg152T1_bigendian_uint8.nii.gz", (91, 109, 91), (2, 2, 2), "RAS", "u1"),
    Opens(
        "nifti/complex64.nii.gz",
        *((64, 64, 44), (3.2969, 3.2969, 3.3), "RAS", "f4"),
        choices={"part": "magnitude"},
        asks="part",
        note="magnitude",
    ),
    Opens(
        "nifti/ct_head_sheared_affine.nii.gz",
        *((306, 422, 54), (0.4824, 0.4824, 2.3708), "RAS", "u1", "ct"),
    ),
    Opens(
        "nifti/ct_perfusion_rgb24.nii.gz",
        *((256, 286, 15), (0.7812, 0.7812, 10), "LAS", "u1", "volume"),
        note="luminance",
    ),
    Opens(
        "nifti/dti_V1_vector.nii.gz",
        *((128, 128, 53), (1.7188, 1.7188, 3), "LAS", "f4"),
        choices={"frame": "2"},
        asks="frame",
    ),
    Opens(
        "nifti/flair_2d_only.nii.gz",
        *((181, 217, 1), (1, 1, 1), "LPS", "f4"),
        note="single plane",
    ),
    Opens(
        "nifti/fmri_4d_20frames.nii",
        *((17, 21, 3), (4, 4, 8), "LAS", "i2"),
        choices={"frame": "19"},
        asks="frame",
    ),
    Opens(
        "nifti/nifti2_4d.nii.gz",
        *((32, 20, 12), (2, 2, 2.2), "LAS", "i2"),
        choices={"frame": "1"},
        asks="frame",
    ),
    Opens("nifti/orientation_AIL.nii.gz", (79, 67, 64), (2.3898, 2.3665, 2.3852), "AIL", "u1"),
    Opens("nifti/orientation_RSP.nii.gz", (64, 67, 79), (2.3852, 2.3665, 2.3898), "RSP", "u1"),
    Opens(
        "nifti/pcasl_4d_int16.nii.gz",
        *((52, 68, 20), (3, 3, 6), "RAS", "i2"),
        choices={"frame": "9"},
        asks="frame",
    ),
    Opens(
        "nifti/resampled_bigendian_float32_nan.nii",
        *((17, 21, 3), (4, 4, 8), "LAS", "f4"),
        note="153 of 1071 values",
    ),
    Opens(
        "nifti/statmap_float64.nii.gz",
        *((91, 109, 91), (2, 2, 2), "LAS", "f4"),
        note="stored as float64",
    ),
    Opens("nifti/tiny_7x5x3.nii.gz", (7, 5, 3), (2, 2, 2), "RAS", "u1", "mask"),
    *(
        Opens(f"nifti_hippocampus/hippocampus_{case}.nii.gz", shape, (1, 1, 1), "RAS", kind, what)
        for case, shape, kind, what in (
            ("001_image", (35, 51, 35), "u1", "mr"),
            ("001_label", (35, 51, 35), "u1", "volume"),
            ("003_image", HIPPOCAMPUS_3, "f4", "mr"),
            ("003_label", HIPPOCAMPUS_3, "f4", "volume"),
            ("004_image", HIPPOCAMPUS_4, "f4", "mr"),
            ("004_label", HIPPOCAMPUS_4, "u1", "volume"),
        )
    ),
    Opens("nrrd/brain1_image.nrrd", *BRAIN1, "i2"),
    Opens("nrrd/brain1_label.nrrd", *BRAIN1, "i4", "mask"),
    Opens("nrrd/prostate_phantom_subvolume.nrrd", (82, 67, 13), (0.5, 0.5, 3), "RAS", "u2"),
)

REFUSED: tuple[Refused, ...] = (
    Refused("afni/example4d+orig.BRIK.gz", "give example4d+orig.HEAD"),
    Refused("broken/text_not_nifti.nii.gz", "does not start with a NIfTI header"),
    Refused("broken/truncated.dcm", "truncated.dcm"),
    Refused("broken/truncated.nii.gz", "declares 2517200 bytes of values, 1002109 are there"),
    Refused("converted/ct_chest_quarter.raw", "give ct_chest_quarter.mhd"),
    Refused("hdr_img_pair/ras.img", "give ras.hdr"),
)

# DICOM series: folder, and what it opens as or how it is refused.
FOLDERS: tuple[Opens | Refused, ...] = (
    Opens(
        "dicom/ct_chest_30slices",
        *((512, 512, 30), (0.6465, 0.6465, 8), "LPS", "u2", "ct"),
    ),
    Opens(
        "dicom/ct_head_phantom_gantry_tilt_6slices_noext",
        *((512, 512, 6), (0.4062, 0.4062, 2.5), "LPS", "u2", "ct"),
        note="gantry tilt",
    ),
    Opens(
        "dicom/emri_small_2encodings",
        *((64, 64, 10), (1, 1, 1.2), "LPS", "u2", "mr"),
        note="where its slices lie",
    ),
    Opens(
        "dicom/enhanced_multiframe_siemens_xa10_1file",
        *((64, 64, 6), (3.375, 3.375, 2.4), "LPS", "u2", "mr"),
    ),
    Opens(
        "dicom/mr_brain_t1post_22slices",
        *((280, 320, 22), (0.6875, 0.6875, 6.5), "LPS", "u2", "mr"),
    ),
    Opens(
        "dicom/mr_brain_t1post_22slices_jpeg2000",
        *((280, 320, 22), (0.6875, 0.6875, 6.5), "LPS", "u2", "mr"),
    ),
    Opens(
        "dicom/mr_brain_t1post_22slices_rle",
        *((280, 320, 22), (0.6875, 0.6875, 6.5), "LPS", "u2", "mr"),
    ),
    Opens(
        "dicom/mr_brain_tagged_ct_flipped_17slices",
        *((88, 128, 17), (2, 2, 2), "RAS", "i2", "ct"),
    ),
    Opens(
        "dicom/rgb_4slices",
        *((52, 77, 4), (3, 3, 3), "LPS", "u1", "mr"),
        note="luminance",
    ),
    Opens(
        "dicom/single_ct_slices_by_transfer_syntax",
        *((512, 512, 1), (0.6758, 0.6758, 6.5), "LPS", "i2", "ct"),
        choices={"frame": "1: original primary axial"},
        asks="frame",
    ),
    Opens(
        "dicom_noise_pixels/enhanced_multiframe_philips",
        *((256, 256, 8), (1, 1, 1.2), "PIR", "u2", "mr"),
    ),
    Opens(
        "dicom_noise_pixels/mr_head_jpeg2000_4slices",
        *((256, 256, 4), (1, 1, 1), "PIR", "u2", "mr"),
    ),
    Opens(
        "dicom_noise_pixels/mr_head_jpeg_lossless_4slices",
        *((256, 256, 4), (1, 1, 1), "PIR", "u2", "mr"),
    ),
    Opens(
        "dicom_noise_pixels/mr_head_rle_4slices",
        *((256, 256, 4), (1, 1, 1), "PIR", "u2", "mr"),
    ),
    Opens(
        "dicom_noise_pixels/mr_head_uncompressed_4slices",
        *((256, 256, 4), (1, 1, 1), "PIR", "u2", "mr"),
    ),
    Opens(
        "dicom_noise_pixels/odd_gantry_tilt_ct_4slices",
        *((512, 512, 4), (0.418, 0.418, 5), "LPS", "u2", "ct"),
        note="gantry tilt",
    ),
    Opens(
        "dicom_noise_pixels/odd_mixed_orientation_mr",
        *((288, 288, 2), (0.32, 0.32, 3.3), "PIR", "u2", "mr"),
        choices={"series": "202: MR 288 x 288, 2 images"},
        asks="series",
    ),
    Opens(
        "dicom_noise_pixels/siemens_mosaic_fmri",
        *((80, 80, 50), (2.5, 2.5, 3.08), "LPS", "u2", "mr"),
        choices={"frame": "1: acquisition 2"},
        asks="frame",
    ),
)

NO_VOLUMES = ("SOURCE.md", "SHA256SUMS")
# What NIfTI, MGH and AFNI are compared with is nibabel; for the others it is SimpleITK.
NIBABEL = (".nii", ".nii.gz", ".hdr", ".mgz", ".HEAD")


def _name(row: Opens | Refused) -> str:
    return row.name


def _oracle(path: Path, choices: dict[str, str]) -> tuple[np.ndarray, np.ndarray] | None:
    """Values and affine of a file by another library, of the chosen frame or part."""
    if not path.name.endswith(NIBABEL):
        return itk_view(path) if path.suffix in (".nrrd", ".mha", ".mhd") else None
    image = nibabel.load(path)
    values = np.asanyarray(image.dataobj)
    if values.dtype.names:
        return None
    if values.dtype.kind == "c":
        values = np.abs(values)
    if "frame" in choices:
        values = values[..., int(choices["frame"])]
    return values.reshape(*values.shape[:3], *[1] * (3 - values.ndim)).squeeze(), image.affine


@pytest.mark.parametrize("row", [r for r in (*FILES, *FOLDERS) if isinstance(r, Opens)], ids=_name)
def test_it_opens_as_what_it_is(data_dir, row: Opens):
    path = data_dir / "volumes" / row.name
    if row.asks:
        with pytest.raises(ChoiceNeeded) as asked:
            open_files(path)
        assert asked.value.key == row.asks
        assert set(row.choices.values()) <= set(asked.value.options)
    sample = open_files(path, row.choices)
    assert sample.shape == row.shape
    np.testing.assert_allclose(sample.spacing, row.spacing, atol=1e-4)
    assert "".join(nibabel.aff2axcodes(sample.affine)) == row.codes
    assert sample.array.dtype == np.dtype(row.dtype)
    assert sample.modality == row.modality
    assert any(row.note in note for note in ("", *sample.notes))
    expected = _oracle(path, row.choices)
    if expected is not None:
        values, affine = expected
        off = np.abs(sample.values((0,)).squeeze() - values)
        np.testing.assert_array_equal(np.isnan(off), np.isnan(values))
        # float32 arithmetic here, float64 there
        assert np.nanmax(off) <= 1e-6 * np.nanmax(np.abs(values))
        np.testing.assert_allclose(sample.affine, affine, atol=1e-4)


@pytest.mark.parametrize(
    "row", [r for r in (*REFUSED, *FOLDERS) if isinstance(r, Refused)], ids=_name
)
def test_it_is_refused_with_its_own_sentence(data_dir, row: Refused):
    path = data_dir / "volumes" / row.name
    files = path if path.is_dir() else [(path.name, path.read_bytes())]
    with pytest.raises(UnreadableFile) as refused:
        open_files(files)
    message = str(refused.value)
    assert row.says in message
    assert len(message) <= 400
    others = [other.says for other in REFUSED if other is not row]
    assert not any(says in message for says in others)


def test_every_file_of_the_collection_has_a_row(data_dir):
    root = data_dir / "volumes"
    rows = {row.name for row in (*FILES, *REFUSED)}
    found = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    of_folders = {n for n in found if any(n.startswith(f"{row.name}/") for row in FOLDERS)}
    assert found - of_folders - set(NO_VOLUMES) == rows
    assert all((root / row.name).is_dir() for row in FOLDERS)
