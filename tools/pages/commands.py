"""Write docs/commands.md: every command of `edgewise` with its arguments, options and defaults.

python -m tools.pages commands
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer
from typer.core import TyperArgument, TyperGroup, TyperOption

from edgewise.cli import app
from edgewise.cli.examples import EXAMPLES
from tools.pages import DOCS

PAGE = DOCS / "commands.md"

HEAD = """# The commands

`edgewise COMMAND --help` prints the same. `a.b=c` sets a field of a spec: `rl.optimizer.learning_rate=1e-4`. Bad input
ends with one line and exit status 2. Written by `make pages PAGES=commands`.
"""


def page() -> str:
    """The whole page."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    parts = [HEAD, *_command("", group)]
    for name, command in group.commands.items():
        parts += _command(name, command)
        if isinstance(command, TyperGroup):
            for action, its_command in command.commands.items():
                parts += _command(f"{name} {action}", its_command)
    return "\n".join(parts)


def _command(name: str, command: Any) -> Iterator[str]:
    arguments = [item for item in command.params if isinstance(item, TyperArgument)]
    options = [item for item in command.params if isinstance(item, TyperOption)]
    yield f"## {f'edgewise {name}'.strip()}\n\n{(command.help or '').strip()}\n"
    if name:
        yield "\n".join(["```sh", *EXAMPLES[name], "```\n"])
    for argument in arguments:
        yield f"- `{(argument.name or '').upper()}`: {argument.help or 'fields of the spec, a.b=c'}"
    if options:
        yield "\n| option | what it does | default |\n|---|---|---|"
        yield from map(_option, options)
    yield ""


def _option(option: TyperOption) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    default = "" if option.default is None or option.default is False else f"`{option.default}`"
    explanation = (option.help or "").replace("|", "\\|")
    return f"| {names} | {explanation} | {default} |"


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
