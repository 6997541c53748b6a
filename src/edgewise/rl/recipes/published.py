"""Published recipes: every value that a work states, each beside the place that states it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgewise.core.spec import plain
from edgewise.rl.recipe import Recipe

Stated = dict[str, tuple[Any, str]]
"""Dotted field -> its value and where that comes from.

A choice stands under its own name ("loss.function": "cispo"), its numbers below it ("loss.function.most": 5.0). A field
that is not here keeps the default of `Recipe`.
"""

_KIND = "kind"


@dataclass(frozen=True)
class PublishedRecipe:
    """One work's algorithm with the numbers it was published with.

    `sources` says of each stated field where its value comes from, or why it is ours; `disagreements` is where sources
    contradict each other or the recipe cannot say what was done; `unstated` are fields of which the sources say nothing
    and which keep the default.

    A published recipe is never changed in place: one that must differ gets the next version.
    """

    name: str
    version: int
    title: str
    work: str
    recipe: Recipe
    sources: Mapping[str, str]
    disagreements: tuple[str, ...]
    unstated: tuple[str, ...]


def published(
    name: str,
    version: int,
    title: str,
    work: str,
    stated: Stated,
    *,
    disagreements: tuple[str, ...] = (),
    unstated: tuple[str, ...] = (),
) -> PublishedRecipe:
    """The recipe that `stated` makes of the default one."""
    values = _nested({field: value for field, (value, _) in stated.items()})
    recipe = Recipe.parse(_laid_over(plain(Recipe(label=f"{name} {version}")), values), name)
    sources = {field: source for field, (_, source) in stated.items()}
    return PublishedRecipe(name, version, title, work, recipe, sources, disagreements, unstated)


def dotted_fields(recipe: Recipe) -> dict[str, Any]:
    """Every number and choice of a recipe by its dotted field, named as in `Stated`; the label is none of them."""
    leaves: dict[str, Any] = {}

    def visit(value: Any, path: tuple[str, ...]) -> None:
        if isinstance(value, dict) and value:
            for name, item in value.items():
                visit(item, path if name == _KIND else (*path, name))
        else:
            leaves[".".join(path)] = value

    visit({name: value for name, value in plain(recipe).items() if name != "label"}, ())
    return leaves


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted fields as nested dicts; where a choice has numbers, its name stands among them as `kind`."""
    tree: dict[str, Any] = {}
    for field, value in sorted(values.items()):
        *above, last = field.split(".")
        node = tree
        for name in above:
            inner = node.get(name, {})
            node[name] = inner if isinstance(inner, dict) else {_KIND: inner}
            node = node[name]
        node[last] = value
    return tree


def _laid_over(base: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` laid over `base`; a choice takes the place of all that the other choice had."""
    laid = dict(base)
    for name, value in values.items():
        deeper = isinstance(value, dict) and isinstance(base.get(name), dict) and _KIND not in value
        laid[name] = _laid_over(base[name], value) if deeper else value
    return laid


_WHERE = "Yue et al. 2025, 2504.13837: "

COMPARISON: Stated = {
    "steps": (150, _WHERE + "what its table reports is step 150"),
    "sampling.prompts": (256, _WHERE + "256 prompts (its second version says 128)"),
    "sampling.samples": (8, _WHERE + "8 rollouts to a prompt"),
    "optimizer.minibatches": (1, _WHERE + "mini-batch 256, one update of the whole batch"),
    "sampling.max_new_tokens": (8192, _WHERE + "8,192 tokens"),
    "sampling.temperature": (1.0, _WHERE + "temperature 1"),
    "reward.function": ("outcome", _WHERE + "right or wrong"),
    "loss.kl.coefficient": (0.0, _WHERE + "no KL"),
    "optimizer.learning_rate": (1e-6, _WHERE + "AdamW at 1e-6"),
    "optimizer.schedule": ("constant", _WHERE + "constant"),
}
"""The sizes of works that state none of their own: those of one published comparison of algorithms."""
