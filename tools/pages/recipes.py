"""Write docs/recipes.md: the named recipes beside each other, and where each of their numbers comes from.

python -m tools.pages.recipes
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from typing import Any

from edgewise.rl.presets.base import Preset, fields
from edgewise.rl.recipe import Recipe
from edgewise.rl.recipes import PRESETS, small
from tools.pages import DOCS

PAGE = DOCS / "recipes.md"

HEAD = """# The recipes

A recipe is an RL algorithm with every number: `edgewise.rl.recipe.Recipe`. A preset is the recipe of one work as
published, by name; with `/small` it is the same algorithm at the sizes of a small model. A field may be changed
afterwards like any other setting. The run folder stores the explicit recipe; its `label` is the name and version.

```sh
edgewise recipes                        # all of them
edgewise recipes dapo                   # one, field by field with sources
edgewise recipes dapo/small --json      # the explicit recipe
edgewise demo rl=dapo/small rl.steps=100
```

Presets are versioned and never changed in place. Numbers are those of the paper; where it is silent, those of its
code or scripts; where these are silent too, ours, and then the source says so. Written by `make pages PAGES=recipes`.

## Side by side

Clips are low / high on the ratio less 1, with the dual bound third; for CISPO bounds on the ratio itself. "mixed" keeps
only groups with some right and some wrong samples, "+9" draws up to 9 more batches to fill the batch up, "gate" keeps
problems that the start model does not solve in so many draws. Updates are those of one pass, times the passes.

| recipe | reward | advantage | loss | mean over | KL | filters | problems x samples | updates | learning rate | T |
|---|---|---|---|---|---|---|---|---|---|---|
"""

SMALL = """
## At the sizes of a small model

With `/small` a recipe is the same algorithm for a model of a few million parameters. {rule}
"""


def page() -> str:
    """The whole page."""
    lines = [HEAD.rstrip("\n")]
    lines += [_row(one) for one in PRESETS.values()]
    rule = (inspect.getdoc(small) or "").split("\n\n", 1)[1]
    lines.append(SMALL.format(rule=rule).rstrip("\n"))
    for one in PRESETS.values():
        lines += ["", *_section(one)]
    return "\n".join(lines) + "\n"


def _row(one: Preset) -> str:
    it = one.recipe
    numbers = fields(it)
    cells = [
        f"[`{one.name}`](#{_anchor(one)})",
        _reward(it),
        " ".join(filter(None, (it.advantage.advantage, _given(numbers, "advantage", "k", "beta", "form"))))
        + (", positive only" if it.advantage.positive_only else ""),
        it.loss.loss + _clip(numbers),
        it.aggregation,
        _kl(it),
        _filters(it, numbers),
        f"{it.prompts:,} x {it.samples}",
        f"{it.updates}" + (f" x {it.epochs}" if it.epochs > 1 else ""),
        _value(it.optimizer.learning_rate),
        _value(it.temperature),
    ]
    return "| " + " | ".join(cells) + " |"


def _section(one: Preset) -> Iterator[str]:
    yield f"## {one.name}"
    yield f"\n{one.title}. {one.work}. Version {one.version}.\n"
    yield "| field | value | small | where it comes from |\n|---|---|---|---|"
    numbers, sized = fields(one.recipe), fields(small(one.recipe))
    for field, value in numbers.items():
        if field in one.sources:
            other = "" if sized[field] == value else _value(sized[field])
            yield f"| `{field}` | {_value(value)} | {other} | {_cell(one.sources[field])} |"
    if one.disagreements:
        yield "\nWhere sources disagree, or the recipe cannot follow:\n"
        yield from (f"- {text}" for text in one.disagreements)
    if one.unstated:
        yield (
            "\nNot stated, left at the default: " + ", ".join(f"`{f}` {_value(numbers[f])}" for f in one.unstated) + "."
        )


def _anchor(one: Preset) -> str:
    return one.name.replace("+", "")


def _given(numbers: dict[str, Any], choice: str, *names: str) -> str:
    found = ((name, numbers.get(f"{choice}.{name}")) for name in names)
    return ", ".join(f"{name} {_value(value)}" for name, value in found if value is not None)


def _clip(numbers: dict[str, Any]) -> str:
    bounds = [
        numbers[f"loss.{name}"] for name in ("low", "high", "least", "most", "bound") if f"loss.{name}" in numbers
    ]
    return " " + " / ".join(map(_value, bounds)) if bounds else ""


def _kl(it: Recipe) -> str:
    if not it.kl.coefficient:
        return "-"
    where = f"{it.kl.estimator} in the {it.kl.place}"
    reset = "" if it.reset.reset == "never" else f", reset by {it.reset.reset}"
    return f"{_value(it.kl.coefficient)} {where}{reset}"


def _reward(it: Recipe) -> str:
    by = "" if it.writer == "policy" else f"{it.writer} writes"
    shaped = "" if it.length.length == "none" else it.length.length
    return ", ".join(filter(None, (it.reward.reward, shaped, by)))


def _filters(it: Recipe, numbers: dict[str, Any]) -> str:
    parts = [
        "mixed" if it.groups.mixed_only else "",
        f"gate {it.groups.gate}" if it.groups.gate else "",
        f"+{it.groups.refill}" if it.groups.refill else "",
        f"retires at {numbers['curriculum.retire_at']}" if "curriculum.retire_at" in numbers else "",
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
