"""Pictures of every mode come in as grey or RGB; hostile ones are refused before decoding."""

import struct
import time
import zlib
from io import BytesIO

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
from dashboard.data.readers.image_file import ImageReader
from dashboard.data.writers.png_file import png_bytes

GREY = np.arange(30, dtype=np.uint8).reshape(5, 6) * 8
COLOUR = np.random.default_rng(1).integers(0, 256, (5, 6, 3), dtype=np.uint8)


def read(data: bytes, name: str = "a.png", **choices):
    return ImageReader().read(Files([memory_file(name, data)]), choices)


def encoded(image, kind: str = "PNG", **options) -> bytes:
    stream = BytesIO()
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(stream, format=kind, **options)
    return stream.getvalue()


def test_grey_is_one_channel_and_colour_three():
    grey, colour = read(encoded(GREY)), read(encoded(COLOUR))
    np.testing.assert_array_equal(grey.array, GREY[None])
    np.testing.assert_array_equal(colour.array, np.moveaxis(COLOUR, -1, 0))
    assert (grey.channels, colour.channels) == (("grey",), ("red", "green", "blue"))
    assert (grey.dim, grey.modality, grey.axis_unit, grey.notes) == (2, "image", "px", ())


@pytest.mark.parametrize("kind", ["BMP", "WEBP", "GIF"])
def test_other_lossless_formats_hold_the_same_pixels(kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    array = read(encoded(GREY, kind, **options), f"a.{kind.lower()}").array
    np.testing.assert_array_equal(array[0], GREY)


def test_real_photographs_equal_what_pillow_decodes(data_dir):
    paths = sorted((data_dir / "images").glob("*.[jp][pn]g"))
    assert len(paths) >= 10
    for path in paths:
        sample = ImageReader().read(Files([disk_file(path)]), {})
        expected = np.asarray(Image.open(path).convert("RGB"))
        np.testing.assert_array_equal(np.moveaxis(sample.array, 0, -1), expected)


def test_sixteen_bit_grey_keeps_its_bits():
    deep = (np.arange(30, dtype=np.uint16) * 2000).reshape(5, 6)
    sample = read(encoded(deep))
    assert sample.array.dtype == np.uint16
    np.testing.assert_array_equal(sample.array[0], deep)


def test_sixteen_bit_colour_is_read_as_eight_with_a_note():
    rows = b"".join(b"\0" + bytes([v, 7] * 3) for v in (10, 20))  # two rows of one pixel
    sample = read(png_of(1, 2, rows, depth=16, colour=2))
    np.testing.assert_array_equal(sample.array[:, :, 0], [[10, 20]] * 3)
    assert any("16 bits" in note for note in sample.notes)


def test_black_and_white_and_palette_are_expanded():
    bits = Image.fromarray(GREY > 100)
    np.testing.assert_array_equal(read(encoded(bits)).array[0], (GREY > 100) * 255)
    palette = Image.fromarray(COLOUR).quantize(16)
    sample = read(encoded(palette))
    np.testing.assert_array_equal(
        np.moveaxis(sample.array, 0, -1), np.asarray(palette.convert("RGB"))
    )
    assert any("colour table" in note for note in sample.notes)


def test_cmyk_becomes_rgb_with_a_note():
    sample = read(encoded(Image.fromarray(COLOUR).convert("CMYK"), "JPEG"), "a.jpg")
    assert len(sample.array) == 3
    assert "converted from CMYK to RGB" in sample.notes


def test_transparency_is_laid_on_what_the_visible_ink_stands_out_from():
    alpha = np.zeros((5, 6), np.uint8)
    alpha[2, 2:4] = 255
    for ink, ground in ((0, 255), (255, 0)):
        pixels = np.dstack([np.full((5, 6, 3), ink, np.uint8), alpha])
        for picture in (pixels, Image.fromarray(pixels).convert("LA")):
            array = read(encoded(picture)).array
            assert (array[:, 2, 2:4] == ink).all()
            assert (array[:, 0] == ground).all()


def test_opaque_alpha_and_transparent_palette_colour():
    opaque = np.dstack([COLOUR, np.full((5, 6), 255, np.uint8)])
    np.testing.assert_array_equal(read(encoded(opaque)).array, np.moveaxis(COLOUR, -1, 0))
    palette = Image.fromarray(GREY).convert("P")
    assert read(encoded(palette, transparency=0)).array[0, 0, 0] == 255


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_with_a_note(orientation):
    """Oracle: the eight cases of the EXIF standard written as array operations."""
    upright = {
        1: GREY,
        2: GREY[:, ::-1],
        3: GREY[::-1, ::-1],
        4: GREY[::-1],
        5: GREY.T,
        6: np.rot90(GREY, -1),
        7: GREY[::-1, ::-1].T,
        8: np.rot90(GREY),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    sample = read(encoded(GREY, exif=exif))
    np.testing.assert_array_equal(sample.array[0], upright)
    assert bool(sample.notes) == (orientation != 1)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_of_an_animation_the_first_frame_is_read(kind):
    frames = [Image.fromarray(np.full((5, 6), v, np.uint8)) for v in (40, 90, 200)]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    sample = read(data, f"a.{kind.lower()}")
    assert (sample.array == 40).all()
    assert any("3 frames" in note for note in sample.notes)


def test_several_pictures_are_not_guessed_between():
    files = Files([memory_file(name, encoded(GREY)) for name in ("a.png", "b.png")])
    with pytest.raises(ChoiceNeeded) as asked:
        ImageReader().read(files, {})
    assert asked.value.options == ("a.png", "b.png")
    assert ImageReader().read(files, {"record": "b.png"}).name == "b"


def test_sniff_goes_by_name_unless_there_is_no_suffix():
    def sniff(*names):
        return ImageReader().sniff(Files([memory_file(n, encoded(GREY)) for n in names]))

    assert sniff("a.png")
    assert sniff("A.JPG")
    assert sniff("picture")
    assert not sniff("a.hea")
    assert not sniff("a.png", "a.hea")


def test_written_png_reads_back_equal():
    for array in (GREY, COLOUR, GREY.astype(np.uint16) * 250):
        sample = read(encoded(array))
        assert read(png_bytes(sample)).digest == sample.digest


# Hostile files


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width, height, rows, depth=8, colour=0) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = (b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


@pytest.mark.parametrize("size", [(6325, 6325), (10_000, 10_000), (2**31 - 1, 2**31 - 1)])
def test_too_many_pixels_are_refused_before_decoding(size):
    start = time.perf_counter()
    with pytest.raises(UnsafeFile, match="40 million"):
        read(png_of(*size, rows=bytes(10)))
    assert time.perf_counter() - start < 1


def test_text_bomb_in_a_png_is_refused():
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(200_000_000), 1))
    data = encoded(GREY)
    with pytest.raises(DamagedFile):
        read(data[:33] + text + data[33:])


def test_empty_and_wrong_content_have_their_own_sentences():
    with pytest.raises(EmptyFile):
        read(b"")
    with pytest.raises(DamagedFile, match="does not start like a picture"):
        read(b"16 2 360\n", "a.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF", "WEBP"])
def test_cut_or_flipped_bytes_raise_nothing_but_unreadable_file(kind):
    random = np.random.default_rng(5)
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {} if kind in ("BMP", "GIF") else {"exif": exif}
    whole = encoded(np.repeat(np.repeat(COLOUR, 4, 0), 4, 1), kind, **options)
    with pytest.raises(DamagedFile):
        read(whole[: len(whole) // 2])
    for _ in range(400):
        data = bytearray(whole)
        for place in random.integers(0, len(data), random.integers(1, 8)):
            data[place] = random.integers(256)
        if random.integers(4) == 0:
            data = data[: random.integers(1, len(data))]
        try:
            sample = read(bytes(data))
        except UnreadableFile:
            continue
        assert sample.dim == 2
