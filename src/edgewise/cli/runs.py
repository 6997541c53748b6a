"""`edgewise runs`: list what a store holds, compare two stages, find and remove what no report needs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from edgewise.cli.options import AsJson, print_json
from edgewise.core.errors import InputError


def list_runs(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[DIR]",
            help="The store to list, by default runs; or compare A B, folders of two stages; or unused [DIR], what no"
            " report needs.",
            show_default=False,
        ),
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="With unused: remove it, after a question.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --remove: ask no question.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the stages of a store with the reports that need them, compare two, or remove what no report needs."""
    words = words or []
    action = words[0] if words and words[0] in ("compare", "unused") else None
    if (remove and action != "unused") or (yes and not remove):
        raise InputError("--remove: is for `edgewise runs unused`, and --yes for --remove")
    if action == "compare":
        if len(words) != 3:
            raise InputError("runs compare: takes the folders of two stages, as runs compare runs/rl-0123 runs/rl-4567")
        _compare(Path(words[1]), Path(words[2]), as_json)
        return
    places = words[1:] if action else words
    if len(places) > 1:
        raise InputError(f"runs: takes one store, not {places[1]!r} too")
    root = Path(places[0] if places else "runs")
    if action == "unused":
        _unused(root, remove=remove, yes=yes, as_json=as_json)
    else:
        _list(root, as_json)


def _list(root: Path, as_json: bool) -> None:
    from edgewise.report.inventory import print_reports, print_stages, stage_rows
    from edgewise.study.inventory import reports_in, stages_in

    stages, reports = stages_in(root), reports_in(root)
    if as_json:
        print_json({"stages": stage_rows(stages), "reports": reports})
    else:
        print_stages(stages)
        print_reports(reports)


def _compare(first: Path, second: Path, as_json: bool) -> None:
    from edgewise.report.inventory import print_comparison
    from edgewise.study.inventory import compare_curves, compare_specs

    names, specs, curves = (first.name, second.name), compare_specs(first, second), compare_curves(first, second)
    if as_json:
        print_json({"stages": names, "specs": specs, "curves": curves})
    else:
        print_comparison(names, specs, curves)


def _unused(root: Path, *, remove: bool, yes: bool, as_json: bool) -> None:
    from edgewise.core.words import counted
    from edgewise.report.inventory import print_stages, stage_rows
    from edgewise.study.inventory import remove_unused, stages_in

    if remove and not yes and as_json:
        raise InputError("--json: asks no question; give --yes too")
    if remove and not yes and not sys.stdin.isatty():
        raise InputError("--remove: asks before it removes, and there is nobody to ask; give --yes")
    unused = [stage for stage in stages_in(root) if stage.unused]
    if as_json:
        removed = remove_unused(root) if remove else []
        print_json({"unused": stage_rows(unused), "removed": [stage.folder.name for stage in removed]})
        return
    print_stages(unused)
    if not remove or not unused:
        return
    if not yes and not typer.confirm(f"Remove {counted(len(unused), 'stage')}?"):
        return
    typer.echo(f"removed {counted(len(remove_unused(root)), 'stage')}")
