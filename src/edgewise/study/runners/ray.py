"""Ray runner: a task for each stage on a cluster, with its core or its GPU; what a lost machine had is sent on."""

from __future__ import annotations

import logging
import pickle
import signal
import threading
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self

import ray

from edgewise.core.errors import InputError
from edgewise.core.spec import digest
from edgewise.study.context import Context
from edgewise.study.runners.base import Advanced
from edgewise.study.runners.elsewhere import compute_sent
from edgewise.study.stages import Stage
from edgewise.study.store import folder_name

# A stage is sent again so many times, each time that the machine or process that computes it is lost.
_RETRIES = 5

# Seconds between two looks at the progress, and at a task that was told to end.
_BETWEEN, _PATIENCE = 0.2, 10.0


class RayRunner:
    """Sends every stage that can be computed; Ray decides where and when. A cluster that it started ends with it."""

    slots = 10_000

    def __init__(self, context: Context, advanced: Advanced) -> None:
        self._context, self._advanced = context, advanced
        self._stages: dict[str, Stage] = {}
        self._tasks: dict[str, Any] = {}
        self._over = threading.Event()
        self._failures: list[Exception] = []

    def __enter__(self) -> Self:
        self._owns = not ray.is_initialized()
        if self._owns:
            address = self._context.on if self._context.on.startswith("ray://") else None
            before = signal.getsignal(signal.SIGTERM)
            try:
                ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
            except (ConnectionError, ValueError) as error:
                raise InputError(f"on: no cluster answers at {address} ({str(error).splitlines()[0]:.100})") from None
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, before)  # Ray puts its own there, which says nothing about going on
        # It holds nothing that is worth keeping: where its machine is lost, it begins afresh on another.
        self._board: Any = ray.remote(_Board).options(num_cpus=0, max_restarts=-1, max_task_retries=-1).remote()
        gpus = int(self._context.execution.device.type != "cpu")
        self._compute = ray.remote(_compute).options(num_cpus=1, num_gpus=gpus, max_retries=_RETRIES)
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def submit(self, stage: Stage) -> Future[None]:
        name = digest(stage)
        self._stages[name] = stage
        task = self._compute.remote(pickle.dumps(stage), name, self._context, self._board)
        self._tasks[name] = task
        computed, result = task.future(), Future[None]()

        def finish(computed: Future[None]) -> None:
            error = computed.exception()
            if error is None:
                result.set_result(None)
                return
            # Ray hands an error of the task on inside one of its own.
            cause = getattr(error, "cause", None)
            lost = isinstance(error, ray.exceptions.RayError) and not isinstance(error, ray.exceptions.RayTaskError)
            told = InputError(f"{folder_name(stage)}: its process or machine was lost {_RETRIES + 1} times; run again")
            result.set_exception(told if lost else cause or error)

        computed.add_done_callback(finish)
        return result

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            tasks = list(self._tasks.values())
            for task in tasks:
                ray.cancel(task, force=True)
            if tasks:
                ray.wait(tasks, num_returns=len(tasks), timeout=_PATIENCE)
        self._over.set()
        self._thread.join(_PATIENCE)
        if self._owns:
            ray.shutdown()
        if error is None and self._failures:
            raise self._failures[0]

    def _watch(self) -> None:
        """Tell of progress until the end, and of what came last then."""
        while True:
            last = self._over.wait(_BETWEEN)
            try:
                for name, (done, total, note) in ray.get(self._board.take.remote(), timeout=_PATIENCE).items():
                    self._advanced(self._stages[name], done, total, note)
            except ray.exceptions.RayError:
                pass  # the board's machine was lost: nothing to tell until it is on another
            except Exception as failure:
                self._failures.append(failure)
                return
            if last:
                return


class _Board:
    """An actor that has the last that was told of each stage, until it is taken."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[int, int, str]] = {}

    def tell(self, name: str, done: int, total: int, note: str) -> None:
        self._told[name] = (done, total, note)

    def take(self) -> dict[str, tuple[int, int, str]]:
        told, self._told = self._told, {}
        return told


def _compute(pickled: bytes, name: str, context: Context, board: Any) -> None:
    def progress(done: int, total: int, note: str) -> None:
        board.tell.remote(name, done, total, note)

    compute_sent(pickled, name, context, progress)
