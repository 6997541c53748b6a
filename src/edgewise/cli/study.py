"""`edgewise demo` and `edgewise run`: run a study with settings a.b=c, measure it and write its report; or recompute
recorded stages and compare."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgewise.cli.options import (
    MOST_STAGES,
    STUDY,
    Artifacts,
    AsJson,
    ComputedBy,
    Device,
    MachineChoice,
    On,
    Scale,
    Shard,
    StudyChoice,
    StudyFolder,
    StudySettings,
    Track,
    TrainingSeeds,
    Workers,
    Yes,
    print_json,
)
from edgewise.core.errors import InputError

if TYPE_CHECKING:
    from edgewise.study.estimate import Evaluated
    from edgewise.study.store import Store

DEMO = "edgewise.study.demo:demo"


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
    as_json: AsJson = False,
) -> None:
    """Train a small model, run RL on it twice, and say whether RL extended its boundary."""
    machine = MachineChoice(workers, device, backend, on)
    _run(StudyChoice(DEMO, settings or [], seeds), machine, out, track or [], yes, as_json)


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
    as_json: AsJson = False,
) -> None:
    """Run any study: a Python function that takes a spec and returns a Study; or verify recorded stages."""
    chosen = StudyChoice(study, settings or [], seeds, scale) if study is not None else None
    if recorded is not None:
        _recompute(recorded, chosen, MachineChoice(workers, device, backend), as_json)
    elif chosen is None:
        raise InputError("STUDY: must be given, as MODULE:FUNCTION or FILE.py:FUNCTION; or --verify DIR")
    else:
        machine = MachineChoice(workers, device, backend, on, artifacts, shard)
        _run(chosen, machine, out, track or [], yes, as_json)


def _run(
    chosen: StudyChoice, machine: MachineChoice, out: Path, track: Sequence[str], yes: bool, as_json: bool
) -> None:
    from rich.console import Console

    from edgewise.core.distributed import process_group
    from edgewise.report.folder import PAGE, write_report
    from edgewise.report.health import health_lines, print_health
    from edgewise.report.progress import StudyProgress
    from edgewise.report.record import record
    from edgewise.report.terminal import print_audit, status
    from edgewise.study.measure import measure
    from edgewise.study.outline import outline_of, write_outline
    from edgewise.study.remote.folder import RemoteFolder
    from edgewise.study.run import run
    from edgewise.study.runners.base import Watcher
    from edgewise.study.store import Store
    from edgewise.study.trackers.base import tracker_named
    from edgewise.study.tracking import Tracking

    study = chosen.study()
    if machine.artifacts:  # once more here, before any progress is shown
        RemoteFolder(machine.artifacts).check_writable()
    check_stages_to_compute(study, Store(out), machine.artifacts, yes=yes)
    names = study.names()
    folder, command = out / chosen.report_name(), shlex.join(["edgewise", *sys.argv[1:]])
    with process_group(machine.device) as distributed, ExitStack() as stack:
        context = machine.context(out, distributed)
        trackers = {tracker: tracker_named(tracker) for tracker in dict.fromkeys(track) if distributed.is_rank_zero}
        writable = distributed.is_rank_zero and _is_writable(folder)
        if writable:
            write_outline(outline_of(study, command), folder)
        watchers: list[Watcher] = []
        if distributed.is_rank_zero:
            watchers.append(stack.enter_context(StudyProgress(names, Console(stderr=as_json, highlight=False))))
        for tracker, opened in trackers.items():
            tracking = Tracking(tracker, opened, StudyChoice(chosen.name).report_name(), names, out, _warn)
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
    if as_json:
        alarms = [{"alarm": name, "rang": rang, "sentence": text} for name, rang, text in health_lines(findings.health)]
        document = record(findings.audit, findings.stages, findings.compute)
        print_json({**document, "alarms": alarms, "report": str(folder / PAGE) if writable else None})
    else:
        print_health(findings.health)
        print_audit(findings.audit, folder if writable else None, findings.compute)
    if not writable:
        _warn(f"the report is not written: {folder} cannot be written to")


def _recompute(place: Path, chosen: StudyChoice | None, machine: MachineChoice, as_json: bool) -> None:
    from rich.console import Console

    from edgewise.core.spec import digest
    from edgewise.report.progress import StudyProgress
    from edgewise.report.prose import print_prose
    from edgewise.study.plan import topological_order
    from edgewise.study.recompute import recompute, recorded_stages
    from edgewise.study.store import folder_name

    stages = topological_order(chosen.study().evaluations.values()) if chosen else []
    context = machine.context(place)
    recorded = recorded_stages(place, stages)
    every = topological_order(one.stage for one in recorded)
    names = {digest(stage): folder_name(stage) for stage in every}
    progress = StudyProgress(names, Console(stderr=True))  # stdout has the answer alone
    with progress:
        equal, line = recompute(recorded, context, progress)
    if as_json:
        print_json({"equal": equal, "sentence": line})
    else:
        print_prose(line)
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


def _warn(line: str) -> None:
    from edgewise.report.prose import print_aside

    print_aside(f"warning: {line}")


def _is_writable(folder: Path) -> bool:
    """Whether files can be made in a folder, or it can be made."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return os.access(there, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids)
