"""Run by `run_isolated`: DICOM on standard input; facts as a JSON line and samples on output.

Only what is named here leaves the process: nothing of the patient does. Numbers stay texts, so
that the reader can say which of them is wrong. The samples of all groups follow one another.
"""

import io
import json
import sys
import warnings

import pydicom
from pydicom.errors import InvalidDicomError

GROUP_FACTS = {
    "label": "MultiplexGroupLabel",
    "rate": "SamplingFrequency",
    "samples": "NumberOfWaveformSamples",
    "count": "NumberOfWaveformChannels",
    "bits": "WaveformBitsAllocated",
    "kind": "WaveformSampleInterpretation",
}
CHANNEL_FACTS = {
    "label": "ChannelLabel",
    "sensitivity": "ChannelSensitivity",
    "correction": "ChannelSensitivityCorrectionFactor",
    "baseline": "ChannelBaseline",
    "sample_skew": "ChannelSampleSkew",
    "time_skew": "ChannelTimeSkew",
}


def _facts(item, wanted):
    values = {name: item.get(keyword) for name, keyword in wanted.items()}
    return {name: None if value is None else str(value) for name, value in values.items()}


def _code(item, keyword):
    """(value, meaning) of the first code of a sequence."""
    codes = item.get(keyword) or []
    return (
        [str(codes[0].get("CodeValue", "")), str(codes[0].get("CodeMeaning", ""))]
        if codes
        else None
    )


def _channel(item):
    facts = _facts(item, CHANNEL_FACTS)
    facts["source"] = _code(item, "ChannelSourceSequence")
    facts["unit"] = _code(item, "ChannelSensitivityUnitsSequence")
    return facts


def _group(item):
    facts = _facts(item, GROUP_FACTS)
    facts["channels"] = [_channel(c) for c in item.get("ChannelDefinitionSequence") or []]
    facts["bytes"] = len(item.get("WaveformData") or b"")
    padding = item.get("WaveformPaddingValue")
    facts["padding"] = padding.hex() if isinstance(padding, bytes) else None
    return facts


def main() -> None:
    warnings.simplefilter("ignore")
    try:
        dataset = pydicom.dcmread(io.BytesIO(sys.stdin.buffer.read()))
    except InvalidDicomError:
        print(json.dumps({"dicom": False}))
        return
    items = list(dataset.get("WaveformSequence") or [])
    facts = {
        "dicom": True,
        "little": dataset.original_encoding[1],
        "start": _facts(dataset, {"start": "AcquisitionDateTime"})["start"],
        "groups": [_group(item) for item in items],
    }
    sys.stdout.buffer.write(json.dumps(facts).encode() + b"\n")
    for item in items:
        sys.stdout.buffer.write(item.get("WaveformData") or b"")


if __name__ == "__main__":
    main()
