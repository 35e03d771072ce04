"""Everything that is wrong with an ECG in XML has its own sentence, and nothing else escapes."""

import base64

import numpy as np
import pytest

from dashboard.data.readers import (
    ChoiceNeeded,
    DamagedFile,
    UnknownFormat,
    UnreadableFile,
    UnsafeFile,
    open_files,
    xml_tree,
)
from dashboard.data.sample import Sample
from tests.data.readers.refusal import label, refused
from tests.data.readers.xml_samples import (
    aecg_xml,
    muse_xml,
    philips_residuals,
    philips_xml,
    waves,
    xli,
)

PACKED = xli(philips_residuals(waves(12, 500)))
COMPRESSED = base64.b64encode(PACKED).decode()
PHILIPS = philips_xml(COMPRESSED)
SOUND = {"m.xml": muse_xml(), "a.xml": aecg_xml(), "p.xml": PHILIPS}
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
CASES = 60


# XML itself


@pytest.mark.parametrize("name", SOUND)
@pytest.mark.parametrize("share", [0.3, 0.7, 0.999])
def test_a_file_cut_off_says_so(name, share):
    data = SOUND[name]
    message = refused(DamagedFile, data[: int(len(data) * share)], name=name)
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
    assert expected in refused(DamagedFile, data)


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
def test_a_document_type_of_its_own_isrefused(declared):
    used = b"&l9;" if "l9" in declared else b""
    for external in ("", 'SYSTEM "restecg.dtd" '):
        data = muse_xml(doctype=f"<!DOCTYPE RestingECG {external}[{declared}]>")
        message = refused(UnsafeFile, data.replace(b"<Waveform>", used + b"<Waveform>"))
        assert "declares a document type of its own (DTD)" in message


def test_what_a_document_type_names_is_never_opened(tmp_path, monkeypatch):
    (tmp_path / "restecg.dtd").write_text('<!ENTITY zero "0">')
    monkeypatch.chdir(tmp_path)
    message = refused(UnsafeFile, muse_xml(rate="50&zero;"))
    assert "uses the entity 'zero', which only another file could define" in message


def test_too_deep_nesting_isrefused():
    deep = b"<RestingECG>" + b"<a>" * 100_000 + b"</a>" * 100_000 + b"</RestingECG>"
    assert "nests elements more than 64 deep" in refused(UnsafeFile, deep)


def test_too_many_elements_or_attributes_arerefused():
    many = b"<RestingECG>" + b"<a/>" * 1_000_001 + b"</RestingECG>"
    assert "has 1,000,003 elements or attributes" in refused(UnsafeFile, many)
    names = b" ".join(b'a%d=""' % n for n in range(1_000_001))
    assert "elements or attributes" in refused(UnsafeFile, b"<RestingECG " + names + b"/>")


def test_too_many_bytes_arerefused(monkeypatch):
    monkeypatch.setattr(xml_tree, "MOST_BYTES", 1000)
    message = refused(UnsafeFile, SOUND["m.xml"])
    assert f"has {len(SOUND['m.xml']):,} bytes, at most 1,000 of XML are read" in message


@pytest.mark.parametrize("root", ["html", "svg", "ns:RestingEcg"])
def test_xml_of_another_kind(root):
    message = refused(UnknownFormat, f'<{root} xmlns:ns="y">a</{root}>'.encode())
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
    message = refused(DamagedFile, f"<{root}/>".encode())
    assert f"is {what} XML without waveforms" in message


# Sampling rates


@pytest.mark.parametrize(
    "data",
    [
        muse_xml(rate="0"),
        muse_xml(rate=""),
        muse_xml(rate="fast"),
        muse_xml(rate="1" * 100_000 + "x"),
        muse_xml(rate="9e999"),
        aecg_xml(increment='<increment value="0" unit="s"/>'),
        aecg_xml(increment=""),
        philips_xml(COMPRESSED, rate="0"),
        philips_xml(COMPRESSED, rate=""),
    ],
    ids=[
        "muse 0",
        "muse none",
        "muse word",
        "muse long",
        "muse huge",
        "aecg 0",
        "aecg none",
        "p 0",
        "p none",
    ],
)
def test_a_missing_sampling_rate_is_a_question(data):
    message = refused(ChoiceNeeded, data)
    assert "x.xml does not say its sampling rate in Hz" in message
    assert open_files([("x.xml", data)], {"rate_hz": "500"}).sampling_rate == 500.0


@pytest.mark.parametrize(
    "data",
    [
        muse_xml(rate="-500"),
        muse_xml(rate="500", exponent="300"),
        muse_xml(rate="1e9"),
        aecg_xml(increment='<increment value="-0.002" unit="s"/>'),
        aecg_xml(increment='<increment value="1e-300" unit="s"/>'),
        philips_xml(COMPRESSED, rate="-1"),
        philips_xml(COMPRESSED, rate="1e12"),
    ],
    ids=label,
)
def test_an_impossible_sampling_rate(data):
    assert "Hz: expected a positive number up to 1e+07" in refused(DamagedFile, data)


def test_a_sampling_interval_of_an_unknown_unit():
    data = aecg_xml(increment='<increment value="2" unit="fortnights"/>')
    assert "sampling interval in 'fortnights': expected s, ms or us" in refused(DamagedFile, data)


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
def test_files_damaged_at_random_are_read_orrefused(name, damage):
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
