"""The recipe of a network named on the command line (imports torch through the recipes)."""

from dashboard.commands.networks import find_spec
from dashboard.commands.usage import UsageError
from dashboard.recipes import RECIPES, Recipe


def find_recipe(name: str) -> Recipe:
    """The recipe that trains and measures `name`; UsageError when there is none."""
    if name in RECIPES:
        return RECIPES[name]
    find_spec(name)  # a name that no network has gets its own sentence
    raise UsageError(f"got {name}, expected a network with a recipe: {', '.join(RECIPES)}")
