"""Every server's word for a completion that met its length limit is known, and what is not known is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgewise.core.errors import InputError
from edgewise.interop import read_rollouts
from edgewise.interop.ingest.finish_reasons import is_cut_off, to_finish_reason


@pytest.mark.parametrize(
    "reason",
    [
        *("length", "Length", "LENGTH", "max_tokens", "MAX_TOKENS", "maxTokens", "max-tokens", "max_output_tokens"),
        *("max_new_tokens", "max_completion_tokens", "token_limit", "incomplete", "model_length", "limit"),
        *("FinishReason.MAX_TOKENS", "FINISH_REASON_MAX_TOKENS", "FinishReason.LENGTH", "stop_reason_max_tokens"),
        *("model_context_window_exceeded", "context_length_exceeded", "truncated", "max_length"),
    ],
)
def test_a_cut_off_in_any_spelling(reason: str) -> None:
    assert is_cut_off(reason) is True


@pytest.mark.parametrize(
    "reason",
    [
        *("stop", "STOP", "eos", "eos_token", "end_turn", "stop_sequence", "tool_calls", "content_filter", "COMPLETE"),
        *("FinishReason.STOP", "FINISH_REASON_UNSPECIFIED", "abort", "refusal", "<|im_end|>", "<|endoftext|>"),
    ],
)
def test_another_end_in_any_spelling(reason: str) -> None:
    assert is_cut_off(reason) is False


def test_a_reason_may_be_an_object() -> None:
    assert to_finish_reason({"type": "length", "length": 512}) == "length"
    assert to_finish_reason({"reason": "max_output_tokens"}) == "max_output_tokens"
    assert to_finish_reason(None) is None


def test_unknown_spellings_are_named_once_and_few_of_them(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    reasons = ["max_tokens", "stop", "budget_spent", "budget_spent", *(f"odd {n}" for n in range(9))]
    rows = [{"problem_id": 1, "correct": True, "finish_reason": reason} for reason in reasons]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (model,) = read_rollouts(path)
    assert model.outcomes is not None and model.outcomes.truncated_S is not None
    assert model.outcomes.truncated_S.tolist() == [True] + [False] * 12
    named = [warning for warning in model.warnings if warning.startswith("the finish_reason")]
    assert len(named) == 3
    assert named[0] == (
        "the finish_reason 'budget_spent' is of no known spelling and read as no cut-off: give a column `truncated` "
        "where it is one"
    )


@pytest.mark.parametrize("threshold", [float("nan"), float("inf"), float("-inf")])
def test_a_threshold_is_a_finite_number(threshold: float, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"problem_id": 1, "score": 0.5}\n')
    with pytest.raises(InputError, match=f"^threshold: {threshold}; use a finite number"):
        read_rollouts(path, threshold=threshold)
