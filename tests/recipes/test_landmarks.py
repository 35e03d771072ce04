"""The recipe of landmarks: reading centres, measuring in mm, and the shipped network."""

import csv
import json

import nibabel
import numpy as np
import pytest
from scipy import ndimage

from dashboard.analysis.analyze import analyze
from dashboard.analysis.export import answer_lines, document
from dashboard.data.builtin import builtin
from dashboard.recipes import RECIPES, UnsuitableData
from dashboard.recipes.landmarks import measure
from dashboard.recipes.landmarks3d_hippocampus import cases
from dashboard.ui.answers import ranked
from models import registry, zoo

NAME = "landmarks3d-hippocampus"


@pytest.fixture
def folder(tmp_path):
    """Two small scans, one stored left to right reversed, with a bar of two labels each."""
    for part in ("images", "labels"):
        (tmp_path / part).mkdir()
    random = np.random.default_rng(0)
    for number, sign in enumerate((1, -1)):
        labels = np.zeros((36, 48, 34), np.uint8)
        labels[15:20, 26:38, 10:15] = 1
        labels[14:18, 10:26, 12:18] = 2
        image = (ndimage.gaussian_filter((labels > 0) * 500.0, 1) + 100).astype(np.int16)
        image += random.integers(0, 40, image.shape).astype(np.int16)
        affine = np.diag([sign, 1.0, 1.0, 1.0])
        for part, array in (("images", image), ("labels", labels)):
            nibabel.save(nibabel.Nifti1Image(array, affine), tmp_path / part / f"h{number}.nii.gz")
    (tmp_path / "train.txt").write_text("h0\nh1\n")
    (tmp_path / "val.txt").write_text("h1\n")
    return tmp_path


def test_landmarks_are_the_centres_of_mass_of_the_labels(folder):
    for name, case in zip(("h0", "h1"), cases(folder, "train"), strict=True):
        labels = np.asarray(nibabel.load(folder / "labels" / f"{name}.nii.gz").dataobj)
        np.testing.assert_allclose(case.points, ndimage.center_of_mass(labels, labels, [1, 2]))
    assert cases(folder, "test") == []


def test_training_and_measuring_end_with_a_card_and_numbers_in_mm(folder, tmp_path):
    out = tmp_path / "mine.safetensors"
    card = list(RECIPES[NAME].train(folder, out, epochs=1))[-1].values["card"]
    assert card.split == "val: 1 cases, never trained on"
    told = tmp_path / "told"
    steps = RECIPES[NAME].evaluate(folder, weights=out, predictions=told)
    result = list(steps)[-1].values["evaluation"]
    assert (result["split"], result["n"]) == ("all", 3)
    assert result["parameters"] <= 1_000_000
    rows = list(csv.DictReader((told / "landmarks.csv").read_text().splitlines()))
    away = []
    for row, point in zip(
        rows,
        [p for s in ("train", "val") for c in cases(folder, s) for p in _world(c)],
        strict=True,
    ):
        away.append(np.linalg.norm([float(row[axis]) for axis in "xyz"] - point))
    assert result["metrics"]["mean_mm"] == pytest.approx(np.mean(away), abs=2e-3)
    assert result["metrics"]["anterior_mm"] == pytest.approx(np.mean(away[::2]), abs=2e-3)


def _world(case):
    return case.sample.to_world(case.points)


def test_distances_are_counted_by_hand():
    found = measure(np.array([[1.0, 3.0], [2.0, 6.0]]), ("a", "b"), "mm")
    assert found == {
        **{"a_mm": 1.5, "b_mm": 4.5, "mean_mm": 3.0, "median_mm": 2.5},
        **{"within_2_mm": 0.5, "within_5_mm": 0.75},
    }


def test_unsuitable_folders_are_explained(folder, tmp_path):
    with pytest.raises(UnsuitableData, match="has no folder images"):
        next(RECIPES[NAME].train(tmp_path / "images", tmp_path / "o.safetensors"))
    with pytest.raises(UnsuitableData, match=r"no cases of split test"):
        next(RECIPES[NAME].evaluate(folder, split="test"))
    (folder / "val.txt").write_text("../../secret\n")
    with pytest.raises(UnsuitableData, match=r"^secret is listed"):
        cases(folder, "val")


def test_the_answer_about_the_average_brain_lies_at_its_hippocampus():
    """Oracle: points of MNI space read off the brain's own left hippocampus."""
    brain = builtin("brain")
    analysis = analyze(brain, registry.find(NAME))
    told = json.loads(json.dumps(document(analysis)))["predictions"]["landmarks"]
    assert [row["name"] for row in told] == ["anterior", "posterior"]
    for row, expected in zip(told, [(-24, -13, -20), (-28, -29, -9)], strict=True):
        np.testing.assert_allclose(brain.to_world(row["index"]), row["world_mm"], atol=2e-3)
        assert np.linalg.norm(np.array(row["world_mm"]) - expected) < 8
        assert 0 <= row["score"] <= 1
    assert answer_lines(analysis)[0].startswith("anterior: ")
    assert ranked(analysis, (0.0, 0.0, 0.0))[0][0].startswith("anterior at (−")


def test_the_shipped_network_finds_both_ends_within_a_millimetre_and_a_half():
    metrics = zoo.card(NAME).metrics
    assert metrics["mean_mm"] <= 1.5
    assert zoo.card(NAME).parameters <= 1_000_000


@pytest.mark.slow
def test_the_card_says_what_the_validation_volumes_say(data_dir):
    steps = RECIPES[NAME].evaluate(data_dir / "hippocampus_seg", split="val")
    found = list(steps)[-1].values["evaluation"]["metrics"]
    assert found["mean_mm"] == pytest.approx(zoo.card(NAME).metrics["mean_mm"], abs=0.01)
