"""`python -m benchmarks NAME...`: how fast and how large, beside what people would use instead."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import terminal
from benchmarks.registry import BENCHMARKS, run
from edgewise.cli.entry import main


def bench(
    names: Annotated[
        list[str] | None, typer.Argument(help="Benchmarks, or all; none lists them.", show_default=False)
    ] = None,
    repeats: Annotated[
        int | None, typer.Option(help="Runs of each side; each benchmark has its own number.", show_default=False)
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for NAME.json.")] = Path("benchmarks/results"),
    as_json: Annotated[bool, typer.Option("--json", help="Write what was found as JSON.")] = False,
) -> None:
    """Measure ours and the peer in turn, and write medians, ratios, targets and the machine."""
    if not names:
        terminal.show_names(BENCHMARKS)
        return
    written = run(names, repeats, out, lambda line: typer.echo(line, err=True))
    if as_json:
        typer.echo(json.dumps(written))
    else:
        for record in written.values():
            terminal.show_record(record)


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command()(bench)

if __name__ == "__main__":
    main(app, program=None)
