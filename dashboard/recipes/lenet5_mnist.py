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

    Coarse ones, since an 8x8 digit that `prepare` makes 20 wide has 11 samples in the field of
    28; a grey ground, since paper is not white. Half of the digits keep the sharpness of MNIST.
    """
    x = augment.affine(
        x, generator, turn=0.15, scale=0.22, shear=0.2, shift=1.2, bend=1.6, padding="zeros"
    )
    x = augment.chosen(x, augment.thickness(x, generator), 0.4, generator)
    coarse = augment.low_resolution(x, range(10, 17), generator)
    x = augment.chosen(x, as_bright_as_before(coarse), 0.4, generator)
    x = augment.chosen(x, augment.blur(x, 0.8, generator), 0.3, generator)
    x = augment.gamma(x, 0.4, generator)
    ground = augment.per_sample(x, 0, 0.2, generator)
    x = augment.chosen(x, ground + x * (1 - ground), 0.15, generator)
    return augment.chosen(x, augment.noise(x, 0.1, generator), 0.15, generator)


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
    epochs=14,
    batch=128,
    learning_rate=4e-3,
    label_smoothing=0.05,
    held_out=10_000,
    trained_on="MNIST, the 60,000 training digits",
    license="CC BY-SA 3.0, as MNIST (LeCun, Cortes, Burges) is usually stated",
    notes=("the augmentation draws no digit of scikit-learn's set: those are only read",),
)
RECIPE = ROW.recipe()
