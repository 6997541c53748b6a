"""The follower of metrics.jsonl: each step once, in order, whatever happens to the file between two looks."""

from __future__ import annotations

import os
from pathlib import Path

from edgewise.training.metrics_file import MetricsFollower
from edgewise.training.run_folder import RunFolder
from tests.tiny import SPEC, train

from .test_next_token import Interrupted, interrupt_at


def write(path: Path, *steps: int) -> None:
    path.write_text("".join(f'{{"step": {step}, "loss": {10 - step}.5}}\n' for step in steps))


def steps(follower: MetricsFollower) -> list[float]:
    return [line["step"] for line in follower.new()]


def test_new_lines_come_once_and_half_a_line_waits_for_its_end(tmp_path: Path) -> None:
    follower, path = MetricsFollower(tmp_path), tmp_path / "metrics.jsonl"
    assert follower.new() == [], "there is no file yet"
    with path.open("a") as file:
        for text, expected in (
            ('{"step": 0, "loss": 1.5}\n{"step": 1, "lo', [{"step": 0.0, "loss": 1.5}]),
            ('ss": 1.25, "kl": null}', []),
            ("\n", [{"step": 1.0, "loss": 1.25}]),
            ('{"step": 2, "loss": 1}\n{"step": 3, "loss": 0}\n', [{"step": 2, "loss": 1}, {"step": 3, "loss": 0}]),
        ):
            file.write(text)
            file.flush()
            assert follower.new() == expected
    assert follower.new() == []


def test_a_damaged_line_is_passed_over(tmp_path: Path) -> None:
    lines = ['{"step": 0}', "\0\0\0", "[1]", '{"loss": 1}', '{"step": null}', '{"step": NaN}', '{"step": 7, "a": "b"}']
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    assert MetricsFollower(tmp_path).new() == [{"step": 0.0}, {"step": 7.0}]


def test_steps_that_are_done_again_are_not_told_again(tmp_path: Path) -> None:
    """A resumed stage puts a shorter file there; it may have grown beyond the old one when it is looked at."""
    follower, path = MetricsFollower(tmp_path), tmp_path / "metrics.jsonl"
    write(path, 0, 1, 2, 3)
    assert steps(follower) == [0, 1, 2, 3]
    write(tmp_path / "aside", 0, 1)
    os.replace(tmp_path / "aside", path)
    assert steps(follower) == []
    write(tmp_path / "aside", *range(6))
    os.replace(tmp_path / "aside", path)
    assert steps(follower) == [4, 5]
    write(path, 0, 1)  # cut in place
    assert steps(follower) == []
    write(path, *range(7))
    assert steps(follower) == [6]


def test_it_goes_on_where_the_folder_is_renamed_and_after_a_step_that_is_known(tmp_path: Path) -> None:
    unfinished, complete = tmp_path / "rl.unfinished", tmp_path / "rl"
    follower, later = (MetricsFollower(unfinished, complete, after=after) for after in (-1, 2))
    unfinished.mkdir()
    write(unfinished / "metrics.jsonl", 0, 1)
    assert steps(follower) == [0, 1] and steps(later) == []
    write(unfinished / "metrics.jsonl", *range(5))
    unfinished.rename(complete)
    assert steps(follower) == [2, 3, 4] and steps(later) == [3, 4]


def test_an_interrupted_run_that_goes_on_is_followed_as_the_whole_one(tmp_path: Path) -> None:
    train(RunFolder(tmp_path / "whole"))
    whole = MetricsFollower(tmp_path / "whole").new()
    follower, seen = MetricsFollower(tmp_path / "parts"), []
    try:
        train(interrupt_at(5, tmp_path / "parts", checkpoint_seconds=1e9))  # no checkpoint: all is done again
    except Interrupted:
        seen += follower.new()
    assert len(seen) == 5

    def look(done: int, total: int, note: str) -> None:
        seen.extend(follower.new())

    train(RunFolder(tmp_path / "parts", look))
    assert seen == whole and len(whole) == SPEC.steps
