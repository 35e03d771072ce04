"""LeNet-5 on MNIST, made to read other people's digits as well."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from dashboard.data.prepare import prepare
from dashboard.data.sample import Sample
from dashboard.recipes.classification import Classification
from models.run import run
from models.spec import ModelSpec
from models.training import augment


def augmented(x: Tensor, generator: torch.Generator) -> Tensor:
    """Digits as other pens, scanners and croppings would have them.

    Stretched ones, since many collections fill one box with every digit, a 1 included; coarse
    ones, since an 8x8 digit that `prepare` makes 20 wide has 11 samples in the field of 28; a
    grey ground, since paper is not white. Half of the digits keep the sharpness of MNIST.
    """
    x = augment.affine(
        x, generator, turn=0.15, scale=0.18, shear=0.2, shift=1.2, bend=1.5, padding="zeros"
    )
    foreign = augment.chosen(x, boxed(x, generator), 0.6, generator)
    foreign = augment.chosen(foreign, augment.thickness(foreign, generator), 0.6, generator)
    coarse = as_bright_as_before(augment.low_resolution(foreign, range(10, 17), generator))
    foreign = augment.chosen(foreign, coarse, 0.7, generator)
    x = augment.chosen(x, foreign, 0.5, generator)
    x = augment.chosen(x, augment.blur(x, 0.8, generator), 0.2, generator)
    x = augment.gamma(x, 0.4, generator)
    ground = augment.per_sample(x, 0, 0.2, generator)
    x = augment.chosen(x, ground + x * (1 - ground), 0.1, generator)
    return augment.chosen(x, augment.noise(x, 0.1, generator), 0.1, generator)


def boxed(x: Tensor, generator: torch.Generator) -> Tensor:
    """Each digit stretched to a random box, 17 to 21 high and 9 to 18 wide, centred by mass.

    The place of the centre of mass is that of `prepare`: half the size, counted from 0.
    """
    low, high = extent(x)
    wanted = torch.stack(
        [augment.per_sample(x, a, b, generator).flatten() for a, b in ((17, 21), (9, 18))], dim=1
    )
    matrix = torch.diag_embed((high - low) / wanted)  # (N, 2, 2)
    size = torch.tensor(x.shape[2:], dtype=torch.float32)
    moved = centre_of_mass(x) - (size - 1) / 2 - torch.diagonal(matrix, dim1=1, dim2=2) * 0.5
    return augment.warp(x, matrix, moved[:, None, None], "zeros")


def extent(x: Tensor) -> tuple[Tensor, Tensor]:
    """First and one past the last row and column with ink, (N, 2) each; x is (N, 1, H, W)."""
    ink = x[:, 0] > 0.3 * x[:, 0].amax(dim=(1, 2), keepdim=True).clamp(min=1e-6)
    lows, highs = [], []
    for other in (2, 1):
        along = ink.any(dim=other).float()  # (N, H), then (N, W)
        lows.append(along.argmax(dim=1))
        highs.append(along.shape[1] - along.flip(1).argmax(dim=1))
    return torch.stack(lows, dim=1).float(), torch.stack(highs, dim=1).float()


def centre_of_mass(x: Tensor) -> Tensor:
    """Centre of the ink of (N, 1, H, W) in index order, (N, 2)."""
    rows, columns = (torch.arange(n, dtype=torch.float32) for n in x.shape[2:])
    weight = x[:, 0] + 1e-9
    total = weight.sum(dim=(1, 2))
    down = (weight.sum(dim=2) * rows).sum(dim=1) / total
    across = (weight.sum(dim=1) * columns).sum(dim=1) / total
    return torch.stack([down, across], dim=1)


def as_bright_as_before(x: Tensor) -> Tensor:
    """Each image divided by its highest value, as `prepare` leaves an image it has resized."""
    return x / x.amax(dim=tuple(range(1, x.ndim)), keepdim=True).clamp(min=1e-6)


def small_digits() -> tuple[list[Sample], np.ndarray]:
    """scikit-learn's 1797 digits of 8x8 pixels as samples, and which digit each one is."""
    digits = load_digits()
    samples = [
        Sample(
            array=np.rint(image[None] * (255 / 16)).astype(np.uint8),
            name="digit",
            modality="digit",
            channels=("grey",),
            units=("",),
            axis_unit="px",
        )
        for image in digits.images
    ]
    return samples, digits.target


def checks(net: nn.Module, spec: ModelSpec) -> dict[str, float]:
    """Accuracy on scikit-learn's digits: other writers, other pens, 8x8 pixels."""
    samples, truth = small_digits()
    fed = np.stack([prepare(sample, spec.input).array for sample in samples])
    answer = run(net, fed).argmax(dim=1).numpy()
    return {"scikit_learn_digits_accuracy": float((answer == truth).mean())}


ROW = Classification(
    name="lenet5-mnist",
    augment=augmented,
    checks=checks,
    epochs=16,
    batch=128,
    learning_rate=4e-3,
    label_smoothing=0.05,
    held_out=10_000,
    trained_on="MNIST, the 60,000 training digits",
    license="CC BY-SA 3.0, as MNIST (LeCun, Cortes, Burges) is usually stated",
    notes=("the augmentation draws no digit of scikit-learn's set: those are only read",),
)
RECIPE = ROW.recipe()
