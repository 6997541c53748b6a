"""`edgewise export lm-eval` and `eval-ever`: a world as a task of a harness, and rollouts as records for others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import typer

from edgewise.cli.audit import Columns, FilesOf, Filter, ScoreName, Threshold
from edgewise.cli.options import AsJson, print_json
from edgewise.cli.tasks import Knobs, Task


def export_lm_eval(
    task: Task,
    knobs: Knobs = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for tasks; others in it are kept.")] = Path(
        "lm_eval_tasks"
    ),
    samples: Annotated[int, typer.Option(min=1, max=2**16, help="Completions of each problem.")] = 16,
    problems: Annotated[int, typer.Option(min=1, max=10**6, help="Problems of each level.")] = 8,
    split: Annotated[str, typer.Option(help="train, validation, test or held_out.")] = "test",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the problems.")] = 0,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="The longest completion.")] = 256,
    as_json: AsJson = False,
) -> None:
    """Write a world as a task of lm-evaluation-harness, with pass@k by answer and by process."""
    from edgewise.interop.writers.lm_eval import write_lm_eval_task
    from edgewise.tasks.base import Split, check_split

    check_split(split)
    file = write_lm_eval_task(
        out,
        task,
        knobs or [],
        samples=samples,
        problems=problems,
        split=cast(Split, split),
        seed=seed,
        max_new_tokens=max_new_tokens,
    )
    if as_json:
        print_json({"task": file.stem, "file": str(file), "samples": samples, "problems": problems})
    else:
        # Whole, so that it can be copied.
        typer.echo(f"{file}\nlm_eval finds it: --include_path {out} --tasks {file.stem}")


def export_eval_ever(
    rollouts: Annotated[
        str, typer.Argument(metavar="ROLLOUTS", help="Rollouts of one model in any format; - is standard input.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder that gets data/SET/DEVELOPER/MODEL/.")] = (
        Path("eval_ever")
    ),
    model: Annotated[
        str | None,
        typer.Option(metavar="DEVELOPER/NAME", help="What the model is called. Default: what the files say."),
    ] = None,
    score: ScoreName = None,
    threshold: Threshold = None,
    filter: Filter = None,
    columns: Columns = None,
    files: FilesOf = None,
    as_json: AsJson = False,
) -> None:
    """Write rollouts as records of Every Eval Ever: pass@k with intervals, and a line for each sample."""
    from edgewise.interop.column_map import parse_column_map
    from edgewise.interop.writers.every_eval_ever import write_every_eval_ever
    from edgewise.report.prose import print_prose

    written = write_every_eval_ever(
        rollouts,
        out,
        model_id=model,
        score=score,
        threshold=threshold,
        filter=filter,
        columns=None if columns is None else parse_column_map(columns),
        files_are=files,
    )
    if as_json:
        print_json({"results": [str(file) for file in written]})
    else:
        for file in written:
            print_prose(f"{file} and its {file.stem}_samples.jsonl")
