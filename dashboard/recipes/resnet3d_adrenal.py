"""A small 3D residual network on shapes of adrenal glands: normal, or thickened (hyperplasia)."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from dashboard.data.prepare_shape import FINER, fine_cube, shape_channels
from dashboard.data.sample import Sample
from dashboard.recipes.classification import Classification
from dashboard.recipes.medmnist import recipe_of
from models import registry
from models.spec import ModelSpec
from models.training import augment

EXTENT = 64.0  # mm: MedMNIST v2 (doi 10.1038/s41597-022-01721-8), table 3: cubes of 64 mm
SHIFT = 1.5  # fed voxels
TURN = 0.3  # radians
SIZES = ((64, 64, 64), (28, 28, 28))


def cubes(images: np.ndarray) -> np.ndarray:
    """Stored masks (N, 1, *S) as `prepare` looks at them: means over blocks that begin anywhere.

    (N, 2, *S') uint8 on the fine grid; `prepare` feeds every `FINER`-th of these means.
    """
    spec = registry.find("resnet3d-adrenal").input
    spacing = spec.spacing / FINER
    affine = np.diag([*(EXTENT / n for n in images.shape[2:]), 1.0])
    found = []
    for image in images:
        mask = Sample(image, "", "mask", ("value",), ("",), "mm", affine=affine)
        fine, _ = fine_cube(mask, 0, spacing, spec.size_for(3))
        channels = torch.from_numpy(shape_channels(fine.array[0] > 0.5, spacing))
        means = functional.avg_pool3d(channels, FINER, stride=1)
        found.append((means * 255).round().to(torch.uint8).numpy())
    return np.stack(found)


def augmented(x: Tensor, generator: torch.Generator) -> Tensor:
    """Fine means (N, 2, *S) as glands of the other side, elsewhere and turned; read at fed size.

    Size is left alone, since thickness is what tells the classes apart.
    """
    return read_at(x, *_random_places(x, generator))


def read_at(x: Tensor, matrix: Tensor, moved: Tensor) -> Tensor:
    """Fine means read on the fed grid, turned by `matrix` (N, 3, 3) and `moved` (N, 3) voxels.

    With the identity and no movement this is what `prepare` feeds.
    """
    dim = x.ndim - 2
    size = registry.find("resnet3d-adrenal").input.size_for(dim)
    away = moved.reshape(-1, *(1,) * dim, dim)
    return augment.warp(x, matrix * FINER, away * FINER, "zeros", size)


def _random_places(x: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Any mirror image, a turn up to `TURN` and a shift up to `SHIFT`."""
    count, dim = len(x), x.ndim - 2
    signs = (torch.rand(count, 1, dim, generator=generator) < 0.5).float() * 2 - 1
    matrix = augment.random_matrices(count, dim, TURN, 0.0, 0.0, generator)
    matrix = matrix @ (torch.eye(dim) * signs)
    moved = (torch.rand(count, dim, generator=generator) * 2 - 1) * SHIFT
    return matrix, moved


def checks(net: nn.Module, spec: ModelSpec) -> Mapping[str, float]:
    """Nothing: there is no other source of labelled glands."""
    return {}


ROW = Classification(
    name="resnet3d-adrenal",
    augment=augmented,
    checks=checks,
    epochs=40,
    batch=32,
    learning_rate=4e-3,
    label_smoothing=0.1,
    stored=cubes,
    sizes=SIZES,
    extent_mm=EXTENT,
    balanced=True,
    trained_on="AdrenalMNIST3D (MedMNIST v2)",
    license="CC BY 4.0 (MedMNIST v2, doi 10.1038/s41597-022-01721-8)",
    notes=(
        "during development, by a script that is no part of the project: five folds over train and "
        "val together, one seed (the first of 30 epochs): AUC 0.901, "
        "0.893, 0.839, 0.902, 0.857 (mean 0.878), balanced accuracy 0.75 to 0.81 (mean 0.79); 22 "
        "of the 98 val cases are hyperplasia, so that val alone is known to about 0.04",
        "trained with both classes weighed alike, so that the likelier class is the one that "
        "balanced accuracy asks for: probabilities are those where either class is as frequent",
        "the data set's axes are taken as right, front, head, whose order was not found stated: "
        "the first is the one along which glands are thinnest",
        "an answer is the mean over the 8 mirror images of the shape",
        "of a mask with several parts the centre of all is taken: give one gland at a time",
    ),
)
RECIPE = recipe_of(ROW)
