"""What is saved of a stage under way, at a URL: another machine goes on from it, and never from half of it."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from edgewise.study.context import Context
from edgewise.study.remote import progress
from edgewise.study.remote.compute import compute_stage
from edgewise.study.remote.folder import RemoteFolder
from edgewise.study.remote.progress import send_progress, steps_saved
from edgewise.study.remote.stages import publish
from edgewise.study.stages import Stage
from edgewise.study.store import Store, folder_name
from edgewise.training.execution import CPU
from tests.study.conftest import Finished
from tests.tiny import BASE_EVALUATION, PRETRAIN, TUNED, Interrupted, Log

from .conftest import Machine

# So many samples that it has several parts.
EVALUATION = BASE_EVALUATION.model_copy(update={"samples": 1024})


@pytest.fixture(autouse=True)
def _at_every_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_SHARE", 1)


def lose(machine: Context, stage: Stage, at: int) -> Store:
    """Compute a stage on a machine that is lost after so many steps."""

    def told(done: int, total: int, note: str) -> None:
        if done == at:
            raise Interrupted

    with pytest.raises(Interrupted):
        compute_stage(stage, machine, CPU, told)
    return Store(machine.root)


def go_on(machine: Context, stage: Stage) -> list[int]:
    """The steps that a machine tells of as it computes a stage."""
    seen: list[int] = []
    compute_stage(stage, machine, CPU, lambda done, total, note: seen.append(done))
    return seen


@pytest.mark.parametrize(("stage", "at"), [(PRETRAIN, 100), (TUNED, 3), (EVALUATION, 3)])
def test_a_stage_whose_machine_is_lost_goes_on_on_another(
    stage: Stage, at: int, finished: Finished, machine: Machine, url: str, tmp_path: Path
) -> None:
    remote = RemoteFolder(url)
    for parent in stage.parents:
        publish(remote, parent, finished.store.folder(parent))
    lose(machine("a"), stage, at)
    seen = go_on(machine("b"), stage)
    # A training loop tells of a step before it saves it; an evaluation tells of what is done before each part.
    assert min(seen) == (at if stage is not EVALUATION else 0)
    calm = Store(finished.store.root) if stage is not EVALUATION else Store(tmp_path / "calm")
    if stage is EVALUATION:
        compute_stage(PRETRAIN, Context(calm.root), CPU, lambda *_: None)
        compute_stage(stage, Context(calm.root), CPU, lambda *_: None)
    assert Store(machine("b").root).provenance(stage).outputs == calm.provenance(stage).outputs
    assert remote.names(f"{folder_name(stage)}.unfinished") == []


def test_parts_of_an_evaluation_are_not_drawn_again_and_sent_once(
    finished: Finished, machine: Machine, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(RemoteFolder(url), PRETRAIN, finished.store.folder(PRETRAIN))
    put, sent = RemoteFolder.put, []

    def counted(self: RemoteFolder, path: Path, name: str) -> None:
        sent.append(path.name)
        put(self, path, name)

    monkeypatch.setattr(RemoteFolder, "put", counted)
    lose(machine("a"), EVALUATION, 3)
    parts = [name for name in sent if name.endswith(".parquet")]
    assert len(parts) == len(set(parts)) == 3
    sent.clear()
    go_on(machine("b"), EVALUATION)
    assert not set(parts) & set(sent)


def test_what_goes_further_is_gone_on_with(machine: Machine) -> None:
    lose(machine("a"), PRETRAIN, 40)
    lose(machine("b"), PRETRAIN, 80)
    assert lose(machine("a"), PRETRAIN, 90).unfinished(PRETRAIN).exists()  # began at 79, from there
    store = Store(machine("a").root)
    assert steps_saved(store.unfinished(PRETRAIN)) == 89
    behind = Store(machine("b").root)
    assert steps_saved(behind.unfinished(PRETRAIN)) == 79
    assert min(go_on(machine("b"), PRETRAIN)) == 90
    assert not store.is_complete(PRETRAIN)


def test_what_is_further_here_than_there_stays(finished: Finished, machine: Machine, url: str) -> None:
    a, b = machine("a"), machine("b")
    lose(a, PRETRAIN, 40)
    alone = Context(b.root, checkpoint_seconds=0.0)
    lose(alone, PRETRAIN, 80)
    assert min(go_on(b, PRETRAIN)) == 80


def test_a_list_whose_sending_was_cut_off_leaves_the_one_before(
    finished: Finished, machine: Machine, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = RemoteFolder(url)
    store = lose(machine("a"), PRETRAIN, 40)
    before = remote.names(f"{folder_name(PRETRAIN)}.unfinished")
    lose(Context(store.root, checkpoint_seconds=0.0), PRETRAIN, 60)

    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(RemoteFolder, "write", killed)
    with pytest.raises(Killed):
        send_progress(remote, PRETRAIN, store.unfinished(PRETRAIN))
    monkeypatch.undo()
    assert set(before) < set(remote.names(f"{folder_name(PRETRAIN)}.unfinished"))
    torn = (remote.read(f"{folder_name(PRETRAIN)}.unfinished/{min(before)}") or b"")[:50]
    remote.write(f"{folder_name(PRETRAIN)}.unfinished/{99:012d}.json", torn)
    assert min(go_on(machine("b"), PRETRAIN)) == 40
    assert Store(machine("b").root).provenance(PRETRAIN).outputs == finished.store.provenance(PRETRAIN).outputs


def test_a_saved_file_that_was_altered_there_is_found_by_its_hash(
    finished: Finished, machine: Machine, url: str
) -> None:
    remote, place = RemoteFolder(url), f"{folder_name(PRETRAIN)}.unfinished"
    lose(machine("a"), PRETRAIN, 40)
    for name in remote.names(place):
        if not name.endswith(".json"):
            remote.write(f"{place}/{name}", (remote.read(f"{place}/{name}") or b"")[:-1])
    assert min(go_on(machine("b"), PRETRAIN)) == 1
    assert Store(machine("b").root).provenance(PRETRAIN).outputs == finished.store.provenance(PRETRAIN).outputs


@pytest.mark.parametrize("path", ["../outside", "/outside"])
def test_a_list_that_names_files_outside_the_folder_is_no_list(
    path: str, machine: Machine, url: str, tmp_path: Path
) -> None:
    remote, place = RemoteFolder(url), f"{folder_name(PRETRAIN)}.unfinished"
    remote.write(f"{place}/{'a' * 64}", b"x")
    text = json.dumps({"steps": 140, "files": {path: "a" * 64}})
    remote.write(f"{place}/{1:012d}.json", text.encode())
    assert min(go_on(machine("b"), PRETRAIN)) == 1
    assert not list(tmp_path.rglob("outside"))


def test_sending_takes_a_tenth_of_the_time_and_the_last_failure_is_told(
    machine: Machine, url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(progress, "_SHARE", 10)
    clock, sent = [0.0], []

    def slow(*_: object) -> None:
        sent.append(clock[0])
        clock[0] += 2.0

    monkeypatch.setattr(progress, "send_progress", slow)
    monkeypatch.setattr("edgewise.study.remote.progress.time.monotonic", lambda: clock[0])
    log = Log()
    sender = progress.ProgressSender(RemoteFolder(url), PRETRAIN, tmp_path, lambda *told: log.advanced(PRETRAIN, *told))
    for _ in range(50):
        clock[0] += 1.0
        sender.saved()
    assert [later - earlier for earlier, later in pairwise(sent)] == [20.0, 20.0]
