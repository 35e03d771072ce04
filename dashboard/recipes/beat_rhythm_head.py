"""Fits the rhythm head of a beat grid: the logistic regression that tells S from N."""

from collections.abc import Sequence

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from models.beat_rhythm import rhythm_features
from models.records import AAMI
from models.training.beats import BeatRecord

N, S, V = (AAMI.index(name) for name in "NSV")
INVERSE_PENALTY = 10.0
S_WEIGHT = 3.0  # S beats are rare here, and a missed one counts as much as a false one


def fit_rhythm(head: nn.Module, records: Sequence[BeatRecord], rate: float) -> None:
    """Set the weights of `head` by the reference beats of `records`; without any S nothing is set.

    The analysed lead of each record, `rate` Hz; deterministic.
    """
    features, labels = [], []
    for record in records:
        of_record = rhythm_features(record.leads[0], rate, record.positions, record.labels == V)
        either = (record.labels == N) | (record.labels == S)
        features.append(of_record[either])
        labels.append(record.labels[either] == S)
    ectopic = np.concatenate(labels)
    if ectopic.all() or not ectopic.any():
        return
    regression = LogisticRegression(C=INVERSE_PENALTY, max_iter=1000)
    weights = np.where(ectopic, S_WEIGHT, 1.0)
    regression.fit(np.concatenate(features), ectopic, sample_weight=weights)
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(regression.coef_[0]))
        head.bias.copy_(torch.from_numpy(regression.intercept_))
