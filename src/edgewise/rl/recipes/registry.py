"""The named recipes: as published, and with `/small` at the sizes of a small model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator

from edgewise.core.errors import unknown_name
from edgewise.rl.recipe import Recipe
from edgewise.rl.recipes import at_scale, boundary, classics, controls, released
from edgewise.rl.recipes.published import PublishedRecipe
from edgewise.rl.recipes.small import SMALL, small

RECIPES: Mapping[str, PublishedRecipe] = {
    recipe.name: recipe
    for recipe in (
        *classics.RECIPES,
        *at_scale.RECIPES,
        *released.RECIPES,
        *boundary.RECIPES,
        *controls.RECIPES,
    )
}


def named_recipe(name: str) -> Recipe:
    """The recipe of that name: "dapo" as published, "dapo/small" by `small`. InputError where there is none."""
    published = RECIPES.get(name.removesuffix(SMALL))
    if published is None:
        both = [*RECIPES, *(recipe + SMALL for recipe in RECIPES)]
        raise unknown_name("recipe", name, both, f"there are {', '.join(RECIPES)}, each also with {SMALL}")
    return small(published.recipe) if name.endswith(SMALL) else published.recipe


def _resolved(value: Any) -> Any:
    return named_recipe(value) if isinstance(value, str) else value


AnyRecipe = Annotated[Recipe, BeforeValidator(_resolved)]
"""A recipe, or the name of one."""
