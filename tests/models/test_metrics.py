"""Metrics agree with scikit-learn, and with what one counts by hand."""

import numpy as np
import pytest
from sklearn import metrics as reference

from models.training import metrics


def cases(classes: int, seed: int = 0, n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Uneven classes and probabilities with many ties (two decimals)."""
    generator = np.random.default_rng(seed)
    weights = np.arange(1, classes + 1) / np.arange(1, classes + 1).sum()
    truth = generator.choice(classes, size=n, p=weights)
    scores = generator.random((n, classes)) + 0.7 * np.eye(classes)[truth]
    return truth, np.round(scores / scores.sum(axis=1, keepdims=True), 2)


@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("seed", range(3))
def test_accuracies_and_confusion_equal_those_of_scikit_learn(classes, seed):
    truth, scores = cases(classes, seed)
    answer = scores.argmax(axis=1)
    assert metrics.accuracy(truth, answer) == pytest.approx(reference.accuracy_score(truth, answer))
    assert metrics.balanced_accuracy(truth, answer, classes) == pytest.approx(
        reference.balanced_accuracy_score(truth, answer)
    )
    np.testing.assert_array_equal(
        metrics.confusion(truth, answer, classes),
        reference.confusion_matrix(truth, answer, labels=range(classes)),
    )
    np.testing.assert_allclose(
        metrics.recalls(truth, answer, classes),
        reference.recall_score(truth, answer, labels=range(classes), average=None),
    )


@pytest.mark.parametrize("seed", range(3))
def test_auc_of_two_classes_equals_that_of_scikit_learn(seed):
    truth, scores = cases(2, seed)
    assert metrics.auc(truth, scores) == pytest.approx(
        reference.roc_auc_score(truth, scores[:, 1]), abs=1e-12
    )


@pytest.mark.parametrize("classes", [3, 10])
def test_auc_of_many_classes_is_the_mean_of_one_against_the_rest(classes):
    truth, scores = cases(classes)
    # scikit-learn's own "ovr" wants rows that add up to 1 exactly; the rounded ones do not
    areas = [reference.roc_auc_score(truth == k, scores[:, k]) for k in range(classes)]
    assert metrics.auc(truth, scores) == pytest.approx(np.mean(areas), abs=1e-12)


def test_auc_by_hand_counts_ties_half():
    positive, score = np.array([1, 1, 0, 0]), np.array([0.9, 0.5, 0.5, 0.1])
    assert metrics.binary_auc(positive, score) == pytest.approx(3.5 / 4)


def test_a_class_without_cases_is_left_out():
    truth, answer = np.array([0, 0, 2]), np.array([0, 1, 2])
    assert metrics.balanced_accuracy(truth, answer, 3) == pytest.approx(0.75)
    assert metrics.per_class(truth, answer, ("a", "b", "c")) == {"a": 0.5, "c": 1.0}
    probabilities = np.eye(3)[answer]
    # class 0: half of the zeros are above the two, one of them ties with it
    assert metrics.auc(truth, probabilities) == pytest.approx((0.75 + 1.0) / 2)


def test_nothing_to_measure_gives_not_a_number():
    nothing = np.array([], dtype=int)
    assert np.isnan(metrics.accuracy(nothing, nothing))
    assert np.isnan(metrics.balanced_accuracy(nothing, nothing, 3))
    assert np.isnan(metrics.auc(nothing, np.zeros((0, 3))))
