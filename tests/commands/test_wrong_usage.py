"""Wrong usage of the command line: exit status 2 and one line that says what to do."""

import subprocess
import sys

import pytest

from dashboard.__main__ import VERBS, main
from dashboard.commands import options
from dashboard.commands.usage import UsageError


def refused(argv, capsys) -> str:
    """The one line on stderr of a command that must be refused, with nothing on stdout."""
    assert main(argv) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1, told.err
    return told.err


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["analyse", "x"], "did you mean 'analyze'"),
        (["frobnicate"], "expected one of app, open, models"),
        (["README.md"], "expected a verb"),
        (["analyze"], "required: FILE"),
        (["analyze", "no-such-file.hea"], "no-such-file.hea, expected an existing file"),
        (["analyze", "physionet:mitdb/../100"], "names no record of PhysioNet"),
        (["analyze", "--frob", "x"], "see python -m dashboard analyze --help"),
        (["open", "no-such-file.hea"], "expected an existing file or folder"),
        (["trace", "README.md", "--model", "lenet5"], "required: --out"),
        (["trace", "README.md", "--out", "x.npz"], "required: --model"),
        (["evaluate", "ecg-beats"], "required: --data"),
        (["evaluate", "ecg-beats", "--data", "no-such-folder"], "expected an existing folder"),
        (["train", "ecg-beats", "--data", "tests"], "required: --out"),
        (["train", "ecg-beats", "--data", "tests", "--out", "x.pth"], "ends in .safetensors"),
        (["train", "x", "--data", "tests", "--out", "x.safetensors", "--epochs", "0"], "1 or more"),
        (["train", "x", "--data", "tests", "--out", "x.safetensors", "--epochs", "two"], "two"),
        (["bench", "nope"], "expected some of dense, ecg-24h"),
        (["app", "--port", "0"], "expected a number from 1 to 65535"),
        (["--port", "many"], "invalid int value"),
        (["app", "--host", "no.such.host.invalid"], "expected an address of this machine"),
        (["app", "--plugin", "no-such.py"], "expected an existing file"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_said_in_one_line(argv, expected, capsys, root, monkeypatch):
    monkeypatch.chdir(root)
    assert expected in refused(argv, capsys)


def test_files_of_no_known_format_are_refused_in_the_readers_words(capsys, tmp_path):
    unknown = tmp_path / "notes.xyz"
    unknown.write_bytes(b"\x00\x01nothing known")
    assert "notes.xyz" in refused(["analyze", str(unknown)], capsys)


def test_an_unknown_network_gets_near_names(capsys, tmp_path):
    out = str(tmp_path / "x.safetensors")
    line = refused(["train", "ecg-betas", "--data", str(tmp_path), "--out", out], capsys)
    assert "ecg-beats" in line


def test_a_network_without_a_recipe_gets_the_list_of_those_with_one(capsys, tmp_path):
    line = refused(["evaluate", "resnet152", "--data", str(tmp_path)], capsys)
    assert "expected a network with a recipe" in line


def test_a_folder_without_the_data_set_is_refused(capsys, tmp_path):
    refused(["evaluate", "lenet5-mnist", "--data", str(tmp_path)], capsys)


def test_a_device_this_machine_lacks_is_refused(capsys, tmp_path):
    argv = ["evaluate", "lenet5-mnist", "--data", str(tmp_path), "--device", "cuda:99"]
    assert "cuda:99" in refused(argv, capsys)


@pytest.mark.parametrize("pair", ["rate_hz", "=250", "rate_hz=", ""])
def test_a_choice_needs_a_key_and_a_value(pair):
    with pytest.raises(UsageError, match="KEY=VALUE"):
        options.parse_choices([pair])


def test_a_choice_may_hold_an_equals_sign():
    assert options.parse_choices(["series=a=b", "frame=2"]) == {"series": "a=b", "frame": "2"}


@pytest.mark.parametrize("verb", [verb.name for verb in VERBS])
def test_every_verb_explains_itself(verb, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([verb, "--help"])
    assert stopped.value.code == 0
    assert "usage: python -m dashboard" in capsys.readouterr().out


def test_the_overview_lists_every_verb(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(verb.name in shown and verb.help in shown for verb in VERBS)


def test_help_and_wrong_usage_do_not_load_torch(root):
    script = (
        "import sys; from dashboard.__main__ import main\n"
        "main(['analyze', 'no-such-file'])\n"
        "try: main(['analyze', '--help'])\n"
        "except SystemExit: pass\n"
        "print('torch' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, timeout=60
    )
    assert ran.stdout.splitlines()[-1] == "False", ran.stderr
