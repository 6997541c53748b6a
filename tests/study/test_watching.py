"""A study is watched from its files: what waits, runs, was interrupted, or is finished."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import threading
import time
from pathlib import Path

import pytest
from filelock import FileLock

from edgewise.core.errors import InputError
from edgewise.study.outline import outline_of, read_outline, write_outline
from edgewise.study.store import Store, is_held
from edgewise.study.watching import Watching
from tests.study.conftest import Finished
from tests.tiny import BASE_EVALUATION, PRETRAIN, RECIPE, STUDY, TUNED, TUNED_EVALUATION, identity, interrupt


@pytest.fixture
def store(finished: Finished, tmp_path: Path) -> Store:
    """A store whose study has pre-trained, was left in RL, and has not evaluated."""
    store = Store(tmp_path / "runs")
    shutil.copytree(finished.store.folder(PRETRAIN), store.folder(PRETRAIN))
    interrupt(store, TUNED, at=2)
    write_outline(outline_of(STUDY, "edgewise run tiny:study"), store.root / "tiny")
    return store


def words(watching: Watching) -> dict[str, str]:
    return {stage.folder: stage.status.word for stage in watching.look().stages}


def test_an_outline_comes_back_as_it_was_written(tmp_path: Path) -> None:
    outline = outline_of(STUDY, "edgewise run tiny:study")
    write_outline(outline, tmp_path / "tiny")
    assert read_outline(tmp_path / "tiny" / "study.json") == outline
    assert outline.arms == {"base": ("base",), "tuned": ("tuned",)} and outline.models == ("base", "tuned")
    assert [stage.name for stage in outline.stages] == list(STUDY.names().values())
    assert [stage.steps for stage in outline.stages] == [150, None, 4, None]


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"version": 2}'])
def test_a_damaged_outline_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "study.json").write_text(text)
    with pytest.raises(InputError, match=r"study\.json: "):
        read_outline(tmp_path / "study.json")


def test_every_stage_has_its_status(store: Store) -> None:
    study = Watching(store.root).look()
    assert (study.name, study.title, study.question) == ("tiny", STUDY.title, STUDY.question)
    assert {stage.folder: stage.status.word for stage in study.stages} == {
        store.folder(PRETRAIN).name: "finished",
        store.folder(BASE_EVALUATION).name: "waiting",
        store.folder(TUNED).name: "interrupted",
        store.folder(TUNED_EVALUATION).name: "waiting",
    }
    pretrained, _, tuned, _ = study.stages
    assert pretrained.provenance["digest"] and len(pretrained.metrics) == 150
    assert (tuned.status.done, tuned.status.steps) == (2, RECIPE.steps)
    assert tuned.spec["kind"] == "rl" and len(tuned.metrics) == 2 and {g.step for g in tuned.groups} == {0}
    assert study.report is None


def test_a_stage_whose_lock_is_held_runs_and_says_how_long(store: Store) -> None:
    watching = Watching(store.root / "tiny")
    folder = store.folder(TUNED)
    unfinished = folder.with_name(folder.name + ".unfinished")
    with FileLock(f"{folder}.lock"):
        first = watching.look().stages[2].status
        assert (first.word, first.done, first.seconds_left) == ("running", 2, None)
        with (unfinished / "metrics.jsonl").open("a") as file:
            file.write(json.dumps({"step": 2, "reward": 0.5}) + '\n{"step": 3, "rew')
        now = os.stat(unfinished / "metrics.jsonl").st_mtime + 8
        os.utime(unfinished / "metrics.jsonl", (now, now))
        status = watching.look().stages[2].status
    assert (status.word, status.done) == ("running", 3)
    assert status.seconds_left is not None and 8 <= status.seconds_left < 60
    assert words(watching)[folder.name] == "interrupted"


def test_looking_writes_nothing(store: Store) -> None:
    before = identity(store.root)
    watching = Watching(store.root)
    assert watching.look() == watching.look()
    assert identity(store.root) == before


def test_a_lock_that_is_only_looked_at_does_not_stop_a_stage(store: Store) -> None:
    folder = store.folder(TUNED)
    with open(f"{folder}.lock", "rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        threading.Timer(0.03, fcntl.flock, (file, fcntl.LOCK_UN)).start()
        assert store.compute(TUNED) == folder
    assert not is_held(folder)


def test_a_finished_study_has_its_report(finished: Finished, tmp_path: Path) -> None:
    root = Path(shutil.copytree(finished.store.root, tmp_path / "runs"))
    write_outline(outline_of(STUDY), root / "tiny")
    watching = Watching(root)
    assert set(words(watching).values()) == {"finished"} and watching.look().report is None
    (root / "tiny" / "report.html").write_text("<p>")
    assert watching.look().report == root / "tiny" / "report.html"


def test_the_study_that_was_started_last_is_shown_and_the_others_are_named(store: Store) -> None:
    write_outline(outline_of(STUDY), store.root / "again")
    later = time.time() + 5
    os.utime(store.root / "again" / "study.json", (later, later))
    watching = Watching(store.root)
    assert watching.look().name == "again" and watching.look().others == ("tiny",)
    assert watching.look("tiny").command == "edgewise run tiny:study"
    with pytest.raises(InputError, match="is no study in"):
        watching.look("../tiny")
    assert Watching(store.root / "tiny").names() == ["tiny"]


def test_a_store_without_an_outline_shows_the_stages_there_are(store: Store) -> None:
    shutil.rmtree(store.root / "tiny")
    study = Watching(store.root).look()
    assert {stage.folder: stage.status.word for stage in study.stages} == {
        store.folder(PRETRAIN).name: "finished",
        store.folder(TUNED).name: "interrupted",
    }
    assert [stage.status.steps for stage in study.stages if stage.status.word == "interrupted"] == [RECIPE.steps]


def test_a_damaged_file_is_said_of_its_stage_alone(store: Store) -> None:
    folder = store.folder(TUNED)
    (folder.with_name(folder.name + ".unfinished") / "metrics.jsonl").write_text("\0\n")
    study = Watching(store.root).look()
    assert [bool(stage.status.note) for stage in study.stages] == [False, False, True, False]
    assert "metrics.jsonl: not JSON lines" in study.stages[2].status.note


@pytest.mark.parametrize("name", ["absent", "empty"])
def test_a_folder_without_a_study_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=f"{name}: "):
        Watching(tmp_path / name)
