"""Named recipes in the terminal: which there are, and one field by field with where each value comes from."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edgewise.rl.presets.base import Preset, fields
from edgewise.rl.recipe import Recipe


def show_recipes(presets: Iterable[Preset]) -> None:
    """Print each preset's name, what it is and the work that it is from."""
    console = Console(highlight=False)
    table = _table()
    table.add_column("recipe", no_wrap=True)
    table.add_column("what it is, and the work")
    for one in presets:
        table.add_row(Text(one.name, "bold"), Text.assemble(one.title, "\n", (one.work, "dim")))
    console.print(table)
    console.print("edgewise recipes NAME: its numbers and their sources. NAME/small: the same")
    console.print("algorithm at the sizes of a small model, e.g. edgewise demo rl=dapo/small")


def show_recipe(one: Preset, resolved: Recipe) -> None:
    """Print every field of the preset as it is resolved, with its source where the work has that value.

    A value that is not the published one says so; one without a source is the default.
    """
    console = Console(highlight=False)
    console.print(Text.assemble((resolved.label, "bold"), f"  {one.title}"), soft_wrap=True)
    console.print(Text(f"  {one.work}", "dim"), soft_wrap=True)
    published, table = fields(one.recipe), _table()
    table.add_column("field", no_wrap=True)
    table.add_column("value", no_wrap=True)
    table.add_column("where it comes from")
    for field, value in fields(resolved).items():
        sized = published[field] != value
        source = f"published: {shown(published[field])}" if sized else one.sources.get(field, "")
        table.add_row(Text(field, "" if field in one.sources else "dim"), shown(value), Text(source))
    console.print(table)
    if one.unstated:
        console.print(Text(f"not stated, left at the default: {', '.join(one.unstated)}"))
    for disagreement in one.disagreements:
        console.print()
        console.print(Text(disagreement))


def shown(value: Any) -> str:
    """A value as a setting is written."""
    return value if isinstance(value, str) else json.dumps(value)


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, pad_edge=False)
