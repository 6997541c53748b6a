"""`edgewise recipes`: the named recipes, their numbers and where they come from."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def recipes(
    name: Annotated[
        str | None, typer.Argument(help="A recipe, as dapo or dapo/small, to see its numbers.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON: the explicit recipe, or all names.")] = False,
) -> None:
    """List the named recipes, or show the numbers of one and where each comes from."""
    from edgewise.core.spec import plain
    from edgewise.report import recipes as shown
    from edgewise.rl.recipes import PRESETS, SMALL, recipe

    if name is None and as_json:
        names = ("name", "version", "title", "work")
        typer.echo(json.dumps([{field: getattr(one, field) for field in names} for one in PRESETS.values()]))
    elif name is None:
        shown.show_recipes(PRESETS.values())
    elif as_json:
        typer.echo(json.dumps(plain(recipe(name))))
    else:
        resolved = recipe(name)
        shown.show_recipe(PRESETS[name.removesuffix(SMALL)], resolved)
