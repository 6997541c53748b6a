"""Recipes as specs: small choices that bind numbers to the pure functions, and `Recipe`, which holds them all."""

from edgewise.rl.recipe.recipe import CriticSpec, Recipe

__all__ = ["CriticSpec", "Recipe"]
