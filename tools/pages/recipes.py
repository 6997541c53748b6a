"""Write docs/recipes.md: the named recipes beside each other, and where each of their numbers comes from.

python -m tools.pages.recipes
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from typing import Any

from edgewise.rl.recipe import Recipe
from edgewise.rl.recipes.published import PublishedRecipe, dotted_fields
from edgewise.rl.recipes.registry import RECIPES
from edgewise.rl.recipes.small import small
from tools.pages import DOCS

PAGE = DOCS / "recipes.md"

HEAD = """# The recipes

A recipe is an RL algorithm with every number: `edgewise.rl.recipe.Recipe`, five parts named sampling, reward,
advantage, loss and optimizer. The {count} named here are as their works published them; with `/small` it is the same
algorithm at the sizes of a small model. A field may be changed afterwards like any other setting. The run folder stores
the explicit recipe; its `label` is the name and version.

```sh
edgewise recipes                        # all of them
edgewise recipes dapo                   # one, field by field with sources
edgewise recipes dapo/small --json      # the explicit recipe
edgewise recipes diff dapo grpo-r1      # what differs between two
edgewise demo rl=dapo/small rl.steps=100 rl.loss.kl.coefficient=0.001
```

Published recipes are versioned and never changed in place. Numbers are those of the paper; where it is silent, those of
its code or scripts; where these are silent too, ours, and then the source says so. Written by
`make pages PAGES=recipes`.

## Side by side

Clips are low / high on the ratio less 1, with the dual bound third; for CISPO bounds on the ratio itself; for Clip-Cov
the bounds on the covariance come after low / high. "mixed" keeps only groups with some right and some wrong samples
(`drop_zero_variance`), "+9" draws up to 9 more batches to fill the batch up (`resample_up_to`), "gate" keeps problems
that the start model does not solve in so many draws (`zero_success_gate`). Minibatches are the updates of one epoch,
times the epochs.

| recipe | reward | advantage | loss | normalization | KL | filters | prompts x samples | minibatches | rate | T |
|---|---|---|---|---|---|---|---|---|---|---|
"""

SMALL = """
## At the sizes of a small model

With `/small` a recipe is the same algorithm for a model of a few million parameters. {rule}
"""


def page() -> str:
    """The whole page."""
    lines = [HEAD.format(count=len(RECIPES)).rstrip("\n")]
    lines += [_row(published) for published in RECIPES.values()]
    rule = (inspect.getdoc(small) or "").split("\n\n", 1)[1]
    lines.append(SMALL.format(rule=rule).rstrip("\n"))
    for published in RECIPES.values():
        lines += ["", *_section(published)]
    return "\n".join(lines) + "\n"


def _row(published: PublishedRecipe) -> str:
    recipe = published.recipe
    numbers, sampling, optimizer = dotted_fields(recipe), recipe.sampling, recipe.optimizer
    advantage = f"{numbers['advantage']} {_numbers_of(numbers, 'advantage', 'k.first', 'beta')}".strip()
    cells = [
        f"[`{published.name}`](#{_anchor(published)})",
        _reward(recipe),
        advantage + (", positive only" if recipe.advantage.positive_only else ""),
        recipe.loss.function.kind + _clip(numbers),
        recipe.loss.normalization,
        _kl(recipe),
        _filters(recipe, numbers),
        f"{sampling.prompts:,} x {sampling.samples}",
        f"{optimizer.minibatches}" + (f" x {optimizer.epochs}" if optimizer.epochs > 1 else ""),
        _value(optimizer.learning_rate),
        _value(sampling.temperature),
    ]
    return "| " + " | ".join(cells) + " |"


def _section(published: PublishedRecipe) -> Iterator[str]:
    yield f"## {published.name}"
    yield f"\n{published.title}. {published.work}. Version {published.version}.\n"
    yield "| field | value | small | where it comes from |\n|---|---|---|---|"
    numbers, resized = dotted_fields(published.recipe), dotted_fields(small(published.recipe))
    for field, value in numbers.items():
        if field in published.sources:
            other = "" if resized[field] == value else _value(resized[field])
            yield f"| `{field}` | {_value(value)} | {other} | {_cell(published.sources[field])} |"
    if published.disagreements:
        yield "\nWhere sources disagree, or the recipe cannot follow:\n"
        yield from (f"- {text}" for text in published.disagreements)
    if published.unstated:
        defaults = ", ".join(f"`{field}` {_value(numbers[field])}" for field in published.unstated)
        yield f"\nNot stated, left at the default: {defaults}."


def _anchor(published: PublishedRecipe) -> str:
    return published.name.replace("+", "")


def _numbers_of(numbers: dict[str, Any], choice: str, *names: str) -> str:
    """The numbers of a choice that it has, such as "k 8"."""
    values = ((name.partition(".")[0], numbers.get(f"{choice}.{name}")) for name in names)
    return ", ".join(f"{name} {_value(value)}" for name, value in values if value is not None)


def _clip(numbers: dict[str, Any]) -> str:
    fields = [f"loss.function.{name}" for name in ("low", "high", "least", "most", "bound")]
    bounds = [numbers[field] for field in fields if field in numbers]
    return " " + " / ".join(map(_value, bounds)) if bounds else ""


def _kl(recipe: Recipe) -> str:
    kl = recipe.loss.kl
    if not kl.coefficient:
        return "-"
    reset = "" if kl.reset.kind == "never" else f", reset by {kl.reset.kind}"
    return f"{_value(kl.coefficient)} {kl.estimator} in the {kl.place}{reset}"


def _reward(recipe: Recipe) -> str:
    behavior, length = recipe.sampling.behavior.kind, recipe.reward.length.kind
    return ", ".join(
        filter(
            None,
            (
                recipe.reward.function.kind,
                "" if length == "none" else length,
                "" if behavior == "policy" else f"{behavior} writes",
            ),
        )
    )


def _filters(recipe: Recipe, numbers: dict[str, Any]) -> str:
    filters, retire_at = recipe.sampling.filters, numbers.get("sampling.curriculum.retire_at")
    parts = [
        "mixed" if filters.drop_zero_variance else "",
        f"gate {filters.zero_success_gate}" if filters.zero_success_gate else "",
        f"+{filters.resample_up_to}" if filters.resample_up_to else "",
        "" if retire_at is None else f"retires at {retire_at}",
    ]
    return " ".join(filter(None, parts)) or "-"


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else value if isinstance(value, str) else json.dumps(value)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
