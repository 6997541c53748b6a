"""`edgewise demo` and `edgewise run`: names a study, applies a.b=c, prints."""

from __future__ import annotations

import shlex
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_type_hints

import typer
from pydantic import ValidationError

from edgewise.cli.loading import load
from edgewise.core.errors import InputError

if TYPE_CHECKING:
    import torch

    from edgewise.study.study import Study

Settings = Annotated[list[str] | None, typer.Argument(metavar="[A.B=C]...", help="Settings to change.")]
Out = Annotated[Path, typer.Option(help="Folder for all that is computed; what is there is reused.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Stages at a time; default: the cores.")]
Device = Annotated[str, typer.Option(help="Where models run, e.g. cpu or cuda.")]
ComputedBy = Annotated[str, typer.Option("--backend", help="Who computes models: auto, torch or native (kernels).")]


def demo(
    settings: Settings = None,
    out: Out = Path("runs/demo"),
    workers: Workers = None,
    device: Device = "cpu",
    backend: ComputedBy = "auto",
) -> None:
    """Train a small model, run RL on it twice, and say whether RL extended its boundary."""
    _run("edgewise.demo:demo", settings or [], out, workers, device, backend)


def run(
    study: Annotated[str, typer.Argument(metavar="MODULE:FUNCTION", help="A module or a .py file, and a function.")],
    settings: Settings = None,
    out: Out = Path("runs"),
    workers: Workers = None,
    device: Device = "cpu",
    backend: ComputedBy = "auto",
) -> None:
    """Run any study: a Python function that takes a spec and returns a Study."""
    _run(study, settings or [], out, workers, device, backend)


def _run(name: str, settings: list[str], out: Path, workers: int | None, device: str, backend: str) -> None:
    from edgewise.core.distributed import process_group
    from edgewise.core.threads import machine_cores
    from edgewise.model.backend import choose_backend
    from edgewise.report.study.page import write_page
    from edgewise.report.study.terminal import StudyProgress, summary
    from edgewise.report.terminal import status
    from edgewise.study import run as study_run
    from edgewise.study.context import Context
    from edgewise.study.measure import measure
    from edgewise.training.execution import Execution

    study = _study(name, settings)
    progress = StudyProgress(study)
    with process_group(device) as distributed:
        execution = Execution(_device(device), choose_backend(backend, device), distributed=distributed)
        context = Context(root=out, workers=workers or machine_cores(), execution=execution)
        with progress if distributed.is_rank_zero else nullcontext():
            store = study_run.run(study, context, progress)
    if not distributed.is_rank_zero:
        return
    page = out / "report.html"
    with status("judging and writing the report, a few seconds"):
        findings = measure(study, store)
        write_page(findings, page, command=shlex.join(["edgewise", *sys.argv[1:]]))
    summary(findings, page)


def _study(name: str, settings: list[str]) -> Study:
    """Call the named function with its spec, after applying the settings."""
    from edgewise.core.spec import Spec, describe_error, override

    function = load(name, "function")
    if not callable(function):
        raise InputError(f"{name}: must be a function")
    kinds = [k for k in get_type_hints(function).values() if isinstance(k, type) and issubclass(k, Spec)]
    if not kinds:
        raise InputError(f"{name}: must take one argument annotated with its Spec")
    spec = override(kinds[0].parse({}, name), settings)
    try:
        study: Study = function(spec)
    except ValidationError as error:  # a stage that these settings do not make
        raise InputError(f"{name}: {describe_error(error)}") from None
    return study


def _device(name: str) -> torch.device:
    import torch

    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"device: {name!r} cannot be used ({str(error).splitlines()[0]:.80}); try cpu") from None
    return torch.device(name)
