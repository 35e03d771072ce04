"""MetaImage files are read as SimpleITK reads them, and hostile ones are refused."""

import tracemalloc
import zlib

import numpy as np
import pytest
import SimpleITK

from dashboard.data.readers import (
    ChoiceNeeded,
    DamagedFile,
    UnreadableFile,
    UnsafeFile,
    open_files,
)
from tests.data.readers.scans import CUBE, itk_bytes, itk_image, itk_view

HEADER = """ObjectType = Image
NDims = 3
BinaryData = True
BinaryDataByteOrderMSB = False
ElementSpacing = 0.5 1 2
DimSize = 3 4 5
ElementType = MET_SHORT
ElementDataFile = LOCAL
"""
VALUES = CUBE.tobytes(order="F")


def mha(header: str = HEADER, values: bytes = VALUES, **changed: str) -> list[tuple[str, bytes]]:
    """One file, with tags changed (an empty one is left out)."""
    lines = dict(line.split(" = ", 1) for line in header.splitlines())
    last = changed.pop("ElementDataFile", lines.pop("ElementDataFile"))
    lines |= changed
    tags = [f"{k} = {v}\n" for k, v in (*lines.items(), ("ElementDataFile", last)) if v]
    return [("a.mha", "".join(tags).encode() + values)]


@pytest.mark.parametrize("kind", ["i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8"])
@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "packed"])
def test_values_and_place_equal_simpleitks(tmp_path, kind, compressed):
    path = tmp_path / "a.mha"
    data = itk_bytes(itk_image(CUBE.astype(kind)), path, compressed)
    values, affine = itk_view(path)
    sample = open_files([("a.mha", data)])
    np.testing.assert_array_equal(sample.array[0], values)
    np.testing.assert_allclose(sample.affine, affine, atol=1e-6)
    assert sample.array.dtype == (np.dtype(kind) if kind != "f8" else np.float32)


@pytest.mark.parametrize("compressed", [False, True], ids=["raw", "zraw"])
def test_header_and_values_given_together(tmp_path, compressed):
    head = itk_bytes(itk_image(), tmp_path / "a.mhd", compressed)
    values = tmp_path / ("a.zraw" if compressed else "a.raw")
    sample = open_files([(values.name, values.read_bytes()), ("a.mhd", head)])
    np.testing.assert_array_equal(sample.array[0], CUBE)
    for lone in ([("a.mhd", head)], [(values.name, values.read_bytes())]):
        with pytest.raises(DamagedFile, match="together with it"):
            open_files(lone)
    np.testing.assert_array_equal(open_files(tmp_path / "a.mhd").array[0], CUBE)


def test_real_file_equals_simpleitks(data_dir):
    path = data_dir / "volumes" / "metaimage" / "niivue_sample.mha"
    values, affine = itk_view(path)
    sample = open_files(path)
    np.testing.assert_array_equal(sample.array[0], values)
    np.testing.assert_allclose(sample.affine, affine, atol=1e-6)


def test_series_and_vectors_ask_for_one_volume(tmp_path):
    rng = np.random.default_rng(5)
    four = rng.integers(-99, 99, (3, 4, 5, 6)).astype(np.int16)
    for vector in (False, True):
        data = itk_bytes(itk_image(four, vector), tmp_path / "a.mha")
        with pytest.raises(ChoiceNeeded) as asked:
            open_files([("a.mha", data)])
        assert (asked.value.key, len(asked.value.options)) == ("frame", 6)
        for frame in (0, 4):
            sample = open_files([("a.mha", data)], {"frame": str(frame)})
            np.testing.assert_array_equal(sample.array[0], four[..., frame])


def test_colours_are_luminance(tmp_path):
    rgb = np.random.default_rng(6).integers(0, 256, (3, 4, 5, 3)).astype(np.uint8)
    files = [("a.mha", itk_bytes(itk_image(rgb, vector=True), tmp_path / "a.mha"))]
    expected = rgb @ (0.299, 0.587, 0.114)
    np.testing.assert_allclose(open_files(files).array[0], expected, atol=0.51)
    np.testing.assert_array_equal(open_files(files, {"channel": "blue"}).array[0], rgb[..., 2])


def test_plane_is_one_voxel_deep(tmp_path):
    data = itk_bytes(itk_image(CUBE[..., 0]), tmp_path / "a.mha")
    sample = open_files([("a.mha", data)])
    np.testing.assert_array_equal(sample.array[0, ..., 0], CUBE[..., 0])
    assert any("single plane" in note for note in sample.notes)


def test_byte_order_written_numbers_and_modality():
    big = mha(values=CUBE.astype(">i2").tobytes("F"), BinaryDataByteOrderMSB="True")
    np.testing.assert_array_equal(open_files(big).array[0], CUBE)
    words = " ".join(str(n) for n in CUBE.ravel("F")).encode()
    np.testing.assert_array_equal(open_files(mha(values=words, BinaryData="False")).array[0], CUBE)
    assert open_files(mha(Modality="MET_MOD_CT")).modality == "ct"


def test_header_size_counts_from_the_start_or_the_end():
    for size, values in (("16", bytes(16) + VALUES), ("-1", bytes(5) + VALUES)):
        files = [*mha(values=b"", HeaderSize=size, ElementDataFile="b.raw"), ("b.raw", values)]
        np.testing.assert_array_equal(open_files(files).array[0], CUBE)


@pytest.mark.parametrize("name", ["../x.raw", "/etc/passwd", "http://a/x.raw", "C:\\x.raw", "a/b"])
def test_only_plain_names_of_given_files_are_followed(tmp_path, monkeypatch, name):
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path / "in")
    (tmp_path / "x.raw").write_bytes(VALUES)
    with pytest.raises(UnsafeFile, match="plain file name"):
        open_files(mha(values=b"", ElementDataFile=name))


@pytest.mark.parametrize(
    ("changed", "error", "says"),
    [
        ({"DimSize": "3 4"}, DamagedFile, "dimsize"),
        ({"DimSize": "3 4 0"}, DamagedFile, "DimSize"),
        ({"DimSize": "3 4 nan"}, DamagedFile, "DimSize"),
        ({"DimSize": "3 4 5.5"}, DamagedFile, "DimSize"),
        ({"DimSize": "30 4 5"}, DamagedFile, "cut short"),
        ({"DimSize": "30000 30000 30000"}, UnsafeFile, "at most"),
        ({"NDims": "99"}, DamagedFile, "dimsize"),
        ({"NDims": ""}, DamagedFile, "NDims"),
        ({"ElementType": "MET_STRING"}, UnreadableFile, "MET_STRING"),
        ({"ElementNumberOfChannels": "0"}, DamagedFile, "Channels"),
        ({"ElementSpacing": "0 1 1"}, DamagedFile, "voxel size"),
        ({"ElementSpacing": "1 1 nan"}, DamagedFile, "voxel size"),
        ({"TransformMatrix": "1 0 0 1 0 0 0 0 1"}, DamagedFile, "orientation"),
        ({"ElementDataFile": "LIST"}, UnreadableFile, "many files"),
        ({"ElementDataFile": "slice%03d.raw 1 30 1"}, UnreadableFile, "many files"),
        ({"CompressedData": "True"}, DamagedFile, "could not be read"),
    ],
)
def test_header_that_lies_is_refused(changed, error, says):
    with pytest.raises(error, match=says):
        open_files(mha(**changed))


def test_endless_header_is_refused():
    with pytest.raises(DamagedFile, match="ElementDataFile"):
        open_files([("a.mha", b"Comment = a\n" * 200_000)])


def test_bomb_is_never_expanded():
    bomb = zlib.compress(VALUES + bytes(2**28), 1)
    files = mha(values=bomb, CompressedData="True")
    tracemalloc.start()
    sample = open_files(files)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(sample.array[0], CUBE)
    assert peak < 10e6


def test_simpleitk_reads_the_header_used_here(tmp_path):
    (tmp_path / "a.mha").write_bytes(mha()[0][1])
    assert SimpleITK.ReadImage(str(tmp_path / "a.mha")).GetSize() == (3, 4, 5)
