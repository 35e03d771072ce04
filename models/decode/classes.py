"""From a classifier's scores to named probabilities."""

import numpy as np
import torch

from models.records import Classes
from models.spec import ModelSpec


def class_names(spec: ModelSpec, count: int) -> tuple[str, ...]:
    """Names of `count` outputs: those the weights were trained with, else "class 0" and so on."""
    for weights in spec.weights:
        if len(weights.classes) == count:
            return weights.classes
    return tuple(f"class {i}" for i in range(count))


def decode(output: torch.Tensor | np.ndarray, spec: ModelSpec) -> Classes:
    """Softmax of one answer's scores (K,) or (1, K), by class name.

    Raises ValueError for any other shape. The softmax is taken in double precision, so that the
    probabilities of a sure network still add up to 1.
    """
    scores = torch.as_tensor(output).detach().cpu().double()
    if scores.ndim == 2 and len(scores) == 1:
        scores = scores[0]
    if scores.ndim != 1:
        raise ValueError(f"got scores {tuple(scores.shape)}, expected (classes,) or (1, classes)")
    probabilities = torch.softmax(scores, dim=0).numpy()
    return Classes(class_names(spec, len(probabilities)), probabilities)
