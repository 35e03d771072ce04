"""How well answers agree with a reference: accuracy, balanced accuracy, area under the curve."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata


def confusion(truth: np.ndarray, answer: np.ndarray, classes: int) -> np.ndarray:
    """Counts (classes, classes): rows are the reference, columns the answer."""
    flat = np.asarray(truth, dtype=np.int64) * classes + np.asarray(answer, dtype=np.int64)
    return np.bincount(flat, minlength=classes**2).reshape(classes, classes)


def accuracy(truth: np.ndarray, answer: np.ndarray) -> float:
    """Fraction of equal entries; NaN where there are none."""
    truth, answer = np.asarray(truth), np.asarray(answer)
    return float((truth == answer).mean()) if len(truth) else float("nan")


def recalls(truth: np.ndarray, answer: np.ndarray, classes: int) -> np.ndarray:
    """Fraction of each class (classes,) that is answered rightly; NaN for a class without cases."""
    counts = confusion(truth, answer, classes)
    support = counts.sum(axis=1)
    found = np.full(classes, np.nan)
    return np.divide(np.diag(counts), support, out=found, where=support > 0)


def balanced_accuracy(truth: np.ndarray, answer: np.ndarray, classes: int) -> float:
    """Mean recall over the classes that have cases; NaN where none has."""
    found = recalls(truth, answer, classes)
    return float(np.nanmean(found)) if np.isfinite(found).any() else float("nan")


def per_class(truth: np.ndarray, answer: np.ndarray, names: Sequence[str]) -> dict[str, float]:
    """Recall of every class that has cases, by name."""
    found = recalls(truth, answer, len(names))
    pairs = zip(names, found, strict=True)
    return {name: float(value) for name, value in pairs if np.isfinite(value)}


def binary_auc(positive: np.ndarray, score: np.ndarray) -> float:
    """Area under the ROC curve: chance that a positive outranks a negative, ties count half.

    By the rank sum of Mann and Whitney (Hanley and McNeil 1982, Radiology 143:29); NaN where one
    of the two kinds is missing.
    """
    positive = np.asarray(positive, dtype=bool)
    count, others = int(positive.sum()), int((~positive).sum())
    if count == 0 or others == 0:
        return float("nan")
    above = rankdata(score)[positive].sum() - count * (count + 1) / 2
    return float(above / (count * others))


def auc(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Area under the ROC curve of `probabilities` (N, K).

    Two classes: that of class 1. More: the mean over the classes of one against the rest, as
    MedMNIST averages it; a class without cases is left out.
    """
    truth = np.asarray(truth)
    if probabilities.shape[1] == 2:
        return binary_auc(truth == 1, probabilities[:, 1])
    areas = [binary_auc(truth == k, probabilities[:, k]) for k in range(probabilities.shape[1])]
    return float(np.nanmean(areas)) if np.isfinite(areas).any() else float("nan")
