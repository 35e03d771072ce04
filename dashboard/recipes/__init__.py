"""How the shipped networks are trained and measured: one recipe per network, by name."""

from dashboard.recipes.recipe import Recipe, UnsuitableData

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in ()}

__all__ = ["RECIPES", "Recipe", "UnsuitableData"]
