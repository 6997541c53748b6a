"""The examples that end each command's help: all are there, and those that need no training are run as they stand."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import pytest

from edgewise.cli.examples import EXAMPLES
from edgewise.report.worlds import problem_row
from edgewise.tasks import ModularArithmetic
from tests.cli.running import as_terminal, broken_lines, exit_status
from tests.cli.test_audit import rollouts
from tests.cli.test_json import commands

ROOT = Path(__file__).parents[2]
# They train, serve, ask, recompute, or need a model of gigabytes.
# tests/tools/test_docs.py parses these too, from the page of commands.
NOT_RUN = (
    "demo",
    "run",
    "plan",
    "runs",
    "watch",
    "export",
    "export verl",
    "export trl",
    "rollouts",
    "claims run",
    "claims verify",
    "claims ledger",
    "claims plan",
)
RUN = [line for name, lines in EXAMPLES.items() if name not in NOT_RUN for line in lines]


@pytest.mark.parametrize("name", [name for name, _ in commands()])
def test_help_ends_with_one_or_two_examples_that_no_terminal_breaks(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert exit_status(monkeypatch, *name.split(), "--help") == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert 1 <= len(EXAMPLES[name]) <= 2
    assert all(line in lines and line.startswith(f"edgewise {name}") for line in EXAMPLES[name])


def test_no_example_is_of_a_command_that_is_not_there() -> None:
    assert set(EXAMPLES) == {name for name, _ in commands()}


def write_files(folder: Path) -> None:
    """What the examples of RUN read."""
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    for name, rate in (("base", 0.3), ("tuned", 0.9), ("seed0", 0.8), ("seed1", 0.85), ("seed2", 0.9)):
        rollouts(folder / f"{name}.jsonl", rate)
    for name in ("ours", "theirs"):
        rollouts(folder / f"{name}.jsonl", 0.5)
    world = ModularArithmetic()
    problem = world.problem("train", 0, 0)
    row = problem_row(world, problem) | {"completion": world.solution(problem)}
    (folder / "completions.jsonl").write_text(json.dumps(row) + "\n")
    curve = (f"{10 * step},{0.7 - (0.5 + run / 100) / (1 + step / 2)},{run}" for run in (0, 1) for step in range(20))
    (folder / "curves.csv").write_text("\n".join(["flops,reward,run", *curve]))


@pytest.mark.parametrize("line", [line for line in RUN if "rl-0123" not in line])
def test_an_example_runs(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    # The files of a report take most of the time and are tested where they are made.
    monkeypatch.setattr("edgewise.report.folder.write_report", lambda audit, folder, **_: folder / "report.html")
    write_files(tmp_path)
    as_terminal(monkeypatch, 60)
    assert exit_status(monkeypatch, *shlex.split(line)[1:]) == 0
    shown = capsys.readouterr()
    assert shown.out.strip()
    if "--json" not in line and "lm-eval" not in line:  # these print what is to be copied
        assert broken_lines(shown.out + shown.err, 60) == []
