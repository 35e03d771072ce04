"""Leads in XML that contradict themselves: each fault has its own sentence."""

import base64

import pytest

from dashboard.data.readers import (
    DamagedFile,
    UnknownFormat,
    UnsafeFile,
    open_files,
    xml_strip,
)
from tests.data.readers.refusal import label, refused
from tests.data.readers.xml_samples import (
    aecg_sequence,
    aecg_xml,
    muse_xml,
    packed,
    philips_residuals,
    philips_xml,
    waves,
    xli,
)

PACKED = xli(philips_residuals(waves(12, 500)))
COMPRESSED = base64.b64encode(PACKED).decode()
LABELS = 'leadlabels="I II V1" numberofleads="3"'


# GE MUSE


@pytest.mark.parametrize(
    ("changed", "kind", "expected"),
    [
        ({"WaveFormData": "AAA"}, DamagedFile, "Lead 'II' of x.xml is not whole base64 text (3 "),
        ({"WaveFormData": "AA*A"}, DamagedFile, "is not whole base64 text (4 characters)"),
        (
            {"WaveFormData": packed(waves()[1][:-1])},
            DamagedFile,
            "declares 1,000 bytes, but holds 998",
        ),
        (
            {"WaveFormData": packed(waves()[1][:-1]), "LeadByteCountTotal": "998"},
            DamagedFile,
            "declares 500 samples, but holds 499",
        ),
        ({"LeadSampleCountTotal": "99999999999"}, DamagedFile, "declares 99,999,999,999 samples"),
        ({"LeadSampleCountTotal": "9" * 5000}, DamagedFile, None),
        ({"LeadSampleCountTotal": "-1"}, DamagedFile, "declares -1 samples"),
        ({"LeadSampleSize": "3"}, UnknownFormat, "has samples of 3 bytes: expected 1, 2 or 4"),
        ({"LeadSampleSize": "1"}, DamagedFile, "declares 500 samples, but holds 1,000"),
        ({"LeadAmplitudeUnitsPerBit": "0"}, DamagedFile, "Lead 'II' of x.xml has no scale"),
        ({"LeadAmplitudeUnitsPerBit": "-4.88"}, DamagedFile, "has no scale"),
        ({"LeadAmplitudeUnitsPerBit": None}, DamagedFile, "no scale (LeadAmplitudeUnitsPerBit 0"),
        ({"LeadAmplitudeUnits": None}, DamagedFile, "LeadAmplitudeUnits ''): expected a number"),
        ({"LeadAmplitudeUnits": "FURLONGS"}, DamagedFile, "LeadAmplitudeUnits 'FURLONGS')"),
        (
            {
                "WaveFormData": packed(waves()[1][:-1]),
                "LeadByteCountTotal": None,
                "LeadSampleCountTotal": None,
            },
            DamagedFile,
            "x.xml has leads of 499 to 500 samples in one strip",
        ),
        (
            {"WaveFormData": "", "LeadByteCountTotal": "0", "LeadSampleCountTotal": "0"},
            DamagedFile,
            "x.xml has leads of 0 to 500 samples",
        ),
    ],
    ids=label,
)
def test_a_muse_lead_that_cannot_be(changed, kind, expected):
    data = muse_xml(changed=changed)
    if expected is None:  # no count at all: what is there is read
        assert open_files([("x.xml", data)]).shape == (500,)
    else:
        assert expected in refused(kind, data)


def test_a_muse_waveform_without_leads():
    data = b"<RestingECG><Waveform><SampleBase>500</SampleBase></Waveform></RestingECG>"
    assert "x.xml holds no leads" in refused(DamagedFile, data)


def test_too_many_leads_and_strips_arerefused(monkeypatch):
    monkeypatch.setattr(xml_strip, "MOST_LEADS", 7)
    for data in (muse_xml(), aecg_xml()):
        assert "x.xml holds 8 leads in one strip, at most 7" in refused(UnsafeFile, data)
    monkeypatch.undo()
    many = b"<Waveform/>" * 90_000
    strips = b"<RestingECG>" + many + b"</RestingECG>"
    assert "x.xml holds over 200 strips" in refused(UnsafeFile, strips)
    leads = b"<RestingECG><Waveform><SampleBase>500</SampleBase>" + b"<LeadData/>" * 90_000
    message = refused(UnsafeFile, leads + b"</Waveform></RestingECG>")
    assert "x.xml holds 90,000 leads in one strip" in message


# HL7 aECG


@pytest.mark.parametrize(
    ("sequence", "kind", "expected"),
    [
        (aecg_sequence("II", "1 2 x 4"), DamagedFile, "has text among its numbers"),
        (aecg_sequence("II", "1-2"), DamagedFile, "Lead 'MDC_ECG_LEAD_II' of x.xml has text"),
        (aecg_sequence("II", ""), DamagedFile, "x.xml holds no samples"),
        (aecg_sequence("II", "1 2", 'value="0" unit="uV"'), DamagedFile, "no scale (value 0, unit"),
        (aecg_sequence("II", "1 2", ""), DamagedFile, "has no scale (value 0, unit ''): expected"),
        (aecg_sequence("II", "1 2", 'value="1" unit="mmHg"'), DamagedFile, "unit 'mmHg'): expect"),
        (
            aecg_sequence("II", "1 2").replace("SLIST_PQ", "GLIST_PQ"),
            UnknownFormat,
            "is stored as 'GLIST_PQ': expected SLIST_PQ",
        ),
        (
            aecg_sequence("I", "1 2 3") + aecg_sequence("II", "1 2"),
            DamagedFile,
            "leads of 2 to 3 samples",
        ),
        ("", DamagedFile, "x.xml holds no leads"),
    ],
    ids=label,
)
def test_an_aecg_lead_that_cannot_be(sequence, kind, expected):
    data = aecg_xml(sequences=sequence)
    if sequence == "":
        data = data.replace(b"<digits>", b"<digit>")
    assert expected in refused(kind, data)


# Philips Sierra


def _repacked(change) -> str:
    data = bytearray(PACKED)
    change(data)
    return base64.b64encode(bytes(data)).decode()


def _first_size(size: int) -> str:
    return _repacked(lambda data: data.__setitem__(slice(0, 4), size.to_bytes(4, "little")))


PLAIN = f'dataencoding="Base64" {LABELS}'


@pytest.mark.parametrize(
    ("data", "kind", "expected"),
    [
        (philips_xml(COMPRESSED[:-3]), DamagedFile, "is not whole base64 text"),
        (
            philips_xml(base64.b64encode(PACKED[:-40]).decode()),
            DamagedFile,
            "says that lead 12 has",
        ),
        (
            philips_xml(base64.b64encode(PACKED[:6]).decode()),
            DamagedFile,
            "x.xml holds 0 compressed leads, expected 12",
        ),
        (philips_xml(_first_size(2**31 - 1)), DamagedFile, "says that lead 1 has 2,147,483,647"),
        (philips_xml(_first_size(0)), DamagedFile, "says that lead 1 has 0 compressed bytes"),
        (philips_xml(_first_size(50)), DamagedFile, "declares 500 samples, but lead 1 unpacks to"),
        (philips_xml(COMPRESSED, duration="1100"), DamagedFile, "declares 550 samples, but lead 1"),
        (philips_xml(COMPRESSED, duration="9" * 11), UnsafeFile, "at most"),
        (philips_xml(COMPRESSED, duration="700000"), UnsafeFile, "at most 4,000,000 values are un"),
        (philips_xml(COMPRESSED, duration="1e999"), DamagedFile, "(durationperchannel '1e999')"),
        (philips_xml(COMPRESSED, duration="0"), DamagedFile, "how long its leads are"),
        (philips_xml(COMPRESSED, duration="long"), DamagedFile, "(durationperchannel 'long')"),
        (philips_xml(COMPRESSED, duration="-5"), DamagedFile, "(durationperchannel '-5')"),
        (philips_xml(COMPRESSED, resolution=""), DamagedFile, "x.xml has no scale (resolution 0)"),
        (
            philips_xml(COMPRESSED, resolution="<resolution>-5</resolution>"),
            DamagedFile,
            "no scale (resolution -5): expected the microvolts of one step",
        ),
        (
            philips_xml(COMPRESSED, attributes='dataencoding="Base64" compression="ZIP" ' + LABELS),
            UnknownFormat,
            "is encoded as 'base64' and compressed as 'zip'",
        ),
        (philips_xml("", attributes=LABELS), UnknownFormat, "is encoded as '' and"),
        (
            philips_xml(packed(waves(3, 499)), attributes=PLAIN),
            DamagedFile,
            "declares 500 samples of 3 leads, but holds 1,497 values",
        ),
        (
            philips_xml("AAAA", attributes=PLAIN),
            DamagedFile,
            "has 3 bytes of 16-bit samples: expected whole samples",
        ),
        (
            philips_xml("AAAA", attributes=PLAIN + ' bitspersample="12"'),
            DamagedFile,
            "of 12-bit samples: expected whole samples of 16 bits",
        ),
        (
            philips_xml("1 2 three", attributes=f'dataencoding="Plain" {LABELS}'),
            DamagedFile,
            "has text among its numbers",
        ),
        (
            philips_xml("", attributes='dataencoding="Base64" leadlabels="I" numberofleads="9"'),
            DamagedFile,
            "declares 9 leads and names 1",
        ),
        (
            philips_xml("", attributes='dataencoding="Base64"'),
            DamagedFile,
            "declares 0 leads and names 0: expected 1 to 64",
        ),
        (
            philips_xml(
                "",
                attributes='dataencoding="Base64"',
                signal="<numberchannelsallocated>1e9</numberchannelsallocated>",
            ),
            DamagedFile,
            "declares 1e+09 leads",
        ),
    ],
    ids=label,
)
def test_a_philips_waveform_that_cannot_be(data, kind, expected):
    assert expected in refused(kind, data)


def test_codes_that_no_packer_writes_end_a_lead():
    body = bytes(int(bits, 2) for bits in ("01001011", "00000000"))  # a code before its string
    lead = (2).to_bytes(4, "little") + bytes(4) + body
    message = refused(DamagedFile, philips_xml(base64.b64encode(lead * 12).decode()))
    assert "lead 1 unpacks to 0" in message


def test_packed_leads_cannot_multiply_their_bytes_without_end():
    # One long run of one byte: each code stands for a string one longer than the last.
    bits = "".join(f"{code:010b}" for code in (0, *range(256, 1023), *([1022] * 20_000)))
    body = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits) - 7, 8))
    lead = len(body).to_bytes(4, "little") + bytes(4) + body
    data = base64.b64encode(lead * 12).decode()
    assert open_files([("x.xml", philips_xml(data))]).shape == (500,)


def test_a_representative_beat_without_its_numbers():
    beat = '<repbeats dataencoding="Base64"><repbeat leadname="I"><waveform>A</waveform>'
    data = philips_xml(COMPRESSED, after=f"{beat}</repbeat></repbeats>")
    message = refused(DamagedFile, data, {"kind": "median"})
    assert "The representative beat of 'I' in x.xml is not whole base64 text" in message
