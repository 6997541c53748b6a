"""`edgewise plan`: what a study would compute, and how long this machine takes, before anything is started."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from edgewise.study.estimate import Evaluated


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
    print_estimate(study_of(study, settings or [], seeds, scale), out, workers, device, backend)


def print_estimate(study: Evaluated, out: Path, workers: int | None, device: str, backend: str) -> None:
    """Estimate what a study, or several, would compute beyond what `out` holds, and print it."""
    from edgewise.model.backend import choose_backend
    from edgewise.report.study_plan import print_study_plan
    from edgewise.report.terminal import status
    from edgewise.study.calibration import calibrate
    from edgewise.study.estimate import bases_to_calibrate, estimate
    from edgewise.study.store import Store
    from edgewise.training.execution import Execution, check_device

    store = Store(out)
    execution = Execution(check_device(device), choose_backend(backend, device))
    slots = workers or execution.stages_at_once()
    rates = {}
    if bases := bases_to_calibrate(study, store):
        with status("measuring this machine, some seconds"):
            rates = {name: calibrate(base, execution, slots) for name, base in bases.items()}
    print_study_plan(estimate(study, store, slots, rates))
