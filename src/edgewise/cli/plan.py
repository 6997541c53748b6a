"""`edgewise plan`: what a study would compute, and how long this machine takes, before anything is started."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from edgewise.cli.options import (
    STUDY,
    AsJson,
    ComputedBy,
    Device,
    MachineChoice,
    Scale,
    StudyChoice,
    StudyFolder,
    StudySettings,
    TrainingSeeds,
    Workers,
    print_json,
)
from edgewise.cli.study import DEMO

if TYPE_CHECKING:
    from edgewise.study.estimate import Evaluated, StudyEstimate


def plan_study(
    study: Annotated[str, STUDY] = DEMO,
    settings: StudySettings = None,
    seeds: TrainingSeeds = None,
    scale: Scale = None,
    out: StudyFolder = Path("runs"),
    workers: Workers = None,
    device: Device = "cpu",
    backend: ComputedBy = "auto",
    as_json: AsJson = False,
) -> None:
    """Print what a study would compute: its stages, which are there, tokens, FLOPs and hours on this machine."""
    from edgewise.report.study_plan import print_study_plan

    chosen = StudyChoice(study, settings or [], seeds, scale)
    estimate = measured_estimate(chosen.study(), out, MachineChoice(workers, device, backend))
    if as_json:
        print_json(estimate)
    else:
        print_study_plan(estimate)


def measured_estimate(study: Evaluated, out: Path, machine: MachineChoice) -> StudyEstimate:
    """What a study, or several, would compute beyond what `out` holds, by a measurement of this machine."""
    from edgewise.report.terminal import status
    from edgewise.study.estimate import calibrated_estimate

    context = machine.context(out)
    with status("measuring this machine, some seconds"):
        return calibrated_estimate(study, context)
