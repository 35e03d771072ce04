"""What the verbs print and write, against the fixed schema and against the functions they call."""

import json
import subprocess
import sys

import numpy as np
import pytest
import wfdb

from dashboard.__main__ import INTERRUPTED, main
from dashboard.commands import open_app, options
from dashboard.data.builtin import BUILTIN
from dashboard.data.prepare import prepare
from dashboard.data.readers import open_files
from dashboard.data.synthetic import synthetic_ecg
from dashboard.data.writers.wfdb_files import record_zip
from dashboard.recipes import RECIPES, Recipe
from models import registry
from models.probes.trace import trace
from models.records import Step


@pytest.fixture(scope="module")
def ecg_zip(tmp_path_factory):
    """A minute of the synthetic record at 250 Hz, without its annotations, as a WFDB zip."""
    path = tmp_path_factory.mktemp("ecg") / "minute.zip"
    path.write_bytes(record_zip(synthetic_ecg(60.0, 250.0), "minute"))
    return str(path)


@pytest.fixture(scope="module")
def digit_png(tmp_path_factory):
    """The built-in digit 5 as it is downloaded."""
    row = next(row for row in BUILTIN if row.key == "digit")
    name, data, _ = row.files()[0]
    path = tmp_path_factory.mktemp("digit") / name
    path.write_bytes(data)
    return str(path)


def document_of(argv, capsys):
    """The one JSON document a successful command prints."""
    assert main(argv) == 0
    return json.loads(capsys.readouterr().out)


def test_models_lists_every_network_with_the_fixed_keys(capsys):
    entries = document_of(["models", "--json"], capsys)
    assert [entry["name"] for entry in entries] == registry.names()
    for entry in entries:
        assert {
            "name",
            "family",
            "task",
            "dims",
            "parameters",
            "input",
            "classes",
            "weights",
            "metrics",
        } <= set(entry)
        assert list(entry["parameters"]) == [str(dim) for dim in entry["dims"]]
        assert {"shipped", "url", "sha256", "license", "trained_on"} <= set(entry["weights"])


@pytest.mark.parametrize(("name", "dim"), [("lenet5-mnist", 2), ("ecg-beats", 1), ("resnet20", 3)])
def test_counted_parameters_are_those_of_a_built_network(name, dim, capsys):
    entry = next(e for e in document_of(["models", "--json"], capsys) if e["name"] == name)
    built = registry.create(name, dim=dim)
    assert entry["parameters"][str(dim)] == sum(p.numel() for p in built.parameters())


def test_an_ecg_gets_its_beats_in_the_files_own_sampling(ecg_zip, capsys):
    told = document_of(["analyze", ecg_zip, "--json"], capsys)
    assert told["model"] == "ecg-beats"
    assert told["sample"]["kind"] == "ecg"
    assert told["sample"]["shape"] == [15000]
    assert told["sample"]["axis_unit"] == "s"
    assert told["sample"]["value_unit"] == "mV"
    assert told["predictions"]["lead"] == "II"
    assert set(told["seconds"]) == {"read", "prepare", "predict"}
    beats = told["predictions"]["beats"]
    found = np.array([beat["sample"] for beat in beats])
    reference = synthetic_ecg(60.0, 250.0).annotations[0].positions
    nearest = np.abs(found[:, None] - reference).min(axis=0)
    assert np.mean(nearest <= 0.15 * 250) >= 0.95
    for beat in beats:
        assert beat["label"] in "NSVFQ"
        assert beat["time_s"] == pytest.approx(beat["sample"] / 250, abs=1e-3)
        assert 0 <= beat["score"] <= 1
        assert sum(beat["probabilities"].values()) == pytest.approx(1, abs=1e-3)


def test_another_lead_can_be_named(ecg_zip, capsys):
    told = document_of(["analyze", ecg_zip, "--json", "--lead", "v5"], capsys)
    assert told["predictions"]["lead"] == "V5"
    assert main(["analyze", ecg_zip, "--lead", "V9"]) == 2
    assert "expected one of the channels I, II" in capsys.readouterr().err


def test_a_picture_of_a_digit_is_named(digit_png, capsys):
    told = document_of(["analyze", digit_png, "--json"], capsys)
    assert told["model"] == "lenet5-mnist"
    assert told["sample"]["kind"] == "image"
    classes = told["predictions"]["classes"]
    shares = [row["probability"] for row in classes]
    assert classes[0]["name"] == "5"
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1, abs=1e-5)


def test_without_json_a_few_lines_tell_the_answer(digit_png, capsys):
    assert main(["analyze", digit_png]) == 0
    assert "5: " in capsys.readouterr().out


def test_the_folder_of_an_analysis_holds_equal_beats_in_three_forms(ecg_zip, tmp_path, capsys):
    told = document_of(["analyze", ecg_zip, "--json", "--out", str(tmp_path)], capsys)
    beats = told["predictions"]["beats"]
    stored = json.loads((tmp_path / "analysis.json").read_text())
    assert stored["predictions"] == told["predictions"]
    rows = (tmp_path / "beats.csv").read_text().splitlines()
    assert rows[0].startswith("sample,time_s,label,score")
    assert [int(row.split(",")[0]) for row in rows[1:]] == [beat["sample"] for beat in beats]
    marks = wfdb.rdann(str(tmp_path / "minute"), "atr")
    kept = [i for i, symbol in enumerate(marks.symbol) if symbol in "NSVFQ"]
    assert [int(marks.sample[i]) for i in kept] == [beat["sample"] for beat in beats]
    assert [marks.symbol[i] for i in kept] == [beat["label"] for beat in beats]


def test_the_pages_of_an_analysis_load_nothing_from_elsewhere(digit_png, tmp_path, capsys):
    document_of(["analyze", digit_png, "--json", "--out", str(tmp_path)], capsys)
    pages = sorted(path.name for path in tmp_path.glob("*.html"))
    assert pages == ["gram.html", "layer.html"]
    for page in pages:
        text = (tmp_path / page).read_text(encoding="utf-8")
        assert 'src="http' not in text
        assert 'href="http' not in text[:2000]
    arrays = np.load(tmp_path / "activations.npz")
    assert set(registry.find("lenet5-mnist").stages) <= set(arrays.files)


def test_traced_arrays_equal_those_of_the_library(digit_png, tmp_path, capsys):
    out = tmp_path / "t.npz"
    argv = ["trace", digit_png, "--model", "lenet5-mnist", "--layers", "c1,c3", "--out", str(out)]
    told = document_of([*argv, "--json"], capsys)
    assert [layer["name"] for layer in told["layers"]] == ["c1", "c3"]
    arrays = np.load(out)
    spec = registry.find("lenet5-mnist")
    prepared = prepare(open_files([digit_png]), spec.input)
    expected = trace(registry.load("lenet5-mnist"), prepared.array, layers=["c1", "c3"])
    for name in ("c1", "c3"):
        np.testing.assert_allclose(arrays[name], expected[name].array, atol=1e-5)
        np.testing.assert_array_equal(arrays[f"{name}/stride"], expected[name].stride)
        np.testing.assert_array_equal(arrays[f"{name}/offset"], expected[name].offset)
        np.testing.assert_array_equal(arrays[f"{name}/field"], expected[name].field)
    np.testing.assert_array_equal(arrays["to_sample"], prepared.to_sample)
    np.testing.assert_array_equal(arrays["input"], prepared.array)


def test_every_layer_is_traced_unless_some_are_named(digit_png, tmp_path, capsys):
    out = tmp_path / "t.npz"
    assert main(["trace", digit_png, "--model", "lenet5-mnist", "--out", str(out)]) == 0
    net = registry.load("lenet5-mnist")
    leaves = {name for name, layer in net.named_modules() if name and not any(layer.children())}
    assert leaves <= set(np.load(out).files)
    assert str(out) in capsys.readouterr().out


def test_a_layer_that_does_not_exist_gets_near_names(digit_png, tmp_path, capsys):
    out = str(tmp_path / "t.npz")
    argv = ["trace", digit_png, "--model", "lenet5-mnist", "--layers", "c33", "--out", out]
    assert main(argv) == 2
    assert "c3" in capsys.readouterr().err


def test_a_network_of_another_rank_is_refused_in_one_line(digit_png, capsys):
    assert main(["analyze", digit_png, "--model", "ecg-beats"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


# Recipes


EVALUATION = {
    "model": "lenet5-mnist",
    "data": "x",
    "split": "test",
    "n": 2,
    "metrics": {"accuracy": 0.5},
    "parameters": 3,
    "seconds": 0.1,
}


def recipe_of(steps):
    """A recipe whose verbs both note what they were given and yield what `steps()` yields."""
    given = {}

    def verb(*arguments, **options):
        given.update(options, arguments=arguments)
        yield from steps()

    return Recipe("lenet5-mnist", verb, verb), given


def test_evaluate_prints_one_document_and_its_progress_elsewhere(monkeypatch, tmp_path, capsys):
    def steps():
        yield Step(0.5, "half way")
        yield Step(1.0, "done", {"evaluation": EVALUATION})

    recipe, given = recipe_of(steps)
    monkeypatch.setitem(RECIPES, "lenet5-mnist", recipe)
    argv = ["evaluate", "lenet5-mnist", "--data", str(tmp_path), "--split", "val", "--json"]
    assert main([*argv, "--device", "cpu"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out) == EVALUATION
    assert "half way" in told.err
    assert given["arguments"] == (tmp_path,)
    assert given["split"] == "val"
    assert given["device"] == "cpu"


def test_paced_records_are_an_option_of_the_ecg_alone(tmp_path, capsys):
    assert main(["evaluate", "lenet5-mnist", "--data", str(tmp_path), "--paced"]) == 2
    assert "ecg-beats or ecg-unet only" in capsys.readouterr().err


def test_an_open_question_comes_with_its_options_and_how_to_answer(tmp_path, capsys):
    table = tmp_path / "lead.csv"
    values = np.round(np.sin(np.arange(2000) / 20), 3)
    table.write_text("II (mV)\n" + "\n".join(map(str, values)) + "\n")
    assert main(["analyze", str(table), "--json"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "--choose rate_hz=VALUE" in told.err
    assert "250" in told.err
    answered = document_of(["analyze", str(table), "--json", "--choose", "rate_hz=250"], capsys)
    assert answered["sample"]["spacing"] == pytest.approx(1 / 250)


def test_folds_are_an_option_of_the_ecg_alone(monkeypatch, tmp_path, capsys):
    argv = ["--data", str(tmp_path), "--out", str(tmp_path / "w.safetensors"), "--folds", "5"]
    assert main(["train", "lenet5-mnist", *argv]) == 2
    assert "ecg-beats or ecg-unet only" in capsys.readouterr().err
    recipe, given = recipe_of(lambda: iter([Step(1.0, "done")]))
    finders = {name for name in RECIPES if registry.find(name).task == "beats"}
    assert set(options.BEAT_FINDERS) == finders
    for name in finders:
        monkeypatch.setitem(RECIPES, name, recipe)
        assert main(["train", name, *argv]) == 0
        assert given.pop("folds") == 5


def test_an_interrupted_training_closes_its_generator_and_says_how_to_go_on(
    monkeypatch, tmp_path, capsys
):
    closed = []

    def steps():
        try:
            yield Step(0.1, "epoch 1")
            raise KeyboardInterrupt
        finally:
            closed.append(True)

    recipe, given = recipe_of(steps)
    monkeypatch.setitem(RECIPES, "lenet5-mnist", recipe)
    out = str(tmp_path / "w.safetensors")
    argv = ["train", "lenet5-mnist", "--data", str(tmp_path), "--out", out, "--epochs", "3"]
    assert main([*argv, "--seed", "5"]) == INTERRUPTED
    assert closed == [True]
    assert given["epochs"] == 3
    assert given["seed"] == 5
    assert "--resume" in capsys.readouterr().err


# Starting the app


def test_a_busy_port_gives_a_line_and_the_next_free_one(monkeypatch, capsys):
    import socket

    served = []
    monkeypatch.setattr(open_app, "_serve", lambda host, port: served.append((host, port)))
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        assert main(["--port", str(port)]) == 0
    (host, used), told = served[0], capsys.readouterr().err
    assert host == "127.0.0.1"
    assert used > port
    assert f"port {port} is busy, using {used}" in told


def test_opening_the_app_to_others_says_so(monkeypatch, capsys):
    monkeypatch.setattr(open_app, "_serve", lambda host, port: None)
    assert main(["app", "--host", "0.0.0.0"]) == 0
    assert "whoever reaches this address" in capsys.readouterr().err


def test_open_hands_full_paths_to_the_app(monkeypatch, digit_png, root):
    import os

    monkeypatch.setattr(open_app, "_serve", lambda host, port: None)
    monkeypatch.setenv("CONVSCOPE_OPEN", "")
    monkeypatch.chdir(root)
    assert main(["open", "README.md", digit_png]) == 0
    assert json.loads(os.environ["CONVSCOPE_OPEN"]) == [str(root / "README.md"), digit_png]


# Plugins

PLUGIN = """
import dataclasses
from models import registry
SPECS = (dataclasses.replace(registry.find("lenet5"), name="lenet-of-mine"),)
"""


def test_a_plugins_networks_join_the_registry(tmp_path, root):
    plugin = tmp_path / "mine.py"
    plugin.write_text(PLUGIN)
    command = [sys.executable, "-m", "dashboard", "models", "--json", "--plugin", str(plugin)]
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120)
    assert "lenet-of-mine" in [entry["name"] for entry in json.loads(ran.stdout)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 / 0", "failed: ZeroDivisionError"),
        ("def", "failed: SyntaxError"),
        ("SPEC = ()", "expected SPECS"),
        (PLUGIN.replace("lenet-of-mine", "lenet5"), "two networks are named 'lenet5'"),
    ],
)
def test_a_plugin_that_does_not_work_is_told_in_one_line(text, expected, tmp_path, capsys):
    plugin = tmp_path / "mine.py"
    plugin.write_text(text)
    assert main(["models", "--plugin", str(plugin)]) == 2
    told = capsys.readouterr().err
    assert expected in told
    assert told.count("\n") == 1
