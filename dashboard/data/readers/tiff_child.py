"""Run by `run_isolated`: TIFF on standard input; facts as a JSON line and pixels on output.

Arguments: nothing for the facts alone; "picture" for the first page as PNG; "pages" and numbers
for those pages of the first series, each (rows, columns, samples) in the byte order of this
machine. No other file is opened: the kinds of TIFF that span several files are off.
"""

import io
import json
import re
import sys
import warnings

import numpy as np
import tifffile
from PIL import Image

READ_AS = ("ome", "imagej", "shaped", "uniform")
NOT_A_KIND = ("bigtiff", "mask", "tiled", "volumetric")
OME_SIZE = r'\bPhysicalSize{}(Unit)?="([^"<>]{{1,40}})"'


def open_tiff(data):
    kinds = {f"is_{kind}" for kind in tifffile.TIFF.FILE_FLAGS}
    off = dict.fromkeys(kinds - {f"is_{kind}" for kind in (*READ_AS, *NOT_A_KIND)}, False)
    return tifffile.TiffFile(io.BytesIO(data), _multifile=False, **off)


def step(tif, page):
    """(size along columns, rows, pages) of a voxel and their units, as texts; "" for unknown."""
    if tif.is_ome and tif.ome_metadata:
        found = [ome_step(tif.ome_metadata, axis) for axis in "XYZ"]
        return [size for size, _ in found], [unit for _, unit in found]
    if tif.is_imagej:
        told = tif.imagej_metadata or {}
        unit = str(told.get("unit", ""))[:20]
        in_plane = [
            str(tag.value[1] / tag.value[0]) if tag and all(tag.value) else ""
            for tag in (page.tags.get(name) for name in ("XResolution", "YResolution"))
        ]
        return [*in_plane, str(told.get("spacing", ""))[:40]], [unit] * 3
    return [""] * 3, [""] * 3


def ome_step(xml, axis):
    found = dict(re.findall(OME_SIZE.format(axis), xml))
    return found.get("", ""), found.get("Unit", "µm")


def facts(tif):
    series = tif.series[0]
    page = series.keyframe
    sizes, units = step(tif, page)
    return {
        "axes": series.axes,
        "shape": [int(n) for n in series.shape],
        "dtype": series.dtype.str,
        "page": [int(n) for n in page.shape],
        "page_axes": page.axes,
        "series": len(tif.series),
        "sizes": sizes,
        "units": units,
    }


def pixels(series, data, number):
    """One page (rows, columns, samples); Pillow decodes what tifffile has no decoder for."""
    page = series.keyframe
    if series.dataoffset is not None:
        dtype = np.dtype(series.parent.byteorder + page.dtype.char)
        count = int(np.prod(page.shape))
        start = series.dataoffset + number * count * dtype.itemsize
        array = np.frombuffer(data, dtype, count, start).reshape(page.shape)
    else:
        try:
            array = series[number].asarray()
        # tifffile raises these for a packing that only optional codecs know; Pillow has some.
        except (ValueError, NotImplementedError, ImportError):
            with Image.open(io.BytesIO(data), formats=["TIFF"]) as image:
                image.seek(series[number].index)
                array = np.asarray(image).astype(page.dtype).reshape(page.shape)
    if page.axes.startswith("S"):
        array = np.moveaxis(array, 0, -1)
    return np.ascontiguousarray(array, dtype=page.dtype.newbyteorder("="))


def picture(data):
    """The first page as PNG, its colour table and transparency kept."""
    with Image.open(io.BytesIO(data), formats=["TIFF"]) as image:
        if image.mode not in ("1", "L", "LA", "P", "RGB", "RGBA") and "I;16" not in image.mode:
            image = image.convert("RGB")
        image.save(sys.stdout.buffer, "PNG", compress_level=1)


def main() -> None:
    warnings.simplefilter("ignore")
    data = sys.stdin.buffer.read()
    if sys.argv[1:2] == ["picture"]:
        picture(data)
        return
    with open_tiff(data) as tif:
        if not sys.argv[1:]:
            print(json.dumps(facts(tif)))
            return
        series = tif.series[0]
        for number in map(int, sys.argv[2:]):
            sys.stdout.buffer.write(pixels(series, data, number).data.cast("B"))


if __name__ == "__main__":
    main()
