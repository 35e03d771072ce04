"""A small 3D residual network on patches of T1 scans: which end of the hippocampus, or neither."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from dashboard.data.builtin import builtin
from dashboard.data.prepare import prepare
from dashboard.recipes.classification import Classification
from models.run import run
from models.spec import ModelSpec
from models.training import augment

# Points of MNI space, RAS+ mm, in the right hemisphere; the left is their mirror image. Read off
# the average brain that the app carries.
ANTERIOR = ((24, -14, -20), (26, -12, -20))
POSTERIOR = ((28, -30, -8), (26, -34, -4))
ELSEWHERE = {
    "thalamus": (10, -20, 8),
    "white matter": (28, -20, 32),
    "cerebellum": (30, -60, -40),
    "frontal lobe": (30, 40, 20),
    "putamen": (26, 4, 2),
    "occipital lobe": (20, -90, 0),
    "parietal lobe": (30, -55, 50),
    "temporal pole": (40, 14, -30),
    "brain stem": (4, -26, -30),
    "caudate nucleus": (12, 14, 8),
}


def augmented(x: Tensor, generator: torch.Generator) -> Tensor:
    """Patches as the other side of the head, another scanner or another click would give them."""
    x = augment.flip(x, 0, generator)
    x = augment.affine(x, generator, turn=0.2, scale=0.12, shear=0.1, shift=2.0)
    x = augment.gamma(x, 0.5, generator)
    x = augment.contrast(x, 0.1, 0.2, generator)
    x = augment.blur(x, 1.2, generator)
    return augment.noise(x, 0.05, generator)


def mirrored(points: Sequence[Sequence[float]]) -> list[tuple[float, ...]]:
    """Points (x, y, z) of the right side, and the same ones of the left."""
    return [(side * x, y, z) for x, y, z in points for side in (1, -1)]


def brain_answers(net: nn.Module, spec: ModelSpec, points: Sequence[Sequence[float]]) -> np.ndarray:
    """Class index (P,) of the patches around points (P, 3) in mm of the built-in brain."""
    brain = builtin("brain")
    places = brain.to_index(np.asarray(points, dtype=float))
    fed = [prepare(brain, spec.input, position=tuple(place)).array for place in places]
    return run(net, np.stack(fed)).argmax(dim=1).numpy()


def checks(net: nn.Module, spec: ModelSpec) -> dict[str, float]:
    """Fraction of points of the average brain named rightly, on both of its sides."""
    wanted = {0: ANTERIOR, 1: POSTERIOR, 2: tuple(ELSEWHERE.values())}
    right = {k: brain_answers(net, spec, mirrored(points)) == k for k, points in wanted.items()}
    return {
        "average_brain_hippocampus": float(np.concatenate([right[0], right[1]]).mean()),
        "average_brain_elsewhere": float(right[2].mean()),
    }


ROW = Classification(
    name="resnet3d-hippocampus",
    augment=augmented,
    checks=checks,
    epochs=24,
    batch=32,
    learning_rate=4e-3,
    label_smoothing=0.05,
    trained_on="patches of the Medical Segmentation Decathlon, Task04 Hippocampus",
    license="CC BY-SA 4.0, as the Medical Segmentation Decathlon (arXiv:1902.09063)",
    notes=("patches of both ends; the average brain is only read",),
)
RECIPE = ROW.recipe()
