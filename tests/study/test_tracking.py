"""Tracking: each step is written once to a tracker, whose failure ends no study. A tracker that remembers stands in."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from edgewise.core.errors import InputError
from edgewise.core.spec import digest, plain
from edgewise.study import tracking
from edgewise.study.context import Context
from edgewise.study.run import run
from edgewise.study.store import Store
from edgewise.study.trackers.base import TrackedStage, TrackerRun, tracker_named
from edgewise.study.tracking import Tracking
from tests.tiny import EASY, PRETRAIN, STAGES, STUDY, TUNED, interrupt

from .conftest import Finished

pytestmark = pytest.mark.usefixtures("in_this_process")

NAMES = STUDY.names()


class Remembered:
    """What was written to a tracker by all its runs: stage -> its steps, and the stages that are closed."""

    def __init__(self) -> None:
        self.stages: dict[str, TrackedStage] = {}
        self.steps: dict[str, list[int]] = {}
        self.metrics: dict[str, list[Mapping[str, float]]] = {}
        self.flushed: dict[str, int] = {}
        self.closed: list[str] = []

    def __call__(self, stage: TrackedStage) -> TrackerRun:
        memory = self

        class Run(TrackerRun):
            def __init__(self, stage: TrackedStage) -> None:
                memory.stages[stage.id] = stage

            def write(self, step: int, metrics: Mapping[str, float]) -> None:
                memory.steps.setdefault(stage.id, []).append(step)
                memory.metrics.setdefault(stage.id, []).append(metrics)

            def flush(self) -> None:
                memory.flushed[stage.id] = memory.steps[stage.id][-1]

            def close(self) -> None:
                memory.closed.append(stage.id)

        return Run(stage)


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    """What is warned of; nothing, where a test does not take it out."""
    lines: list[str] = []
    yield lines
    assert lines == []


def tracked(memory: Remembered, root: Path, warnings: list[str]) -> Tracking:
    return Tracking("fake", memory, "tiny", NAMES, root, warnings.append)


def test_every_step_of_every_stage_is_written_under_its_name(
    finished: Finished, tmp_path: Path, warnings: list[str]
) -> None:
    memory = Remembered()
    with tracked(memory, tmp_path, warnings) as tracker:
        run(STUDY, Context(tmp_path, workers=2), tracker)
    trained = {digest(PRETRAIN): PRETRAIN, digest(TUNED): TUNED}
    assert memory.steps.keys() == trained.keys(), "an evaluation logs nothing"
    for name, stage in trained.items():
        expected = finished.store.metrics(stage)
        assert memory.steps[name] == [line["step"] for line in expected]
        assert [
            {"step": step, **line} for step, line in zip(memory.steps[name], memory.metrics[name], strict=True)
        ] == (expected)
        assert memory.flushed[name] == expected[-1]["step"]
        about = memory.stages[name]
        assert (about.project, about.name, about.config, about.after) == ("tiny", NAMES[name], plain(stage), -1)
        assert about.group == NAMES[name].split(":")[0]
    assert sorted(memory.closed) == sorted(trained)


def test_a_resumed_stage_and_the_next_command_write_only_what_is_new(tmp_path: Path, warnings: list[str]) -> None:
    store, name = Store(tmp_path), digest(PRETRAIN)
    interrupt(store, PRETRAIN, 40)
    first = Remembered()
    with tracked(first, tmp_path, warnings) as tracker:
        tracker.logged(PRETRAIN, [{"step": float(step), "loss": 1.0} for step in range(30)])
    assert first.steps[name] == list(range(30)) and first.closed == []
    second = Remembered()
    with tracked(second, tmp_path, warnings) as tracker:
        run([PRETRAIN], Context(tmp_path, workers=1), tracker)
    assert second.steps[name] == list(range(30, 150)) and second.stages[name].after == 29
    third = Remembered()
    with tracked(third, tmp_path, warnings) as tracker:
        run([PRETRAIN], Context(tmp_path, workers=1), tracker)
    assert third.steps == {} and third.stages == {}


def test_what_was_complete_before_it_was_tracked_is_written_whole(
    copied: Store, finished: Finished, warnings: list[str]
) -> None:
    memory = Remembered()
    with tracked(memory, copied.root, warnings) as tracker:
        run(STUDY, Context(copied.root, workers=1), tracker)
    assert memory.steps[digest(TUNED)] == [line["step"] for line in finished.store.metrics(TUNED)]
    assert sorted(memory.closed) == sorted(memory.steps)


def test_what_is_tracked_has_the_same_digests(finished: Finished, tmp_path: Path, warnings: list[str]) -> None:
    with tracked(Remembered(), tmp_path, warnings) as tracker:
        store = run(STUDY, Context(tmp_path, workers=1), tracker)
    for stage in STAGES:
        assert store.provenance(stage).outputs == finished.store.provenance(stage).outputs


@pytest.mark.parametrize("part", ["__init__", "write", "flush", "close"])
def test_a_tracker_that_fails_is_one_warning_and_the_study_goes_on(
    finished: Finished, tmp_path: Path, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    class Failing(TrackerRun):
        def __init__(self, stage: TrackedStage) -> None:
            self.at("__init__")

        def write(self, step: int, metrics: Mapping[str, float]) -> None:
            self.at("write")

        def flush(self) -> None:
            self.at("flush")

        def close(self) -> None:
            self.at("close")

        def at(self, called: str) -> None:
            calls.append(called)
            if called == part:
                raise ConnectionError("no route to host\nsecond line")

    lines: list[str] = []
    with Tracking("far", Failing, "tiny", NAMES, tmp_path, lines.append) as tracker:
        store = run(STUDY, Context(tmp_path, workers=1), tracker)
    assert lines == ["--track: far failed and is left out from now on (ConnectionError: no route to host)"]
    assert calls.count(part) == 1
    for stage in STAGES:
        assert store.provenance(stage).outputs == finished.store.provenance(stage).outputs


def test_a_tracker_that_hangs_holds_up_nothing_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the stages nor the end of the command, nor an interrupted one at all."""
    monkeypatch.setattr(tracking, "_PATIENCE", 0.2)
    over = threading.Event()

    class Hanging(TrackerRun):
        def __init__(self, stage: TrackedStage) -> None:
            over.wait(120)

        def write(self, step: int, metrics: Mapping[str, float]) -> None: ...

        def close(self) -> None: ...

    lines: list[str] = []
    with Tracking("far", Hanging, "tiny", NAMES, tmp_path, lines.append) as tracker:
        run([PRETRAIN], Context(tmp_path, workers=1), tracker)
    assert lines == ["--track: far still has not taken everything; the same command writes the rest"]
    monkeypatch.setattr(tracking, "_PATIENCE", 120.0)
    with (
        pytest.raises(KeyboardInterrupt),
        Tracking("far", Hanging, "tiny", NAMES, tmp_path, lines.append) as tracker,
    ):
        tracker.logged(PRETRAIN, [{"step": 0.0}])
        raise KeyboardInterrupt
    assert len(lines) == 1
    over.set()


def test_trackers_that_are_unknown_or_not_installed_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"^--track: 'wandbb' is unknown \(did you mean wandb\?\); there are "):
        tracker_named("wandbb")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for name in ("tensorboard", "wandb", "trackio"):
        with pytest.raises(
            InputError, match=rf"^--track: {name} is not installed; .* `pip install edgewise\[{name}\]`$"
        ):
            tracker_named(name)


def test_trackers_that_know_runs_by_name_get_one_of_each_stage() -> None:
    about = TrackedStage("p", "edge/0: rl", "edge/0", "0123456789abcdef", plain(EASY), Path(), -1)
    assert about.unique_name == "edge/0: rl 01234567"
