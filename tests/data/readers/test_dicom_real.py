"""Real DICOM folders against SimpleITK, nibabel and the scanner's own protocol."""

import re
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from dashboard.data.readers import ChoiceNeeded, DamagedFile, open_files
from dashboard.data.sample import Sample

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
UNCOMPRESSED = {
    "dicom/ct_chest_30slices": {},
    "dicom/ct_head_phantom_gantry_tilt_6slices_noext": {},
    "dicom/enhanced_multiframe_siemens_xa10_1file": {},
    "dicom/mr_brain_t1post_22slices": {},
    "dicom/mr_brain_tagged_ct_flipped_17slices": {},
    "dicom_noise_pixels/enhanced_multiframe_philips": {},
    "dicom_noise_pixels/mr_head_uncompressed_4slices": {},
    "dicom_noise_pixels/odd_gantry_tilt_ct_4slices": {},
}
COMPRESSED = [
    "dicom/mr_brain_t1post_22slices_jpeg2000",
    "dicom/mr_brain_t1post_22slices_rle",
    "dicom_noise_pixels/mr_head_jpeg2000_4slices",
    "dicom_noise_pixels/mr_head_jpeg_lossless_4slices",
    "dicom_noise_pixels/mr_head_rle_4slices",
]


@pytest.fixture(scope="module")
def volumes(data_dir) -> Path:
    return data_dir / "volumes"


def _by_itk(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Values (column, row, slice) and affine to RAS+ mm, as SimpleITK's series reader has them."""
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
    image = sitk.ReadImage(names if len(names) > 1 else names[0])
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return sitk.GetArrayFromImage(image).T, LPS_TO_RAS @ affine


def _agrees_with_itk(folder: Path) -> Sample:
    sample = open_files(folder)
    values, affine = _by_itk(folder)
    # float32 of a value times a slope of 15 digits: one part in 10 million.
    np.testing.assert_allclose(sample.values(0), values, rtol=2e-7)
    if "tilt" not in folder.name:  # SimpleITK knows no shear
        np.testing.assert_allclose(sample.affine, affine, atol=2e-5)
    np.testing.assert_allclose(sample.affine[:3, :2], affine[:3, :2], atol=1e-7)
    np.testing.assert_allclose(sample.affine[:3, 3], affine[:3, 3], atol=1e-4)
    return sample


@pytest.mark.usefixtures("headers_here")
@pytest.mark.parametrize("folder", UNCOMPRESSED)
def test_values_spacing_and_orientation_equal_those_of_simpleitk(volumes, folder):
    sample = _agrees_with_itk(volumes / folder)
    assert sample.array.dtype.kind in "iu"


@pytest.mark.slow
@pytest.mark.parametrize("folder", COMPRESSED)
def test_compressed_series_equal_those_of_simpleitk(volumes, folder):
    sample = _agrees_with_itk(volumes / folder)
    if "mr_brain" in folder:
        plain = open_files(volumes / "dicom" / "mr_brain_t1post_22slices")
        np.testing.assert_array_equal(sample.array, plain.array)
        np.testing.assert_array_equal(sample.affine, plain.affine)


@pytest.mark.usefixtures("headers_here")
@pytest.mark.parametrize(
    ("folder", "reference"),
    [
        ("enhanced_multiframe_philips", "enhanced_multiframe_philips"),
        ("mr_head_jpeg_lossless_4slices", "mr_head_4slices"),
    ],
)
def test_voxels_lie_where_the_published_conversion_has_them(volumes, folder, reference):
    sample = open_files(volumes / "dicom_noise_pixels" / folder)
    image = nibabel.load(volumes / "dicom_noise_pixels" / "reference_nifti" / f"{reference}.nii.gz")
    values = np.asarray(image.dataobj).reshape(image.shape[:3])
    index = np.indices(sample.shape).reshape(3, -1).T
    there = nibabel.affines.apply_affine(np.linalg.inv(image.affine), sample.to_world(index))
    np.testing.assert_allclose(there, np.rint(there), atol=1e-4)
    found = values[tuple(np.rint(there).astype(int).T)]
    np.testing.assert_allclose(sample.values(0).ravel(), found, rtol=2e-7)


@pytest.mark.usefixtures("headers_here")
def test_the_slices_of_a_tilted_gantry_lie_where_each_file_says(volumes):
    folder = volumes / "dicom" / "ct_head_phantom_gantry_tilt_6slices_noext"
    sample = open_files(folder)
    heads = [pydicom.dcmread(path, stop_before_pixels=True) for path in sorted(folder.iterdir())]
    assert f"leans by {heads[0].GantryDetectorTilt:.1f} degrees" in sample.notes[0]
    for number, head in enumerate(heads):
        wanted = LPS_TO_RAS[:3, :3] @ np.array(head.ImagePositionPatient, dtype=float)
        np.testing.assert_allclose(sample.to_world([0, 0, number]), wanted, atol=1e-6)


@pytest.mark.usefixtures("headers_here")
def test_the_tiles_of_a_mosaic_lie_where_the_protocol_has_their_slices(volumes):
    folder = volumes / "dicom_noise_pixels" / "siemens_mosaic_fmri"
    with pytest.raises(ChoiceNeeded) as caught:
        open_files(folder)
    assert caught.value.options == ("0: acquisition 1", "1: acquisition 2")
    sample = open_files(folder, {"frame": "1"})
    head = pydicom.dcmread(folder / "IM-0001-0002.dcm")
    protocol = head[0x0029, 0x1020].value.decode("latin-1")
    assert sample.shape == (80, 80, 50)
    for number in (0, 1, 49):
        place = rf"asSlice\[{number}\]\.sPosition\.d(?:Sag|Cor|Tra)\s*=\s*(\S+)"
        centre = LPS_TO_RAS[:3, :3] @ np.array(re.findall(place, protocol), dtype=float)
        np.testing.assert_allclose(sample.to_world([40, 40, number]), centre, atol=1e-5)
    # Here the tiles go down while the normal goes up: the first tile is the last slice.
    tile = head.pixel_array[:80, :80].T
    np.testing.assert_array_equal(sample.array[0, :, :, 49], tile)


@pytest.mark.usefixtures("headers_here")
def test_slices_that_are_not_parallel_are_asked_apart(volumes):
    folder = volumes / "dicom_noise_pixels" / "odd_mixed_orientation_mr"
    with pytest.raises(ChoiceNeeded) as caught:
        open_files(folder)
    assert caught.value.options == ("202: MR 288 x 288, 2 images", "501: MR 288 x 288, 2 images")
    sample = open_files(folder, {"series": "501"})
    np.testing.assert_allclose(sample.spacing, (0.5556, 0.5556, 4.4), atol=1e-3)


@pytest.mark.usefixtures("headers_here")
def test_a_shuffled_folder_without_one_file_keeps_every_slice_in_place(volumes):
    files = sorted((volumes / "dicom" / "ct_chest_30slices").iterdir())
    whole = open_files(files)
    shuffled = np.random.default_rng(1).permutation(files)
    np.testing.assert_array_equal(open_files(list(shuffled)).array, whole.array)
    sample = open_files([file for file in shuffled if file.name != "1-09.dcm"])  # z = 248 mm
    np.testing.assert_array_equal(sample.affine, whole.affine)
    kept = [k for k in range(30) if k != 21]
    np.testing.assert_array_equal(sample.array[..., kept], whole.array[..., kept])
    assert "1 slice is missing, place 22 (248 mm) of 30" in sample.notes[0]


@pytest.mark.usefixtures("headers_here")
def test_one_slice_in_four_codings_is_one_slice_and_its_lossy_copy(volumes):
    folder = volumes / "dicom" / "single_ct_slices_by_transfer_syntax"
    with pytest.raises(ChoiceNeeded) as caught:
        open_files(folder)
    assert [option[3:11] for option in caught.value.options] == ["derived ", "original"]


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["1.2.2.dcm", "4.80.dcm", "4.91.dcm", "1.2.1.dcm"])
def test_every_coding_of_a_slice_equals_simpleitk(volumes, ending):
    folder = volumes / "dicom" / "single_ct_slices_by_transfer_syntax"
    (path,) = folder.glob(f"*{ending}")
    values = sitk.GetArrayFromImage(sitk.ReadImage(str(path))).T
    np.testing.assert_array_equal(open_files(path).values(0), values)


@pytest.mark.slow
def test_colours_of_a_real_series_become_luminance(volumes):
    folder = volumes / "dicom" / "rgb_4slices"
    colours, affine = _by_itk(folder)  # (colour, column, row, slice)
    sample = open_files(folder)
    wanted = np.tensordot([0.299, 0.587, 0.114], colours, 1)
    np.testing.assert_allclose(sample.values(0), wanted, atol=0.51)
    np.testing.assert_allclose(sample.affine, affine, atol=1e-4)


@pytest.mark.usefixtures("headers_here")
def test_a_multiframe_file_without_geometry_says_so(volumes):
    sample = open_files(volumes / "dicom" / "emri_small_2encodings")
    assert sample.shape == (64, 64, 10)
    np.testing.assert_allclose(sample.spacing, (1, 1, 1.2))
    assert "does not say where its slices lie" in sample.notes[0]
    assert sample.notes[-1] == "left out (copies of other files): 1, emri_small_RLE.dcm"


@pytest.mark.usefixtures("headers_here")
def test_a_truncated_file_says_how_much_is_there(volumes):
    with pytest.raises(DamagedFile, match="declares 179,200 bytes of pixels, 57,072 are there"):
        open_files(volumes / "broken" / "truncated.dcm")


@pytest.mark.usefixtures("headers_here")
def test_no_patient_is_named(volumes):
    folder = volumes / "dicom" / "mr_brain_t1post_22slices"
    sample = open_files(folder)
    head = pydicom.dcmread(next(folder.iterdir()), stop_before_pixels=True)
    said = " ".join([sample.name, sample.source, *sample.notes]).lower()
    words = re.split(r"\W+", f"{head.PatientName} {head.PatientID}".lower())
    assert not [word for word in words if len(word) > 2 and word in said]
