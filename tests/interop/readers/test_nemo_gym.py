"""NeMo Gym: rollouts with the response objects of the Responses API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.interop.writing import counts, jsonl, only, refused, totals


def row(task: int, rollout: int, reward: Any, **more: Any) -> dict[str, Any]:
    message = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": f"text {rollout}"}]}
    return {
        "_ng_task_index": task,
        "_ng_rollout_index": rollout,
        "responses_create_params": {"input": [{"role": "user", "content": f"question {task}"}], "temperature": 1.0},
        "response": {
            "model": "m",
            "status": "completed",
            "output": [{"type": "reasoning", "summary": []}, message],
            "usage": {"output_tokens": 5},
        },
        "reward": reward,
        **more,
    }


def test_rollouts_of_tasks(tmp_path: Path) -> None:
    rows = [row(1, 0, 1.0), row(0, 0, 0.0), row(0, 1, 1.0), row(1, 1, 0.0, mask_sample=True)]
    imported = only(jsonl(tmp_path / "rollouts.jsonl", rows))
    assert totals(imported) == {"0": (2, 1), "1": (2, 1)}
    assert counts(imported).unscorable_P.tolist() == [0, 1]
    assert (imported.model, imported.source, imported.graded_by) == ("m", "NeMo Gym rollouts", ("reward",))
    assert imported.prompts == {"0": "question 0", "1": "question 1"}
    assert imported.sampling.temperature == (1.0,)
    assert {example.text for example in imported.examples} == {"text 0", "text 1"}
    assert imported.outcomes is not None and imported.outcomes.tokens_S is not None


def test_a_response_that_met_its_limit_was_cut_off(tmp_path: Path) -> None:
    cut = row(0, 1, 0.0)
    cut["response"] |= {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    imported = only(jsonl(tmp_path / "rollouts.jsonl", [row(0, 0, 1.0), cut]))
    assert imported.outcomes is not None and imported.outcomes.truncated_S is not None
    assert imported.outcomes.truncated_S.tolist() == [False, True]


def test_rollouts_that_failed_are_counted(tmp_path: Path) -> None:
    file = jsonl(tmp_path / "rollouts.jsonl", [row(0, 0, 1.0)])
    # The first was tried again and is there.
    failed = [{"_ng_task_index": 0, "_ng_rollout_index": rollout, "error": "x"} for rollout in (0, 1, 1)]
    jsonl(tmp_path / "rollouts_failures.jsonl", failed)
    says = "rollouts.jsonl: 1 rollouts failed and have no reward (rollouts_failures.jsonl): they are left out"
    assert says in only(file).warnings


def test_another_field_of_the_verifier_may_be_the_verdict(tmp_path: Path) -> None:
    file = jsonl(tmp_path / "rollouts.jsonl", [row(0, 0, 0.5, passed=1), row(0, 1, 0.5, passed=0)])
    assert refused(file) == "rollouts.jsonl: line 1: score: 0.5 is graded; give a threshold for correct"
    assert totals(only(file, score="passed")) == {"0": (2, 1)}
    assert refused(file, score="x").startswith("rollouts.jsonl: line 1: no x; there are _ng_task_index")
