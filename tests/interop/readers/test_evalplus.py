"""EvalPlus: results as its evaluation writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.interop.writing import counts, only, refused, totals


def results(path: Path, tasks: dict[str, Any], **dump: Any) -> Path:
    path.write_text(json.dumps({"date": "2026-01-01 00:00", "hash": "x", "eval": tasks}, **dump))
    return path


def solution(task: str, base: str | None, plus: str | None) -> dict[str, Any]:
    text = f"def f(): return {base, plus}"
    return {"task_id": task, "solution": text, "base_status": base, "plus_status": plus, "base_fail_tests": []}


TASKS = {
    "HumanEval/0": [
        solution("HumanEval/0", base, plus) for base, plus in (("pass", "pass"), ("pass", "fail"), ("fail", "fail"))
    ],
    # A solution that only the added tests accept does not pass.
    "HumanEval/1": [solution("HumanEval/1", "fail", "pass"), solution("HumanEval/1", "timeout", "timeout")],
}


@pytest.mark.parametrize("indent", [None, 2])
def test_the_verdict_is_that_of_all_tests(tmp_path: Path, indent: int | None) -> None:
    file = results(tmp_path / "eval_results.json", TASKS, indent=indent)
    imported = only(file)
    assert totals(imported) == {"HumanEval/0": (3, 1), "HumanEval/1": (2, 0)}
    assert (imported.source, imported.graded_by) == ("EvalPlus results", ("plus_status",))
    assert "--score base_status takes the benchmark's alone" in imported.warnings[0]
    assert {example.text for example in imported.examples} >= {"def f(): return ('pass', 'pass')"}
    base = only(file, score="base_status")
    assert totals(base) == {"HumanEval/0": (3, 2), "HumanEval/1": (2, 0)}
    assert not base.warnings


def test_a_run_without_the_added_tests(tmp_path: Path) -> None:
    tasks = {"Mbpp/2": [solution("Mbpp/2", "pass", None), solution("Mbpp/2", None, None)]}
    imported = only(results(tmp_path / "eval_results.json", tasks))
    assert totals(imported) == {"Mbpp/2": (2, 1)}
    assert counts(imported).unscorable_P.tolist() == [1]
    assert imported.graded_by == ("base_status",)


def test_the_lists_of_older_files(tmp_path: Path) -> None:
    task = {"nfiles": 2, "base": [["success", []], ["success", []]], "plus": [["success", []], ["failed", []]]}
    assert totals(only(results(tmp_path / "eval_results.json", {"HumanEval/0": task}))) == {"HumanEval/0": (2, 1)}


def test_what_is_no_status_is_named(tmp_path: Path) -> None:
    bad = {"HumanEval/0": [solution("HumanEval/0", "pass", "maybe")]}
    assert refused(results(tmp_path / "a.json", bad)) == (
        "a.json: 'HumanEval/0', solution 1: plus_status: 'maybe'; use pass, fail or timeout"
    )
    assert refused(results(tmp_path / "b.json", TASKS), score="x") == (
        "b.json: score: 'x'; name plus_status or base_status"
    )
    mixed = {**TASKS, "HumanEval/2": [3]}
    assert refused(results(tmp_path / "c.json", mixed)) == "c.json: 'HumanEval/2': not a list of solutions"
