"""`edgewise plan`: what a study would compute, and how long this machine takes, before anything is started."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from edgewise.cli.loading import study_of
from edgewise.cli.study import (
    DEMO,
    STUDY,
    ComputedBy,
    Device,
    Scale,
    StudyFolder,
    StudySettings,
    TrainingSeeds,
    Workers,
)


def plan_study(
    study: Annotated[str, STUDY] = DEMO,
    settings: StudySettings = None,
    seeds: TrainingSeeds = None,
    scale: Scale = None,
    out: StudyFolder = Path("runs"),
    workers: Workers = None,
    device: Device = "cpu",
    backend: ComputedBy = "auto",
) -> None:
    """Print what a study would compute: its stages, which are there, tokens, FLOPs and hours on this machine."""
    from edgewise.model.backend import choose_backend
    from edgewise.report.study_plan import print_study_plan
    from edgewise.report.terminal import status
    from edgewise.study.calibration import calibrate
    from edgewise.study.estimate import bases_to_calibrate, estimate
    from edgewise.study.store import Store
    from edgewise.training.execution import Execution, check_device

    planned, store = study_of(study, settings or [], seeds, scale), Store(out)
    execution = Execution(check_device(device), choose_backend(backend, device))
    slots = workers or execution.stages_at_once()
    rates = {}
    if bases := bases_to_calibrate(planned, store):
        with status("measuring this machine, some seconds"):
            rates = {name: calibrate(base, execution, slots) for name, base in bases.items()}
    print_study_plan(estimate(planned, store, slots, rates))
