"""The trackers with the real packages, where they are installed: what they keep is read back."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edgewise.study.trackers.base import TrackedStage, TrackerRun, tracker_named


def tracked(root: Path, after: float = -1.0, seed: int = 0) -> TrackedStage:
    return TrackedStage(
        project="my_study",
        name=f"edge/{seed}: rl",
        group=f"edge/{seed}",
        id=f"{seed}123456789abcdef",
        config={"kind": "rl", "recipe": {"steps": 6}},
        root=root,
        after=after,
    )


def write(run: TrackerRun, *steps: int) -> None:
    for step in steps:
        run.write(step, {"reward": step / 10, "entropy": 1.0})
    run.flush()


def test_tensorboard_keeps_each_step_once(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs `pip install edgewise[tensorboard]`")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    opens = tracker_named("tensorboard")
    write(opens(tracked(tmp_path)), 0, 1, 2, 3)  # killed: never closed; step 3 is not known to be whole
    again = opens(tracked(tmp_path, after=2))
    write(again, 3, 4, 5)
    again.close()
    folder = tmp_path / "tensorboard" / "my_study" / "edge" / "0" / "rl-01234567"
    read: Any = EventAccumulator(str(folder))
    read.Reload()
    assert [(event.step, round(event.value, 6)) for event in read.Scalars("reward")] == [(i, i / 10) for i in range(6)]
    (spec,) = read.Tensors("spec/text_summary")
    assert b'"steps": 6' in spec.tensor_proto.string_val[0]


def test_tensorboard_writes_into_its_own_folder_whatever_a_study_is_called(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs `pip install edgewise[tensorboard]`")
    hostile = TrackedStage("..", "../../x: rl", "../../x", "a" * 16, {}, tmp_path / "store", -1)
    tracker_named("tensorboard")(hostile).close()
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
    (file,) = [path for path in (tmp_path / "store" / "tensorboard").rglob("*") if path.is_file()]
    assert file.parent.name == "rl-aaaaaaaa"


def test_wandb_offline_keeps_runs_that_are_open_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb", reason="needs `pip install edgewise[wandb]`")
    monkeypatch.setenv("WANDB_MODE", "offline")
    opens = tracker_named("wandb")
    runs = [opens(tracked(tmp_path, seed=seed)) for seed in (0, 1)]
    for step in range(4):
        for run in runs:
            write(run, step)
    for run in runs:
        run.close()
    kept = {path.name.partition("-")[2].rpartition("-")[2]: path for path in tmp_path.glob("wandb/offline-run-*")}
    assert sorted(kept) == ["0123456789abcdef", "1123456789abcdef"]
    for name, folder in kept.items():
        (record,) = folder.glob("*.wandb")
        text = record.read_bytes()
        assert (
            f"edge/{name[0]}: rl".encode() in text and b"my_study" in text and b'"steps"' in text
        ) or b"recipe" in text
        assert text.count(b"reward") >= 4


def test_wandb_where_nobody_is_logged_in_is_one_line(tmp_path: Path) -> None:
    pytest.importorskip("wandb", reason="needs `pip install edgewise[wandb]`")
    code = "from edgewise.study.trackers.base import tracker_named\ntracker_named('wandb')"
    nobody = {"HOME": str(tmp_path), "NETRC": str(tmp_path / "netrc"), "WANDB_MODE": "online", "WANDB_API_KEY": ""}
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=os.environ | nobody,
        check=False,
    )
    last = done.stderr.splitlines()[-1]
    assert re.fullmatch(r"\S*InputError: --track wandb: .*; run `wandb login`, or set WANDB_MODE=offline", last)


def test_trackio_goes_on_with_a_run_and_keeps_several_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("trackio", reason="needs `pip install edgewise[trackio]`")
    from trackio import sqlite_storage, utils

    for module in (utils, sqlite_storage):
        monkeypatch.setattr(module, "TRACKIO_DIR", tmp_path)
    opens = tracker_named("trackio")
    runs = [opens(tracked(tmp_path, seed=seed)) for seed in (0, 1)]
    for run in runs:
        write(run, 0, 1, 2)
    for run in runs:
        run.close()
    again = opens(tracked(tmp_path, after=2))
    write(again, 3)
    again.close()
    (database,) = tmp_path.rglob("*.db")
    with sqlite3.connect(database) as connection:
        rows = connection.execute("select run_name, step from metrics order by run_name, step").fetchall()
    assert rows == [
        *(("edge/0: rl 01234567", step) for step in (0, 1, 2, 3)),
        *(("edge/1: rl 11234567", step) for step in (0, 1, 2)),
    ]
