"""Running a study on this machine: every stage once, parents first, several at a time."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing.queues import Queue
from multiprocessing.sharedctypes import Synchronized
from typing import Protocol

import torch

from edgewise.core.errors import InputError
from edgewise.core.spec import digest
from edgewise.core.threads import shared_among
from edgewise.study.context import Context
from edgewise.study.stages import Stage
from edgewise.study.store import Store
from edgewise.training.run_folder import silent

_Message = tuple[str, int, int, str]

# Seconds to wait for what ends at once unless something is broken.
_PATIENCE = 5.0


class Watcher(Protocol):
    """Told of every stage: once when found complete or finished, and as it advances."""

    def advanced(self, stage: Stage, done: int, total: int, note: str) -> None: ...

    def completed(self, stage: Stage, *, reused: bool) -> None: ...


def plan(stages: Iterable[Stage]) -> list[Stage]:
    """All stages and their ancestors, each digest once, parents before children."""
    ordered: dict[str, Stage] = {}

    def visit(stage: Stage) -> None:
        for parent in stage.parents:
            visit(parent)
        ordered.setdefault(digest(stage), stage)

    for stage in stages:
        visit(stage)
    return list(ordered.values())


def run(stages: Iterable[Stage], context: Context, watcher: Watcher) -> Store:
    """Compute what is missing and return the store that holds it.

    What is complete is reused, what was interrupted resumes. The first failure stops the run
    after the stages under way have been stopped; everything saved stays. Several ranks must all
    call this; the first one's watcher is told.
    """
    store = Store(context.root)
    planned = plan(stages)
    if context.execution.distributed.size > 1:
        _run_together(planned, store, context, watcher)
        return store
    after = _stages_after(planned)
    # What much depends on goes first, so that no core is left with a long path of its own at the end.
    waiting = {digest(stage): stage for stage in sorted(planned, key=lambda stage: -after[digest(stage)])}
    for name, stage in list(waiting.items()):
        if store.is_complete(stage):
            watcher.completed(waiting.pop(name), reused=True)
    if not waiting:
        return store
    by_name = dict(waiting)
    under_way = multiprocessing.get_context("spawn").Value("i", 1)
    with (
        _messages(lambda m: watcher.advanced(by_name[m[0]], *m[1:])) as messages,
        _pool(context, messages, under_way) as pool,
    ):
        running: dict[Future[None], str] = {}
        while waiting or running:
            busy = {*waiting, *running.values()}
            ready = [n for n, s in waiting.items() if not any(digest(parent) in busy for parent in s.parents)]
            for name in ready:
                running[pool.submit(_compute, waiting.pop(name), context)] = name
            under_way.value = min(len(running), context.workers)
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                try:
                    future.result()
                except BrokenProcessPool:
                    raise InputError(
                        f"{store.folder(by_name[running[future]]).name}: its process was killed, perhaps for memory;"
                        " run again to go on, with fewer workers"
                    ) from None
                watcher.completed(by_name[running.pop(future)], reused=False)
    return store


def _run_together(planned: list[Stage], store: Store, context: Context, watcher: Watcher) -> None:
    """One stage after the other, each by all ranks."""
    distributed = context.execution.distributed
    for stage in planned:
        reused = distributed.on_rank_zero(partial(store.is_complete, stage))
        if not reused:
            progress = partial(watcher.advanced, stage) if distributed.is_rank_zero else silent
            store.compute(stage, context.execution, progress, context.checkpoint_seconds)
        if distributed.is_rank_zero:
            watcher.completed(stage, reused=reused)


def _stages_after(planned: list[Stage]) -> dict[str, int]:
    """Digest -> number of stages on the longest path that starts from it."""
    after = {digest(stage): 0 for stage in planned}
    for stage in reversed(planned):
        for parent in stage.parents:
            after[digest(parent)] = max(after[digest(parent)], after[digest(stage)] + 1)
    return after


@contextmanager
def _pool(
    context: Context, messages: Queue[_Message | None], under_way: Synchronized[int]
) -> Iterator[ProcessPoolExecutor]:
    pool = ProcessPoolExecutor(
        context.workers, multiprocessing.get_context("spawn"), initializer=_start_worker, initargs=(messages, under_way)
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
    """A queue from the workers whose messages are handled in a thread here.

    After `handle` has raised, messages are read and dropped, and what it raised is raised at the end.
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
        thread.join(_PATIENCE)
        raise
    messages.put(None)
    thread.join()
    if failures:
        raise failures[0]


_worker_messages: Queue[_Message | None] | None = None


def _start_worker(messages: Queue[_Message | None], under_way: Synchronized[int]) -> None:
    global _worker_messages
    _worker_messages = messages
    # Whoever is left alone takes the cores of those that have finished. No result depends on it.
    shared_among(lambda: under_way.value)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)


def _end_with_parent() -> None:
    """A killed parent cannot stop its workers; left alone they would train on and hold the locks."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _compute(stage: Stage, context: Context) -> None:
    name = digest(stage)

    def report(done: int, total: int, note: str) -> None:
        if _worker_messages is not None:
            _worker_messages.put((name, done, total, note))

    Store(context.root).compute(stage, context.execution, report, context.checkpoint_seconds)
