"""Run by `run_isolated`: the starts of DICOM files on standard input, facts as JSON on output.

Each file comes as a byte that says whether it is there whole, its length in 8 bytes, and that
many bytes of it. Only what is named here leaves the process: nothing of the patient does, and a
description that repeats the patient's name or number is left out.
"""

import io
import json
import math
import re
import struct
import sys
import warnings

import pydicom
from pydicom import config
from pydicom.errors import BytesLengthException, InvalidDicomError

MOST_FRAMES = 20_000
DEFLATED = "1.2.840.10008.1.2.1.99"
PIXELS = {0x7FE00008: "float", 0x7FE00009: "double", 0x7FE00010: "integer"}
# What damaged elements make pydicom raise; NotImplementedError for encodings it does not know.
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
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)
# Of a frame: name, the functional group that holds it, keyword. Without groups: in the file itself.
NUMBERS = (
    ("position", "PlanePositionSequence", "ImagePositionPatient"),
    ("orientation", "PlaneOrientationSequence", "ImageOrientationPatient"),
    ("spacing", "PixelMeasuresSequence", "PixelSpacing"),
    ("thickness", "PixelMeasuresSequence", "SliceThickness"),
    ("gap", "PixelMeasuresSequence", "SpacingBetweenSlices"),
    ("slope", "PixelValueTransformationSequence", "RescaleSlope"),
    ("intercept", "PixelValueTransformationSequence", "RescaleIntercept"),
)
# What tells volumes at one place apart, likewise.
KEYS = (
    ("stack", "FrameContentSequence", "StackID"),
    ("type", "MRImageFrameTypeSequence", "FrameType"),
    ("component", "MRImageFrameTypeSequence", "ComplexImageComponent"),
    ("echo", "MREchoSequence", "EffectiveEchoTime"),
    ("b", "MRDiffusionSequence", "DiffusionBValue"),
    ("gradient", "MRDiffusionSequence", "DiffusionGradientOrientation"),
    ("inversion", "MRModifierSequence", "InversionTimes"),
    ("flip", "MRTimingAndRelatedParametersSequence", "FlipAngle"),
    ("time", "FrameContentSequence", "TemporalPositionIndex"),
    ("trigger", "CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime"),
    ("acquisition", "FrameContentSequence", "FrameAcquisitionNumber"),
    ("kernel", "CTReconstructionSequence", "ConvolutionKernel"),
)
PLAIN_KEYS = {
    "type": "ImageType",
    "echo": "EchoTime",
    "inversion": "InversionTime",
    "time": "TemporalPositionIdentifier",
    "trigger": "TriggerTime",
    "acquisition": "AcquisitionNumber",
}
WHOLE = {
    "rows": "Rows",
    "columns": "Columns",
    "frames": "NumberOfFrames",
    "samples": "SamplesPerPixel",
    "bits": "BitsAllocated",
    "stored": "BitsStored",
    "high": "HighBit",
    "signed": "PixelRepresentation",
    "number": "SeriesNumber",
    "order": "InstanceNumber",
}
TEXTS = {
    "class": "SOPClassUID",
    "uid": "SOPInstanceUID",
    "series": "SeriesInstanceUID",
    "modality": "Modality",
    "photometric": "PhotometricInterpretation",
    "units": "Units",
    "dose_units": "DoseUnits",
}


def _number(value):
    """A finite float, None for what is none."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _numbers(value):
    """A number, a list of numbers, or None."""
    if value is None or isinstance(value, str | bytes):
        return _number(value)
    if hasattr(value, "__len__"):
        return [_number(item) for item in value]
    return _number(value)


def _whole(value):
    number = _number(value)
    return None if number is None or abs(number) > 2**53 else int(number)


def _text(value):
    return None if value is None else str(value).strip("\0 ")[:200]


def _key(value):
    """A value that tells volumes apart: a number, or a text."""
    if value is None or value == "":
        return None
    number = None if isinstance(value, str) else _number(value)
    if number is not None:
        return number
    items = [value] if isinstance(value, str | bytes) else list(value)
    return "\\".join(str(item).strip() for item in items)[:120] or None


def _found(dataset, places, group, keyword):
    """The value in the first functional group that has it, else in the file itself."""
    for place in places:
        items = place.get(group)
        if items:
            value = _inside(items[0], keyword)
            if value is not None:
                return value
    return None if dataset is None else dataset.get(keyword)


def _inside(item, keyword):
    value = item.get(keyword)
    if value is None and keyword == "DiffusionGradientOrientation":
        directions = item.get("DiffusionGradientDirectionSequence")
        value = directions[0].get(keyword) if directions else None
    return value


def _plane(dataset, places):
    """Place, scale and what tells volumes apart of one frame."""
    plane = {name: _numbers(_found(dataset, places, *where)) for name, *where in NUMBERS}
    keys = {}
    for name, group, keyword in KEYS:
        value = _found(None, places, group, keyword)
        if value is None:
            value = dataset.get(PLAIN_KEYS.get(name, keyword))
        keys[name] = _key(value)
    plane["keys"] = {name: value for name, value in keys.items() if value is not None}
    return plane


def _planes(dataset):
    """One plane for the whole file, or one for each frame that has functional groups."""
    each = dataset.get("PerFrameFunctionalGroupsSequence")
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    if not each:
        detector = dataset.get("DetectorInformationSequence") or []  # nuclear medicine
        plane = _plane(dataset, list(shared)[:1])
        if plane["spacing"] is None:  # of an X-ray: at the detector
            plane["spacing"] = _numbers(dataset.get("ImagerPixelSpacing"))
        for name, _, keyword in NUMBERS[:2]:
            if plane[name] is None and detector:
                plane[name] = _numbers(detector[0].get(keyword))
        return [plane]
    if len(each) > MOST_FRAMES:
        return []
    return [_plane(dataset, [frame, *list(shared)[:1]]) for frame in each]


def _described(dataset):
    """The description of the series, unless it repeats who the patient is."""
    text = _text(dataset.get("SeriesDescription")) or _text(dataset.get("ProtocolName")) or ""
    private = f"{dataset.get('PatientName', '')} {dataset.get('PatientID', '')}".lower()
    words = [word for word in re.split(r"[\W_]+", private) if len(word) > 2]
    unsaid = text.lower() == "none" or any(word in text.lower() for word in words)
    return "" if unsaid else text[:64]


def _csa(block, name):
    """The texts of an element of a Siemens CSA2 header: nibabel.nicom describes the layout."""
    place = block.find(name + b"\0")
    if not block.startswith(b"SV10") or place < 0:
        return []
    count = min(max(struct.unpack_from("<i", block, place + 64)[0], 0), 3)
    at = place + 84
    texts = []
    for _ in range(count):
        length = struct.unpack_from("<4i", block, at)[1]
        texts.append(block[at + 16 : at + 16 + max(length, 0)].split(b"\0")[0].strip())
        at += 16 + (max(length, 0) + 3) // 4 * 4
    return texts


def _protocol(block, name):
    """A number of the protocol that Siemens writes as text, None where it is not there."""
    match = re.search(re.escape(name) + rb"\s*=\s*([-+.\deE]+)", block)
    return _number(match[1]) if match else None


def _direction(block):
    """From one tile to the next by the protocol's list of slices, which some mosaics turn round."""
    first, second = (
        [
            _protocol(block, b"sSliceArray.asSlice[%d].sPosition.d%s" % (number, axis)) or 0.0
            for axis in (b"Sag", b"Cor", b"Tra")
        ]
        for number in (0, 1)
    )
    step = [b - a for a, b in zip(first, second, strict=True)]
    length = math.hypot(*step)
    if not length:
        return None
    reverse = re.search(rb"sSliceArray\.ucImageNumb(Sag|Cor|Tra)\s*=\s*0x1", block)
    return [(-value if reverse else value) / length for value in step]


def _mosaic(dataset):
    """Number of tiles, size of one, and direction of the slices of a Siemens mosaic."""
    if "MOSAIC" not in [str(item).strip() for item in dataset.get("ImageType") or []]:
        return None
    image, series = (_bytes(dataset, tag) for tag in ((0x0029, 0x1010), (0x0029, 0x1020)))
    counts = [_whole(text) for text in _csa(image, b"NumberOfImagesInMosaic")]
    normal = [_number(text) for text in _csa(image, b"SliceNormalVector")]
    told = dataset.get((0x0019, 0x100A))
    counts += [None if told is None else _whole(told.value)]
    counts += [_whole(_protocol(series, b"sSliceArray.lSize"))]
    if len(normal) != 3:
        normal = _direction(series)
    matrix = dataset.get((0x0051, 0x100B))
    sizes = re.findall(r"\d+", str(matrix.value)) if matrix is not None else []
    return {
        "count": next((count for count in counts if count), None),
        "normal": normal,
        "tile": [int(size) for size in sizes[:2]] if len(sizes) == 2 else None,
    }


def _bytes(dataset, tag):
    element = dataset.get(tag)
    return element.value if element is not None and isinstance(element.value, bytes) else b""


def _pixels(piece, at, implicit, little):
    """Kind of pixels, and where their element's value begins and how long it is."""
    order = "<" if little else ">"
    group, element = struct.unpack_from(order + "2H", piece, at)
    kind = PIXELS.get(group << 16 | element)
    if kind is None:
        return None
    place, value = (at + 4, at + 8) if implicit else (at + 8, at + 12)
    (length,) = struct.unpack_from(order + "I", piece, place)
    return {"kind": kind, "start": value, "length": length}


def _facts(piece, whole):
    """What the reader needs to know of one file."""
    stream = io.BytesIO(piece)
    dataset = pydicom.dcmread(stream, stop_before_pixels=True, force=True)
    syntax = _text(dataset.file_meta.get("TransferSyntaxUID"))
    implicit, little = dataset.original_encoding
    if syntax == DEFLATED:
        dataset = pydicom.dcmread(io.BytesIO(piece), force=True)
        there = "PixelData" in dataset
        pixels = {"kind": "integer", "start": 0, "length": 0} if there else None
    else:
        at = stream.tell()
        pixels = _pixels(piece, at, implicit, little) if at + 12 <= len(piece) else None
    if pixels is None and not whole:
        return {"status": "more"}
    facts = {name: _text(dataset.get(keyword)) for name, keyword in TEXTS.items()}
    facts |= {"syntax": syntax, "little": little, "implicit": implicit}
    if pixels is None:
        return {"status": "other", "elements": len(dataset), **facts}
    facts |= {name: _whole(dataset.get(keyword)) for name, keyword in WHOLE.items()}
    facts |= {"status": "image", "pixels": pixels, "planes": _planes(dataset)}
    facts |= {"description": _described(dataset), "mosaic": _mosaic(dataset)}
    facts["padding"] = _whole(dataset.get("PixelPaddingValue"))
    facts["offsets"] = _numbers(dataset.get("GridFrameOffsetVector"))  # radiotherapy doses
    facts["dose_scale"] = _number(dataset.get("DoseGridScaling"))
    window = [_numbers(dataset.get(word)) for word in ("WindowCenter", "WindowWidth")]
    facts["window"] = [w[0] if isinstance(w, list) and w else w for w in window]
    return facts


def answer(stream) -> dict:
    """Facts of each file in `stream`: what `main` prints."""
    warnings.simplefilter("ignore")
    config.settings.reading_validation_mode = config.IGNORE
    files = []
    while start := stream.read(9):
        whole, length = struct.unpack(">?Q", start)
        piece = stream.read(length)
        try:
            files.append(_facts(piece, whole))
        except DAMAGED:
            files.append({"status": "damaged" if whole else "more"})
    return {"files": files}


def main() -> None:
    sys.stdout.buffer.write(json.dumps(answer(sys.stdin.buffer)).encode() + b"\n")


if __name__ == "__main__":
    main()
