"""HL7 aECG against its digits found by regular expressions, and against Einthoven."""

import re

import numpy as np
import pytest

from dashboard.data.readers import open_files, xml_strip
from dashboard.data.readers.limb_leads import STANDARD
from tests.data.readers.einthoven import law_errors, limb_leads
from tests.data.readers.xml_samples import aecg_beat, aecg_sequence, aecg_xml

AECG = ("aecg_xml/Example aECG.xml", "aecg_xml/hl7aecg_example.xml")
BOTH = pytest.mark.parametrize("kind", ["rhythm", "median"])


@pytest.fixture
def path(data_dir):
    return lambda name: data_dir / "ecg_formats" / name


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
    errors = law_errors(limb_leads(open_files([path(AECG[0])])))
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
        aecg_beat("UNHEARD_OF", 'value="20021122064000.9-0230"', 'value="20021122091001"'),
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


def test_long_lists_are_read_in_pieces(monkeypatch):
    values = np.random.default_rng(2).integers(-3000, 3000, 2000)
    rows = aecg_sequence("II", "\n ".join(map(str, values)))
    for piece in (1, 7, 1000):
        monkeypatch.setattr(xml_strip, "PIECE", piece)
        sample = open_files([("a.xml", aecg_xml(sequences=rows))])
        np.testing.assert_allclose(sample.array[0], values * 2.5e-3, rtol=1e-6)
