"""TIFF stacks are read as SimpleITK and tifffile read them, single pages as pictures."""

import contextlib
import io
import re

import numpy as np
import pytest
import tifffile
from PIL import Image

from dashboard.data.readers import (
    ChoiceNeeded,
    DamagedFile,
    UnreadableFile,
    UnsafeFile,
    open_files,
)
from tests.data.readers.scans import itk_view

STACK = (
    np.random.default_rng(2).integers(-999, 999, (5, 4, 3)).astype(np.int16)
)  # page, row, column


def tiff(array: np.ndarray, **options) -> list[tuple[str, bytes]]:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **{"photometric": "minisblack"} | options)
    return [("a.tif", buffer.getvalue())]


def packed(pages: np.ndarray, compression: str) -> list[tuple[str, bytes]]:
    """Pages as Pillow packs them."""
    buffer = io.BytesIO()
    first, *rest = [Image.fromarray(page) for page in pages]
    first.save(buffer, "TIFF", compression=compression, save_all=True, append_images=rest)
    return [("a.tif", buffer.getvalue())]


def test_real_stack_equals_simpleitks(data_dir):
    path = data_dir / "volumes" / "converted" / "ct_chest_half_30pages_int16.tif"
    values, _ = itk_view(path)
    sample = open_files(path, {"spacing": "1.29,1.29,8"})
    np.testing.assert_array_equal(sample.array[0], values)
    np.testing.assert_allclose(sample.affine, np.diag([-1.29, -1.29, 8, 1]))
    assert (sample.modality, sample.array.dtype) == ("ct", np.int16)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i2", ">i2", "i4", "f4", "f8"])
def test_types_and_byte_orders(kind):
    order = ">" if kind.startswith(">") else "<"
    sample = open_files(tiff(STACK.astype(kind), byteorder=order))
    np.testing.assert_array_equal(sample.array[0], STACK.astype(kind).T)
    assert sample.array.dtype == np.dtype("f4" if kind == "f8" else kind).newbyteorder("=")


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"compression": "zlib"},
        {"compression": "zlib", "predictor": True},
        {"bigtiff": True},
        {"tile": (16, 16)},
        {"rowsperstrip": 1, "compression": "zlib"},
        {"metadata": None},
    ],
    ids=str,
)
def test_ways_of_writing(options):
    np.testing.assert_array_equal(open_files(tiff(STACK, **options)).array[0], STACK.T)


@pytest.mark.slow
@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_adobe_deflate"])
@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_packings_of_other_programs(compression, kind):
    pages = STACK.astype(kind)
    sample = open_files(packed(pages, compression))
    np.testing.assert_array_equal(sample.array[0], pages.T)


@pytest.mark.slow
@pytest.mark.parametrize(("unit", "factor"), [("mm", 1.0), ("micron", 1e-3), ("cm", 10.0)])
def test_imagej_gives_the_voxel_size(unit, factor):
    files = tiff(STACK, imagej=True, resolution=(4.0, 2.0), metadata={"spacing": 3.0, "unit": unit})
    sample = open_files(files)
    np.testing.assert_allclose(sample.spacing, np.array([0.25, 0.5, 3.0]) * factor, rtol=1e-6)
    assert not any("1 mm" in note for note in sample.notes)


def test_ome_gives_the_voxel_size_and_frames():
    four = np.stack([STACK, STACK + 1])
    files = tiff(
        four,
        ome=True,
        metadata={
            "axes": "TZYX",
            "PhysicalSizeX": 0.5,
            "PhysicalSizeXUnit": "mm",
            "PhysicalSizeY": 700.0,
            "PhysicalSizeYUnit": "µm",
            "PhysicalSizeZ": 2000.0,
        },
    )
    with pytest.raises(ChoiceNeeded, match="2 volumes"):
        open_files(files)
    sample = open_files(files, {"frame": "1"})
    np.testing.assert_array_equal(sample.array[0], STACK.T + 1)
    np.testing.assert_allclose(sample.spacing, (0.5, 0.7, 2.0))


@pytest.mark.slow
def test_channels_of_imagej_are_frames_although_they_are_written_in_turns():
    channels = np.stack([STACK, STACK + 1], axis=1)  # page, channel
    files = tiff(channels, imagej=True, metadata={"axes": "ZCYX"})
    sample = open_files(files, {"frame": "1"})
    np.testing.assert_array_equal(sample.array[0], STACK.T + 1)


@pytest.mark.slow
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_colours_are_luminance(planar):
    rgb = np.random.default_rng(3).integers(0, 256, (5, 4, 3, 3)).astype(np.uint8)
    written = rgb if planar == "contig" else np.moveaxis(rgb, -1, 1)
    files = tiff(written, photometric="rgb", planarconfig=planar)
    expected = (rgb @ (0.299, 0.587, 0.114)).T
    np.testing.assert_allclose(open_files(files).array[0], expected, atol=0.51)
    green = open_files(files, {"channel": "green"}).array[0]
    np.testing.assert_array_equal(green, rgb[..., 1].T)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_single_page_is_a_picture(kind):
    page = np.arange(1000, 1012).astype(kind).reshape(4, 3)
    sample = open_files(tiff(page))
    assert (sample.kind, sample.modality) == ("image", "image")
    np.testing.assert_array_equal(sample.array[0], page)
    rgb = np.random.default_rng(3).integers(0, 256, (4, 3, 3)).astype(np.uint8)
    sample = open_files(tiff(rgb, photometric="rgb"))
    np.testing.assert_array_equal(sample.array, rgb.transpose(2, 0, 1))


def test_single_page_of_other_numbers_is_a_plane():
    sample = open_files(tiff(STACK[0].astype(np.float32)))
    np.testing.assert_array_equal(sample.array[0, ..., 0], STACK[0].T)
    assert any("single plane" in note for note in sample.notes)


def test_lzw_and_a_single_colour_page():
    pages = STACK.astype(np.uint8)
    np.testing.assert_array_equal(open_files(packed(pages, "tiff_lzw")).array[0], pages.T)
    rgb = np.random.default_rng(3).integers(0, 256, (6, 7, 3)).astype(np.uint8)
    sample = open_files(tiff(rgb, photometric="rgb"))
    np.testing.assert_array_equal(sample.array, rgb.transpose(2, 0, 1))


# Hostile files


def test_files_named_inside_are_not_opened(tmp_path, monkeypatch):
    """An OME-TIFF whose second half lies, by its own words, in another file."""
    monkeypatch.chdir(tmp_path)
    ((name, data),) = tiff(STACK[:2], ome=True, metadata={"axes": "ZYX"})
    uuid = "urn:uuid:00000000-0000-0000-0000-000000000000"
    here, there = (f'<TiffData FirstZ="{z}" IFD="0" PlaneCount="1">{{}}</TiffData>' for z in (0, 1))
    there = there.format(f'<UUID FileName="b.tif">{uuid}</UUID>')
    xml = data[data.index(b"<?xml") : data.index(b"</OME>") + 6].decode()
    told = re.sub(r"<TiffData .*?</TiffData>|<TiffData [^>]*/>", here.format("") + there, xml)
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, STACK[0], description=told.encode(), metadata=None)
    (tmp_path / "a.tif").write_bytes(buffer.getvalue())
    with contextlib.chdir(tmp_path):
        followed = tifffile.imread("a.tif")
    assert followed.shape == STACK[:2].shape  # tifffile alone does follow
    try:
        sample = open_files([(name, buffer.getvalue())])
    except UnreadableFile:
        return
    assert not (sample.array[0] == STACK[0].T[..., None]).all(axis=(0, 1))[1:].any()


@pytest.mark.slow
def test_declared_size_is_refused_before_anything_is_decoded():
    ((name, data),) = tiff(np.zeros((2, 4, 4), np.int16), compression="zlib", metadata=None)
    with tifffile.TiffFile(io.BytesIO(data)) as tif:
        tags = [tif.pages[0].tags[code] for code in ("ImageWidth", "ImageLength")]
        places = [tag.valueoffset for tag in tags]
    changed = bytearray(data)
    for place in places:
        changed[place : place + 2] = (60_000).to_bytes(2, "little")
    with pytest.raises((UnsafeFile, DamagedFile)):
        open_files([(name, bytes(changed))])


@pytest.mark.slow
@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.95])
def test_cut_file_is_damaged(part):
    ((name, data),) = tiff(STACK, compression="zlib", metadata=None)
    with pytest.raises(DamagedFile):
        open_files([(name, data[: int(part * len(data))])])


def test_what_is_no_tiff_says_so():
    with pytest.raises(DamagedFile, match="does not start like a TIFF"):
        open_files([("a.tif", b"hello " * 20)])
