"""Run by `run_isolated`: DICOM files on standard input; their pixels, uncompressed, on output.

A JSON line first: of each picture the number of its file, its frame, and what it must be like.
Then each file: its length in 8 bytes, and its bytes. Pictures come out in the order asked for, one
number per pixel; the first that cannot be decoded ends the output.
"""

import io
import json
import struct
import sys
import warnings

import numpy as np
import pydicom
from pydicom import config
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.pixels import apply_color_lut, pixel_array

FASTEST = {"1.2.840.10008.1.2.5": "pylibjpeg", "1.2.840.10008.1.2.4.90": "pylibjpeg"}
FASTEST["1.2.840.10008.1.2.4.91"] = "pylibjpeg"
LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601, of red, green, blue
# What damaged pixels make the decoders raise; NotImplementedError where no decoder takes a layout.
DAMAGED = (
    ArithmeticError,
    AttributeError,
    BytesLengthException,
    EOFError,
    InvalidDicomError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)


def _decoded(dataset, frame):
    """One frame as pydicom gives it, by the fastest decoder that takes it."""
    fastest = FASTEST.get(str(dataset.file_meta.TransferSyntaxUID), "")
    if fastest:
        try:
            return pixel_array(dataset, index=frame, decoding_plugin=fastest)
        except DAMAGED:
            pass  # the others may still take it
    return pixel_array(dataset, index=frame)


def _picture(dataset, wanted):
    """(rows, columns) of numbers of the type wanted; colours become their luminance."""
    values = _decoded(dataset, wanted["frame"])
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        values = apply_color_lut(values, dataset)
    if values.ndim == 3 and values.shape[-1] >= 3:
        values = np.rint(values[..., :3] @ np.array(LUMINANCE))
        if values.max(initial=0) > 255 and wanted["dtype"].endswith("1"):
            values /= 257  # a palette of 16 bits
    if list(values.shape) != wanted["shape"]:
        raise ValueError("the picture is not of the size declared")
    return np.ascontiguousarray(values.astype(wanted["dtype"], casting="unsafe"))


def main() -> None:
    warnings.simplefilter("ignore")
    config.settings.reading_validation_mode = config.IGNORE
    read = sys.stdin.buffer.read
    wanted = json.loads(sys.stdin.buffer.readline())
    number, dataset = -1, None
    for picture in wanted:
        try:
            while number < picture["file"]:
                (length,) = struct.unpack(">Q", read(8))
                piece = read(length)
                number += 1
                dataset = None
            if dataset is None:
                dataset = pydicom.dcmread(io.BytesIO(piece), force=True)
            sys.stdout.buffer.write(_picture(dataset, picture).data.cast("B"))
        except DAMAGED:
            break
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
