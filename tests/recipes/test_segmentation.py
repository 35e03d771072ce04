"""Segmentation: one recipe in 1, 2 and 3 dimensions, reading, measuring, and what is shipped."""

import json
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch

from dashboard.analysis.analyze import analyze
from dashboard.data.builtin import builtin
from dashboard.data.sample import Sample
from dashboard.recipes import RECIPES, UnsuitableData, unet3d_hippocampus
from dashboard.recipes.delineated import Delineated, Fed, fed, names_of, read_cases
from dashboard.recipes.segmentation import (
    Epoch,
    Segmentation,
    in_size,
    measure,
    segment_all,
    trained,
)
from models import registry, weights, zoo
from models.nd import Nd
from models.nets.unet import Design, UNet
from models.spec import InputSpec, ModelSpec, Weights

NAMES = ("background", "ball", "box")
TINY = Design(widths=(8, 16))
SIDES = {1: 64, 2: 24, 3: 16}
CROPS = {1: "whole-signal", 2: "whole-image", 3: "region"}


def shapes(dim: int, seed: int) -> Delineated:
    """A bright ball and a grey box in noise, where they do not touch."""
    random, side = np.random.default_rng(seed), SIDES[dim]
    index = np.moveaxis(np.indices((side,) * dim), 0, -1)
    reach = side / 7
    ball = random.uniform(reach, side / 2 - reach, dim)
    box = random.uniform(side / 2 + reach, side - reach, dim)
    labels = np.zeros((side,) * dim, np.uint8)
    labels[((index - ball) ** 2).sum(axis=-1) < reach**2] = 1
    labels[(np.abs(index - box) < reach).all(axis=-1)] = 2
    values = np.array([0.2, 0.8, 0.5])[labels] + random.normal(0, 0.05, labels.shape)
    sample = Sample(
        array=values[None].astype(np.float32),
        name=f"case{seed}",
        modality=("ecg", "image", "mr")[dim - 1],
        channels=("value",),
        units=("",),
        axis_unit=("s", "px", "mm")[dim - 1],
        sampling_rate=1.0 if dim == 1 else None,
        affine=np.diag([1.0, 1, 1, 1]) if dim == 3 else None,
    )
    return Delineated(sample.name, sample, labels)


def tiny_spec(dim: int) -> ModelSpec:
    return ModelSpec(
        name="tiny",
        title="a small U-Net",
        family="unet",
        task="segmentation",
        dims=(1, 2, 3),
        build=lambda dim, channels, classes: UNet(Nd(dim), channels, classes, TINY),
        input=InputSpec(normalise="percentiles", crop=CROPS[dim], multiple=TINY.multiple),
        classes=3,
        stages=TINY.stages,
        first_conv="down0.conv1",
        head="head",
        paper="",
        weights=(Weights(dim=dim, classes=NAMES, file=""),),
    )


def tiny_row(dim: int) -> Segmentation:
    return Segmentation(
        name="tiny",
        size=(SIDES[dim],) * dim,
        augment=lambda x, labels, generator: (x, labels),
        epochs=20,
        batch=2,
        learning_rate=1e-2,
        trained_on="shapes",
        license="",
        measured=10,
    )


def last(steps):
    return list(steps)[-1]


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_the_same_recipe_learns_shapes_in_every_dimension(dim):
    cases = [shapes(dim, seed) for seed in range(18)]
    spec, row = tiny_spec(dim), tiny_row(dim)
    torch.manual_seed(0)
    net = spec.build(dim, 1, 3)
    steps = list(trained(row, spec, net, cases[:12], cases[12:], epochs=row.epochs))
    told = [s.values["validation_dice"] for s in steps if "validation_dice" in s.values]
    assert len(told) == 2  # after epochs 10 and 20
    found = measure(segment_all(net, spec, cases[12:]), spec, surfaces=dim == 3)
    assert found["dice"]["mean"] > 0.9
    assert found["dice"]["mean"] == told[-1]


# Feeding


def test_a_case_and_its_labels_are_fed_on_the_same_grid():
    """Half-size voxels along one axis, stored flipped: labels must follow the values."""
    case = shapes(3, 1)
    affine = np.diag([-1.0, 1.0, 0.5, 1.0])
    marked = Sample(**{**vars(case.sample), "affine": affine, "array": case.labels[None] * 1.0})
    spec = tiny_spec(3).input
    taken = fed(Delineated("x", marked, case.labels), replace(spec, spacing=1.0), 3)
    assert taken.labels.shape == (16, 16, 8)
    assert taken.values.shape == (1, 16, 16, 8)
    whole = np.isclose(taken.values[0] * 2, np.rint(taken.values[0] * 2))
    plain = fed(Delineated("x", marked, case.labels), replace(spec, normalise="none"), 3)
    np.testing.assert_array_equal(plain.values[0], plain.labels)
    assert whole.any()


@pytest.mark.parametrize("size", [(6,), (12,)])
def test_a_case_is_cut_or_padded_to_size_with_its_labels(size):
    case = Fed(np.arange(9, dtype=np.float32)[None], np.arange(9))
    seen = set()
    for seed in range(30):
        placed = in_size(case, size, torch.Generator().manual_seed(seed))
        np.testing.assert_array_equal(placed.values[0], placed.labels)
        assert (np.diff(placed.labels) >= 0).all()
        assert len(placed.labels) == size[0]
        if size[0] > 9:
            assert set(placed.labels) == set(range(9))
        seen.add(tuple(placed.labels))
    assert len(seen) == 4  # every place there is


def test_an_epoch_repeats_with_its_seed_and_differs_from_the_next():
    cases = [fed(shapes(3, seed), tiny_spec(3).input, 3) for seed in range(5)]
    row = replace(unet3d_hippocampus.ROW, size=(16, 16, 16))
    first, again, other = (list(Epoch(cases, row, seed)) for seed in (1, 1, 2))
    assert [len(x) for x, _ in first] == [2, 2, 1]
    for (x, labels), (x2, labels2) in zip(first, again, strict=True):
        assert torch.equal(x, x2)
        assert torch.equal(labels, labels2)
        assert -1 <= float(x.min()) <= float(x.max()) <= 1
    assert not torch.equal(first[0][0], other[0][0])


# Reading


@pytest.fixture
def folder(tmp_path) -> Path:
    for part in ("images", "labels"):
        (tmp_path / part).mkdir()
    affine = np.diag([1.0, 1.0, 1.0, 1.0])
    for seed in range(4):
        case = shapes(3, seed)
        stored = (case.sample.array[0], case.labels)
        for part, array in zip(("images", "labels"), stored, strict=True):
            image = nibabel.Nifti1Image(array, affine)
            nibabel.save(image, tmp_path / part / f"case{seed}.nii.gz")
    (tmp_path / "train.txt").write_text("case0\ncase1\n")
    (tmp_path / "val.txt").write_text("case2\n")
    return tmp_path


def test_splits_are_read_from_their_lists(folder):
    assert names_of(folder, "train") == ("train", ("case0", "case1"))
    assert names_of(folder, None) == ("all", ("case0", "case1", "case2", "case3"))
    (folder / "test.txt").write_text("case3")
    assert names_of(folder, None) == ("test", ("case3",))
    with pytest.raises(UnsuitableData, match="got split other, expected one of: test, train, val"):
        names_of(folder, "other")


def test_unsuitable_folders_are_explained(folder, tmp_path):
    with pytest.raises(UnsuitableData, match=r"has no folder images/"):
        names_of(tmp_path / "images", None)
    (folder / "val.txt").write_text("../../etc/passwd\n")
    with pytest.raises(UnsuitableData, match=r"got the name \.\./\.\./etc/passwd"):
        names_of(folder, "val")
    (folder / "val.txt").write_text("case9\n")
    with pytest.raises(UnsuitableData, match="got the name case9, and no images/ file"):
        names_of(folder, "val")


def test_labels_that_do_not_fit_are_explained(folder):
    path = folder / "labels" / "case0.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.full((16, 16, 16), 7, np.uint8), np.eye(4)), path)
    with pytest.raises(UnsuitableData, match="got labels 7 to 7 in case0"):
        list(read_cases(folder, ["case0"], 3))
    nibabel.save(nibabel.Nifti1Image(np.zeros((16, 16, 15), np.uint8), np.eye(4)), path)
    with pytest.raises(UnsuitableData, match="image and label of case0 differ"):
        list(read_cases(folder, ["case0"], 3))
    path.write_bytes(b"no NIfTI")
    with pytest.raises(UnsuitableData, match=r"cannot read case0\.nii\.gz"):
        list(read_cases(folder, ["case0"], 3))


# Training and measuring through the command line's verbs


def test_training_writes_weights_and_a_card_and_evaluation_scores_what_it_writes(folder, tmp_path):
    row = replace(unet3d_hippocampus.ROW, size=(16, 16, 16), epochs=1, bfloat16=False)
    recipe, out = row.recipe(), tmp_path / "net.safetensors"
    last(recipe.train(folder, out))
    card = json.loads(out.with_suffix(".json").read_text())
    assert card["split"] == "val: 1 volumes, never trained on"
    assert card["parameters"] < 2_000_000
    told = last(recipe.evaluate(folder, split="val", weights=out, predictions=tmp_path / "p"))
    found = told.values["evaluation"]
    assert json.loads(json.dumps(found))["metrics"]["dice"].keys() == {
        "anterior",
        "posterior",
        "mean",
    }
    assert (found["n"], found["split"]) == (1, "val")
    written = nibabel.load(tmp_path / "p" / "case2.nii.gz")
    answer, truth = np.asarray(written.dataobj), shapes(3, 2).labels
    for k, name in enumerate(("anterior", "posterior"), start=1):
        both = ((answer == k) & (truth == k)).sum()
        dice = 2 * both / ((answer == k).sum() + (truth == k).sum())
        assert found["metrics"]["dice"][name] == pytest.approx(dice, abs=1e-4)


def test_the_registered_recipe_is_that_of_the_file():
    assert RECIPES["unet3d-hippocampus"].name == unet3d_hippocampus.ROW.name
    size, multiple = unet3d_hippocampus.ROW.size, registry.find("unet3d-hippocampus").input.multiple
    assert all(n % multiple == 0 for n in size)


# What is shipped


def test_the_card_belongs_to_the_shipped_weights():
    card, net = zoo.card("unet3d-hippocampus"), registry.load("unet3d-hippocampus")
    assert card.sha256 == weights.sha256(zoo.weights_path("unet3d-hippocampus.safetensors"))
    assert card.parameters == sum(p.numel() for p in net.parameters()) < 2_000_000
    assert card.classes == registry.find("unet3d-hippocampus").weights_for().classes
    assert card.command.startswith("python -m dashboard train unet3d-hippocampus ")
    assert "CC BY-SA" in card.license
    assert card.metrics["dice"]["mean"] >= 0.87


def test_some_volumes_never_trained_on_are_segmented_as_well_as_the_card_says(data_dir):
    folder = data_dir / "hippocampus_seg"
    spec, net = registry.find("unet3d-hippocampus"), registry.load("unet3d-hippocampus")
    names = names_of(folder, "val")[1][::6]
    found = measure(segment_all(net, spec, list(read_cases(folder, names, 3))), spec, False)
    # 7 volumes, whose Dice has a standard deviation of about 0.02 each
    assert found["dice"]["mean"] == pytest.approx(
        zoo.card(spec.name).metrics["dice"]["mean"], abs=0.02
    )


@pytest.mark.slow
def test_all_volumes_never_trained_on_give_the_numbers_of_the_card(data_dir):
    recipe = RECIPES["unet3d-hippocampus"]
    told = last(recipe.evaluate(data_dir / "hippocampus_seg", split="val")).values["evaluation"]
    stated = zoo.card("unet3d-hippocampus").metrics
    assert told["n"] == 39
    for name in ("dice", "hausdorff95", "surface_distance", "volume_correlation"):
        assert told["metrics"][name] == pytest.approx(stated[name], abs=2e-3)


def test_the_average_brain_has_two_hippocampi_of_a_plausible_size_and_none_elsewhere():
    """Adults have 3 to 4.5 cm3 a side (Nobis et al. 2019, UK Biobank), MNI space is larger."""
    spec, net = registry.find("unet3d-hippocampus"), registry.load("unet3d-hippocampus")
    found = unet3d_hippocampus.checks(net, spec)
    for side in ("right", "left"):
        parts = [found[f"average_brain_{side}_{name}_mm3"] for name in ("anterior", "posterior")]
        assert 3000 < sum(parts) < 6000
    assert found["average_brain_mirror_dice"] > 0.9
    brain = builtin("brain")
    for place in [(30, 40, 20), (0, 0, 40)]:  # frontal lobe, cingulate gyrus
        elsewhere = analyze(brain, spec, net=net, position=tuple(brain.to_index(np.array(place))))
        assert elsewhere.reasons


def test_a_real_brain_stored_the_other_way_round_has_both_hippocampi_where_they_are(data_dir):
    """FreeSurfer's norm.mgz: axes L, I, A; moving the crosshair by 15 mm changes little."""
    stored = nibabel.load(data_dir / "volumes" / "mgz" / "norm.mgz")
    assert nibabel.aff2axcodes(stored.affine) == ("L", "I", "A")
    array = np.asarray(stored.dataobj)[None]
    sample = Sample(array, "norm", "mr", ("v",), ("",), "mm", affine=stored.affine)
    spec, net = registry.find("unet3d-hippocampus"), registry.load("unet3d-hippocampus")
    for side in (-1, 1):
        places = [(side * 25, 5, 0), (side * 27, -10, 0), (side * 27, 20, 0)]
        found = [
            analyze(sample, spec, net=net, position=tuple(sample.to_index(np.array(place))))
            for place in places
        ]
        assert not any(one.reasons for one in found)
        masks = [one.prediction.labels > 0 for one in found]
        for mask in masks:
            centre = sample.to_world(np.argwhere(mask).mean(axis=0))
            assert np.abs(centre - (side * 23, 5, -2)).max() < 8
        first = masks[0]
        for other in masks[1:]:
            assert 2 * (first & other).sum() / (first.sum() + other.sum()) > 0.85
