"""Slurm runner: a job for each stage, through submitit; `cluster=local` runs the jobs on this machine instead."""

from __future__ import annotations

import pickle
import threading
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self

import submitit

from edgewise.core.errors import InputError
from edgewise.core.spec import digest
from edgewise.study.context import Context
from edgewise.study.runners.base import Advanced
from edgewise.study.runners.elsewhere import compute_sent
from edgewise.study.stages import Stage
from edgewise.study.store import folder_name
from edgewise.study.work import planned_steps
from edgewise.training.run_folder import silent

# Seconds between two looks at the jobs.
_BETWEEN = 1.0


class SlurmRunner:
    """Sends every stage that can be computed as a job of its own. What the jobs say stands in `<root>/.jobs`.

    A stage whose job ends without a result, as at its time limit, fails with an InputError; run again, and it goes on
    from its last checkpoint.
    """

    slots = 10_000

    def __init__(self, context: Context, advanced: Advanced) -> None:
        self._context, self._advanced = context, advanced
        cluster, parameters = _parameters(context.on)
        try:
            self._executor = submitit.AutoExecutor(folder=context.root / ".jobs" / "%j", cluster=cluster)
            gpus = int(context.execution.device.type != "cpu")
            self._executor.update_parameters(
                **{"name": "edgewise", "cpus_per_task": 1, "gpus_per_node": gpus, "timeout_min": 24 * 60, **parameters}
            )
        except (RuntimeError, ValueError, TypeError, NameError) as error:
            raise InputError(f"on: {str(error).splitlines()[0]:.200}") from None
        self._jobs: dict[Future[None], tuple[Any, Stage]] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def submit(self, stage: Stage) -> Future[None]:
        job = self._executor.submit(compute_sent, pickle.dumps(stage), digest(stage), self._context, silent)
        result: Future[None] = Future()
        self._jobs[result] = (job, stage)
        self._advanced(stage, 0, planned_steps(stage) or 0, f"job {job.job_id}")
        return result

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        for job, _ in self._jobs.values():
            if not job.done():
                job.cancel()

    def _watch(self) -> None:
        while not self._over.wait(_BETWEEN):
            for result, (job, stage) in list(self._jobs.items()):
                if not job.done():
                    continue
                del self._jobs[result]
                try:
                    error = job.exception()
                except (OSError, RuntimeError, submitit.core.utils.UncompletedJobError) as unknown:
                    error = unknown
                if error is None:
                    result.set_result(None)
                else:
                    result.set_exception(_in_one_line(error, job, stage))


def _parameters(on: str) -> tuple[str | None, dict[str, str | int]]:
    """Where jobs run, and what submitit is told: "slurm:partition=gpu,mem_gb=8"; numbers are numbers."""
    parameters: dict[str, str | int] = {}
    for word in filter(None, on.partition(":")[2].split(",")):
        field, equals, value = word.partition("=")
        if not (field and equals and value):
            raise InputError(f"on: must be slurm:FIELD=VALUE,..., has {word!r}")
        name = field if field in ("cluster", "mem_gb", "timeout_min", "cpus_per_task", "name") else f"slurm_{field}"
        parameters[name] = int(value) if value.isdecimal() else value
    cluster = parameters.pop("cluster", "slurm")
    return str(cluster), parameters


def _in_one_line(error: BaseException, job: Any, stage: Stage) -> InputError:
    """What went wrong in a job: submitit hands on a traceback, whose last line says it."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    said = next((line for line in reversed(lines) if "InputError: " in line), "").partition("InputError: ")[2]
    reason = said or f"job {job.job_id} ended without a result; what it said stands in {job.paths.stderr}"
    return InputError(f"{folder_name(stage)}: {reason}; run again to go on")
