"""The ECG recipe: small trainings end to end, and what the shipped networks must do."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
import wfdb

from dashboard.analysis import ec57
from dashboard.data.synthetic import synthetic_ecg
from dashboard.recipes import ecg_beats
from dashboard.recipes.beat_records import (
    MIXTURES,
    read_record,
    record_files,
    reference_of,
    score_record,
    training_record,
)
from dashboard.recipes.recipe import UnsuitableData
from models import registry, zoo
from models.training.beats import Window
from models.typical_beat import correlation

ROW, UNET = ecg_beats.ROWS
SPEC = ROW.spec
FINDERS = pytest.mark.parametrize("row", ecg_beats.ROWS, ids=lambda row: row.spec.name)
SMALL = Window(length=960, batch=8, per_epoch=16)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three records of one minute with their beats, and one that has no reference."""
    made = tmp_path_factory.mktemp("records")
    for seed, name in enumerate(("r1", "r2", "r3", "unmarked")):
        _write(made, name, seed)
    (made / "unmarked.atr").unlink()
    return made


def _write(folder, name, seed):
    sample = synthetic_ecg(seconds=60.0, rate=250.0, seed=seed)
    marks = sample.annotations[0]
    leads = [sample.channels.index("V1"), sample.channels.index("II")]
    wfdb.wrsamp(
        name,
        fs=250.0,
        units=["mV"] * 2,
        sig_name=["V1", "II"],
        p_signal=sample.values().astype(float).T[:, leads],
        fmt=["16", "16"],
        write_dir=str(folder),
    )
    wfdb.wrann(
        name, "atr", marks.positions, symbol=list(marks.symbols), write_dir=str(folder), fs=250
    )


def _last(steps):
    *_, last = steps
    return last


def test_records_without_reference_and_paced_ones_are_left_out(folder, tmp_path):
    assert [p.stem for p in record_files(folder, paced=False)] == ["r1", "r2", "r3"]
    for name in ("102", "103"):
        for suffix in (".hea", ".atr"):
            (tmp_path / name).with_suffix(suffix).touch()
    assert [p.stem for p in record_files(tmp_path, paced=False)] == ["103"]
    assert [p.stem for p in record_files(tmp_path, paced=True)] == ["102", "103"]


def test_a_split_is_a_list_of_records(folder):
    (folder / "val.txt").write_text("r2\n")
    assert [p.stem for p in record_files(folder, paced=False, split="val")] == ["r2"]
    with pytest.raises(UnsuitableData, match="other"):
        record_files(folder, paced=False, split="other")


def test_a_folder_without_records_is_refused_before_the_first_step(tmp_path):
    for recipe in ecg_beats.RECIPES:
        with pytest.raises(UnsuitableData, match="expected WFDB records"):
            recipe.train(tmp_path, tmp_path / "x.safetensors")
        with pytest.raises(UnsuitableData, match="expected WFDB records"):
            recipe.evaluate(tmp_path)


def test_training_record_has_the_analysed_lead_first_and_beats_on_their_peaks(folder):
    sample = read_record(folder / "r1.hea")
    record = training_record(sample, SPEC)
    assert len(record.leads) == len(record.templates) == 2 + MIXTURES
    around = record.positions.astype(int)[:, None] + np.arange(-4, 5)  # (B, 9) fed samples
    inner = around[1:-1]
    # The R wave of lead II is by far the largest deflection around a beat's mark.
    near = np.abs(record.leads[0])[inner].max(axis=1)
    assert np.median(near) > 0.4
    alike = correlation(record.leads[0], record.templates[0])
    assert alike[inner].max(axis=1).mean() > 0.8  # most beats are typical
    assert len(record.positions) == len(reference_of(sample)[0])


def test_the_lead_alone_is_the_lead_that_the_likenesses_stand_beside(folder):
    sample = read_record(folder / "r1.hea")
    whole, alone = (training_record(sample, row.spec) for row in (ROW, UNET))
    np.testing.assert_array_equal(whole.leads, alone.leads)
    np.testing.assert_array_equal(whole.labels, alone.labels)


@FINDERS
def test_training_resumes_to_the_same_weights_and_writes_an_honest_card(row, folder, tmp_path):
    whole, parted = tmp_path / "whole.safetensors", tmp_path / "parted.safetensors"
    options = {"epochs": 2, "window": replace(SMALL, channels=row.spec.input.channels)}
    card = _last(ecg_beats.train(row, folder, whole, **options)).values["card"]
    steps = ecg_beats.train(row, folder, parted, **options)
    for step in steps:
        if step.values.get("epoch_loss") is not None:
            next(steps)  # the checkpoint is written when the epoch is over
            break
    steps.close()
    _last(ecg_beats.train(row, folder, parted, resume=True, **options))
    one = registry.load(row.spec.name, weights=whole).state_dict()
    other = registry.load(row.spec.name, weights=parted).state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert card.split.startswith("trained on every record, not validated")
    assert card.metrics == {}
    assert f"train {row.spec.name} " in card.command
    assert "--epochs 2" in card.command
    assert row.naming in card.notes
    assert json.loads(whole.with_suffix(".json").read_text())["sha256"] == card.sha256
    assert not list(tmp_path.glob("*.checkpoint"))


def test_cross_validation_scores_every_record_by_a_net_that_never_saw_it(folder, tmp_path):
    seen = []
    original = ecg_beats._fitted

    def spy(net, records, checkpoint, plan):
        seen.append([record.name for record in records])
        return original(net, records, checkpoint, plan)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ecg_beats, "_fitted", spy)
        out = tmp_path / "cv.safetensors"
        steps = list(ecg_beats.train(ROW, folder, out, epochs=1, folds=3, window=SMALL))
    assert seen == [["r2", "r3"], ["r1", "r3"], ["r1", "r2"], ["r1", "r2", "r3"]]
    card = steps[-1].values["card"]
    assert set(card.metrics["record_confusions"]) == {"r1", "r2", "r3"}
    counts = [len(reference_of(read_record(folder / f"r{k}.hea"))[0]) for k in (1, 2, 3)]
    assert np.array(card.metrics["confusion"])[:5].sum() == sum(counts)
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert "--folds 3" in card.command


@pytest.fixture(scope="module")
def net():
    return registry.load(SPEC.name)


def test_the_card_meets_what_the_network_was_made_for():
    card = zoo.card(SPEC.name)
    assert card.parameters <= 250_000
    assert card.metrics["detection"]["se"] >= 0.995
    assert card.metrics["detection"]["ppv"] >= 0.995
    assert card.metrics["classes"]["V"]["f1"] >= 0.88
    assert card.metrics["classes"]["S"]["f1"] >= 0.65
    assert card.metrics["calibration"]["expected_calibration_error"] < 0.02
    assert "ODC-By" in card.license
    gross = sum(np.array(c) for c in card.metrics["record_confusions"].values())
    np.testing.assert_array_equal(gross, card.metrics["confusion"])


def test_the_card_of_the_published_architecture_compares_on_the_same_folds():
    card, other = zoo.card(UNET.spec.name), zoo.card(SPEC.name)
    assert card.split == other.split
    assert card.parameters <= 250_000
    assert card.metrics["detection"]["se"] >= 0.99
    assert card.metrics["detection"]["ppv"] >= 0.99
    assert card.metrics["classes"]["V"]["f1"] >= 0.7
    totals = [np.array(c.metrics["confusion"])[:5].sum() for c in (card, other)]
    assert totals[0] == totals[1]  # the reference beats of both are the same


@FINDERS
def test_evaluation_is_the_document_of_the_interface(row, folder, tmp_path):
    last = _last(ecg_beats.evaluate(row, folder, predictions=tmp_path / "scored"))
    evaluation = json.loads(json.dumps(last.values["evaluation"]))
    metrics = evaluation["metrics"]
    assert evaluation["model"] == row.spec.name
    assert evaluation["n"] == 3
    assert set(metrics["classes"]) == set("NSVFQ")
    assert set(metrics["records"]) == {"r1", "r2", "r3"}
    assert np.array(metrics["confusion"]).shape == (6, 6)
    assert metrics["detection"]["se"] > 0.99


def test_written_predictions_score_the_same_again(folder, tmp_path):
    last = _last(ecg_beats.evaluate(ROW, folder, predictions=tmp_path))
    total = ec57.NOTHING
    for name in ("r1", "r2", "r3"):
        rows = list(csv.DictReader((tmp_path / f"{name}.csv").read_text().splitlines()))
        found = (
            np.array([int(row["sample"]) for row in rows]),
            np.array([ec57.AAMI.index(row["label"]) for row in rows]),
        )
        annotation = wfdb.rdann(str(folder / name), "atr")
        total += ec57.score(ec57.aami_beats(annotation.sample, annotation.symbol), found, 250.0)
    assert last.values["evaluation"]["metrics"]["confusion"] == total.confusion.tolist()


@pytest.mark.parametrize("seed", [7, 8, 9])
def test_the_network_names_the_beats_of_the_dynamical_model(net, seed):
    scores = score_record(net, SPEC, synthetic_ecg(seed=seed))[0].scores
    assert scores.detection == {"se": 1.0, "ppv": 1.0}
    assert scores.accuracy > 0.97
    assert scores.classes["V"]["f1"] > 0.9
    assert scores.classes["S"]["f1"] > 0.7


def test_beats_of_a_real_record_are_found_and_named(net, data_dir):
    # Trained on this record: that it is read, fed and placed rightly is what is tested.
    sample = read_record(data_dir / "mitdb" / "119.hea")
    scored, beats = score_record(net, SPEC, sample)
    scores = scored.scores
    assert scored.reliability.counts.sum() == scores.confusion[:5, :5].sum()
    assert scores.detection["se"] > 0.998
    assert scores.detection["ppv"] > 0.998
    assert scores.classes["V"]["f1"] > 0.98
    positions = reference_of(sample)[0]
    nearest = np.abs(np.subtract.outer(positions, beats.positions)).min(axis=1)
    assert np.median(nearest) / sample.sampling_rate < 0.02
