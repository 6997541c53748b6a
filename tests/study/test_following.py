"""What stages log is told to watchers while they run and before they are told complete, with any runner."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from edgewise.core.spec import digest
from edgewise.study.context import Context
from edgewise.study.following import Following
from edgewise.study.run import run
from edgewise.study.stages import Stage
from edgewise.study.store import Store
from edgewise.study.work import planned_steps
from edgewise.training.metrics_file import Metrics
from tests.tiny import BASE_EVALUATION, PRETRAIN, STAGES, TUNED, Log

from .conftest import Finished


def test_all_that_stages_log_is_told_once(finished: Finished) -> None:
    assert set(finished.log.lines) == {digest(PRETRAIN), digest(TUNED)}
    for stage in (PRETRAIN, TUNED):
        assert finished.log.lines[digest(stage)] == finished.store.metrics(stage)
        assert planned_steps(stage) == len(finished.store.metrics(stage))
    assert planned_steps(BASE_EVALUATION) is None


def test_nothing_is_told_again_of_what_is_there(finished: Finished) -> None:
    log = Log()
    run(STAGES, Context(finished.store.root, workers=1), log)
    assert log.lines == {} and len(log.done) == len(STAGES)


def test_several_watchers_are_told_the_same(finished: Finished, tmp_path: Path) -> None:
    logs = Log(), Log()
    run([PRETRAIN], Context(tmp_path, workers=1), *logs)
    assert logs[0] == logs[1]
    assert logs[0].lines[digest(PRETRAIN)] == finished.log.lines[digest(PRETRAIN)]


class Events(Log):
    """Remembers in which order it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[str] = []
        self.told = threading.Event()

    def logged(self, stage: Stage, lines: Sequence[Metrics]) -> None:
        self.events += [f"step {line['step']:g}" for line in lines]
        self.told.set()

    def completed(self, stage: Stage, *, reused: bool) -> None:
        self.events.append("complete")


def test_lines_are_told_while_the_stage_runs_and_the_last_before_its_end(tmp_path: Path) -> None:
    """No runner: the file alone. What a runner says after the end begins nothing."""
    store, watcher = Store(tmp_path), Events()
    unfinished = tmp_path / f"{store.folder(PRETRAIN).name}.unfinished"
    with Following(store, [watcher]) as following:
        following.advanced(PRETRAIN, 0, 0, "")
        unfinished.mkdir()
        (unfinished / "metrics.jsonl").write_text('{"step": 0}\n')
        assert watcher.told.wait(60), "while it runs"
        with (unfinished / "metrics.jsonl").open("a") as file:
            file.write('{"step": 1}\n')
        unfinished.rename(store.folder(PRETRAIN))
        following.completed(PRETRAIN, reused=False)
        following.advanced(PRETRAIN, 2, 2, "")
        time.sleep(1.2)
    assert watcher.events == ["step 0", "step 1", "complete"]


class Broken(Log):
    def logged(self, stage: Stage, lines: Sequence[Metrics]) -> None:
        raise BrokenPipeError("the terminal is gone")


def test_a_watcher_that_fails_does_not_fail_silently(tmp_path: Path) -> None:
    with pytest.raises(BrokenPipeError, match="terminal"):
        run([PRETRAIN], Context(tmp_path, workers=1), Broken())
