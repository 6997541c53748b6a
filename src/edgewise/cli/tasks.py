"""`edgewise tasks`, `edgewise problems` and `edgewise judge`: worlds without a model, so without torch."""

from __future__ import annotations

import json
import shutil
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated, Any, cast

import typer

from edgewise.core.errors import InputError

Task = Annotated[
    str, typer.Argument(metavar="TASK", help="A world or preset of `edgewise tasks`, MODULE:CLASS or FILE.py:CLASS.")
]
Settings = Annotated[list[str] | None, typer.Argument(metavar="[A.B=C]...", help="Knobs to change.")]

_REASONS = 5


def tasks(
    name: Annotated[str | None, typer.Argument(help="A world or preset, to see its knobs.", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """List the worlds and presets, or show the knobs of one and a problem of it."""
    from edgewise.report import worlds as shown
    from edgewise.tasks.presets import mixture_presets
    from edgewise.tasks.registry import worlds

    if name is not None:
        _task(name, as_json)
        return
    found = [shown.description(kind) for kind in worlds().values()]
    presets: dict[str, list[str]] = {}
    for preset_name, preset in mixture_presets().items():
        presets.setdefault(preset.stage, []).append(preset_name)
    if as_json:
        _print({"worlds": found, "presets": presets})
    else:
        shown.show_worlds(found, presets)


def problems(
    task: Task,
    settings: Settings = None,
    level: Annotated[int | None, typer.Option(help="Draw this level only.")] = None,
    count: Annotated[int, typer.Option(min=1, help="How many problems, from index 0 on.")] = 3,
    seed: Annotated[int, typer.Option(min=0, help="Of the problems.")] = 0,
    split: Annotated[str, typer.Option(help="train, validation, test or held_out.")] = "train",
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object a line.")] = False,
) -> None:
    """Print problems of a world with their answers and gold solutions."""
    from edgewise.cli.loading import world_of
    from edgewise.report.worlds import problem_row, show_problem
    from edgewise.tasks.base import Split, check_split

    check_split(split)
    world = world_of(task, settings or [])
    if level is not None:
        world = world.at_level(level)
    for index in range(count):
        problem = world.problem(cast(Split, split), seed, index)
        if as_json:
            _print(problem_row(world, problem))
        else:
            show_problem(world, problem)


def verify(
    task: Task,
    file: Annotated[Path, typer.Argument(help="JSONL of completions; see edgewise.interop.completions.")],
    settings: Settings = None,
    out: Annotated[
        Path | None, typer.Option(help="JSONL of verdicts, for `edgewise audit`. [default: print it]")
    ] = None,
    mode: Annotated[str, typer.Option(help="verified, or paper_compat for graph arithmetic.")] = "verified",
) -> None:
    """Verify completions of a world's problems, given as JSONL."""
    from rich.console import Console

    from edgewise.boundary import Outcomes
    from edgewise.cli.loading import kind_or_world, world_of
    from edgewise.core.atomic import atomic_write
    from edgewise.interop.completions import Mode, judged
    from edgewise.report.judged import summary
    from edgewise.report.terminal import status

    if mode not in ("verified", "paper_compat"):
        raise InputError(f"--mode: {mode!r} is unknown; use verified or paper_compat")
    if not file.is_file():
        raise InputError(f"{file}: no such file; give a JSONL of completions")
    if out is not None and out.is_dir():
        raise InputError(f"--out: {out} is a folder; name a .jsonl file")
    expected = world_of(task, settings) if settings else kind_or_world(task)
    columns: dict[str, list[Any]] = {
        name: [] for name in ("problem", "level", "sample", "answer", "process", "truncated")
    }
    reasons: Counter[str] = Counter()
    # Rows go on only when all of them are known to be good.
    with TemporaryFile("w+", encoding="utf-8") as spool:
        with status("verifying"):
            for one in judged(file, expected, cast(Mode, mode)):
                spool.write(json.dumps(one.row) + "\n")
                verdict = one.verdict
                values = (one.asked.id, one.asked.level, one.sample, verdict.answer, verdict.process, one.truncated)
                for column, value in zip(columns.values(), values, strict=True):
                    column.append(value)
                if verdict.reason:
                    reasons[verdict.reason] += 1
        spool.seek(0)
        if out is None:
            shutil.copyfileobj(spool, sys.stdout)
        else:
            out.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(out) as aside, aside.open("w", encoding="utf-8") as written:
                shutil.copyfileobj(spool, written)
    console = Console(stderr=out is None, highlight=False)
    summary(Outcomes.of(**columns), dict(reasons.most_common(_REASONS)), console)
    if out is not None:
        console.print(f"verdicts: {out}", markup=False, soft_wrap=True)


def _task(name: str, as_json: bool) -> None:
    """Show the knobs of a world, or what a preset is made of, and a problem where one can be drawn."""
    from edgewise.cli.loading import kind_or_world, world_of
    from edgewise.report import worlds as shown
    from edgewise.tasks.mixture import Mixture

    found = kind_or_world(name)
    described = shown.description(found if isinstance(found, type) else type(found))
    if isinstance(found, Mixture) and not as_json:
        shown.show_parts(found)
    elif not as_json:
        shown.show_knobs(described)
    try:
        world = world_of(name, [])
        problem = world.problem("train", 0, 0)
    except InputError as error:
        # Of a world with a knob that must be given, or whose library is not there, the knobs can be shown.
        if as_json:
            _print(described | {"example": None, "no_example": str(error)})
        else:
            typer.echo(f"no example: {error}")
        return
    if as_json:
        _print(described | {"example": shown.problem_row(world, problem)})
    else:
        shown.show_problem(world, problem)


def _print(value: Any) -> None:
    typer.echo(json.dumps(value))
