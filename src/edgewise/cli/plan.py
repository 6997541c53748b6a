"""`edgewise plan`: what a study would compute, and how long this machine takes, before anything is started."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgewise.cli.loading import study_of
from edgewise.cli.study import ComputedBy, Device, Scale, StudyFolder, StudySettings, TrainingSeeds, Workers


def plan_study(
    study: Annotated[
        str, typer.Argument(metavar="MODULE:FUNCTION", help="A module or a .py file, and a function.")
    ] = "edgewise.study.demo:demo",
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
    from edgewise.study.estimate import estimate, root_digest
    from edgewise.study.plan import first_parents, topological_order
    from edgewise.study.stages import Pretrain
    from edgewise.study.store import Store
    from edgewise.training.execution import Execution, check_device

    planned, store = study_of(study, settings or [], seeds, scale), Store(out)
    execution = Execution(check_device(device), choose_backend(backend, device))
    slots = workers or execution.stages_at_once()
    expected = estimate(planned, store, slots, {})
    unknown = {stage.folder for stage in expected.stages if stage.source == "not known"}
    roots = {
        root_digest(stage): root
        for stage in topological_order(planned.evaluations.values())
        if store.folder(stage).name in unknown and isinstance(root := [stage, *first_parents(stage)][-1], Pretrain)
    }
    if roots:
        with status("measuring this machine, some seconds"):
            rates = {name: calibrate(root, execution, slots) for name, root in roots.items()}
        expected = estimate(planned, store, slots, rates)
    print_study_plan(expected)
