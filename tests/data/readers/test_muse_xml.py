"""GE MUSE XML against its base64 read value by value, and against Einthoven."""

import base64
import re
import struct

import numpy as np
import pytest

from dashboard.data.readers import ChoiceNeeded, open_files
from dashboard.data.readers.limb_leads import STANDARD
from tests.data.readers.einthoven import law_errors, limb_leads
from tests.data.readers.xml_samples import muse_xml, waves

MUSE = ("muse_xml/example1.xml", "muse_xml/example2.xml")
BOTH = pytest.mark.parametrize("kind", ["rhythm", "median"])


@pytest.fixture
def path(data_dir):
    return lambda name: data_dir / "ecg_formats" / name


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
    assert max(law_errors(limb_leads(sample))) < 1e-6
    assert "Computed from I and II: III, aVR, aVL, aVF" in sample.notes


def test_muse_opens_the_rhythm_although_the_median_comes_first(path):
    sample = open_files([path(MUSE[0])])
    assert sample.extent == (10.0,)
    assert "Left out: median (--choose kind=median opens it)" in sample.notes
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
