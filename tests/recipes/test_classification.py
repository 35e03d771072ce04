"""Classifiers: reading labelled data, training, resuming, measuring, and what is shipped."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, balanced_accuracy_score, roc_auc_score

from dashboard.recipes import RECIPES, UnsuitableData, lenet5_mnist, resnet3d_hippocampus
from dashboard.recipes.classification import Epoch, feed, unit_range
from dashboard.recipes.labelled import Labelled, read_labelled, select, to_train_and_validate
from models import registry, weights, zoo

SHIPPED = ("lenet5-mnist", "resnet3d-hippocampus")


def stripes(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (n, 28, 28) of one bright bar whose place is the class."""
    generator = np.random.default_rng(seed)
    y = generator.integers(0, 10, n).astype(np.uint8)
    x = generator.integers(0, 30, (n, 28, 28)).astype(np.uint8)
    for image, k in zip(x, y, strict=True):
        image[4:24, 4 + 2 * k : 6 + 2 * k] = 250
    return x, y


@pytest.fixture
def striped(tmp_path) -> Path:
    x, y = stripes(320)
    np.savez(tmp_path / "stripes.npz", x=x, y=y)
    return tmp_path


@pytest.fixture
def small_recipe():
    """LeNet-5 on little data: mild augmentation, no check on other digits."""
    row = replace(
        lenet5_mnist.ROW,
        augment=lambda x, generator: x,
        checks=lambda net, spec: {"checked": 1.0},
        epochs=3,
        batch=32,
        held_out=64,
    )
    return row.recipe()


def last(steps):
    return list(steps)[-1]


# Reading


def test_cases_of_both_layouts_are_read(tmp_path):
    x, y = stripes(12)
    np.savez(tmp_path / "digits_test.npz", x=x[..., None], y=y[:, None])
    np.savez(tmp_path / "b.npz", train_images=x, train_labels=y, val_images=x[:3], val_labels=y[:3])
    cases = read_labelled(tmp_path, (28, 28), 10)
    assert [(case.split, len(case)) for case in cases] == [("train", 12), ("val", 3), ("test", 12)]
    for case in cases:
        np.testing.assert_array_equal(case.images[:, 0], x[: len(case)])
        np.testing.assert_array_equal(case.labels, y[: len(case)])


def test_of_several_files_the_one_of_the_trained_size_is_taken(tmp_path):
    for size in (20, 28):
        images = np.zeros((4, size, size, size), np.uint8)
        np.savez(tmp_path / f"{size}.npz", test_images=images, test_labels=np.arange(4) % 3)
    (case,) = read_labelled(tmp_path, (20, 20, 20), 3)
    assert case.images.shape == (4, 1, 20, 20, 20)


def test_another_size_is_read_where_the_first_is_missing(tmp_path):
    for size in (20, 28):
        images = np.zeros((4, size, size, size), np.uint8)
        np.savez(tmp_path / f"{size}.npz", test_images=images, test_labels=np.arange(4) % 3)
    first, *others = ((64,) * 3, (28,) * 3, (20,) * 3)
    (case,) = read_labelled(tmp_path, first, 3, others)
    assert case.images.shape == (4, 1, 28, 28, 28)
    with pytest.raises(UnsuitableData, match="no labelled images of 64x64x64"):
        read_labelled(tmp_path, first, 3)


def test_default_split_is_test_else_everything():
    x, y = stripes(9)
    train, val, test = (Labelled(x[:, None], y.astype(int), s) for s in ("train", "val", "test"))
    assert (select([train, val, test], None).split, len(select([train, val, test], None))) == (
        "test",
        9,
    )
    assert (select([train, val], None).split, len(select([train, val], None))) == ("all", 18)
    assert len(select([train, val], "val")) == 9
    with pytest.raises(UnsuitableData, match="got split test, expected one of: train, val"):
        select([train, val], "test")


def test_test_data_are_never_trained_on():
    x, y = stripes(20)
    plain, test = (Labelled(x[:, None], y.astype(int), split) for split in ("", "test"))
    training, validation = to_train_and_validate([plain, test], 5)
    assert (len(training), len(validation)) == (15, 5)
    np.testing.assert_array_equal(validation.labels, y[-5:])
    with pytest.raises(UnsuitableData, match="test data only"):
        to_train_and_validate([test], 5)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros((3, 8, 8), np.uint8), "y": np.zeros(3, int)}, "sizes found: 8x8"),
        ({"x": np.zeros((3, 28, 28), np.uint8), "y": np.zeros(2, int)}, "3 images and 2 labels"),
        ({"x": np.zeros((3, 28, 28), np.uint8), "y": np.full(3, 10)}, "got labels 10 to 10"),
        ({"z": np.zeros(3)}, "sizes found: none"),
    ],
)
def test_unsuitable_arrays_are_explained(tmp_path, arrays, message):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(UnsuitableData, match=message):
        read_labelled(tmp_path, (28, 28), 10)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"\x93NUMPY"])
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / "bad.npz").write_bytes(content)
    with pytest.raises(UnsuitableData, match=r"cannot read bad\.npz"):
        read_labelled(tmp_path, (28, 28), 10)


def test_an_empty_folder_is_explained_before_anything_is_trained(tmp_path, small_recipe):
    for steps in (
        small_recipe.train(tmp_path, tmp_path / "o.safetensors"),
        small_recipe.evaluate(tmp_path),
    ):
        with pytest.raises(UnsuitableData, match=r"has 0 \.npz files"):
            next(steps)


# Feeding


@pytest.mark.parametrize("name", SHIPPED)
def test_training_feeds_what_prepare_feeds(name):
    spec = registry.find(name).input
    images = np.random.default_rng(0).integers(0, 256, (5, 1, *spec.size)).astype(np.uint8)
    images[:, 0, 0] = images[:, 0, -1] = 0  # a dark border, as digits have
    images[:, 0, :, 0] = images[:, 0, :, -1] = 0
    row = {"lenet5-mnist": lenet5_mnist.ROW, "resnet3d-hippocampus": resnet3d_hippocampus.ROW}[name]
    row = replace(row, augment=lambda x, generator: x)
    ((fed, labels),) = Epoch(Labelled(images, np.arange(5), ""), row, spec, seed=0)
    for array, label in zip(fed.numpy(), labels, strict=True):
        np.testing.assert_allclose(array, feed(images[label], spec), atol=1e-5)


def test_an_epoch_repeats_with_its_seed_and_differs_from_the_next():
    x, y = stripes(50)
    spec = registry.find("lenet5-mnist").input
    cases = Labelled(x[:, None], y.astype(np.int64), "train")
    first, again, other = (
        torch.cat([x for x, _ in Epoch(cases, lenet5_mnist.ROW, spec, seed)]) for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert len(Epoch(cases, replace(lenet5_mnist.ROW, batch=20), spec, 1)) == 3


def test_eight_bit_images_are_scaled_to_one():
    assert unit_range(np.array([0, 255], np.uint8)).tolist() == [0.0, 1.0]


# Training and measuring


def test_training_learns_writes_weights_and_a_card_that_agrees(striped, tmp_path, small_recipe):
    out = tmp_path / "net.safetensors"
    steps = list(small_recipe.train(striped, out, epochs=8))
    ends = [step.values["validation_accuracy"] for step in steps if "epoch_loss" in step.values]
    assert len(ends) == 8
    assert ends[-1] > 0.9
    card = json.loads(out.with_suffix(".json").read_text())
    assert card["metrics"]["accuracy"] == ends[-1]
    assert card["metrics"]["checked"] == 1.0
    assert card["sha256"] == weights.sha256(out)
    assert card["split"].startswith("the last 64: 64 cases")
    assert str(striped.parent) not in card["command"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "net.json",
        "net.safetensors",
        "stripes.npz",
    ]
    registry.load("lenet5-mnist", weights=out)


def test_resumed_training_gives_the_same_weights(striped, tmp_path, small_recipe):
    whole, parts = tmp_path / "whole.safetensors", tmp_path / "parts.safetensors"
    last(small_recipe.train(striped, whole))
    steps = small_recipe.train(striped, parts)
    for step in steps:
        if step.values["epoch"] == 2:
            break
    steps.close()
    assert not parts.exists()
    rest = list(small_recipe.train(striped, parts, resume=True))
    assert rest[0].values["epoch"] == 2
    assert weights.sha256(whole) == weights.sha256(parts)


def test_evaluation_agrees_with_scikit_learn_on_the_predictions_it_writes(
    striped, tmp_path, small_recipe
):
    out = tmp_path / "net.safetensors"
    last(small_recipe.train(striped, out, epochs=2))
    told = last(small_recipe.evaluate(striped, weights=out, predictions=tmp_path / "p"))
    evaluation = told.values["evaluation"]
    assert json.loads(json.dumps(evaluation, allow_nan=False)) == evaluation
    assert (evaluation["model"], evaluation["split"], evaluation["n"]) == (
        "lenet5-mnist",
        "all",
        320,
    )
    assert evaluation["parameters"] == 61_706  # LeCun et al. 1998 with C3 fully connected
    written = np.load(tmp_path / "p" / "probabilities.npz")
    np.testing.assert_array_equal(written["index"], np.arange(320))
    np.testing.assert_allclose(written["p"].sum(axis=1), 1, atol=1e-5)
    y = np.load(striped / "stripes.npz")["y"]
    answer = written["p"].argmax(axis=1)
    metrics = evaluation["metrics"]
    assert metrics["accuracy"] == pytest.approx(accuracy_score(y, answer))
    assert metrics["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(y, answer))
    areas = [roc_auc_score(y == k, written["p"][:, k]) for k in range(10)]
    assert metrics["auc"] == pytest.approx(np.mean(areas))
    assert metrics["per_class"]["3"] == pytest.approx((answer[y == 3] == 3).mean())


# What is shipped


@pytest.mark.parametrize("name", SHIPPED)
def test_the_card_belongs_to_the_shipped_weights(name):
    card = zoo.card(name)
    net = registry.load(name)
    assert card.sha256 == weights.sha256(zoo.weights_path(f"{name}.safetensors"))
    assert card.parameters == sum(parameter.numel() for parameter in net.parameters())
    assert card.classes == registry.find(name).weights_for().classes
    assert card.command.startswith(f"python -m dashboard train {name} ")
    assert "CC BY-SA" in card.license


def test_shipped_digits_reach_the_accuracy_of_the_card(data_dir, tmp_path):
    stored = np.load(data_dir / "mnist" / "mnist_train.npz")
    kept = slice(-2000, None)  # of the 10,000 kept aside
    np.savez(tmp_path / "some.npz", x=stored["x"][kept], y=stored["y"][kept])
    found = last(RECIPES["lenet5-mnist"].evaluate(tmp_path)).values["evaluation"]["metrics"]
    assert zoo.card("lenet5-mnist").metrics["accuracy"] >= 0.99
    assert found["accuracy"] >= 0.988  # 2000 cases: one standard error is 0.002


def test_shipped_hippocampus_reaches_the_accuracy_of_the_card(data_dir):
    steps = RECIPES["resnet3d-hippocampus"].evaluate(data_dir / "hippocampus3d", split="val")
    found = last(steps).values["evaluation"]
    stated = zoo.card("resnet3d-hippocampus").metrics
    assert found["n"] == 117
    assert found["metrics"]["accuracy"] >= 0.97
    for name in ("accuracy", "balanced_accuracy", "auc"):
        assert found["metrics"][name] == pytest.approx(stated[name], abs=1e-6)


def test_shipped_digits_read_the_digits_of_scikit_learn():
    """8x8 pixels, other writers: never trained on."""
    net, spec = registry.load("lenet5-mnist"), registry.find("lenet5-mnist")
    found = lenet5_mnist.checks(net, spec)
    assert found["scikit_learn_digits_accuracy"] >= 0.95
    stated = zoo.card("lenet5-mnist").metrics
    for name, value in found.items():
        assert value == pytest.approx(stated[name], abs=0.002)


def test_dark_ink_on_white_paper_is_read_like_bright_ink():
    samples, truth = lenet5_mnist.small_digits()
    net, spec = registry.load("lenet5-mnist"), registry.find("lenet5-mnist")
    large = [np.kron(s.array[0], np.ones((12, 12), np.uint8)) for s in samples[:100]]
    paper = [np.pad(255 - image, 40, constant_values=255)[None] for image in large]
    fed = np.stack([feed(image, spec.input) for image in paper])
    answer = net(torch.from_numpy(fed)).argmax(dim=1).numpy()
    assert (answer == truth[:100]).mean() >= 0.95


def test_shipped_hippocampus_names_both_sides_of_the_average_brain():
    net, spec = registry.load("resnet3d-hippocampus"), registry.find("resnet3d-hippocampus")
    module = resnet3d_hippocampus
    for k, points in ((0, module.ANTERIOR), (1, module.POSTERIOR)):
        answers = module.brain_answers(net, spec, module.mirrored(points))
        assert (answers == k).all()
    elsewhere = module.mirrored(tuple(module.ELSEWHERE.values()))
    assert (module.brain_answers(net, spec, elsewhere) == 2).mean() >= 0.9
