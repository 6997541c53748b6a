"""Local runner: several stages at a time, each in a process of this machine with one thread."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from multiprocessing.queues import Queue
from multiprocessing.sharedctypes import Synchronized
from types import TracebackType
from typing import Self

import torch

from edgewise.core.errors import InputError
from edgewise.core.processes import describe_exit, interrupts_held_back
from edgewise.core.spec import digest
from edgewise.core.threads import Cores
from edgewise.study.context import Context
from edgewise.study.remote.compute import compute_stage
from edgewise.study.runners.base import Advanced
from edgewise.study.runners.sent import load_stage
from edgewise.study.stages import Stage
from edgewise.study.store import Store

# Digest of a stage and the process that has begun it; or: digest, steps done, all steps, a note.
_Message = tuple[str, int] | tuple[str, int, int, str]

# Seconds to wait for workers that were told to end, which they do at once unless something is broken.
_PATIENCE = 5.0

# Seconds to wait for the last messages after an error; a worker that was killed while it sent has stopped them all.
_MOMENT = 0.1


class LocalRunner:
    """Up to `context.workers` stages at once, each in a process of its own.

    A stage whose process dies fails with an InputError that names its folder and how the process ended.
    """

    def __init__(self, context: Context, advanced: Advanced) -> None:
        self.slots = context.workers
        self._context, self._advanced = context, advanced
        self._stages: dict[str, Stage] = {}
        self._begun_by: dict[int, Stage] = {}
        self._processes: list[BaseProcess] = []
        self._death: InputError | None = None
        self._under_way: Synchronized[int] = multiprocessing.get_context("spawn").Value("i", 0)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            messages = stack.enter_context(_messages(self._handle))
            self._pool = stack.enter_context(_pool(self._context.workers, messages, self._under_way))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def submit(self, stage: Stage) -> Future[None]:
        self._stages[digest(stage)] = stage
        result: Future[None] = Future()

        def finish(computed: Future[None]) -> None:
            self._count(-1)
            if computed.cancelled():
                result.cancel()
            elif isinstance(error := computed.exception(), BrokenProcessPool):
                result.set_exception(self._died(stage))
            elif error is not None:
                result.set_exception(error)
            else:
                result.set_result(None)

        try:
            with interrupts_held_back():  # the first call starts the processes
                computed = self._pool.submit(_compute, pickle.dumps(stage), digest(stage), self._context)
                # The pool wakes its watching thread before it starts a process, so that it may not watch the new one.
                with self._pool._shutdown_lock:
                    self._pool._executor_manager_thread_wakeup.wakeup()
        except BrokenProcessPool:
            raise self._died(stage) from None
        self._processes = list((self._pool._processes or {}).values()) or self._processes
        self._count(1)
        computed.add_done_callback(finish)
        return result

    def _died(self, stage: Stage) -> InputError:
        """What is known about the process that died first: with it all stages under way fail, `stage` among them."""
        if self._death is None:
            # The pool stops the others only after it has told of this one.
            sentinels = wait([process.sentinel for process in self._processes], _PATIENCE)
            dead = next((process for process in self._processes if process.sentinel in sentinels), None)
            if dead is not None:
                dead.join(_PATIENCE)  # its files are closed a moment before its exit status can be read
            status = None if dead is None else dead.exitcode
            stage = stage if dead is None else self._begun_by.get(dead.pid or 0, stage)
            folder = Store(self._context.root).folder(stage).name
            said = "; what it said stands above" if status is not None and status > 0 else ""
            ended = describe_exit(status)
            workers = ", with fewer workers" if "SIGKILL" in ended else ""
            self._death = InputError(f"{folder}: its process {ended}{said}; run again to go on{workers}")
        return self._death

    def _handle(self, message: _Message) -> None:
        if len(message) == 2:
            name, process = message
            self._begun_by[process] = self._stages[name]
            self._advanced(self._stages[name], 0, 0, "")
            return
        name, done, total, note = message
        self._advanced(self._stages[name], done, total, note)

    def _count(self, change: int) -> None:
        with self._under_way.get_lock():
            self._under_way.value += change


@contextmanager
def _pool(
    workers: int, messages: Queue[_Message | None], under_way: Synchronized[int]
) -> Iterator[ProcessPoolExecutor]:
    pool = ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), initializer=_start_worker, initargs=(messages, under_way)
    )
    try:
        yield pool
    except BaseException:
        # Stages write checkpoints as they go, so stopping them loses seconds, and waiting for
        # them to finish could take minutes. Until they are gone they hold the locks of their stages.
        processes = list((pool._processes or {}).values())
        for process in processes:
            process.terminate()
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.join(_PATIENCE)
        raise
    pool.shutdown()


@contextmanager
def _messages(handle: Callable[[_Message], None]) -> Iterator[Queue[_Message | None]]:
    """A queue from the workers; a thread of this process calls `handle` with each message.

    After `handle` has raised an error, messages are read and dropped, and the error is raised at the end.
    """
    messages: Queue[_Message | None] = multiprocessing.get_context("spawn").Queue()
    failures: list[Exception] = []

    def drain() -> None:
        while (message := messages.get()) is not None:
            if failures:
                continue  # unread messages would fill the pipe and stop the workers
            try:
                handle(message)
            except Exception as error:
                failures.append(error)

    thread = threading.Thread(target=drain, daemon=True)
    thread.start()
    try:
        yield messages
    except BaseException:
        # A worker killed while it sent took the queue's lock with it: then nothing more arrives.
        messages.cancel_join_thread()
        messages.put(None)
        thread.join(_MOMENT)
        raise
    messages.put(None)
    thread.join()
    if failures:
        raise failures[0]


@dataclass(frozen=True, slots=True)
class _Worker:
    """What a worker process gets when it starts: queues and shared numbers cannot be sent to it later."""

    messages: Queue[_Message | None]
    under_way: Synchronized[int]

    def stages_under_way(self) -> int:
        return self.under_way.value


_worker: _Worker | None = None


def _start_worker(messages: Queue[_Message | None], under_way: Synchronized[int]) -> None:
    global _worker
    _worker = _Worker(messages, under_way)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)


def _end_with_parent() -> None:
    """A killed parent cannot stop its workers; left alone they would train on and hold the locks."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _compute(pickled: bytes, name: str, context: Context) -> None:
    assert _worker is not None
    stage = load_stage(pickled, name)
    messages = _worker.messages
    messages.put((name, os.getpid()))

    def report(done: int, total: int, note: str) -> None:
        messages.put((name, done, total, note))

    # A stage that is left alone takes the cores of those that have finished. No result depends on it.
    execution = replace(context.execution, cores=Cores(_worker.stages_under_way))
    compute_stage(stage, context, execution, report)
