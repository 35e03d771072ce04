"""NRRD files are read as SimpleITK and pynrrd read them, and hostile ones are refused."""

import bz2
import gzip
import io
import tracemalloc

import nrrd
import numpy as np
import pytest

from dashboard.data.readers import (
    ChoiceNeeded,
    DamagedFile,
    UnreadableFile,
    UnsafeFile,
    open_files,
)
from tests.data.readers.scans import CUBE, itk_bytes, itk_image, itk_view

HEADER = {
    "type": "short",
    "dimension": "3",
    "space": "left-posterior-superior",
    "sizes": "3 4 5",
    "space directions": "(0.5,0,0) (0,1,0) (0,0,2)",
    "space origin": "(1,2,3)",
    "kinds": "domain domain domain",
    "endian": "little",
    "encoding": "raw",
}
VALUES = CUBE.tobytes(order="F")
LPS_AFFINE = np.array([[-0.5, 0, 0, -1], [0, -1, 0, -2], [0, 0, 2, 3], [0, 0, 0, 1]])


def file(values: bytes = VALUES, name: str = "a.nrrd", **changed: str) -> tuple[str, bytes]:
    """One file, with fields changed ("_" for a space in their names; an empty one is left out)."""
    fields = HEADER | {key.replace("_", " "): value for key, value in changed.items()}
    lines = ["NRRD0005", "# made by hand", *(f"{k}: {v}" for k, v in fields.items() if v), ""]
    return name, "\n".join(lines).encode() + b"\n" + values


@pytest.mark.parametrize("kind", ["i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8"])
@pytest.mark.parametrize("compressed", [False, True], ids=["raw", "gzip"])
def test_values_and_place_equal_simpleitks(tmp_path, kind, compressed):
    path = tmp_path / "a.nrrd"
    data = itk_bytes(itk_image(CUBE.astype(kind)), path, compressed)
    values, affine = itk_view(path)
    sample = open_files([("a.nrrd", data)])
    np.testing.assert_array_equal(sample.array[0], values)
    np.testing.assert_allclose(sample.affine, affine, atol=1e-6)
    assert sample.array.dtype == (np.dtype(kind) if kind != "f8" else np.float32)


@pytest.mark.parametrize(
    "name", ["brain1_image.nrrd", "brain1_label.nrrd", "prostate_phantom_subvolume.nrrd"]
)
def test_real_files_equal_simpleitks(data_dir, name):
    path = data_dir / "volumes" / "nrrd" / name
    values, affine = itk_view(path)
    sample = open_files(path)
    np.testing.assert_array_equal(sample.array[0], values)
    np.testing.assert_allclose(sample.affine, affine, atol=1e-6)
    assert sample.modality == ("mask" if "label" in name else "mr")


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2", "ASCII"])
@pytest.mark.parametrize("detached", [False, True], ids=["nrrd", "nhdr"])
def test_every_encoding_that_pynrrd_writes(tmp_path, encoding, detached):
    path = tmp_path / ("a.nhdr" if detached else "a.nrrd")
    nrrd.write(str(path), CUBE, {"encoding": encoding}, detached_header=detached)
    given = [(p.name, p.read_bytes()) for p in tmp_path.iterdir()]
    assert len(given) == 1 + detached
    # Values written out as a.txt could be a table of numbers, too.
    choices = {"kind": "NRRD"} if encoding == "ASCII" else {}
    np.testing.assert_array_equal(open_files(given, choices).array[0], CUBE)
    if detached:
        np.testing.assert_array_equal(open_files(path, choices).array[0], CUBE)
        with pytest.raises(DamagedFile, match="together with it"):
            open_files([g for g in given if g[0].endswith("nhdr")])


def test_hexadecimal_digits_and_text():
    digits = VALUES.hex()
    lines = "\n".join(digits[n : n + 33] for n in range(0, len(digits), 33)).encode()
    np.testing.assert_array_equal(open_files(file(lines, encoding="hex")).array[0], CUBE)
    words = "\n".join(str(n) for n in CUBE.ravel("F")).encode()
    text = file(words, encoding="text", endian="")
    np.testing.assert_array_equal(open_files(text).array[0], CUBE)


def test_big_endian_skips_and_windows_line_ends():
    big = file(CUBE.astype(">i2").tobytes("F"), endian="big")
    np.testing.assert_array_equal(open_files(big).array[0], CUBE)
    for values, skips in (
        (b"one\ntwo\n....." + VALUES, {"line_skip": "2", "byte_skip": "5"}),
        (b"anything" + VALUES, {"byte_skip": "-1"}),
    ):
        np.testing.assert_array_equal(open_files(file(values, **skips)).array[0], CUBE)
    packed = file(b"line\n" + gzip.compress(b"123" + VALUES), encoding="gzip", line_skip="1")
    packed = (packed[0], packed[1].replace(b"encoding", b"byte skip: 3\nencoding"))
    np.testing.assert_array_equal(open_files(packed).array[0], CUBE)
    name, data = file(b"")
    windows = data.replace(b"\n", b"\r\n") + VALUES
    np.testing.assert_array_equal(open_files((name, windows)).array[0], CUBE)


@pytest.mark.parametrize(
    ("space", "signs"),
    [
        ("left-posterior-superior", (-1, -1, 1)),
        ("LPS", (-1, -1, 1)),
        ("right-anterior-superior", (1, 1, 1)),
        ("RAS", (1, 1, 1)),
        ("left-anterior-superior", (-1, 1, 1)),
    ],
)
def test_named_spaces_become_ras(space, signs):
    affine = open_files(file(space=space)).affine
    expected = np.diag([*signs, 1]) @ np.diag([-1, -1, 1, 1]) @ LPS_AFFINE
    np.testing.assert_allclose(affine, expected)


def test_unit_of_space_is_applied():
    affine = open_files(file(space_units='"cm" "cm" "cm"')).affine
    np.testing.assert_allclose(affine[:3], LPS_AFFINE[:3] * 10)


def test_spacings_alone_place_nothing_but_give_the_size():
    sample = open_files(file(space="", space_directions="", space_origin="", spacings="1 2 3"))
    assert sample.spacing == (1.0, 2.0, 3.0)
    assert any("oriented" in note for note in sample.notes)


@pytest.mark.parametrize("first", [True, False], ids=["vector first", "time last"])
def test_axes_outside_of_space_ask_for_one_volume(first):
    four = np.random.default_rng(8).integers(-9, 9, (6, 3, 4, 5) if first else (3, 4, 5, 6))
    data = file(
        four.astype("<i2").tobytes("F"),
        dimension="4",
        sizes=" ".join(map(str, four.shape)),
        kinds="vector domain domain domain" if first else "domain domain domain time",
        space_directions=(
            "none (0.5,0,0) (0,1,0) (0,0,2)" if first else "(0.5,0,0) (0,1,0) (0,0,2) none"
        ),
    )
    with pytest.raises(ChoiceNeeded) as asked:
        open_files(data)
    assert (asked.value.key, len(asked.value.options)) == ("frame", 6)
    sample = open_files(data, {"frame": "4"})
    np.testing.assert_array_equal(sample.array[0], four[4] if first else four[..., 4])
    np.testing.assert_allclose(sample.affine, LPS_AFFINE)


def test_colours_are_luminance_and_complex_numbers_ask_for_a_part():
    rng = np.random.default_rng(9)
    rgb = rng.integers(0, 256, (3, 3, 4, 5)).astype(np.uint8)
    four = {"dimension": "4", "space_directions": "none (0.5,0,0) (0,1,0) (0,0,2)"}
    colour = file(rgb.tobytes("F"), type="uchar", sizes="3 3 4 5", **four)
    colour = (colour[0], colour[1].replace(b"kinds: ", b"kinds: RGB-color "))
    expected = np.tensordot((0.299, 0.587, 0.114), rgb, axes=1)
    np.testing.assert_allclose(open_files(colour).array[0], expected, atol=0.51)
    pairs = rng.normal(size=(2, 3, 4, 5)).astype("<f4")
    data = file(pairs.tobytes("F"), type="float", sizes="2 3 4 5", **four)
    data = (data[0], data[1].replace(b"kinds: ", b"kinds: complex "))
    with pytest.raises(ChoiceNeeded, match="which part"):
        open_files(data)
    magnitude = open_files(data, {"part": "magnitude"}).array[0]
    np.testing.assert_allclose(magnitude, np.abs(pairs[0] + 1j * pairs[1]), rtol=1e-6)


@pytest.mark.parametrize("name", ["../x.raw", "/etc/passwd", "http://a/x.raw", "C:\\x.raw", "a/b"])
def test_only_plain_names_of_given_files_are_followed(tmp_path, monkeypatch, name):
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path / "in")
    (tmp_path / "x.raw").write_bytes(VALUES)
    with pytest.raises(UnsafeFile, match="plain file name"):
        open_files(file(b"", name="a.nhdr", data_file=name))


def test_header_alone_opens_no_file_beside_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.raw").write_bytes(VALUES)
    with pytest.raises(DamagedFile, match="together with it"):
        open_files(file(b"", name="a.nhdr", data_file="x.raw"))


@pytest.mark.parametrize(
    ("changed", "error", "says"),
    [
        ({"sizes": "3 4"}, DamagedFile, "dimension"),
        ({"sizes": "3 4 0"}, DamagedFile, "sizes"),
        ({"sizes": "3 4 -5"}, DamagedFile, "sizes"),
        ({"sizes": "30 4 5"}, DamagedFile, "cut short"),
        ({"sizes": "30000 30000 30000"}, UnsafeFile, "at most"),
        ({"sizes": "3 4 99999999999999999999"}, DamagedFile, "sizes"),
        ({"sizes": "3 x 5"}, DamagedFile, "fields"),
        ({"type": "block"}, UnreadableFile, "block"),
        ({"type": ""}, UnreadableFile, "type"),
        ({"endian": ""}, DamagedFile, "endian"),
        ({"encoding": "zrl"}, UnreadableFile, "packed as zrl"),
        ({"encoding": "gzip"}, DamagedFile, "could not be read"),
        ({"encoding": "bz2"}, DamagedFile, "could not be read"),
        ({"encoding": "hex"}, DamagedFile, "could not be read"),
        ({"encoding": "gzip", "byte_skip": "-1"}, DamagedFile, "from the end"),
        ({"byte_skip": "-7"}, UnsafeFile, "skips"),
        ({"line_skip": "99999999"}, UnsafeFile, "skips"),
        ({"space_directions": "(0,0,0) (0,1,0) (0,0,1)"}, DamagedFile, "voxel size"),
        ({"space_directions": "(1,0,0) (1,0,0) (0,0,1)"}, DamagedFile, "voxel size"),
        ({"space_directions": "(1,0,0) (0,1,0)"}, DamagedFile, "directions"),
        ({"space_directions": "none (0,1,0) none"}, UnreadableFile, "1 axes in space"),
        ({"space_origin": "(nan,0,0)"}, DamagedFile, "voxel size"),
        ({"data_file": "LIST"}, UnreadableFile, "many files"),
        ({"data_file": "slice%03d.raw 1 30 1"}, UnreadableFile, "many files"),
    ],
)
def test_header_that_lies_is_refused(changed, error, says):
    with pytest.raises(error, match=says):
        open_files(file(**changed))


def test_endless_header_is_refused():
    with pytest.raises(DamagedFile, match="no end"):
        open_files([("a.nrrd", b"NRRD0005\n" + b"# so on\n" * 400_000)])


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress], ids=["gzip", "bzip2"])
def test_bomb_is_never_expanded(pack):
    encoding = "gzip" if pack is gzip.compress else "bzip2"
    bomb = file(pack(VALUES + bytes(2**26)), encoding=encoding)
    tracemalloc.start()
    sample = open_files(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(sample.array[0], CUBE)
    assert peak < 10e6


def test_pynrrd_reads_the_header_used_here():
    stream = io.BytesIO(file()[1])
    values = nrrd.read_data(nrrd.read_header(stream), stream)
    np.testing.assert_array_equal(values, CUBE)
