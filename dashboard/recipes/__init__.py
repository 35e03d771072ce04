"""How the shipped networks are trained and measured: one recipe per network, by name."""

from dashboard.recipes import (
    ecg_beats,
    landmarks3d_hippocampus,
    lenet5_mnist,
    resnet3d_adrenal,
    resnet3d_hippocampus,
    unet3d_hippocampus,
)
from dashboard.recipes.recipe import Recipe, UnsuitableData

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        *ecg_beats.RECIPES,
        lenet5_mnist.RECIPE,
        resnet3d_hippocampus.RECIPE,
        unet3d_hippocampus.RECIPE,
        resnet3d_adrenal.RECIPE,
        landmarks3d_hippocampus.RECIPE,
    )
}

__all__ = ["RECIPES", "Recipe", "UnsuitableData"]
