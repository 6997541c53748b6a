"""`edgewise export verl` and `trl`: hand a run over to a trainer of larger models on more GPUs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgewise.cli.examples import epilog
from edgewise.cli.options import AsJson, print_json
from edgewise.core.words import counted

if TYPE_CHECKING:
    from edgewise.interop.writers.hand_over import Exported

export_app = typer.Typer(no_args_is_help=True)

Run = Annotated[
    Path,
    typer.Argument(
        metavar="RUN",
        help="The folder of a stage of RL, of another stage that made a model, or of a study's report.",
    ),
]
RunSettings = Annotated[
    list[str] | None,
    typer.Argument(metavar="[A.B=C]...", help="Fields of the stage of RL to change, as recipe=dapo recipe.steps=500."),
]
NewFolder = Annotated[Path, typer.Option("--out", metavar="DIR", help="A new folder.")]
ArmName = Annotated[
    str | None, typer.Option("--arm", metavar="NAME", help="Which arm, where RUN is a study's report with several.")
]
TestProblems = Annotated[int, typer.Option("--problems", min=1, help="Test problems of each level, at most.")]
TestSamples = Annotated[int, typer.Option("--samples", min=2, help="Completions of each in a validation.")]


@export_app.callback()
def export() -> None:
    """Write what other tools read: a run of RL for another trainer, a world as a task, rollouts as records."""


@export_app.command("verl", epilog=epilog("export verl"))
def export_verl(
    run: Run,
    out: NewFolder,
    settings: RunSettings = None,
    arm: ArmName = None,
    problems: TestProblems = 32,
    samples: TestSamples = 64,
    as_json: AsJson = False,
) -> None:
    """Write the folder from which verl trains a run of RL."""
    from edgewise.interop.writers.hand_over import handed_run
    from edgewise.interop.writers.verl import write_verl

    _show(write_verl(handed_run(run, settings or [], arm), out, problems=problems, samples=samples), as_json)


@export_app.command("trl", epilog=epilog("export trl"))
def export_trl(
    run: Run,
    out: NewFolder,
    settings: RunSettings = None,
    arm: ArmName = None,
    problems: TestProblems = 32,
    samples: TestSamples = 64,
    as_json: AsJson = False,
) -> None:
    """Write the folder from which TRL's GRPOTrainer trains a run of RL."""
    from edgewise.interop.writers.hand_over import handed_run
    from edgewise.interop.writers.trl import write_trl

    _show(write_trl(handed_run(run, settings or [], arm), out, problems=problems, samples=samples), as_json)


def _show(exported: Exported, as_json: bool) -> None:
    from edgewise.report.prose import print_prose

    if as_json:
        print_json(
            {
                "folder": str(exported.folder),
                "train": exported.train,
                "test": exported.test,
                "not_carried_over": exported.left,
            }
        )
        return
    problems = f"{counted(exported.train, 'training problem')} and {counted(exported.test, 'test problem')}"
    print_prose(f"wrote {exported.folder}: {problems}; start it with {exported.folder}/launch.sh")
    for line in exported.left:
        print_prose(f"note: {line}")
