from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Self

import pytest

from edgewise.core.errors import InputError
from edgewise.core.spec import digest
from edgewise.study.context import Context
from edgewise.study.plan import stages_after, topological_order
from edgewise.study.run import _compute_all, run
from edgewise.study.runners import local
from edgewise.study.runners.distributed import DistributedRunner
from edgewise.study.runners.local import LocalRunner
from edgewise.study.stages import Stage
from edgewise.study.store import Store
from tests.tiny import (
    BASE_EVALUATION,
    PRETRAIN,
    STAGES,
    STUDY,
    TUNED,
    TUNED_EVALUATION,
    Log,
    identity,
    results,
)

from .conftest import Finished


def test_plan_has_every_stage_once_parents_first() -> None:
    other = TUNED.model_copy(update={"seed": 7})
    leaves = [
        TUNED_EVALUATION.model_copy(update={"parent": other}),
        TUNED_EVALUATION,
        BASE_EVALUATION,
        type(BASE_EVALUATION).parse(BASE_EVALUATION.model_dump()),
    ]
    names = [digest(stage) for stage in topological_order(leaves)]
    assert sorted(names) == sorted(digest(s) for s in (PRETRAIN, TUNED, other, *leaves[:3]))
    for stage in topological_order(leaves):
        assert all(names.index(digest(parent)) < names.index(digest(stage)) for parent in stage.parents)
    assert topological_order([]) == []


def test_every_stage_is_computed_once_and_told(finished: Finished) -> None:
    done = [name for name, _ in finished.log.done]
    assert sorted(done) == sorted(digest(stage) for stage in STAGES)
    assert not any(reused for _, reused in finished.log.done)
    for stage in STAGES:
        assert all(done.index(digest(parent)) < done.index(digest(stage)) for parent in stage.parents)
    steps = [(done, total) for name, done, total in finished.log.steps if name == digest(PRETRAIN)]
    assert steps == [(0, 0), *((step, 150) for step in range(1, 151))], "first that it has begun"
    assert {name for name, _, _ in finished.log.steps} == {digest(stage) for stage in STAGES}


def test_folders_are_whole_and_nothing_else_is_left(finished: Finished) -> None:
    folders = {path.name for path in finished.store.root.iterdir() if path.is_dir()}
    assert folders == {finished.store.folder(stage).name for stage in STAGES}
    assert not [path for path in finished.store.root.rglob("*") if path.suffix in (".new", ".old", ".part")]


def test_a_finished_study_is_reused_and_not_touched(finished: Finished) -> None:
    before = identity(finished.store.root)
    log = Log()
    store = run(STUDY, Context(finished.store.root, workers=1), log)
    assert store.root == finished.store.root
    assert sorted(log.done) == sorted((digest(stage), True) for stage in STAGES)
    assert log.steps == [] and identity(finished.store.root) == before


def test_one_worker_in_another_folder_gives_the_same_bits(finished: Finished, tmp_path: Path) -> None:
    store = run([TUNED_EVALUATION], Context(tmp_path, workers=1, checkpoint_seconds=0.0), Log())
    for stage in (PRETRAIN, TUNED, TUNED_EVALUATION):
        found = results(store.folder(stage))
        assert found == results(finished.store.folder(stage))
        assert any(name.endswith((".safetensors", ".parquet")) for name in found)


class Then(Log):
    """Does something once, when a stage has come to a step."""

    def __init__(self, stage: Stage, step: int, action: Callable[[], None]) -> None:
        super().__init__()
        self.at, self.action, self.acted = (digest(stage), step), action, False

    def advanced(self, stage: Stage, done: int, total: int, note: str) -> None:
        super().advanced(stage, done, total, note)
        if (digest(stage), done) == self.at and not self.acted:
            self.acted = True
            self.action()


def kill_workers() -> None:
    for process in multiprocessing.active_children():
        process.kill()


def test_a_killed_worker_leaves_nothing_that_looks_complete(finished: Finished, tmp_path: Path) -> None:
    log = Then(PRETRAIN, 40, kill_workers)
    with pytest.raises(InputError) as caught:
        run([PRETRAIN], Context(tmp_path, workers=1, checkpoint_seconds=0.0), log)
    store = Store(tmp_path)
    assert str(caught.value) == (
        f"{store.folder(PRETRAIN).name}: its process was killed by SIGKILL, perhaps for want of memory;"
        " run again to go on, with fewer workers"
    )
    assert log.done == [] and not store.is_complete(PRETRAIN)
    unfinished = f"{store.folder(PRETRAIN).name}.unfinished"
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [unfinished]
    seen: list[int] = []
    store.compute(PRETRAIN, progress=lambda done, total, note: seen.append(done))
    assert seen[0] > 30, "it must go on from the last checkpoint"
    assert results(store.folder(PRETRAIN)) == results(finished.store.folder(PRETRAIN))


def test_of_two_stages_under_way_the_one_whose_process_died_is_named_and_memory_is_not(tmp_path: Path) -> None:
    training = PRETRAIN.training.model_copy(update={"steps": 50_000})
    stages = [PRETRAIN.model_copy(update={"training": training, "seed": seed}) for seed in (0, 1)]
    with LocalRunner(Context(tmp_path, workers=2), Log().advanced) as runner:
        futures = [runner.submit(stage) for stage in stages]
        deadline = time.monotonic() + 120
        while len(runner._begun_by) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        (process,) = [process for process, stage in runner._begun_by.items() if stage is stages[1]]
        os.kill(process, signal.SIGSEGV)
        messages = [str(future.exception(60)) for future in futures]
    name = Store(tmp_path).folder(stages[1]).name
    assert messages == [f"{name}: its process was killed by SIGSEGV; run again to go on"] * 2


def test_the_first_failure_stops_the_others_and_comes_as_one_line(tmp_path: Path) -> None:
    """One stage fails while another is under way, which is stopped, freed, and can go on at once."""
    long = PRETRAIN.model_copy(update={"training": PRETRAIN.training.model_copy(update={"steps": 50_000})})
    never = TUNED.model_copy(update={"parent": long})
    refused = PRETRAIN.model_copy(update={"seed": 1})
    (tmp_path / f"{Store(tmp_path).folder(refused).name}.unfinished" / "checkpoint").mkdir(parents=True)
    log = Log()
    with pytest.raises(InputError, match=r"^[^\n]*checkpoint: corrupt checkpoint; [^\n]*$"):
        run([never, refused], Context(tmp_path, workers=2, checkpoint_seconds=0.0), log)
    assert multiprocessing.active_children() == []
    store = Store(tmp_path)
    assert log.done == [] and not any(store.is_complete(stage) for stage in (long, never, refused))

    def stop(done: int, total: int, note: str) -> None:
        raise KeyboardInterrupt

    # Not "another process is computing this stage".
    with pytest.raises(KeyboardInterrupt):
        store.compute(long, progress=stop)


def test_a_watcher_that_fails_neither_blocks_the_workers_nor_is_silent() -> None:
    calls = 0

    def handle(message: tuple[object, ...]) -> None:
        nonlocal calls
        calls += 1
        raise BrokenPipeError("the terminal is gone")

    # More than a pipe holds: unread messages would stop the process that sends them.
    with pytest.raises(BrokenPipeError, match="terminal"), local._messages(handle) as messages:
        for step in range(5000):
            messages.put(("x" * 50, step, 5000, ""))
        deadline = time.monotonic() + 60
        while not messages.empty() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert messages.empty()
    assert calls == 1


def test_messages_arrive_in_order_and_all_of_them() -> None:
    seen: list[int] = []
    with local._messages(lambda message: seen.append(message[1])) as messages:
        for step in range(500):
            messages.put(("", step, 500, ""))
    assert seen == list(range(500))


def test_a_worker_killed_while_it_sends_does_not_hang_the_run() -> None:
    """It takes the lock of the queue with it into its grave."""
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt), local._messages(lambda message: None) as messages:
        lock = messages._wlock  # type: ignore[attr-defined]
        lock.acquire()
        raise KeyboardInterrupt
    lock.release()
    assert time.monotonic() - start < 20, "for ever, unless the queue is left"


def test_what_much_depends_on_is_started_first() -> None:
    """An evaluation that nobody waits for must not take a core that a whole arm could use."""
    after = stages_after(topological_order([BASE_EVALUATION, TUNED_EVALUATION]))
    evaluations = {digest(BASE_EVALUATION): 0, digest(TUNED_EVALUATION): 0}
    assert after == {digest(PRETRAIN): 2, digest(TUNED): 1, **evaluations}


class FakeRunner:
    """Computes nothing; notes how many stages are under way, and that the parents of each are complete."""

    def __init__(self, slots: int) -> None:
        self.slots, self.under_way, self.most = slots, 0, 0
        self.complete: set[str] = set()
        self._changed, self._threads = threading.Condition(), ThreadPoolExecutor(10)

    def submit(self, stage: Stage) -> Future[None]:
        with self._changed:
            assert all(digest(parent) in self.complete for parent in stage.parents)
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            self._changed.notify_all()
        return self._threads.submit(self._compute, stage)

    def _compute(self, stage: Stage) -> None:
        with self._changed:  # long enough for the others that may be under way to be submitted
            self._changed.wait_for(lambda: self.most >= self.slots, 0.5)
            self.under_way -= 1
            self.complete.add(digest(stage))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._threads.shutdown()


@pytest.mark.parametrize("slots", [1, 2, 5])
def test_no_more_stages_are_submitted_than_the_runner_has_slots(slots: int) -> None:
    log = Log()
    others = [TUNED_EVALUATION.model_copy(update={"samples": 20 + i}) for i in range(4)]
    with FakeRunner(slots) as runner:
        _compute_all(topological_order([*others, TUNED_EVALUATION]), runner, log.completed)
    assert runner.most == slots and len(runner.complete) == 7 == len(log.done)


def test_a_process_alone_computes_the_same_bits_as_the_workers(finished: Finished, tmp_path: Path) -> None:
    """The runner of ranks that work together, with one rank."""
    log = Log()
    with DistributedRunner(Context(tmp_path), log.advanced) as runner:
        assert runner.submit(PRETRAIN).done()
    store = Store(tmp_path)
    assert results(store.folder(PRETRAIN)) == results(finished.store.folder(PRETRAIN))
    assert log.steps[-1] == (digest(PRETRAIN), 150, 150)


def test_a_stage_that_cannot_be_begun_fails_in_one_line(tmp_path: Path) -> None:
    with (
        DistributedRunner(Context(tmp_path), Log().advanced) as runner,
        pytest.raises(InputError, match="not complete"),
    ):
        runner.submit(TUNED)
