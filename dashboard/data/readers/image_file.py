"""Reads one picture (PNG, JPEG, BMP, GIF, WebP) as a grey or colour image."""

import struct
import warnings
import zlib
from collections.abc import Mapping
from pathlib import PurePosixPath

import numpy as np
from PIL import Image, ImageOps

from dashboard.data.readers.errors import ChoiceNeeded, DamagedFile, EmptyFile, UnsafeFile
from dashboard.data.readers.files import File, Files
from dashboard.data.sample import Sample

MOST_PIXELS = 40_000_000
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP")
_STARTS = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"BM",
    b"GIF8",
    b"RIFF",
)
_ORIENTATION = 0x0112  # EXIF tag: 1 is upright

# What Pillow's decoders raise on damaged files; SyntaxError is its own word for a broken PNG.
_DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    EOFError,
    AttributeError,
    OverflowError,
    MemoryError,
    RuntimeError,
    ZeroDivisionError,
    AssertionError,
    struct.error,
    zlib.error,
)


class ImageReader:
    """PNG, JPEG and the like through Pillow, at most 40 million pixels."""

    name = "Image"
    suffixes = SUFFIXES

    def sniff(self, files: Files) -> bool:
        """Whether all files are called pictures, or the only one, without suffix, starts like one.

        Content alone does not decide: a picture renamed .hea is a mistake to be told of.
        """
        if len(files) == 1:
            (file,) = files.values()
            if file.suffix == "":
                return file.head(16).startswith(_STARTS[:2])
        return bool(files) and all(file.suffix in SUFFIXES for file in files.values())

    def read(self, files: Files, choices: Mapping[str, str]) -> Sample:
        """The picture; of several, the one `choices["record"]` names.

        Raises DamagedFile, EmptyFile, UnsafeFile (too many pixels) or ChoiceNeeded ("record").
        """
        file = _chosen(files, choices)
        if file.size == 0:
            raise EmptyFile(f"{file.shown} is empty (0 bytes): expected a picture.")
        if not file.head(16).startswith(_STARTS):
            raise DamagedFile(
                f"{file.shown} does not start like a picture: expected PNG, JPEG, BMP, GIF or "
                "WebP; save it again from a picture program."
            )
        return picture_sample(file)


def picture_sample(file: File) -> Sample:
    """The picture in `file`; raises DamagedFile, or UnsafeFile for too many pixels."""
    array, notes = _decoded(file)
    return Sample(
        array=array,
        name=file.stem,
        modality="image",
        channels=("grey",) if len(array) == 1 else ("red", "green", "blue"),
        units=("",) * len(array),
        axis_unit="px",
        notes=tuple(notes),
        source=PurePosixPath(file.name).name,
    )


def _chosen(files: Files, choices: Mapping[str, str]) -> File:
    names = tuple(files)
    wanted = names[0] if len(names) == 1 else choices.get("record")
    if wanted not in files:
        raise ChoiceNeeded("record", f"{len(names)} pictures were given: which one?", names)
    return files[wanted]


def _decoded(file: File) -> tuple[np.ndarray, list[str]]:
    """Pixels (C, H, W) and what was changed; Pillow's errors become ours here and only here."""
    try:
        # Pillow warns of what it repairs or ignores (corrupt EXIF); the picture itself decides.
        with warnings.catch_warnings(), file.open() as stream:
            warnings.simplefilter("ignore")
            with Image.open(stream, formats=_FORMATS) as image:
                _check_size(file, image)
                return _upright_pixels(image)
    except Image.DecompressionBombError as error:
        raise _too_large(file) from error
    except (DamagedFile, UnsafeFile):
        raise
    except _DECODER_ERRORS as error:
        raise DamagedFile(
            f"{file.shown} is damaged or cut short and cannot be decoded: save it again, or give "
            "another copy."
        ) from error


def _too_large(file: File) -> UnsafeFile:
    return UnsafeFile(
        f"{file.shown} declares too many pixels: at most {MOST_PIXELS // 1_000_000} million are "
        "read; make the picture smaller."
    )


def _check_size(file: File, image: Image.Image) -> None:
    """Before any pixel is decoded."""
    if image.width * image.height > MOST_PIXELS:
        raise _too_large(file)


def _upright_pixels(image: Image.Image) -> tuple[np.ndarray, list[str]]:
    notes = []
    if getattr(image, "n_frames", 1) > 1:
        notes.append(f"animated, {image.n_frames} frames: the first is shown")
        image.seek(0)
    if image.format == "PNG" and image.mode in ("RGB", "RGBA") and _bits(image) == 16:
        notes.append("16 bits per colour were read as 8")
    if image.getexif().get(_ORIENTATION, 1) != 1:
        notes.append("turned upright as its EXIF orientation says")
    pixels = _plain_mode(ImageOps.exif_transpose(image), notes)
    array = np.asarray(pixels)
    if array.dtype.kind in "iu":
        array = array.astype(array.dtype.newbyteorder("="), copy=False)
    array = array[None] if array.ndim == 2 else array.transpose(2, 0, 1)  # (C, H, W)
    return np.ascontiguousarray(array), notes


def _bits(image: Image.Image) -> int:
    """Bits per value of a PNG: the raw mode of its first tile ends in 16B where there are 16."""
    return 16 if any("16" in str(tile[3]) for tile in image.tile) else 8


def _plain_mode(image: Image.Image, notes: list[str]) -> Image.Image:
    """`image` as 8 or 16 bit grey or 8 bit RGB, without palette and transparency."""
    if image.mode == "P":
        notes.append("its colour table was applied")
    if image.has_transparency_data:
        return _without_transparency(image.convert("RGBA"), notes)
    if image.mode == "P":
        image = image.convert("RGB")
        red, green, blue = image.split()
        return red if red.tobytes() == green.tobytes() == blue.tobytes() else image
    if image.mode == "1":
        return image.convert("L")
    if image.mode in ("L", "RGB") or image.mode.startswith("I;16"):
        return image
    notes.append(f"converted from {image.mode} to RGB")
    return image.convert("RGB")


def _without_transparency(image: Image.Image, notes: list[str]) -> Image.Image:
    """RGBA laid on white, or on black where what is visible is itself nearly white."""
    alpha = np.asarray(image.getchannel("A"), dtype=np.float32)
    if alpha.min() == 255:
        return image.convert("RGB")
    brightness = np.average(np.asarray(image.convert("L")), weights=alpha + 1e-6)
    name, colour = ("black", (0, 0, 0)) if brightness > 230 else ("white", (255, 255, 255))
    notes.append(f"transparent parts were laid on {name}")
    ground = Image.new("RGBA", image.size, (*colour, 255))
    return Image.alpha_composite(ground, image).convert("RGB")
