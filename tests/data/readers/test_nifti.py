"""NIfTI files are read as nibabel reads them, and hostile ones are refused with a sentence."""

import gzip
import time
import tracemalloc
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from dashboard.data.readers.errors import (
    ChoiceNeeded,
    DamagedFile,
    EmptyFile,
    UnreadableFile,
    UnsafeFile,
)
from dashboard.data.readers.files import Files, disk_file, memory_file
from dashboard.data.readers.nifti import NiftiReader
from dashboard.data.readers.volume_values import PIECE
from dashboard.data.writers.nifti_file import nifti_bytes

AFFINE = np.array([[-1.5, 0, 0, 10], [0, 0.25, 2, -20], [0, 1, -0.5, 30], [0, 0, 0, 1.0]])


def read(data: bytes, name: str = "a.nii", **choices):
    return NiftiReader().read(Files([memory_file(name, data)]), choices)


def encoded(array, affine=AFFINE, kind=nibabel.Nifti1Image, unit="mm") -> bytes:
    image = kind(array, affine)
    image.header.set_xyzt_units(unit)
    return image.to_bytes()


def patched(data: bytes, offset: int, kind: str, *values) -> bytes:
    """`data` with header values overwritten (offsets of NIfTI-1, nifti1.h)."""
    raw = np.array(values, dtype=kind).tobytes()
    return data[:offset] + raw + data[offset + len(raw) :]


CUBE = np.arange(60, dtype=np.int16).reshape(3, 4, 5)


# Real files, against nibabel itself

REAL = (
    "nifti/CT_AVM.nii.gz",
    "nifti/FLAIR.nii.gz",
    "nifti/anatomical_bigendian_int16.nii",
    "nifti/avg152T1_bigendian_uint8.nii.gz",
    "nifti/ct_head_sheared_affine.nii.gz",
    "nifti/orientation_AIL.nii.gz",
    "nifti/orientation_RSP.nii.gz",
    "nifti/resampled_bigendian_float32_nan.nii",
    "nifti/statmap_float64.nii.gz",
    "nifti/tiny_7x5x3.nii.gz",
    "nifti_hippocampus/hippocampus_003_image.nii.gz",
    "dicom_noise_pixels/reference_nifti/mr_head_4slices.nii.gz",
)


@pytest.mark.parametrize("name", REAL)
def test_values_affine_and_spacing_equal_nibabels(data_dir, name):
    path = data_dir / "volumes" / name
    sample = NiftiReader().read(Files([disk_file(path)]), {})
    image = nibabel.load(path)
    expected = image.get_fdata(dtype=np.float32)
    assert sample.shape == image.shape
    # float32 arithmetic on both sides, in another order of operations
    np.testing.assert_allclose(sample.values((0,)), expected, rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(sample.affine, image.affine, atol=1e-9)
    np.testing.assert_allclose(sample.spacing, nibabel.affines.voxel_sizes(image.affine))
    assert sample.array.dtype.isnative
    assert sample.dim == 3


def test_header_and_image_of_a_pair_belong_together(data_dir):
    folder = data_dir / "volumes" / "hdr_img_pair"
    sample = NiftiReader().read(Files([disk_file(folder / f"ras.{s}") for s in ("img", "hdr")]), {})
    image = nibabel.load(folder / "ras.hdr")
    np.testing.assert_allclose(sample.values((0,)), image.get_fdata(), rtol=1e-6)
    np.testing.assert_allclose(sample.affine, image.affine)


@pytest.mark.parametrize("suffix", ["hdr", "img"])
def test_half_of_a_pair_asks_for_the_other_half(data_dir, suffix):
    path = data_dir / "volumes" / "hdr_img_pair" / f"ras.{suffix}"
    with pytest.raises(DamagedFile, match="together with it"):
        NiftiReader().read(Files([disk_file(path)]), {})


@pytest.mark.parametrize(
    "name", ["fmri_4d_20frames.nii", "nifti2_4d.nii.gz", "pcasl_4d_int16.nii.gz"]
)
def test_of_a_series_in_time_one_volume_is_chosen(data_dir, name):
    files = Files([disk_file(data_dir / "volumes" / "nifti" / name)])
    with pytest.raises(ChoiceNeeded) as asked:
        NiftiReader().read(files, {})
    image = nibabel.load(data_dir / "volumes" / "nifti" / name)
    assert asked.value.key == "frame"
    assert len(asked.value.options) == image.shape[3]
    for frame in (asked.value.options[0], asked.value.options[-1]):
        sample = NiftiReader().read(files, {"frame": frame})
        expected = image.get_fdata()[..., int(frame)]
        np.testing.assert_allclose(sample.values((0,)), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nifti/complex64.nii.gz", "complex"),
        ("broken/text_not_nifti.nii.gz", "NIfTI header"),
        ("broken/truncated.nii.gz", "cut short"),
    ],
)
def test_what_is_no_grey_volume_is_refused_with_its_reason(data_dir, name, says):
    with pytest.raises(UnreadableFile, match=says):
        NiftiReader().read(Files([disk_file(data_dir / "volumes" / name)]), {})


# Several numbers per voxel, and planes


@pytest.mark.parametrize(
    ("part", "of"),
    [("magnitude", np.abs), ("phase", np.angle), ("real", np.real), ("imaginary", np.imag)],
)
def test_of_complex_numbers_one_part_is_read(data_dir, part, of):
    path = data_dir / "volumes" / "nifti" / "complex64.nii.gz"
    sample = NiftiReader().read(Files([disk_file(path)]), {"part": part})
    expected = of(np.asanyarray(nibabel.load(path).dataobj))
    np.testing.assert_allclose(sample.values((0,)), expected, rtol=1e-5, atol=1e-5)
    assert sample.array.dtype == np.float32
    assert f"of complex numbers the {part}" in sample.notes


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["c8", "c16"])
def test_complex_numbers_of_either_byte_order(order, kind):
    array = (CUBE + 1j * (7 - CUBE)).astype(order + kind)
    image = nibabel.Nifti1Image(array, AFFINE, header=nibabel.Nifti1Header(endianness=order))
    image.header.set_data_dtype(array.dtype)
    sample = read(image.to_bytes(), part="imaginary")
    np.testing.assert_array_equal(sample.array[0], 7 - CUBE)


def test_colours_are_read_as_luminance_or_as_one_channel(data_dir):
    path = data_dir / "volumes" / "nifti" / "ct_perfusion_rgb24.nii.gz"
    colours = np.asanyarray(nibabel.load(path).dataobj)
    rgb = np.stack([colours[name] for name in "RGB"], axis=-1)
    sample = NiftiReader().read(Files([disk_file(path)]), {})
    grey = Image.fromarray(np.ascontiguousarray(rgb[:, :, 7])).convert("L")
    np.testing.assert_array_equal(sample.array[0, :, :, 7], np.asarray(grey))
    assert any("luminance" in note for note in sample.notes)
    for channel, name in enumerate(("red", "green", "blue")):
        sample = NiftiReader().read(Files([disk_file(path)]), {"channel": name})
        np.testing.assert_array_equal(sample.array[0], rgb[..., channel])


def test_components_of_a_vector_are_frames(data_dir):
    path = data_dir / "volumes" / "nifti" / "dti_V1_vector.nii.gz"
    sample = NiftiReader().read(Files([disk_file(path)]), {"frame": "2"})
    np.testing.assert_array_equal(sample.array[0], nibabel.load(path).get_fdata()[..., 2])


def test_a_plane_is_a_volume_of_one_voxel_in_depth(data_dir):
    path = data_dir / "volumes" / "nifti" / "flair_2d_only.nii.gz"
    sample = NiftiReader().read(Files([disk_file(path)]), {})
    np.testing.assert_array_equal(sample.array[0, :, :, 0], nibabel.load(path).get_fdata())
    assert any("single plane" in note for note in sample.notes)


def test_pair_of_packed_files_belongs_together(tmp_path):
    nibabel.save(nibabel.Nifti1Pair(CUBE, AFFINE), tmp_path / "a.img.gz")
    files = Files([disk_file(tmp_path / f"a.{half}.gz") for half in ("img", "hdr")])
    np.testing.assert_array_equal(NiftiReader().read(files, {}).array[0], CUBE)


def test_every_nifti_of_the_collection_opens_or_is_refused(data_dir):
    paths = [p for p in (data_dir / "volumes").rglob("*.nii*") if p.is_file()]
    for path in paths:
        try:
            sample = NiftiReader().read(Files([disk_file(path)]), {"frame": "0"})
        except UnreadableFile:
            continue
        assert np.isfinite(sample.affine).all()
    assert len(paths) > 20


# Stored types


@pytest.mark.parametrize("kind", ["i1", "u1", "i2", "u2", "i4", "u4"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_integers_stay_as_stored_with_their_scale(kind, order):
    array = CUBE.astype(order + kind)
    image = nibabel.Nifti1Image(array, AFFINE, header=nibabel.Nifti1Header(endianness=order))
    image.header.set_data_dtype(array.dtype)
    data = patched(image.to_bytes(), 112, order + "f4", 0.5, -7)  # scl_slope, scl_inter
    sample = read(data)
    assert sample.array.dtype == np.dtype(kind)
    np.testing.assert_array_equal(sample.array[0], CUBE)
    assert sample.scale == (0.5, -7.0)
    np.testing.assert_allclose(sample.values((0,)), CUBE * 0.5 - 7)


@pytest.mark.parametrize("kind", ["f4", "f8", "i8", "u8"])
def test_other_numbers_become_float32(kind):
    image = nibabel.Nifti2Image(CUBE.astype(kind), AFFINE, dtype=kind)
    sample = read(image.to_bytes())
    assert sample.array.dtype == np.float32
    np.testing.assert_array_equal(sample.values((0,)), CUBE)
    assert sample.scale is None


def test_values_that_are_no_numbers_are_counted_and_missing():
    array = CUBE.astype(np.float64)
    array[0, 0, :2] = np.nan, np.inf
    sample = read(encoded(array))
    assert "2 of 60 values are no finite numbers: read as missing" in sample.notes
    assert np.isnan(sample.array[0, 0, 0, :2]).all()
    np.testing.assert_array_equal(sample.array[0, 1:], CUBE[1:])


def test_all_nan_volume_is_read():
    sample = read(encoded(np.full((3, 4, 5), np.nan, np.float32)))
    assert any("60 of 60" in note for note in sample.notes)


def test_slope_zero_means_no_scale_as_the_standard_says():
    assert read(patched(encoded(CUBE), 112, "f4", 0, 5)).scale == (1.0, 0.0)


@pytest.mark.parametrize(("unit", "factor"), [("mm", 1.0), ("meter", 1e3), ("micron", 1e-3)])
def test_lengths_become_millimetres(unit, factor):
    sample = read(encoded(CUBE, unit=unit))
    np.testing.assert_allclose(sample.affine[:3], AFFINE[:3] * factor)
    assert sample.axis_unit == "mm"


def test_values_like_hounsfield_units_are_taken_as_ct_and_a_choice_overrides_it():
    data = encoded(CUBE * 40 - 1024)
    sample = read(data)
    assert (sample.modality, sample.units) == ("ct", ("HU",))
    assert read(data, kind="mr").modality == "mr"
    assert read(encoded(CUBE)).modality == "mr"


def test_a_gzip_is_known_by_its_bytes_not_its_name():
    sample = read(gzip.compress(encoded(CUBE)), "a.nii")
    np.testing.assert_array_equal(sample.array[0], CUBE)


def test_members_of_a_gzip_follow_one_another_wherever_they_are_cut():
    whole = encoded(CUBE)
    for cut in (1, 100, 351, 352, 400):
        data = gzip.compress(whole[:cut]) + gzip.compress(b"") + gzip.compress(whole[cut:])
        np.testing.assert_array_equal(read(data, "a.nii.gz").array[0], CUBE)


def test_damaged_sum_of_a_gzip_is_noticed():
    data = bytearray(gzip.compress(encoded(CUBE)))
    data[-8] ^= 1
    with pytest.raises(DamagedFile, match="sound"):
        read(bytes(data), "a.nii.gz")


def test_several_volumes_ask_which():
    files = Files([memory_file(n, encoded(CUBE)) for n in ("a.nii", "b.nii")])
    with pytest.raises(ChoiceNeeded) as asked:
        NiftiReader().read(files, {})
    assert asked.value.options == ("a.nii", "b.nii")
    assert NiftiReader().read(files, {"record": "b.nii"}).name == "b"


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_written_volume_reads_back_equal(dtype):
    sample = read(encoded(CUBE.astype(dtype)))
    back = read(nifti_bytes(sample), "b.nii.gz")
    assert back.digest == sample.digest
    image = nibabel.Nifti1Image.from_bytes(gzip.decompress(nifti_bytes(sample)))
    np.testing.assert_array_equal(image.get_fdata(), CUBE)
    np.testing.assert_allclose(image.affine, AFFINE)


# Hostile files


@pytest.mark.parametrize(
    ("offset", "kind", "values", "error"),
    [
        (40, "i2", (3, -3, 4, 5), DamagedFile),  # dim
        (40, "i2", (3, 0, 4, 5), DamagedFile),
        (40, "i2", (9, 3, 4, 5), DamagedFile),
        (40, "i2", (-1, 3, 4, 5), DamagedFile),
        (40, "i2", (3, 32767, 32767, 32767), UnsafeFile),
        (40, "i2", (7, 3, 4, 5, 32767, 32767, 32767, 32767), UnsafeFile),
        (40, "i2", (3, 30, 40, 50), DamagedFile),
        (70, "i2", (12345,), DamagedFile),  # datatype
        (108, "f4", (np.nan,), DamagedFile),  # vox_offset
        (108, "f4", (-400,), DamagedFile),
        (108, "f4", (1e9,), DamagedFile),
        (112, "f4", (1e38, 0), DamagedFile),  # scl_slope
        (280, "f4", (np.nan,), DamagedFile),  # srow_x
        (280, "f4", (0,) * 12, DamagedFile),
        (280, "f4", (1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0), DamagedFile),
        (344, "S4", (b"",), DamagedFile),  # magic
    ],
)
def test_header_that_lies_is_refused(offset, kind, values, error):
    data = patched(encoded(CUBE), offset, kind, *values)
    with pytest.raises(error):
        read(data)
    with pytest.raises(error):
        read(gzip.compress(data))


def test_voxels_without_size_are_refused_where_no_affine_is_given():
    data = patched(encoded(CUBE), 252, "i2", 0, 0)  # qform_code, sform_code
    assert any("oriented" in note for note in read(data).notes)
    with pytest.raises(DamagedFile, match="voxel size"):
        read(patched(data, 80, "f4", 0, 0, 0))  # pixdim


def test_empty_file_says_so():
    with pytest.raises(EmptyFile):
        read(b"")


@pytest.mark.parametrize("part", [0.01, 0.3, 0.7, 0.74, 0.8, 0.99])
def test_file_cut_anywhere_is_damaged(part):
    whole = encoded(CUBE)
    cut = whole[: int(part * len(whole))]
    packed = gzip.compress(whole)
    for given in (cut, gzip.compress(cut), packed[: max(0, int(part * len(packed)) - 8)]):
        with pytest.raises((DamagedFile, EmptyFile)):
            read(given)


def test_gzip_bomb_is_never_expanded():
    """1 GiB of zeros behind a header that declares 60 voxels: only those are expanded."""
    zeros = gzip.compress(bytes(2**26), compresslevel=1)
    bomb = gzip.compress(encoded(CUBE)) + zeros * 16
    start = time.perf_counter()
    tracemalloc.start()
    sample = read(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(sample.array[0], CUBE)
    assert peak < 20e6
    assert time.perf_counter() - start < 5
    with pytest.raises(DamagedFile, match="NIfTI header"):
        read(zeros * 16, "zeros.nii.gz")


def test_file_names_inside_a_header_are_not_followed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("secret.img").write_bytes(bytes(120))
    data = patched(encoded(CUBE)[:348], 344, "S4", b"ni1")
    with pytest.raises(DamagedFile, match="together"):
        NiftiReader().read(Files([memory_file("secret.hdr", data)]), {})


def test_reading_costs_little_more_than_the_volume_itself():
    array = np.zeros((128, 128, 100), np.int16)
    data = gzip.compress(encoded(array), compresslevel=1)
    tracemalloc.start()
    sample = read(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2.5 * sample.array.nbytes + 2 * PIECE


@pytest.mark.parametrize("packed", [False, True], ids=["nii", "nii.gz"])
def test_flipped_bytes_raise_nothing_but_unreadable_file(packed):
    random = np.random.default_rng(20)
    whole = [encoded(CUBE), encoded(CUBE.astype(">f4")), encoded(CUBE, kind=nibabel.Nifti2Image)]
    for trial in range(1500):
        data = bytearray(whole[trial % len(whole)])
        for place in random.integers(0, min(len(data), 540), random.integers(1, 6)):
            data[place] = random.integers(256)
        given = gzip.compress(bytes(data), compresslevel=1) if packed else bytes(data)
        if packed and trial % 2:
            given = bytearray(given)
            given[random.integers(len(given))] ^= 1 << random.integers(8)
        try:
            sample = read(bytes(given))
        except UnreadableFile:
            continue
        assert np.isfinite(sample.affine).all()
        sample.values((0,))
