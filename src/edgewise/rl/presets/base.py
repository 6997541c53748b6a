"""What a named recipe is made of: every value that a work states, each beside the place that states it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgewise.core.spec import plain
from edgewise.rl.recipe import Recipe

Stated = dict[str, tuple[Any, str]]
"""Dotted field -> its value and where that comes from. A choice stands under its own name ("loss": "cispo"), its
numbers below it ("loss.most": 5.0); a field that is not here keeps the default of `Recipe`."""


@dataclass(frozen=True)
class Preset:
    """One work's algorithm with the numbers it was published with.

    `sources` says of each stated field where its value comes from, or why it is ours; `disagreements`
    is where sources contradict each other or the recipe cannot say what was done; `unstated` are
    fields of which the sources say nothing and which keep the default.

    A preset is never changed in place: one that must differ gets the next version.
    """

    name: str
    version: int
    title: str
    work: str
    recipe: Recipe
    sources: Mapping[str, str]
    disagreements: tuple[str, ...]
    unstated: tuple[str, ...]


def preset(
    name: str,
    version: int,
    title: str,
    work: str,
    stated: Stated,
    *,
    disagreements: tuple[str, ...] = (),
    unstated: tuple[str, ...] = (),
) -> Preset:
    """The preset that `stated` makes of the default recipe."""
    values = _nested({field: value for field, (value, _) in stated.items()})
    recipe = Recipe.parse(_over(plain(Recipe(label=f"{name} {version}")), values), name)
    sources = {field: source for field, (_, source) in stated.items()}
    return Preset(name, version, title, work, recipe, sources, disagreements, unstated)


def fields(recipe: Recipe) -> dict[str, Any]:
    """Every number and choice of a recipe by its dotted field, named as in `Stated`; the label is none of them."""
    found: dict[str, Any] = {}

    def visit(value: Any, above: tuple[str, ...]) -> None:
        if isinstance(value, dict):
            for name, item in value.items():
                visit(item, above if above and above[-1] == name else (*above, name))
        else:
            found[".".join(above)] = value

    visit({name: value for name, value in plain(recipe).items() if name != "label"}, ())
    return found


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted fields as nested dicts; where a choice has numbers, its name stands among them."""
    tree: dict[str, Any] = {}
    for field, value in sorted(values.items()):
        *above, last = field.split(".")
        node = tree
        for name in above:
            inner = node.get(name, {})
            node[name] = inner if isinstance(inner, dict) else {name: inner}
            node = node[name]
        node[last] = value
    return tree


def _over(base: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` laid over `base`; a choice takes the place of all that the other choice had."""
    laid = dict(base)
    for name, value in values.items():
        deeper = isinstance(value, dict) and isinstance(base.get(name), dict) and name not in value
        laid[name] = _over(base[name], value) if deeper else value
    return laid
