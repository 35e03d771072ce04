"""What the three XML formats have in common: privacy, encodings, choices, the command line."""

import base64
import json

import pytest

from dashboard.__main__ import main
from dashboard.data.readers import ChoiceNeeded, open_files
from tests.data.readers.xml_samples import (
    SECRETS,
    aecg_xml,
    muse_xml,
    philips_residuals,
    philips_xml,
    waves,
    xli,
)


@pytest.fixture
def path(data_dir):
    return lambda name: data_dir / "ecg_formats" / name


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
        ("aecg_xml/Example aECG.xml", 12, 12),
        ("muse_xml/example1.xml", 8, 8),
        ("muse_xml/example2.xml", 10, 10),
        ("philips_xml/129DYPRG.XML", 6, 14),
        ("philips_xml/3191723_ZZDEMOPTONLY_1-04_orig.xml", 13, 15),
    ],
)
def test_the_command_line_finds_as_many_beats_as_the_recorder(path, name, low, high, capsys):
    assert main(["analyze", str(path(name)), "--lead", "II", "--json"]) == 0
    beats = json.loads(capsys.readouterr().out)["predictions"]["beats"]
    assert low <= len(beats) <= high
