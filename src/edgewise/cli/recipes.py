"""`edgewise recipes`: the named recipes, their numbers with sources, and what differs between two of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgewise.cli.options import AsJson, print_json
from edgewise.core.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table

    from edgewise.rl.recipe import Recipe
    from edgewise.rl.recipes.published import PublishedRecipe


def recipes(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME | diff A B]",
            help="A recipe, as dapo or dapo/small, to see its numbers; or diff and two of them.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the named recipes, show the numbers of one with their sources, or what differs between two."""
    from edgewise.core.spec import plain
    from edgewise.rl.recipes.registry import RECIPES, named_recipe
    from edgewise.rl.recipes.small import SMALL

    match names or []:
        case []:
            if as_json:
                columns = ("name", "version", "title", "work")
                rows = [{column: getattr(recipe, column) for column in columns} for recipe in RECIPES.values()]
                print_json(rows)
            else:
                show_recipes(RECIPES.values())
        case ["diff", left, right]:
            differences = recipe_difference(named_recipe(left), named_recipe(right))
            if as_json:
                print_json(differences)
            else:
                show_difference(left, right, differences)
        case [name]:
            if as_json:
                print_json(plain(named_recipe(name)))
            else:
                recipe = named_recipe(name)
                show_recipe(RECIPES[name.removesuffix(SMALL)], recipe)
        case _:
            raise InputError(f"recipes: write one name, or diff and two names, not {' '.join(names or [])!r}")


def recipe_difference(left: Recipe, right: Recipe) -> dict[str, tuple[Any, Any]]:
    """Dotted field -> (left, right) wherever two recipes differ; None where one has no such field.

    A choice stands under the field's own name: `advantage`, not `advantage.kind`.
    """
    from edgewise.core.spec import difference

    differences = difference(left.model_copy(update={"label": ""}), right.model_copy(update={"label": ""}))
    by_field = {field.removesuffix(".kind"): values for field, values in differences.items()}
    return dict(sorted(by_field.items()))


def show_recipes(recipes: Iterable[PublishedRecipe]) -> None:
    """Print each recipe's name, what it is and the work that it is from."""
    from rich.console import Console
    from rich.text import Text

    from edgewise.report.prose import print_prose

    console = Console(highlight=False)
    table = _table()
    table.add_column("recipe", no_wrap=True)
    table.add_column("what it is, and the work")
    for recipe in recipes:
        table.add_row(Text(recipe.name, "bold"), Text.assemble(recipe.title, "\n", (recipe.work, "dim")))
    console.print(table)
    print_prose(
        "edgewise recipes NAME: its numbers and their sources. NAME/small: the same algorithm at the sizes of a small"
        " model, e.g. edgewise demo rl=dapo/small",
        console,
    )
    print_prose("edgewise recipes diff A B: what differs between two.", console)


def show_recipe(published: PublishedRecipe, resolved: Recipe) -> None:
    """Print every field of the recipe as it is resolved, with its source where the work has that value.

    A value that is not the published one says so; one without a source is marked as the default.
    """
    from rich.console import Console
    from rich.text import Text

    from edgewise.report.prose import print_prose
    from edgewise.rl.recipes.published import dotted_fields

    console = Console(highlight=False)
    print_prose(Text.assemble((resolved.label, "bold"), f"  {published.title}"), console)
    print_prose(Text(published.work, "dim"), console, indent=2)
    values, table, defaults = dotted_fields(published.recipe), _table(), 0
    table.add_column("field", no_wrap=True)
    table.add_column("value", no_wrap=True)
    table.add_column("where it comes from")
    for field, value in dotted_fields(resolved).items():
        resized = values[field] != value
        source = f"published: {_as_setting(values[field])}" if resized else published.sources.get(field, "default")
        defaults += source == "default"
        table.add_row(Text(field, "" if field in published.sources else "dim"), _as_setting(value), Text(source))
    console.print(table)
    if defaults:
        print_prose("default: not set by the work; every recipe has it unless it sets another", console)
    if published.unstated:
        print_prose(f"not stated, left at the default: {', '.join(published.unstated)}", console)
    for disagreement in published.disagreements:
        console.print()
        print_prose(disagreement, console)


def show_difference(left: str, right: str, differences: dict[str, tuple[Any, Any]]) -> None:
    """Print the fields in which two recipes differ, with both values; "-" where one has no such field."""
    from rich.console import Console

    from edgewise.report.prose import print_prose

    console, table = Console(highlight=False), _table()
    if not differences:
        print_prose(f"{left} and {right} do not differ", console)
        return
    table.add_column("field", no_wrap=True)
    table.add_column(left, overflow="fold")
    table.add_column(right, overflow="fold")
    for field, values in differences.items():
        table.add_row(field, *("-" if value is None else _as_setting(value) for value in values))
    console.print(table)


def _as_setting(value: Any) -> str:
    """A value as a setting on the command line is written."""
    return value if isinstance(value, str) else json.dumps(value)


def _table() -> Table:
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, pad_edge=False)
