"""`--json`: every command that prints a result prints it as one JSON document too, alone on standard output."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from edgewise.cli.entry import app
from edgewise.report.worlds import problem_row
from edgewise.tasks import ModularArithmetic
from tests.cli.running import exit_status, refusal
from tests.cli.test_audit import rollouts
from tests.cli.test_study import TINY
from tests.study.in_process import compute_in_this_process

# One serves a page until it is stopped, the other only holds commands.
WITHOUT_RESULT = ("watch", "export")


def commands() -> Iterator[tuple[str, Any]]:
    """Every command and every action of a command."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    for name, command in group.commands.items():
        yield name, command
        if isinstance(command, TyperGroup):
            yield from ((f"{name} {action}", its_command) for action, its_command in command.commands.items())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rollouts(tmp_path / "base.jsonl", 0.3)
    rollouts(tmp_path / "tuned.jsonl", 0.9)
    return tmp_path


def document(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str, status: int = 0
) -> dict[str, Any]:
    """What `edgewise words --json` prints: one JSON object on one line, and nothing else."""
    capsys.readouterr()
    assert exit_status(monkeypatch, *words, "--json") == status
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1, lines
    read: dict[str, Any] = json.loads(lines[0])
    return read


def test_every_command_that_prints_a_result_has_it() -> None:
    without = [name for name, command in commands() if not any("--json" in option.opts for option in command.params)]
    assert without == list(WITHOUT_RESULT)


def test_an_audit_prints_the_record_that_it_writes(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("audit", "base.jsonl", "tuned.jsonl", "--resamples", "100", "--policy", "not shrunk@4")
    printed = document(monkeypatch, capsys, *words, status=3)
    assert printed.pop("report") == "report/report.html"
    assert printed == json.loads((folder / "report" / "boundary.json").read_text())
    assert [check["outcome"] for check in printed["policy"]] == ["cannot tell"]
    line = refusal(monkeypatch, capsys, "audit", "base.jsonl", "tuned.jsonl", "--markdown", "--json")
    assert line.startswith("error: --markdown, --json: ")


def test_the_plan_of_an_audit(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = document(monkeypatch, capsys, "audit", "--plan", "base.jsonl", "--k", "4")
    assert (printed["samples"]["k"], printed["seeds"], printed["scatter_source"]) == (4, None, None)
    assert printed["samples"]["cheapest"] in printed["samples"]["enough"]
    of_seeds = document(monkeypatch, capsys, "audit", "--plan", "--k", "4", "--seed-scatter", "2")
    assert (of_seeds["seeds"]["scatter"], of_seeds["scatter_source"]) == (0.02, "given")


def test_the_edge_prints_every_decision(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = document(monkeypatch, capsys, "edge", "base.jsonl")
    assert printed.pop("training_set") == "rl_set.jsonl"
    assert printed == json.loads((folder / "rl_set.json").read_text()) and len(printed["problems"]) == 12


def test_what_verify_grades_and_where_two_verifiers_agree(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = ModularArithmetic()
    problems = [world.problem("train", 0, index) for index in range(3)]
    asked = [problem_row(world, problem) | {"completion": world.solution(problem)} for problem in problems]
    asked[0]["completion"] = "no idea"
    (folder / "asked.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
    printed = document(monkeypatch, capsys, "verify", "modular", "asked.jsonl", "--out", "graded.jsonl")
    assert (printed["completions"], printed["problems"], printed["verdicts"]) == (3, 3, "graded.jsonl")
    assert printed["process"]["correct"] == 2 and printed["process"]["pass@1"]["value"] == pytest.approx(2 / 3)
    assert sum(printed["reasons"].values()) >= 1
    assert "give --out too" in refusal(monkeypatch, capsys, "verify", "modular", "asked.jsonl", "--json")
    compared = document(monkeypatch, capsys, "verify", "--compare", "base.jsonl", "tuned.jsonl")
    (agreement,) = compared["agreement"].values()
    assert compared["verifiers"] == ["base.jsonl", "tuned.jsonl"] and compared["verdicts"] == {}
    assert agreement["both"] + agreement["only_first"] + agreement["only_second"] + agreement["neither"] == 12 * 16


def test_a_study_its_plan_its_store_and_its_verification(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    compute_in_this_process(monkeypatch)
    written: list[Path] = []
    monkeypatch.setattr("edgewise.report.folder.write_report", lambda audit, folder, **_: written.append(folder))
    words = (*TINY, "--workers", "1")
    ran = document(monkeypatch, capsys, "demo", *words)
    assert [Path(ran["report"]).parent] == written and {"verdict", "stages", "compute"} <= set(ran)
    assert ran["alarms"] and {"alarm", "rang", "sentence"} == set(ran["alarms"][0])

    plan = document(monkeypatch, capsys, "plan", "edgewise.study.demo:demo", *words)
    assert {stage["source"] for stage in plan["stages"]} == {"there"} and plan["seconds"] == 0

    store = document(monkeypatch, capsys, "runs")
    names = [stage["name"] for stage in store["stages"]]
    assert sorted(names) == sorted(stage["folder"] for stage in plan["stages"])
    assert [sorted(folders) for folders in store["reports"].values()] == [sorted(names)]

    trained = [name for name in names if name.startswith("rl-")]
    compared = document(monkeypatch, capsys, "runs", "compare", *(f"runs/{name}" for name in trained[:2]))
    assert compared["stages"] == trained[:2] and compared["specs"] and compared["curves"]

    nothing = document(monkeypatch, capsys, "runs", "unused")
    assert nothing == {"unused": [], "removed": []}
    assert "give --yes too" in refusal(monkeypatch, capsys, "runs", "unused", "--remove", "--json")

    differs = (False, "differs: metrics.jsonl")
    monkeypatch.setattr("edgewise.study.recompute.recompute", lambda *_: differs)
    verified = document(monkeypatch, capsys, "run", "--verify", f"runs/{trained[0]}", "--workers", "1", status=1)
    assert (verified["equal"], verified["sentence"]) == differs
