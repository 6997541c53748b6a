"""`edgewise tasks`, `problems` and `verify`: show worlds, make problems, grade completions. No torch."""

from __future__ import annotations

import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, TextIO, cast

import typer

from edgewise.cli.options import AsJson, print_json
from edgewise.core.errors import InputError

if TYPE_CHECKING:
    from edgewise.boundary import Concern

Task = Annotated[
    str,
    typer.Argument(
        metavar="TASK", help="A world or preset that `edgewise tasks` lists, MODULE:CLASS or FILE.py:CLASS."
    ),
]
Knobs = Annotated[list[str] | None, typer.Argument(metavar="[A.B=C]...", help="Knobs to change, e.g. max_op=6.")]


def list_tasks(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]",
            help="A world or preset to describe; or check, a world and its knobs: check my_world.py:Mine max_op=6.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the worlds and presets, describe one with an example problem, or check that a world does what it must."""
    from edgewise.report import worlds as report
    from edgewise.tasks.presets import mixture_presets
    from edgewise.tasks.registry import worlds

    if names and names[0] == "check":
        _check(names[1:], as_json)
        return
    if names:
        if len(names) > 1:
            raise InputError(f"tasks: shows one world at a time, not {names[1]!r} too; `edgewise problems` takes knobs")
        _describe(names[0], as_json)
        return
    descriptions = [report.description(kind) for kind in worlds().values()]
    presets: dict[str, list[str]] = {}
    for preset_name, preset in mixture_presets().items():
        presets.setdefault(preset.stage, []).append(preset_name)
    if as_json:
        print_json({"worlds": descriptions, "presets": presets})
    else:
        report.show_worlds(descriptions, presets)


def list_problems(
    task: Task,
    knobs: Knobs = None,
    level: Annotated[int | None, typer.Option(help="Only problems of this level.")] = None,
    count: Annotated[int, typer.Option(min=1, max=10_000_000, help="How many problems, from index 0 on.")] = 3,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the problems.")] = 0,
    split: Annotated[str, typer.Option(help="train, validation, test or held_out.")] = "train",
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object a line.")] = False,
) -> None:
    """Print problems of a world with their answers and gold solutions."""
    from edgewise.report.worlds import problem_row, show_problem
    from edgewise.tasks.base import Split, check_split
    from edgewise.tasks.named import world_of

    check_split(split)
    world = world_of(task, knobs or [])
    if level is not None:
        world = world.at_level(level)
    for index in range(count):
        problem = world.problem(cast(Split, split), seed, index)
        if as_json:
            print_json(problem_row(world, problem))
        else:
            show_problem(world, problem)


def verify(
    task: Annotated[
        str | None,
        typer.Argument(
            metavar="TASK",
            help="A world or preset that `edgewise tasks` lists, MODULE:CLASS or FILE.py:CLASS.",
            show_default=False,
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Argument(
            help="JSONL of completions: lines of `edgewise problems --json` with a `completion` each.",
            show_default=False,
        ),
    ] = None,
    knobs: Knobs = None,
    out: Annotated[
        Path | None, typer.Option(help="JSONL of verdicts, which `edgewise audit` reads. [default: print it]")
    ] = None,
    mode: Annotated[
        str, typer.Option(help="verified; or paper_compat: graph arithmetic as the released scorer grades it.")
    ] = "verified",
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option(
            metavar="A B",
            help="In place of TASK and FILE: verdicts of two verifiers on the same rollouts, each a file or folder "
            "with all models. Says how they agree, and the label under each.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Grade completions of a world's problems as correct, wrong or unscorable; or compare two verifiers."""
    if compare is not None:
        from edgewise.cli.compare import compare_verifiers

        if task is not None or out is not None:
            raise InputError("--compare: reads two verdicts and prints; leave TASK, FILE and --out out")
        compare_verifiers(*compare, as_json)
        return
    if task is None or file is None:
        raise InputError("verify: a TASK and a FILE are needed, or --compare A B; `edgewise verify --help`")
    from rich.console import Console

    from edgewise.boundary import curve
    from edgewise.interop.completions import VerifierMode, verify_file
    from edgewise.report.prose import print_prose
    from edgewise.report.terminal import status
    from edgewise.report.verified import verification_record, verification_summary
    from edgewise.tasks.named import world_of, world_or_class

    if as_json and out is None:
        raise InputError("--json: verdicts are printed where no file is named for them; give --out too")
    if mode not in ("verified", "paper_compat"):
        raise InputError(f"--mode: {mode!r} is unknown; use verified or paper_compat")
    if not file.is_file():
        raise InputError(f"{file}: no such file; give a JSONL of completions")
    if out is not None and out.is_dir():
        raise InputError(f"--out: {out} is a folder; name a .jsonl file")
    expected = world_of(task, knobs) if knobs else world_or_class(task)
    # Rows are written only when all of them are known to be good.
    with TemporaryDirectory() as folder:
        verdicts = Path(folder, f"{file.stem}.jsonl")
        with status("verifying"):
            with verdicts.open("w", encoding="utf-8", newline="\n") as rows:
                outcomes, reasons = verify_file(file, expected, cast(VerifierMode, mode), rows)
            concerns = audit_concerns(verdicts)
        with verdicts.open(encoding="utf-8") as rows:
            _copy(rows, out)
    pass_at_1 = {name: curve(outcomes.counts(name), [1]) for name in outcomes.metrics}
    if as_json:
        print_json({**verification_record(outcomes, pass_at_1, reasons, concerns), "verdicts": str(out)})
        return
    console = Console(stderr=out is None, highlight=False)
    verification_summary(outcomes, pass_at_1, reasons, console, concerns)
    if out is not None:
        print_prose(f"verdicts: {out}", console)


def audit_concerns(verdicts: Path) -> tuple[Concern, ...]:
    """What `edgewise audit` says of these verdicts before any number, or why it refuses them."""
    from edgewise.boundary import Concern
    from edgewise.interop.arguments import read_arguments
    from edgewise.interop.arms import Arms
    from edgewise.interop.concerns import find_concerns

    try:
        named = read_arguments([str(verdicts)])
    except InputError as error:
        reason = str(error).removeprefix(f"{verdicts}: ")
        return (Concern(f"`edgewise audit` will refuse these verdicts: {reason}."),)
    samples = {name: model.samples for name, model in named.models.items()}
    concerns = (*named.concerns, *find_concerns(named.models, samples))
    return Arms(named.models, samples, concerns, named.seeds).all_concerns()


def _copy(rows: TextIO, out: Path | None) -> None:
    """Write rows to a file, which appears whole, or to standard output."""
    from edgewise.core.atomic import atomic_write

    if out is None:
        shutil.copyfileobj(rows, sys.stdout)
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(out) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        shutil.copyfileobj(rows, file)


def _check(names: list[str], as_json: bool) -> None:
    """Print what each conformance check says about a world; InputError, so status 2, where one fails."""
    from edgewise.report.prose import print_prose
    from edgewise.tasks.conformance import check_world
    from edgewise.tasks.named import world_of

    if not names:
        raise InputError("check: names a world, e.g. edgewise tasks check my_world.py:Mine")
    task, *knobs = names
    checks = check_world(world_of(task, knobs))
    failed = [check.name for check in checks if check.failure]
    if as_json:
        print_json([asdict(check) for check in checks])
    else:
        for check in checks:
            print_prose(f"{'fails' if check.failure else 'holds'}  {check.name}: {check.failure or check.holds}")
    if failed:
        raise InputError(f"{task}: {len(failed)} of {len(checks)} checks fail: {', '.join(failed)}")


def _describe(name: str, as_json: bool) -> None:
    """Show the knobs of a world or the parts of a preset, and an example problem if one can be made."""
    from edgewise.report import worlds as report
    from edgewise.report.prose import print_prose
    from edgewise.tasks.mixture import Mixture
    from edgewise.tasks.named import world_of, world_or_class

    world_or_kind = world_or_class(name)
    kind = world_or_kind if isinstance(world_or_kind, type) else type(world_or_kind)
    described = report.description(kind)
    if isinstance(world_or_kind, Mixture) and not as_json:
        report.show_parts(world_or_kind)
    elif not as_json:
        report.show_knobs(described)
    try:
        world = world_of(name, [])
        problem = world.problem("train", 0, 0)
    except InputError as error:
        # A world that needs a knob or a library has no example, but its knobs can be shown.
        if as_json:
            print_json(described | {"example": None, "no_example": str(error)})
        else:
            print_prose(f"no example: {error}")
        return
    if as_json:
        print_json(described | {"example": report.problem_row(world, problem)})
    else:
        report.show_problem(world, problem)
