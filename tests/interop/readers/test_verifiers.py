"""verifiers and prime-rl: results in the form in which verifiers saves them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edgewise.interop.read import read_rollouts
from tests.interop.writing import counts, jsonl, only, refused, totals


def row(example: int, reward: Any, text: str = "4", **more: Any) -> dict[str, Any]:
    return {
        "example_id": example,
        "prompt": [{"role": "user", "content": f"question {example}"}],
        "completion": [{"role": "assistant", "content": text}],
        "answer": "4",
        "reward": reward,
        "error": None,
        "is_completed": True,
        "is_truncated": False,
        "stop_condition": "no_tools_called",
        "metrics": {"correct_answer": reward, "format": 1.0},
        "correct_answer": reward,
        **more,
    }


def test_results_with_the_settings_of_the_run(tmp_path: Path) -> None:
    rows = [row(0, 1.0), row(0, 0.0, "5"), row(1, 0.0), row(1, 0.0, error={"error": "Timeout"})]
    (tmp_path / "metadata.json").write_text(
        json.dumps({"env_id": "math", "model": "m", "sampling_args": {"temperature": 1.0, "max_tokens": 16}}, indent=2)
    )
    file = jsonl(tmp_path / "results.jsonl", rows)
    for path in (file, tmp_path):
        imported = only(path)
        assert totals(imported) == {"0": (2, 1), "1": (2, 0)}
        # The reward of a rollout that ended in an error is 0, whatever the model would have said.
        assert counts(imported).unscorable_P.tolist() == [0, 1]
        assert (imported.model, imported.source, imported.graded_by) == ("m", "verifiers results", ("reward",))
        assert (imported.sampling.temperature, imported.sampling.max_tokens) == ((1.0,), (16,))
        assert imported.prompts["0"] == "question 0"
        assert imported.outcomes is not None and imported.outcomes.gold is not None
        # `answer` is the right one, none of the model's.
        assert imported.outcomes.gold.tolist() == ["4", "4"]
        assert imported.outcomes.predicted_S is None


def test_a_metric_may_be_the_verdict(tmp_path: Path) -> None:
    file = jsonl(tmp_path / "results.jsonl", [row(0, 0.7, metrics={"right": 1.0}), row(0, 0.2, metrics={"right": 0.0})])
    assert refused(file) == "results.jsonl: line 1: score: 0.7 is graded; give a threshold for correct"
    imported = only(file, score="right")
    assert totals(imported) == {"0": (2, 1)}
    assert imported.graded_by == ("right",)
    assert refused(file, score="x") == "results.jsonl: line 1: score: no 'x'; there are reward, right"


def test_a_cut_off_is_known(tmp_path: Path) -> None:
    imported = only(jsonl(tmp_path / "results.jsonl", [row(0, 1.0), row(0, 0.0, is_truncated=True)]))
    assert imported.outcomes is not None and imported.outcomes.truncated_S is not None
    assert imported.outcomes.truncated_S.tolist() == [False, True]


def test_a_step_of_prime_rl_is_a_model(tmp_path: Path) -> None:
    for step, right in ((2, 0), (10, 1)):
        folder = tmp_path / f"step_{step}"
        folder.mkdir()
        jsonl(folder / "eval_rollouts.jsonl", [row(0, right, f"text {i}") for i in range(2)])
    imported = read_rollouts(tmp_path)
    assert [(one.model, totals(one)) for one in imported] == [("step_2", {"0": (2, 0)}), ("step_10", {"0": (2, 2)})]


def test_a_line_that_lacks_a_field_is_named(tmp_path: Path) -> None:
    lacking = {name: value for name, value in row(0, 1.0).items() if name != "reward"}
    file = jsonl(tmp_path / "results.jsonl", [row(0, 1.0), lacking])
    assert refused(file).startswith("results.jsonl: line 2: no reward; there are example_id, prompt")
