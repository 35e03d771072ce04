"""Small XML recordings made by hand: every part that a test wants to break is an argument."""

import base64
import zlib
from collections.abc import Mapping, Sequence

import numpy as np

# What a reader must never hand on.
SECRETS = ("Mustermann", "Erika", "19701231", "12-31-1970", "1970-12-31", "PAT-4711")
PRIVATE_MUSE = (
    "<PatientDemographics><PatientID>PAT-4711</PatientID><DateofBirth>12-31-1970</DateofBirth>"
    "<PatientLastName>Mustermann</PatientLastName></PatientDemographics>"
    "<Diagnosis><DiagnosisStatement><StmtText>Confirmed by Erika</StmtText></DiagnosisStatement>"
    "</Diagnosis>"
)
PRIVATE_PHILIPS = (
    "<patient><generalpatientdata><patientid>PAT-4711</patientid><name><lastname>Mustermann"
    "</lastname><firstname>Erika</firstname></name><age><dateofbirth>1970-12-31</dateofbirth></age>"
    "</generalpatientdata></patient><interpretations><interpretation><mdsignatureline>Erika"
    "</mdsignatureline></interpretation></interpretations>"
)
PRIVATE_AECG = (
    "<componentOf><timepointEvent><componentOf><subjectAssignment><subject><trialSubject>"
    '<id extension="PAT-4711"/><subjectDemographicPerson><name>Erika Mustermann</name>'
    '<birthTime value="19701231"/></subjectDemographicPerson></trialSubject></subject>'
    "</subjectAssignment></componentOf></timepointEvent></componentOf>"
)
MUSE_DOCTYPE = '<!DOCTYPE RestingECG SYSTEM "restecg.dtd">'


def waves(leads: int = 8, samples: int = 500, seed: int = 3) -> np.ndarray:
    """(leads, samples) int16 of slow waves with some noise, different in each lead."""
    rng = np.random.default_rng(seed)
    time = np.arange(samples) / 250
    slow = [300 * np.sin((lead + 2) * time + lead) for lead in range(leads)]
    return (np.array(slow) + rng.normal(0, 5, (leads, samples))).astype(np.int16)


def packed(values: np.ndarray) -> str:
    """Little-endian 16-bit integers as base64."""
    return base64.b64encode(np.asarray(values, dtype="<i2").tobytes()).decode()


def muse_lead(name: str, values: np.ndarray, **changed: str) -> str:
    """A LeadData element; `changed` replaces the text of its children, None leaves one out."""
    fields: dict[str, str | None] = {
        "LeadByteCountTotal": str(2 * len(values)),
        "LeadSampleCountTotal": str(len(values)),
        "LeadAmplitudeUnitsPerBit": "4.88",
        "LeadAmplitudeUnits": "MICROVOLTS",
        "LeadID": name,
        "LeadSampleSize": "2",
        "LeadOff": "FALSE",
        "LeadDataCRC32": str(zlib.crc32(np.asarray(values, dtype="<i2").tobytes())),
        "WaveFormData": packed(values),
    }
    fields.update(changed)
    inside = "".join(f"<{key}>{text}</{key}>" for key, text in fields.items() if text is not None)
    return f"<LeadData>{inside}</LeadData>"


def muse_xml(
    stored: np.ndarray | None = None,
    *,
    leads: Sequence[str] = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6"),
    rate: str = "500",
    exponent: str = "0",
    median: bool = True,
    beats: str = "",
    doctype: str = MUSE_DOCTYPE,
    changed: Mapping[str, str] | None = None,
) -> bytes:
    """A RestingECG; `changed` are fields of the second lead's LeadData in the rhythm."""
    stored = waves() if stored is None else stored
    blocks = [("Median", stored[:, :100] // 2)] if median else []
    text = ""
    for kind, values in [*blocks, ("Rhythm", stored)]:
        rows = [
            muse_lead(name, row, **(changed or {} if kind == "Rhythm" and place == 1 else {}))
            for place, (name, row) in enumerate(zip(leads, values, strict=True))
        ]
        text += (
            f"<Waveform><WaveformType>{kind}</WaveformType><SampleBase>{rate}</SampleBase>"
            f"<SampleExponent>{exponent}</SampleExponent>{''.join(rows)}</Waveform>"
        )
    start = '<?xml version="1.0" encoding="ISO-8859-1"?>'
    return f"{start}{doctype}<RestingECG>{PRIVATE_MUSE}{beats}{text}</RestingECG>".encode()


def aecg_sequence(lead: str, digits: str, scale: str = 'value="2.5" unit="uV"') -> str:
    """One lead of an HL7 aECG."""
    return (
        f'<component><sequence><code code="MDC_ECG_LEAD_{lead}"/><value xsi:type="SLIST_PQ">'
        f'<origin value="0" unit="uV"/><scale {scale}/><digits>{digits}</digits></value>'
        "</sequence></component>"
    )


def aecg_xml(
    stored: np.ndarray | None = None,
    *,
    leads: Sequence[str] = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6"),
    increment: str = '<increment value="0.002" unit="s"/>',
    sequences: str | None = None,
    derived: str = "",
    annotations: str = "",
    prolog: str = "",
) -> bytes:
    """An AnnotatedECG with one series that starts at 09:10:00 on 2002-11-22."""
    if sequences is None:
        rows = zip(leads, waves() if stored is None else stored, strict=True)
        sequences = "".join(aecg_sequence(lead, " ".join(map(str, row))) for lead, row in rows)
    times = (
        '<component><sequence><code code="TIME_ABSOLUTE"/><value xsi:type="GLIST_TS">'
        f'<head value="20021122091000.000"/>{increment}</value></sequence></component>'
    )
    series = (
        f'<component><series><code code="RHYTHM"/><component><sequenceSet>{times}{sequences}'
        f"</sequenceSet></component>{annotations}{derived}</series></component>"
    )
    root = '<AnnotatedECG xmlns="urn:hl7-org:v3" xmlns:xsi="urn:instance">'
    return f"{prolog}{root}{PRIVATE_AECG}{series}</AnnotatedECG>".encode()


def aecg_beat(code: str, low: str, high: str, time: str = "TIME_ABSOLUTE") -> str:
    """A beat whose QRS complex lies between two values of a boundary."""
    return (
        f'<component><annotation><code code="MDC_ECG_BEAT"/><value code="MDC_ECG_BEAT_{code}"/>'
        '<component><annotation><code code="MDC_ECG_WAVC"/><value code="MDC_ECG_WAVC_QRSWAVE"/>'
        f'<support><supportingROI><component><boundary><code code="{time}"/><value><low {low}/>'
        f"<high {high}/></value></boundary></component></supportingROI></support></annotation>"
        "</component></annotation></component>"
    )


def philips_xml(
    data: str,
    *,
    attributes: str = 'dataencoding="Base64" compression="XLI" leadlabels="I II III aVR aVL aVF '
    'V1 V2 V3 V4 V5 V6" numberofleads="12"',
    duration: str = "1000",
    rate: str = "500",
    resolution: str = "<resolution>5</resolution>",
    signal: str = "",
    after: str = "",
) -> bytes:
    """A restingecgdata of version 1.04 around the text of its parsedwaveforms."""
    return (
        '<?xml version="1.0"?><restingecgdata xmlns="http://www3.medical.philips.com">'
        f'{PRIVATE_PHILIPS}<dataacquisition date="2010-01-19" time="15:19:22">'
        f"<signalcharacteristics><samplingrate>{rate}</samplingrate>{resolution}{signal}"
        "</signalcharacteristics></dataacquisition><waveforms>"
        f'<parsedwaveforms durationperchannel="{duration}" {attributes}>{data}</parsedwaveforms>'
        f"{after}</waveforms></restingecgdata>"
    ).encode()


def xli(leads: Sequence[Sequence[int]], *, end_code: bool = False) -> bytes:
    """`leads` packed as Philips does, in the steps of the description, one value at a time."""
    data = b""
    for values in leads:
        errors = [2 * values[n - 1] - values[n - 2] - values[n] for n in range(2, len(values))]
        first = errors[0] if errors else 0
        codes = [values[0], values[1], *(error + 64 for error in errors[1:]), 64]
        high = bytes((code >> 8) & 255 for code in codes)
        low = bytes(code & 255 for code in codes)
        squeezed = lzw(high + low, end_code)
        data += len(squeezed).to_bytes(4, "little") + (1).to_bytes(2, "little")
        data += first.to_bytes(2, "little", signed=True) + squeezed
    return data


def lzw(data: bytes, end_code: bool) -> bytes:
    """Textbook LZW with 10-bit codes, of which the last one is kept for the end."""
    table = {bytes([value]): value for value in range(256)}
    bits, word = "", b""
    for value in data:
        longer = word + bytes([value])
        if longer in table:
            word = longer
            continue
        bits += f"{table[word]:010b}"
        if len(table) < 1023:
            table[longer] = len(table)
        word = bytes([value])
    bits += f"{table[word]:010b}" + ("1" * 10 if end_code else "")
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))


def philips_residuals(leads: np.ndarray) -> list[list[int]]:
    """Twelve leads as XLI stores them: four limb leads as what they differ from the others."""
    one, two, three, right, left, foot, *chest = [[int(v) for v in row] for row in leads]
    rows = zip(one, two, three, right, left, foot, strict=True)
    rest = [
        (b - a - c, -((a + b) // 2) - r, (a - c) // 2 - el, (b + c) // 2 - f)
        for a, b, c, r, el, f in rows
    ]
    return [one, two, *(list(column) for column in zip(*rest, strict=True)), *chest]
