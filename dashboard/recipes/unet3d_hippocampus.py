"""A 3D U-Net on T1 crops: the anterior and the posterior part of the hippocampus."""

import torch
from torch import Tensor

from dashboard.recipes.segmentation import Segmentation
from models.training import augment
from models.training.segmentation import mirrored_together, moved_together


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


ROW = Segmentation(
    name="unet3d-hippocampus",
    size=(40, 56, 40),
    augment=augmented,
    epochs=60,
    batch=2,
    learning_rate=2e-3,
    bfloat16=True,
    measured=5,
    trained_on="volumes of the Medical Segmentation Decathlon, Task04 Hippocampus",
    license="CC BY-SA 4.0, as the Medical Segmentation Decathlon (arXiv:1902.09063)",
)
RECIPE = ROW.recipe()
