"""Every Eval Ever: instance-level records by its schema."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.interop.writing import counts, jsonl, only, refused, totals


def row(sample: str, correct: bool, score: float, **more: Any) -> dict[str, Any]:
    return {
        "schema_version": "0.2.1",
        "evaluation_id": "gsm8k/m/1",
        "model_id": "lab/m",
        "evaluation_name": "gsm8k",
        "sample_id": sample,
        "interaction_type": "single_turn",
        "input": {"raw": f"question {sample}", "reference": ["4"]},
        "output": {"raw": [f"It is {score}"]},
        "answer_attribution": [
            {
                "turn_idx": 0,
                "source": "output.raw",
                "extracted_value": "4" if correct else "5",
                "extraction_method": "regex",
                "is_terminal": True,
            }
        ],
        "evaluation": {"score": score, "is_correct": correct},
        "token_usage": {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7},
        **more,
    }


def test_records_of_one_sample_are_samples_of_one_problem(tmp_path: Path) -> None:
    rows = [row("a", True, 1.0), row("a", False, 0.5), row("b", False, 0.0, error="timeout")]
    file = jsonl(tmp_path / "x.jsonl", rows)
    imported = only(file)
    assert totals(imported) == {"a": (2, 1), "b": (1, 0)}
    assert counts(imported).unscorable_P.tolist() == [0, 1]
    assert (imported.model, imported.graded_by) == ("lab/m", ("is_correct",))
    assert imported.prompts["a"] == "question a"
    assert imported.outcomes is not None and imported.outcomes.gold is not None
    assert imported.outcomes.gold.tolist() == ["4", "4"]
    assert imported.outcomes.answers == ("4", "5")
    assert imported.outcomes.set is not None and set(imported.outcomes.set.tolist()) == {"gsm8k"}
    assert totals(only(file, score="score", threshold=0.5)) == {"a": (2, 2), "b": (1, 0)}
    assert refused(file, score="x") == "x.jsonl: score: 'x'; name one of is_correct, score"


def test_a_line_without_an_evaluation_is_named(tmp_path: Path) -> None:
    file = jsonl(tmp_path / "x.jsonl", [row("a", True, 1.0), row("b", True, 1.0, evaluation=1)])
    assert refused(file) == "x.jsonl: line 2: evaluation: 1; an object is needed"
