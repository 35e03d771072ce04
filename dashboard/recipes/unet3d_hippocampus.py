"""A 3D U-Net on T1 crops: the anterior and the posterior part of the hippocampus."""

import numpy as np
import torch
from torch import Tensor, nn

from dashboard.analysis.analyze import analyze, voxel_volume
from dashboard.data.builtin import builtin
from dashboard.recipes.segmentation import Segmentation
from models.spec import ModelSpec
from models.training import augment
from models.training.overlap import dice
from models.training.segmentation import mirrored_together, moved_together

# The middle of the right hippocampus of MNI space, RAS+ mm; the left one is its mirror image.
MIDDLE = (27.0, -22.0, -14.0)


def augmented(x: Tensor, labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Crops as the other side of the head, another scanner or another click would give them.

    The range of grey values is changed most: that of a crop depends on what else lies in it,
    which differs where the crop comes from a whole head or from a brain cut out of it.
    """
    x, labels = mirrored_together(x, labels, 0, generator)  # the first axis goes to the right
    x, labels = moved_together(
        x, labels, 3, generator, turn=0.25, scale=0.15, shear=0.1, shift=6.0, bend=2.0
    )
    x = augment.gamma(x, 0.5, generator)
    x = augment.chosen(x, augment.shading(x, 0.3, generator), 0.3, generator)
    x = augment.chosen(x, augment.window(x, 0.8, 0.4, generator), 0.6, generator)
    x = augment.chosen(x, augment.blur(x, 1.2, generator), 0.4, generator)
    return augment.chosen(x, augment.noise(x, 0.06, generator), 0.5, generator), labels


def checks(net: nn.Module, spec: ModelSpec) -> dict[str, float]:
    """mm³ of each part on both sides of the built-in average brain, and how alike the sides are.

    That brain is its own mirror image about x = 0: `average_brain_mirror_dice` compares the labels
    of one side with the mirrored ones of the other.
    """
    brain = builtin("brain")
    middle = {"right": MIDDLE, "left": (-MIDDLE[0], *MIDDLE[1:])}
    found = {
        side: analyze(brain, spec, net=net, position=tuple(brain.to_index(np.array(place))))
        for side, place in middle.items()
    }
    sizes = {
        f"average_brain_{side}_{name}_mm3": round(count * voxel_volume(brain), 1)
        for side, analysis in found.items()
        for name, count in analysis.prediction.counts().items()
    }
    right, left = (found[side].prediction.labels for side in ("right", "left"))
    alike = dice(right, left[::-1], spec.classes).mean()
    return {**sizes, "average_brain_mirror_dice": round(float(alike), 4)}


ROW = Segmentation(
    name="unet3d-hippocampus",
    size=(40, 56, 40),
    augment=augmented,
    epochs=60,
    batch=2,
    learning_rate=2e-3,
    bfloat16=True,
    measured=5,
    checks=checks,
    trained_on="volumes of the Medical Segmentation Decathlon, Task04 Hippocampus",
    license="CC BY-SA 4.0, as the Medical Segmentation Decathlon (arXiv:1902.09063)",
    notes=(
        "nothing was chosen by the volumes of val; the average brain led to the strong changes of "
        "grey values in training",
        "the source does not tell patients apart: a volume of val may be the other side of one of "
        "train",
    ),
)
RECIPE = ROW.recipe()
