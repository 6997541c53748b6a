"""`edgewise demo` and `edgewise run`: run a study with settings a.b=c, measure it and write its report; or recompute
recorded stages and compare."""

from __future__ import annotations

import hashlib
import os
import shlex
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgewise.cli.loading import study_of
from edgewise.core.errors import InputError

if TYPE_CHECKING:
    from edgewise.study.estimate import Evaluated
    from edgewise.study.store import Store

DEMO = "edgewise.study.demo:demo"
# More stages to compute than these are started with --yes alone.
MOST_STAGES = 100

STUDY = typer.Argument(metavar="MODULE:FUNCTION", help="A module or a .py file, and a function.")
StudySettings = Annotated[list[str] | None, typer.Argument(metavar="[A.B=C]...", help="Settings to change.")]
StudyFolder = Annotated[
    Path, typer.Option("--out", help="Folder for the stages, which studies share, and for the reports.")
]
Workers = Annotated[int | None, typer.Option(min=1, max=4096, help="Stages at a time; default: the cores, 1 on a GPU.")]
Device = Annotated[str, typer.Option(help="Where models run, e.g. cpu or cuda.")]
ComputedBy = Annotated[
    str,
    typer.Option(
        "--backend", help="What computes the model: auto, torch, native (kernels) or inductor (torch.compile)."
    ),
]
TrainingSeeds = Annotated[
    str | None,
    typer.Option(
        "--seeds",
        metavar="SEEDS",
        help="Training seeds: 5 for 0 to 4, 5-9, or a list as 0,3,7. With three or more the result is about recipes."
        " Default: the study's own, mostly 0 alone.",
    ),
]
On = Annotated[
    str,
    typer.Option(
        "--on",
        metavar="WHERE",
        help="Where stages are computed: ray, ray://HOST:PORT, slurm or slurm:partition=gpu,... Default: this machine.",
    ),
]
Track = Annotated[
    list[str] | None,
    typer.Option(
        "--track",
        metavar="NAME",
        help="Write the metrics of all stages to tensorboard, wandb or trackio too; may be repeated.",
    ),
]
Artifacts = Annotated[
    str,
    typer.Option(
        "--artifacts",
        metavar="URL",
        help="Where finished stages and checkpoints are for machines that share no file system: s3://bucket/runs,"
        " gs://..., file:///mnt/runs. Default: in --out alone.",
    ),
]
Scale = Annotated[
    str | None, typer.Option(metavar="NAME", help="Size of a study whose spec has a field `scale`, e.g. nano.")
]
Shard = Annotated[
    bool,
    typer.Option("--shard", help="Divide weights, gradients and moments among the ranks of torchrun (FSDP2)."),
]
Yes = Annotated[bool, typer.Option("--yes", help=f"Compute more than {MOST_STAGES} stages without being refused.")]


def run_demo(
    settings: StudySettings = None,
    seeds: TrainingSeeds = None,
    out: StudyFolder = Path("runs"),
    workers: Workers = None,
    device: Device = "cpu",
    backend: ComputedBy = "auto",
    on: On = "",
    track: Track = None,
    yes: Yes = False,
) -> None:
    """Train a small model, run RL on it twice, and say whether RL extended its boundary."""
    _run(DEMO, settings or [], seeds, None, out, workers, device, backend, on, "", track or [], yes, shard=False)


def run_named(
    study: Annotated[str | None, STUDY] = None,
    settings: StudySettings = None,
    seeds: TrainingSeeds = None,
    scale: Scale = None,
    out: StudyFolder = Path("runs"),
    workers: Workers = None,
    device: Device = "cpu",
    backend: ComputedBy = "auto",
    on: On = "",
    artifacts: Artifacts = "",
    shard: Shard = False,
    track: Track = None,
    yes: Yes = False,
    recorded: Annotated[
        Path | None,
        typer.Option(
            "--verify",
            metavar="DIR",
            help="Recompute a stage's folder, a store or a study's report folder elsewhere, and say `equal` or the"
            " first difference. Exit status 0: equal, 1: not. STUDY is needed only for code of your own.",
        ),
    ] = None,
) -> None:
    """Run any study: a Python function that takes a spec and returns a Study; or verify recorded stages."""
    if recorded is not None:
        _recompute(recorded, study, settings or [], seeds, scale, workers, device, backend)
    elif study is None:
        raise InputError("STUDY: must be given, as MODULE:FUNCTION or FILE.py:FUNCTION; or --verify DIR")
    else:
        _run(study, settings or [], seeds, scale, out, workers, device, backend, on, artifacts, track or [], yes, shard)


def _run(
    name: str,
    settings: list[str],
    seeds: str | None,
    scale: str | None,
    out: Path,
    workers: int | None,
    device: str,
    backend: str,
    on: str,
    artifacts: str,
    track: list[str],
    yes: bool,
    shard: bool,
) -> None:
    from edgewise.core.distributed import process_group
    from edgewise.model.backend import choose_backend
    from edgewise.report.folder import write_report
    from edgewise.report.health import print_health
    from edgewise.report.progress import StudyProgress
    from edgewise.report.terminal import print_audit, status
    from edgewise.study.context import Context
    from edgewise.study.measure import measure
    from edgewise.study.outline import outline_of, write_outline
    from edgewise.study.remote.folder import RemoteFolder
    from edgewise.study.run import run
    from edgewise.study.runners.base import Watcher
    from edgewise.study.store import Store
    from edgewise.study.trackers.base import tracker_named
    from edgewise.study.tracking import Tracking
    from edgewise.training.execution import Execution, check_device

    study = study_of(name, settings, seeds, scale)
    if artifacts:  # once more here, before any progress is shown
        RemoteFolder(artifacts).check_writable()
    check_stages_to_compute(study, Store(out), artifacts, yes=yes)
    names = study.names()
    folder, command = out / report_name(name, settings, seeds, scale), shlex.join(["edgewise", *sys.argv[1:]])
    with process_group(device) as distributed, ExitStack() as stack:
        checked = check_device(device)
        chosen = choose_backend("torch" if shard and backend == "auto" else backend, device)
        execution = Execution(checked, chosen, distributed=distributed, shard=shard)
        context = Context(
            root=out, workers=workers or execution.stages_at_once(), execution=execution, on=on, artifacts=artifacts
        )
        trackers = {tracker: tracker_named(tracker) for tracker in dict.fromkeys(track) if distributed.is_rank_zero}
        writable = distributed.is_rank_zero and _is_writable(folder)
        if writable:
            write_outline(outline_of(study, command), folder)
        watchers: list[Watcher] = []
        if distributed.is_rank_zero:
            watchers.append(stack.enter_context(StudyProgress(names)))
        for tracker, opened in trackers.items():
            tracking = Tracking(tracker, opened, report_name(name, []), names, out, _warn)
            watchers.append(stack.enter_context(tracking))
        store = run(study, context, *watchers)
    if not distributed.is_rank_zero:
        return
    with status("measuring and writing the report, some seconds"):
        findings = measure(study, store)
        if writable:
            write_report(
                findings.audit,
                folder,
                examples=findings.examples,
                prompts=findings.prompts,
                command=command,
                study=findings,
            )
    print_health(findings.health)
    print_audit(findings.audit, folder if writable else None, findings.compute)
    if not writable:
        _warn(f"the report is not written: {folder} cannot be written to")


def _recompute(
    place: Path,
    study: str | None,
    settings: list[str],
    seeds: str | None,
    scale: str | None,
    workers: int | None,
    device: str,
    backend: str,
) -> None:
    from rich.console import Console

    from edgewise.core.spec import digest
    from edgewise.model.backend import choose_backend
    from edgewise.report.progress import StudyProgress
    from edgewise.study.context import Context
    from edgewise.study.plan import topological_order
    from edgewise.study.recompute import recompute, recorded_stages
    from edgewise.study.store import folder_name
    from edgewise.training.execution import Execution, check_device

    stages = topological_order(study_of(study, settings, seeds, scale).evaluations.values()) if study else []
    execution = Execution(check_device(device), choose_backend(backend, device))
    recorded = recorded_stages(place, stages)
    every = topological_order(one.stage for one in recorded)
    names = {digest(stage): folder_name(stage) for stage in every}
    progress = StudyProgress(names, Console(stderr=True))  # stdout has the answer alone
    with progress:
        equal, line = recompute(
            recorded, Context(place, workers or execution.stages_at_once(), execution=execution), progress
        )
    typer.echo(line)
    raise typer.Exit(0 if equal else 1)


def check_stages_to_compute(study: Evaluated, store: Store, artifacts: str = "", *, yes: bool) -> None:
    """InputError where a study has more stages to compute than anybody starts by mistake, unless `yes`."""
    from edgewise.study.plan import topological_order
    from edgewise.study.remote.folder import RemoteFolder
    from edgewise.study.remote.stages import remote_provenance

    missing = [s for s in topological_order(study.evaluations.values()) if not store.is_complete(s)]
    if len(missing) > MOST_STAGES and artifacts and not yes:
        remote = RemoteFolder(artifacts)
        missing = [stage for stage in missing if remote_provenance(remote, stage) is None]
    if len(missing) > MOST_STAGES and not yes:
        raise InputError(
            f"{len(missing)} stages to compute, more than {MOST_STAGES}: `edgewise plan` says what they cost; start"
            " them with --yes"
        )


def report_name(name: str, settings: list[str], seeds: str | None = None, scale: str | None = None) -> str:
    """What the folder of a study's report is called: the function and the settings, so that each study has its own.

    "demo", "my_study", "my_file.function", "demo,rl.steps=100,seeds=0-4"; a digest stands for settings that are long or
    that no folder should be called.
    """
    from edgewise.study.training_seeds import parse_seeds, seeds_text

    place, _, function = name.rpartition(":")
    module = Path(place).stem if place.endswith(".py") else place.rpartition(".")[2]
    options = [] if seeds is None else [f"seeds={seeds_text(parse_seeds(seeds))}"]
    options += [] if scale is None else [f"scale={scale}"]
    words = [function if function == module else f"{module}.{function}", *sorted([*settings, *options])]
    text = ",".join(words)
    if len(text) <= 80 and all(c.isalnum() or c in "_-+=.," for c in text):
        return text
    return f"{words[0]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _warn(line: str) -> None:
    typer.echo(f"warning: {line}", err=True)


def _is_writable(folder: Path) -> bool:
    """Whether files can be made in a folder, or it can be made."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return os.access(there, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids)
