"""Everything that is wrong with an ECG in XML has its own sentence, and nothing else escapes."""

import base64
import time

import numpy as np
import pytest

from dashboard.data.readers import (
    ChoiceNeeded,
    DamagedFile,
    UnknownFormat,
    UnreadableFile,
    UnsafeFile,
    open_files,
    xml_strip,
    xml_tree,
)
from dashboard.data.sample import Sample
from tests.data.readers.xml_samples import (
    SECRETS,
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
PHILIPS = philips_xml(COMPRESSED)
SOUND = {"m.xml": muse_xml(), "a.xml": aecg_xml(), "p.xml": PHILIPS}
LABELS = 'leadlabels="I II V1" numberofleads="3"'
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
CASES = 60
SECONDS = 10  # all take under one; what grows with the square of the file takes minutes


def _label(value: object) -> str:
    """What a case is called: its short texts, not the bytes of a file."""
    return value if isinstance(value, str) and len(value) < 80 else ""


def _refused(
    kind: type[UnreadableFile], data: bytes, choices: dict | None = None, name: str = "x.xml"
) -> str:
    """The sentence with which `data` is refused, checked for its form; within seconds."""
    started = time.perf_counter()
    with pytest.raises(UnreadableFile) as caught:
        open_files([(name, data)], choices)
    message = str(caught.value)
    assert time.perf_counter() - started < SECONDS
    assert type(caught.value) is kind, message
    assert len(message) <= 400
    assert not [secret for secret in SECRETS if secret in message]
    return message


# XML itself


@pytest.mark.parametrize("name", SOUND)
@pytest.mark.parametrize("share", [0.3, 0.7, 0.999])
def test_a_file_cut_off_says_so(name, share):
    data = SOUND[name]
    message = _refused(DamagedFile, data[: int(len(data) * share)], name=name)
    assert f"{name} ends in the middle (line 1), before its last element is closed" in message


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"<RestingECG><a></b></RestingECG>", "not well-formed XML (line 1, mismatched tag)"),
        (b"<RestingECG>\n\0</RestingECG>", "(line 2, not well-formed (invalid token))"),
        (b"<RestingECG/><more/>", "junk after document element"),
        (b"<RestingECG>&zero;</RestingECG>", "undefined entity"),
        (b'<?xml version="1.0" encoding="klingon"?><RestingECG/>', "encoding that does not exist"),
        (b"not XML at all", "not well-formed XML (line 1, syntax error)"),
    ],
)
def test_what_is_no_xml_says_where(data, expected):
    assert expected in _refused(DamagedFile, data)


@pytest.mark.parametrize(
    "declared",
    [
        f'<!ENTITY l0 "ha">{LAUGHS}',
        f'<!ENTITY big "{"x" * 100_000}">',
        '<!ENTITY secret SYSTEM "file:///etc/passwd">',
        '<!ENTITY secret SYSTEM "http://127.0.0.1:9/x">',
        '<!ENTITY % outside SYSTEM "http://127.0.0.1:9/x"> %outside;',
        "<!ATTLIST RestingECG a CDATA 'b'>",
    ],
    ids=["laughs", "quadratic", "file", "address", "parameter", "attributes"],
)
def test_a_document_type_of_its_own_is_refused(declared):
    used = b"&l9;" if "l9" in declared else b""
    for external in ("", 'SYSTEM "restecg.dtd" '):
        data = muse_xml(doctype=f"<!DOCTYPE RestingECG {external}[{declared}]>")
        message = _refused(UnsafeFile, data.replace(b"<Waveform>", used + b"<Waveform>"))
        assert "declares a document type of its own (DTD)" in message


def test_what_a_document_type_names_is_never_opened(tmp_path, monkeypatch):
    (tmp_path / "restecg.dtd").write_text('<!ENTITY zero "0">')
    monkeypatch.chdir(tmp_path)
    message = _refused(UnsafeFile, muse_xml(rate="50&zero;"))
    assert "uses the entity 'zero', which only another file could define" in message


def test_too_deep_nesting_is_refused():
    deep = b"<RestingECG>" + b"<a>" * 100_000 + b"</a>" * 100_000 + b"</RestingECG>"
    assert "nests elements more than 64 deep" in _refused(UnsafeFile, deep)


def test_too_many_elements_or_attributes_are_refused():
    many = b"<RestingECG>" + b"<a/>" * 1_000_001 + b"</RestingECG>"
    assert "has 1,000,003 elements or attributes" in _refused(UnsafeFile, many)
    names = b" ".join(b'a%d=""' % n for n in range(1_000_001))
    assert "elements or attributes" in _refused(UnsafeFile, b"<RestingECG " + names + b"/>")


def test_too_many_bytes_are_refused(monkeypatch):
    monkeypatch.setattr(xml_tree, "MOST_BYTES", 1000)
    message = _refused(UnsafeFile, SOUND["m.xml"])
    assert f"has {len(SOUND['m.xml']):,} bytes, at most 1,000 of XML are read" in message


@pytest.mark.parametrize("root", ["html", "svg", "ns:RestingEcg"])
def test_xml_of_another_kind(root):
    message = _refused(UnknownFormat, f'<{root} xmlns:ns="y">a</{root}>'.encode())
    assert f"its outermost element is '{root.rpartition(':')[2]}', expected one of" in message


@pytest.mark.parametrize(
    ("root", "what"),
    [
        ("RestingECG", "GE MUSE"),
        ("AnnotatedECG", "HL7 aECG"),
        ("restingecgdata", "Philips Sierra"),
    ],
)
def test_a_report_without_waveforms(root, what):
    message = _refused(DamagedFile, f"<{root}/>".encode())
    assert f"is {what} XML without waveforms" in message


# Sampling rates


@pytest.mark.parametrize(
    "data",
    [
        muse_xml(rate="0"),
        muse_xml(rate=""),
        muse_xml(rate="fast"),
        muse_xml(rate="1" * 100_000 + "x"),
        aecg_xml(increment='<increment value="0" unit="s"/>'),
        aecg_xml(increment=""),
        philips_xml(COMPRESSED, rate="0"),
        philips_xml(COMPRESSED, rate=""),
    ],
    ids=["muse 0", "muse none", "muse word", "muse long", "aecg 0", "aecg none", "p 0", "p none"],
)
def test_a_missing_sampling_rate_is_a_question(data):
    message = _refused(ChoiceNeeded, data)
    assert "x.xml does not say its sampling rate in Hz" in message
    assert open_files([("x.xml", data)], {"rate_hz": "500"}).sampling_rate == 500.0


@pytest.mark.parametrize(
    "data",
    [
        muse_xml(rate="-500"),
        muse_xml(rate="500", exponent="300"),
        muse_xml(rate="9e999"),
        aecg_xml(increment='<increment value="-0.002" unit="s"/>'),
        aecg_xml(increment='<increment value="1e-300" unit="s"/>'),
        philips_xml(COMPRESSED, rate="-1"),
        philips_xml(COMPRESSED, rate="1e12"),
    ],
    ids=_label,
)
def test_an_impossible_sampling_rate(data):
    assert "Hz: expected a positive number up to 1e+07" in _refused(DamagedFile, data)


def test_a_sampling_interval_of_an_unknown_unit():
    data = aecg_xml(increment='<increment value="2" unit="fortnights"/>')
    assert "sampling interval in 'fortnights': expected s, ms or us" in _refused(DamagedFile, data)


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
    ids=_label,
)
def test_a_muse_lead_that_cannot_be(changed, kind, expected):
    data = muse_xml(changed=changed)
    if expected is None:  # no count at all: what is there is read
        assert open_files([("x.xml", data)]).shape == (500,)
    else:
        assert expected in _refused(kind, data)


def test_a_muse_waveform_without_leads():
    data = b"<RestingECG><Waveform><SampleBase>500</SampleBase></Waveform></RestingECG>"
    assert "x.xml holds no leads" in _refused(DamagedFile, data)


def test_too_many_leads_and_strips_are_refused(monkeypatch):
    monkeypatch.setattr(xml_strip, "MOST_LEADS", 7)
    for data in (muse_xml(), aecg_xml()):
        assert "x.xml holds 8 leads in one strip, at most 7" in _refused(UnsafeFile, data)
    monkeypatch.undo()
    many = b"<Waveform/>" * 90_000
    strips = b"<RestingECG>" + many + b"</RestingECG>"
    assert "x.xml holds over 200 strips" in _refused(UnsafeFile, strips)
    leads = b"<RestingECG><Waveform><SampleBase>500</SampleBase>" + b"<LeadData/>" * 90_000
    message = _refused(UnsafeFile, leads + b"</Waveform></RestingECG>")
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
    ids=_label,
)
def test_an_aecg_lead_that_cannot_be(sequence, kind, expected):
    data = aecg_xml(sequences=sequence)
    if sequence == "":
        data = data.replace(b"<digits>", b"<digit>")
    assert expected in _refused(kind, data)


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
        (philips_xml(COMPRESSED, duration="1e999"), UnsafeFile, "at most"),
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
    ids=_label,
)
def test_a_philips_waveform_that_cannot_be(data, kind, expected):
    assert expected in _refused(kind, data)


def test_codes_that_no_packer_writes_end_a_lead():
    body = bytes(int(bits, 2) for bits in ("01001011", "00000000"))  # a code before its string
    lead = (2).to_bytes(4, "little") + bytes(4) + body
    message = _refused(DamagedFile, philips_xml(base64.b64encode(lead * 12).decode()))
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
    message = _refused(DamagedFile, data, {"kind": "median"})
    assert "The representative beat of 'I' in x.xml is not whole base64 text" in message


# At random


def _cut(data: bytes, rng: np.random.Generator) -> bytes:
    start = rng.integers(0, len(data))
    return data[:start] + data[start + rng.integers(1, 40) :]


def _flip(data: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(data)
    for place in rng.integers(0, len(data), size=3):
        changed[place] = rng.integers(32, 127)
    return bytes(changed)


def _renumber(data: bytes, rng: np.random.Generator) -> bytes:
    """Some digits changed: a file that is well-formed and wrong."""
    changed = bytearray(data)
    digits = [place for place, byte in enumerate(data) if chr(byte).isdigit()]
    for place in rng.choice(digits, size=10):
        changed[place] = rng.integers(ord("0"), ord("9") + 1)
    return bytes(changed)


@pytest.mark.parametrize("damage", [_cut, _flip, _renumber], ids=["cut", "flipped", "renumbered"])
@pytest.mark.parametrize("name", SOUND)
def test_files_damaged_at_random_are_read_or_refused(name, damage):
    rng = np.random.default_rng(5)
    outcomes = set()
    for _ in range(CASES):
        try:
            sample = open_files([(name, damage(SOUND[name], rng))], {"rate_hz": "500"})
        except UnreadableFile as error:
            outcomes.add(str(error))
        else:
            assert isinstance(sample, Sample)
            assert not np.isinf(sample.array).any()
    assert all(0 < len(message) <= 400 for message in outcomes)
