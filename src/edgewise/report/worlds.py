"""Print worlds, their knobs and their problems in the terminal."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edgewise.core.spec import plain
from edgewise.report.prose import print_prose
from edgewise.tasks.base import Problem, World
from edgewise.tasks.mixture import Mixture

_TYPES = {"integer": "int", "number": "float", "string": "text", "boolean": "true or false"}
_BOUNDS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<", "pattern": "matches"}


def description(kind: type[World]) -> dict[str, Any]:
    """A world's name, version and docstring, and the type, default, bounds and meaning of each knob.

    All of it is read from the class: the first paragraph of its docstring says what a problem and a level are, and
    `Field(description=...)` says what a knob means.
    """
    schema = kind.model_json_schema()
    fields = {name: field for name, field in schema["properties"].items() if name not in ("world", "version")}
    knobs = [
        {
            "name": name,
            "type": _type(field, schema.get("$defs", {})),
            "default": field.get("default"),
            "required": name in schema.get("required", ()),
            "bounds": ", ".join(f"{sign} {field[bound]}" for bound, sign in _BOUNDS.items() if bound in field),
            "meaning": field.get("description", ""),
        }
        for name, field in fields.items()
    ]
    values = kind.model_fields
    return {
        "name": values["world"].default,
        "version": values["version"].default,
        "about": inspect.getdoc(kind) or "",
        "knobs": knobs,
    }


def problem_row(world: World, problem: Problem) -> dict[str, Any]:
    """A problem as a JSON object: its address, its texts, and the world with all knobs.

    In the paper's wording of graph arithmetic, `released` is the problem as a row of the released data.
    """
    row = {
        "world": plain(world),
        "split": problem.split,
        "seed": problem.seed,
        "index": problem.index,
        "id": problem.id,
        "level": problem.level,
        "prompt": problem.prompt,
        "answer": problem.answer,
        "solution": world.solution(problem),
    }
    maker, original = world.origin(problem)
    if getattr(maker, "wording", None) == "paper":
        from edgewise.tasks.graph.released import write_row

        row["released"] = write_row(original)
    return row


def show_worlds(descriptions: Iterable[Mapping[str, Any]], presets: Mapping[str, Sequence[str]]) -> None:
    """Print what each world is, its knobs with their defaults, and the names of the presets by stage."""
    console = Console(highlight=False)
    table = _table()
    table.add_column("world", no_wrap=True)
    table.add_column("what it asks, and its knobs")
    for described in descriptions:
        knobs = [k["name"] if k["required"] else f"{k['name']}={_value(k['default'])}" for k in described["knobs"]]
        table.add_row(
            Text(described["name"], "bold"),
            Text.assemble(_plain(_paragraphs(described["about"])[0]), "\n", (" ".join(knobs), "dim")),
        )
    console.print(table)
    for stage, names in presets.items():
        print_prose(Text(f"presets for {stage}", "bold"), console)
        for name in names:
            print_prose(f"{name}", console, indent=2)
    console.print()
    print_prose("edgewise tasks NAME describes one of them; edgewise problems NAME prints problems", console)


def show_knobs(described: Mapping[str, Any]) -> None:
    """Print a world's description and the table of its knobs."""
    console = Console(highlight=False)
    print_prose(Text.assemble((described["name"], "bold"), f", version {described['version']}"), console)
    for paragraph in _paragraphs(described["about"]):
        console.print()
        print_prose(_plain(paragraph), console, indent=2)
    table = _table()
    for heading in ("knob", "type", "default", "bounds", "meaning"):
        # The meaning is the column that needs the room.
        width = {"type": 15, "default": 12}.get(heading)
        table.add_column(heading, no_wrap=heading == "knob", max_width=width)
    for knob in described["knobs"]:
        default = "" if knob["required"] else _value(knob["default"])
        table.add_row(*map(_plain, (knob["name"], knob["type"], default, knob["bounds"], knob["meaning"])))
    console.print(table)


def show_parts(mixture: Mixture) -> None:
    """Print the parts of a mixture: share, levels, and the knobs that differ from their defaults."""
    console = Console(highlight=False)
    table = _table()
    table.add_column(f"% of {mixture.of}", justify="right")
    for heading in ("levels", "world", "knobs"):
        table.add_column(heading)
    for part in mixture.parts:
        fields = type(part.world).model_fields
        knobs = {name: getattr(part.world, name) for name in fields}
        changed = [f"{name}={_value(value)}" for name, value in knobs.items() if value != fields[name].get_default()]
        table.add_row(f"{100 * part.share:.4g}", _levels(part.world), part.world.world, _plain(" ".join(changed)))
    console.print(table)


def show_problem(world: World, problem: Problem) -> None:
    """Print a problem's address, level and id, its prompt, answer and gold solution."""
    console = Console(highlight=False)
    address = f"{problem.split} {problem.seed} {problem.index}"
    print_prose(Text.assemble((address, "bold"), f"  level {problem.level}  {problem.id}"), console)
    for name, text in (("prompt", problem.prompt), ("answer", problem.answer), ("solution", world.solution(problem))):
        print_prose(Text(name, "dim"), console, indent=2)
        print_prose(_plain(text), console, indent=4)
    console.print()


def _paragraphs(docstring: str) -> list[str]:
    return [" ".join(paragraph.replace("`", "").split()) for paragraph in docstring.split("\n\n")]


def _levels(world: World) -> str:
    levels = world.levels
    return f"{levels[0]}-{levels[-1]}" if len(levels) > 1 else str(levels[0])


def _type(field: Mapping[str, Any], named: Mapping[str, Any]) -> str:
    if "const" in field:
        return _value(field["const"])
    if "enum" in field:
        return " | ".join(map(_value, field["enum"]))
    if "$ref" in field:
        whole = named[field["$ref"].rpartition("/")[2]]
        return f"{{{', '.join(whole['properties'])}}}" if "properties" in whole else _type(whole, named)
    if "anyOf" in field:
        return " or ".join(_type(choice, named) for choice in field["anyOf"])
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}), named)}"
    kind: str = field.get("type", "any")
    return _TYPES.get(kind, kind)


def _value(value: Any) -> str:
    """A value as it is written on the command line."""
    return value if isinstance(value, str) else json.dumps(value)


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, pad_edge=False)


def _plain(text: str) -> Text:
    """The text without control characters that a terminal would obey; line breaks stay."""
    return Text("".join(c if c.isprintable() or c == "\n" else " " for c in text))
