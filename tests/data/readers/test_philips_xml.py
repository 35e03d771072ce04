"""Philips XML against a decoder bit by bit, another library and Einthoven."""

import base64
import re
import struct

import numpy as np
import pytest
import sierraecg

from dashboard.data.readers import open_files
from dashboard.data.readers.limb_leads import STANDARD
from tests.data.readers.einthoven import law_errors, limb_leads
from tests.data.readers.xml_samples import packed, philips_residuals, philips_xml, waves, xli

PHILIPS = ("philips_xml/129DYPRG.XML", "philips_xml/3191723_ZZDEMOPTONLY_1-04_orig.xml")


@pytest.fixture
def path(data_dir):
    return lambda name: data_dir / "ecg_formats" / name


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
    assert (
        max(law_errors(limb_leads(open_files([path(name)])))) <= 2.001 * 5e-3
    )  # two steps of 5 uV


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
        assert max(law_errors(limb_leads(sample))) < 1e-6


def test_a_calibration_pulse_is_left_out_but_a_common_last_value_is_not():
    leads = waves(12, 500)
    leads[:, 498:] = 1  # as near to Einthoven's law as rounding
    data = base64.b64encode(xli(philips_residuals(leads))).decode()
    assert open_files([("p.xml", philips_xml(data))]).shape == (500,)
    leads[:, 400:] = 0
    leads[:, 420:470] = 200
    data = base64.b64encode(xli(philips_residuals(leads))).decode()
    sample = open_files([("p.xml", philips_xml(data))])
    assert sample.shape == (400,)
    assert "Left out: 100 samples of calibration pulse at the end" in sample.notes
