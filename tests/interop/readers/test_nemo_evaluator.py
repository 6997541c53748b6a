"""NeMo Evaluator: results and trajectories of a run, by its documented format and as it writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edgewise.interop.read import read_rollouts
from tests.interop.writing import FILES, counts, jsonl, only, refused, totals


def row(problem: int, repeat: int, reward: Any, **more: Any) -> dict[str, Any]:
    return {
        "problem_idx": problem,
        "repeat": repeat,
        "reward": reward,
        "scorer_rewards": {},
        "prompt": f"question {problem}",
        "model_response": f"text {repeat}",
        "extracted_answer": str(repeat),
        "expected_answer": "4",
        "scoring_details": {"method": "exact"},
        "metadata": {"category": "algebra"},
        "tokens": 9,
        "latency_ms": 1.0,
        **more,
    }


def trajectory(problem: int, repeat: int, reward: Any, finish: str = "stop", **more: Any) -> dict[str, Any]:
    model = {"content": f"text {repeat}", "model": "m", "finish_reason": finish, "tokens": {"completion": 5}}
    of_results = {name: row(problem, repeat, reward)[name] for name in ("prompt", "expected_answer", "scoring_details")}
    about = {"step_id": f"{problem}{repeat}", "problem_idx": problem, "repeat": repeat, "reward": reward}
    return about | of_results | {"seed_metadata": {}, "model": model} | more


def test_what_the_tool_wrote() -> None:
    """Made by make_nemo_evaluator.py with the tool's own loop; its own numbers are beside it."""
    folder = FILES / "nemo_evaluator"
    expected = json.loads((FILES / "expected_nemo_evaluator.json").read_text())
    for path in (folder, folder / "results.jsonl", folder / "trajectories.jsonl", folder / "verified_log.jsonl"):
        imported = only(path)
        assert {name: list(pair) for name, pair in totals(imported).items()} == expected["totals"]
        assert counts(imported).unscorable_P.tolist() == expected["unscorable"]
        assert imported.model == "toy-model"
        assert imported.graded_by == ("reward",)
        if path.name != "verified_log.jsonl":
            truncated_P = counts(imported).truncated_P
            assert truncated_P is not None and truncated_P.tolist() == expected["truncated"]
    # The tool's own mean of rewards takes what its machinery failed at for wrong answers.
    n_P, c_P = zip(*totals(only(folder)).values(), strict=True)
    assert abs(sum(c_P) / sum(n_P) - expected["mean_reward"]) < 1e-4
    assert not only(folder).warnings


def test_an_error_of_the_machinery_is_no_wrong_answer(tmp_path: Path) -> None:
    infra = {"error": "x", "error_category": "infra_error", "method": "infra_error"}
    judged = {"judge": {"error": "no judge_client configured", "total": None}}
    timeout = {"error_category": "solve_timeout"}
    rows = [
        row(0, 0, 1.0),
        row(0, 1, 0.0, scoring_details=infra),
        row(0, 2, 0.0, scoring_details=judged),
        row(0, 3, 0.0, scoring_details=timeout),
    ]
    imported = only(jsonl(tmp_path / "results.jsonl", rows))
    assert totals(imported) == {"0": (4, 1)}
    assert counts(imported).unscorable_P.tolist() == [2]
    assert any("an error of the evaluator" in note for note in imported.notes)
    assert any("the judge" in note for note in imported.notes)


def test_a_scorer_may_be_the_verdict(tmp_path: Path) -> None:
    rows = [row(0, 0, 0.5, scorer_rewards={"scorer:exact": 1.0}), row(0, 1, 0.2, scorer_rewards={"scorer:exact": 0.0})]
    file = jsonl(tmp_path / "results.jsonl", rows)
    assert refused(file) == "results.jsonl: line 1: score: 0.5 is graded; give a threshold for correct"
    for name in ("exact", "scorer:exact"):
        assert totals(only(file, score=name)) == {"0": (2, 1)}
    assert refused(file, score="x") == "results.jsonl: line 1: score: no 'x'; there are reward, exact"


def test_benchmarks_are_sets_of_one_model(tmp_path: Path) -> None:
    for name in ("gpqa", "mmlu"):
        folder = tmp_path / name
        folder.mkdir()
        jsonl(folder / "results.jsonl", [row(0, 0, 1.0, prompt=f"{name} question")])
        bundle = {"config": {"model": "m"}, "benchmark": {"name": name}}
        (folder / "eval-20260402T120000Z-x.json").write_text(json.dumps(bundle, indent=2))
    imported = only(tmp_path)
    assert imported.model == "m"
    assert totals(imported) == {"gpqa/0": (1, 1), "mmlu/0": (1, 1)}


def test_the_end_of_a_completion_is_that_of_its_trajectory(tmp_path: Path) -> None:
    jsonl(tmp_path / "trajectories.jsonl", [trajectory(0, 1, 0.0, "length"), trajectory(0, 0, 1.0)])
    file = jsonl(tmp_path / "results.jsonl", [row(0, 0, 1.0), row(0, 1, 0.0)])
    for path in (file, tmp_path):
        (imported,) = read_rollouts(path)
        assert imported.outcomes is not None and imported.outcomes.truncated_S is not None
        assert imported.outcomes.truncated_S.tolist() == [False, True]
        assert imported.outcomes.tokens_S is not None and imported.outcomes.tokens_S.tolist() == [5, 5]


def test_a_line_that_lacks_a_field_is_named(tmp_path: Path) -> None:
    lacking = {name: value for name, value in row(0, 1, 1.0).items() if name != "reward"}
    file = jsonl(tmp_path / "results.jsonl", [row(0, 0, 1.0), lacking])
    assert refused(file).startswith("results.jsonl: line 2: no reward; there are problem_idx, repeat")
