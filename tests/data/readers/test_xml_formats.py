"""HL7 aECG, GE MUSE and Philips XML against decoders by hand, another library and Einthoven."""

import base64
import json
import re
import struct

import numpy as np
import pytest
import sierraecg

from dashboard.__main__ import main
from dashboard.data.readers import ChoiceNeeded, open_files
from dashboard.data.readers.limb_leads import STANDARD
from tests.data.readers.xml_samples import (
    SECRETS,
    aecg_beat,
    aecg_sequence,
    aecg_xml,
    muse_xml,
    packed,
    philips_residuals,
    philips_xml,
    waves,
    xli,
)

MUSE = ("muse_xml/example1.xml", "muse_xml/example2.xml")
AECG = ("aecg_xml/Example aECG.xml", "aecg_xml/hl7aecg_example.xml")
PHILIPS = ("philips_xml/129DYPRG.XML", "philips_xml/3191723_ZZDEMOPTONLY_1-04_orig.xml")
BOTH = pytest.mark.parametrize("kind", ["rhythm", "median"])


@pytest.fixture
def path(data_dir):
    return lambda name: data_dir / "ecg_formats" / name


def _limb(sample) -> dict[str, np.ndarray]:
    return {name: sample.array[sample.channels.index(name)].astype(float) for name in STANDARD[:6]}


def _law_errors(leads) -> list[float]:
    """The largest deviation, mV, from the laws of Einthoven and Goldberger."""
    one, two, three = leads["I"], leads["II"], leads["III"]
    laws = (
        two - one - three,
        leads["aVR"] + (one + two) / 2,
        leads["aVL"] - (one - three) / 2,
        leads["aVF"] - (two + three) / 2,
    )
    return [float(np.abs(law).max()) for law in laws]


# GE MUSE


def _muse_by_hand(text: str, kind: str) -> dict[str, np.ndarray]:
    """The leads of one waveform in mV, value by value."""
    block = next(b for b in text.split("<Waveform>")[1:] if f"<WaveformType>{kind.title()}" in b)
    leads = {}
    for lead in block.split("<LeadData>")[1:]:
        data = base64.b64decode(re.search(r"<WaveFormData>([^<]*)<", lead)[1])
        step = float(re.search(r"<LeadAmplitudeUnitsPerBit>([^<]*)<", lead)[1])
        values = [value * step / 1000 for (value,) in struct.iter_unpack("<h", data)]
        leads[re.search(r"<LeadID>([^<]*)<", lead)[1]] = np.array(values)
    return leads


@BOTH
@pytest.mark.parametrize("name", MUSE)
def test_muse_values_equal_the_base64_of_the_file(path, name, kind):
    expected = _muse_by_hand(path(name).read_text(encoding="latin-1"), kind)
    sample = open_files([path(name)], {"kind": kind})
    assert sample.channels == STANDARD
    assert sample.shape == ((5000,) if kind == "rhythm" else (600,))
    assert (sample.sampling_rate, set(sample.units)) == (500.0, {"mV"})
    assert list(expected) == ["I", "II", "V1", "V2", "V3", "V4", "V5", "V6"]
    for lead, values in expected.items():
        got = sample.array[sample.channels.index(lead)]
        np.testing.assert_allclose(got, values, rtol=1e-6, atol=1e-7)  # float32 of about 1 mV
    assert max(_law_errors(_limb(sample))) < 1e-6
    assert "Computed from I and II: III, aVR, aVL, aVF" in sample.notes


def test_muse_opens_the_rhythm_although_the_median_comes_first(path):
    sample = open_files([path(MUSE[0])])
    assert sample.extent == (10.0,)
    assert "Left out: median (kind=median opens it)" in sample.notes
    median = open_files([path(MUSE[0])], {"kind": "median"})
    assert "The recorder's median beat, not the rhythm" in median.notes
    assert (sample.annotations != (), median.annotations) == (True, ())
    with pytest.raises(ChoiceNeeded, match=r"has no block 'holter'.*\(median; rhythm\)"):
        open_files([path(MUSE[0])], {"kind": "Holter"})


@pytest.mark.parametrize(("name", "symbols"), [(MUSE[0], "N" * 8), (MUSE[1], "N" * 9 + "Q")])
def test_muse_beats_lie_at_the_largest_deflections(path, name, symbols):
    sample = open_files([path(name)])
    (marks,) = sample.annotations
    assert "".join(marks.symbols) == symbols
    lead = sample.array[1]
    for position in marks.positions:
        near = np.abs(lead[position - 60 : position + 60] - np.median(lead))
        assert abs(int(np.argmax(near)) - 60) <= 15  # the recorder marks about 20 ms later


def test_a_median_alone_is_opened():
    data = muse_xml(waves(2), leads=("I", "II"), median=False).replace(b">Rhythm<", b">Median<")
    sample = open_files([("m.xml", data)])
    assert sample.notes[0] == "The recorder's median beat, not the rhythm"


@pytest.mark.parametrize(
    ("step", "unit", "factor"),
    [("4.88", "MICROVOLTS", 4.88e-3), ("4,88", "uV", 4.88e-3), ("0.005", "MILLIVOLTS", 5e-3)],
)
def test_muse_scales_of_any_voltage(step, unit, factor):
    changed = {"LeadAmplitudeUnitsPerBit": step, "LeadAmplitudeUnits": unit}
    sample = open_files([("m.xml", muse_xml(changed=changed))])
    np.testing.assert_allclose(sample.array[1], waves()[1] * factor, rtol=1e-6)


def test_muse_rates_have_an_exponent():
    assert open_files([("m.xml", muse_xml(rate="25", exponent="1"))]).sampling_rate == 250.0


def test_a_checksum_that_does_not_fit_and_a_lost_electrode_are_noted():
    changed = {"LeadDataCRC32": "1", "LeadOff": "TRUE"}
    notes = open_files([("m.xml", muse_xml(changed=changed))]).notes
    assert "The checksum of lead 'II' does not fit its samples" in notes
    assert "Electrode off, says the recorder: 'II'" in notes
    assert not any("checksum" in note for note in open_files([("m.xml", muse_xml())]).notes)


# HL7 aECG


def _aecg_by_hand(text: str, kind: str) -> dict[str, np.ndarray]:
    """The leads before or after the derived series begins, by regular expressions."""
    before, _, after = text.partition("<derivedSeries>")
    part = before if kind == "rhythm" else after
    sequence = (
        r'MDC_ECG_LEAD_(\w+)"[^>]*>(?:</code>)?\s*<value[^>]*>.*?<origin value="0".*?'
        r'<scale value="([\d.]+)" unit="uV".*?<digits>([^<]*)<'
    )
    found = re.findall(sequence, re.sub(r"(?s)<!--.*?-->", "", part), re.DOTALL)
    return {
        lead: np.array([int(word) * float(step) / 1000 for word in digits.split()])
        for lead, step, digits in found
    }


@BOTH
@pytest.mark.parametrize("name", AECG)
def test_aecg_values_equal_the_digits_of_the_file(path, name, kind):
    expected = _aecg_by_hand(path(name).read_text(encoding="utf-8"), kind)
    sample = open_files([path(name)], {"kind": kind})
    assert sample.channels == STANDARD
    assert len(expected) == 12
    for lead, values in expected.items():
        got = sample.array[[c.upper() for c in sample.channels].index(lead)]
        np.testing.assert_allclose(got, values, rtol=1e-6, atol=1e-7)
    assert sample.sampling_rate == (500.0 if "Example" in name else 100.0)
    assert not any("Computed" in note for note in sample.notes)


def test_stored_limb_leads_of_a_real_aecg_follow_einthoven(path):
    errors = _law_errors(_limb(open_files([path(AECG[0])])))
    assert max(errors) <= 0.5001 * 2.5e-3  # whole steps of 2.5 uV, rounded


def test_the_smallest_aecg_is_read(path):
    sample = open_files([path("aecg_xml/minimum_aecg.xml")])
    assert (sample.channels, sample.shape, sample.annotations) == (("II",), (13,), ())
    assert sample.array[0, -1] == np.float32(-9 * 2.5e-3)
    assert sample.start_time == "2002-11-22 09:10:00"


def test_aecg_beats_lie_at_the_largest_deflections(path):
    sample = open_files([path(AECG[0])])
    (marks,) = sample.annotations
    assert marks.symbols == ("N",) * 12
    lead = sample.array[1]
    for position in marks.positions:
        near = np.abs(lead[position - 60 : position + 60] - np.median(lead))
        assert abs(int(np.argmax(near)) - 60) <= 15


def test_aecg_beats_are_placed_by_absolute_and_relative_times():
    beats = [
        aecg_beat("V_P_C", 'value="20021122091000.100"', 'value="20021122091000.200"'),
        aecg_beat("NORMAL", 'value="20021122101000.4+0100"', 'value="20021122101000.5+0100"'),
        aecg_beat("ATR_P_C", 'value="700" unit="ms"', 'value="0.8" unit="s"', "TIME_RELATIVE"),
        aecg_beat("UNHEARD_OF", 'value="20021122091000.9"', 'value="20021122091001"'),
        aecg_beat("NORMAL", 'value="20021122"', 'value="soon"'),
    ]
    sets = f"<subjectOf><annotationSet>{''.join(beats)}</annotationSet></subjectOf>"
    (marks,) = open_files([("a.xml", aecg_xml(annotations=sets))]).annotations
    assert marks.positions.tolist() == [75, 225, 375, 475]
    assert marks.symbols == ("V", "N", "A", "Q")


def test_the_first_reading_that_names_beats_is_taken():
    first = aecg_beat("NORMAL", 'value="20021122091000.1"', 'value="20021122091000.2"')
    sets = "".join(
        f"<subjectOf><annotationSet>{beats}</annotationSet></subjectOf>"
        for beats in ("", first, first + first)
    )
    (marks,) = open_files([("a.xml", aecg_xml(annotations=sets))]).annotations
    assert len(marks) == 1


def test_aecg_origin_and_scale_may_have_units_of_their_own():
    rows = aecg_sequence("X", "0 10 -10", 'value="2" unit="uV"')
    rows = rows.replace('<origin value="0" unit="uV"/>', '<origin value="1" unit="mV"/>')
    sample = open_files([("a.xml", aecg_xml(sequences=rows))])
    assert sample.channels == ("VX",)
    np.testing.assert_allclose(sample.array[0], [1, 1.02, 0.98], rtol=1e-6)


def test_sequence_sets_of_one_series_are_strips_to_choose_from():
    one, two = aecg_sequence("II", "1 2 3"), aecg_sequence("V5", "4 5 6 7")
    clock = '<component><sequence><code code="TIME_RELATIVE"/><value><increment value="4" '
    clock += 'unit="ms"/></value></sequence></component>'
    gap = f"</sequenceSet></component><component><sequenceSet>{clock}"
    data = [("a.xml", aecg_xml(sequences=one + gap + two))]
    assert open_files(data).channels == ("II",)
    second = open_files(data, {"kind": "rhythm 2"})
    assert (second.channels, second.shape, second.sampling_rate) == (("V5",), (4,), 250.0)


# Philips Sierra


def _lead_bit_by_bit(data: bytes) -> tuple[list[int], bytes]:
    """The first lead packed in `data`, and the rest: ten characters of bits at a time."""
    size, _, first = struct.unpack("<ihh", data[:8])
    bits = "".join(f"{byte:08b}" for byte in data[8 : 8 + size])
    table = {code: (code,) for code in range(256)}
    unpacked: list[int] = []
    last: tuple[int, ...] = ()
    for at in range(0, len(bits) - 9, 10):
        code = int(bits[at : at + 10], 2)
        if code == 1023:
            break
        word = table[code] if code in table else (*last, last[0])
        if last and len(table) < 1023:
            table[len(table)] = (*last, word[0])
        unpacked += word
        last = word
    half = len(unpacked) // 2
    codes = [
        (a << 8 | b) - (65536 if a > 127 else 0)
        for a, b in zip(unpacked[:half], unpacked[half:], strict=True)
    ]
    values, error = codes[:2], first
    for code in codes[2:]:
        values.append(2 * values[-1] - values[-2] - error)
        error = code - 64
    return values, data[8 + size :]


def _philips_by_hand(text: str) -> dict[str, np.ndarray]:
    """The leads in steps, limb leads put together as the description says."""
    data = base64.b64decode(re.search(r"<parsedwaveforms[^>]*>([^<]*)<", text)[1])
    leads = []
    for _ in STANDARD:
        values, data = _lead_bit_by_bit(data)
        leads.append(np.array(values))
    leads[2] = leads[1] - leads[0] - leads[2]
    leads[3] = -np.floor((leads[0] + leads[1]) / 2) - leads[3]
    leads[4] = np.floor((leads[0] - leads[2]) / 2) - leads[4]
    leads[5] = np.floor((leads[1] + leads[2]) / 2) - leads[5]
    return dict(zip(STANDARD, leads, strict=True))


@pytest.mark.parametrize(
    ("name", "encoding", "length"), [(PHILIPS[0], "utf-8", 5264), (PHILIPS[1], "utf-16", 5300)]
)
def test_philips_values_equal_a_decoder_that_goes_bit_by_bit(path, name, encoding, length):
    expected = _philips_by_hand(path(name).read_text(encoding=encoding))
    sample = open_files([path(name)])
    assert (sample.channels, sample.shape, sample.sampling_rate) == (STANDARD, (length,), 500.0)
    for lead, steps in expected.items():
        got = sample.array[sample.channels.index(lead)]
        np.testing.assert_allclose(got, steps[:length] * 0.005, rtol=1e-6, atol=1e-7)
        # What is left out is the pulse that shows 1 mV, the same in every lead.
        assert sorted(set(steps[length:] * 0.005)) == [0.0, 1.0]


@pytest.mark.parametrize("name", PHILIPS)
def test_philips_values_equal_those_of_sierraecg(path, name):
    sample = open_files([path(name)])
    for lead in sierraecg.read_file(str(path(name))).leads:
        got = sample.array[sample.channels.index(lead.label)] / 0.005
        np.testing.assert_allclose(got, lead.samples[: len(got)], rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize("name", PHILIPS)
def test_stored_limb_leads_of_real_philips_files_follow_einthoven(path, name):
    assert max(_law_errors(_limb(open_files([path(name)])))) <= 2.001 * 5e-3  # two steps of 5 uV


def test_philips_representative_beats_equal_their_base64(path):
    sample = open_files([path(PHILIPS[1])], {"kind": "median"})
    expected = sierraecg.read_file(str(path(PHILIPS[1])), include_repbeats=True).repbeats
    for lead, beat in expected.items():
        got = sample.array[sample.channels.index(lead)]
        np.testing.assert_allclose(got, beat.samples[: len(got)] * 2.5e-3, rtol=1e-6)
        assert (beat.samples[len(got) :] == 32767).all()
    assert sample.shape == (600,)


@pytest.mark.parametrize("end_code", [False, True])
def test_packed_leads_come_back(end_code):
    leads = waves(12, 500, seed=9)
    data = base64.b64encode(xli(philips_residuals(leads), end_code=end_code)).decode()
    sample = open_files([("p.xml", philips_xml(data))])
    assert sample.channels == STANDARD
    np.testing.assert_allclose(sample.array, leads * 0.005, rtol=1e-6, atol=1e-7)


def test_uncompressed_philips_leads_are_read_in_both_encodings():
    leads = waves(3, 500)
    labels = 'leadlabels="I II V1" numberofleads="3"'
    coded = philips_xml(packed(leads), attributes=f'dataencoding="Base64" {labels}')
    plain = philips_xml(
        "\n".join(" ".join(map(str, row)) for row in leads),
        attributes=f'dataencoding="Plain" compressflag="False" compressmethod="XLI" {labels}',
    )
    for data in (coded, plain):
        sample = open_files([("p.xml", data)])
        np.testing.assert_allclose(sample.array[[0, 1, 6]], leads * 0.005, rtol=1e-6, atol=1e-7)
        assert max(_law_errors(_limb(sample))) < 1e-6


# All of them

SMALL = {
    "m.xml": muse_xml(),
    "a.xml": aecg_xml(),
    "p.xml": philips_xml(base64.b64encode(xli(philips_residuals(waves(12, 500)))).decode()),
}


@pytest.mark.parametrize("name", SMALL)
def test_names_identifiers_and_birth_dates_go_nowhere(name):
    data = SMALL[name]
    assert sum(secret.encode() in data for secret in SECRETS) >= 3
    sample = open_files([(name, data)])
    assert not [secret for secret in SECRETS if secret in repr(sample)]


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_may_be_encoded_as_recorders_do(name, encoding):
    text = SMALL[name].decode()
    if encoding == "utf-16":
        text = text.replace('encoding="ISO-8859-1"', 'encoding="utf-16"')
    digest = open_files([(name, SMALL[name])]).digest
    assert open_files([(name, text.encode(encoding))]).digest == digest


def test_a_text_that_only_says_it_were_utf16_is_read():
    data = SMALL["m.xml"].replace(b"ISO-8859-1", b"utf-16")
    assert open_files([("m.xml", data)]).shape == (500,)


@pytest.mark.parametrize("name", SMALL)
def test_one_lead_can_be_asked_for(name):
    sample = open_files([(name, SMALL[name])], {"lead": "aVF"})
    assert (sample.channels, sample.array.shape) == (("aVF",), (1, 500))


def test_several_recordings_are_a_question_and_their_suffix_does_not_matter():
    files = [("a.xml", SMALL["a.xml"]), ("b.txt", SMALL["m.xml"])]
    with pytest.raises(ChoiceNeeded, match="2 recordings"):
        open_files(files)
    assert open_files(files, {"record": "b.txt"}).name == "b"


def test_an_xml_beside_a_header_is_not_a_part_of_its_record(plain_record, tmp_path):
    for name, data in [*plain_record(), ("r.xml", SMALL["m.xml"])]:
        (tmp_path / name).write_bytes(data)
    alone = open_files(plain_record())
    sample = open_files([tmp_path / "r.hea"])
    assert (sample.digest, sample.notes) == (alone.digest, alone.notes)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        (AECG[0], 12, 12),
        (MUSE[0], 8, 8),
        (MUSE[1], 10, 10),
        (PHILIPS[0], 6, 14),
        (PHILIPS[1], 13, 15),
    ],
)
def test_the_command_line_finds_as_many_beats_as_the_recorder(path, name, low, high, capsys):
    assert main(["analyze", str(path(name)), "--lead", "II", "--json"]) == 0
    beats = json.loads(capsys.readouterr().out)["predictions"]["beats"]
    assert low <= len(beats) <= high
