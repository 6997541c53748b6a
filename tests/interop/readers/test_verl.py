"""verl: dumps written by its trainer's own function, graded by its own graders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edgewise.interop.read import read_rollouts
from tests.interop.writing import FILES, counts, jsonl, only, refused, totals

EXPECTED = json.loads((FILES / "expected_verl.json").read_text())


@pytest.mark.parametrize("name", ["dapo", "gsm8k"])
def test_every_step_is_a_model_with_the_graders_counts(name: str) -> None:
    found = {imported.model: imported for imported in read_rollouts(FILES / f"verl_{name}")}
    assert set(found) == {"step 0", "step 20"}
    for step, problems in EXPECTED[name].items():
        imported = found[f"step {step}"]
        by_prompt = {imported.prompts[problem]: list(count) for problem, count in totals(imported).items()}
        assert by_prompt == problems
        assert imported.source == "verl rollouts"
        assert imported.outcomes is not None and imported.outcomes.gold is not None
        assert sorted(imported.outcomes.gold.tolist()) == ["10", "4"]
    steps = [imported.outcomes.problem.tolist() for imported in found.values() if imported.outcomes is not None]
    assert steps[0] == steps[1]


def test_a_shaped_reward_is_kept_and_acc_is_the_verdict() -> None:
    imported = only(FILES / "verl_dapo" / "0.jsonl")
    assert "the verdict is the field acc" in imported.notes
    assert imported.outcomes is not None and imported.outcomes.score_S is not None
    assert set(imported.outcomes.score_S.tolist()) == {-1.0, 1.0}
    # "no idea" is what the grader calls [INVALID].
    assert counts(imported).unscorable_P.tolist() == [1, 1]
    assert imported.outcomes.answers == ("4", "5", "10")


def rows(*scores: Any, **more: Any) -> list[dict[str, Any]]:
    return [{"input": "q", "output": "a", "gts": "4", "score": score, "step": 1} | more for score in scores]


def test_sources_are_sets_and_a_graded_score_needs_a_threshold(tmp_path: Path) -> None:
    file = jsonl(tmp_path / "1.jsonl", rows(0.2, 1.0, data_source="aime"))
    assert refused(file) == "1.jsonl: line 1: score: 0.2 is graded; give a threshold for correct"
    imported = only(file, threshold=1)
    assert list(totals(imported).values()) == [(2, 1)]
    assert (
        imported.outcomes is not None
        and imported.outcomes.set is not None
        and imported.outcomes.set.tolist() == ["aime"]
    )
    named = jsonl(tmp_path / "2.jsonl", rows(0.2, 0.3, strict=1))
    assert list(totals(only(named, score="strict")).values()) == [(2, 2)]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"score": "high"}, "score: 'high'; use a finite number"),
        ({"output": 2**70}, None),
        ({"score": -1}, "score: both 0 and -1 occur; give a threshold for correct"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, changed: dict[str, Any], says: str | None) -> None:
    file = jsonl(tmp_path / "1.jsonl", [*rows(0, 1), rows(1)[0] | changed])
    if says is None:
        assert list(totals(only(file)).values()) == [(3, 2)]
    else:
        assert refused(file).startswith(f"1.jsonl: line 3: {says}")


def test_a_line_without_a_score_is_named(tmp_path: Path) -> None:
    lacking = [{name: value for name, value in row.items() if name != "score"} for row in rows(1)]
    file = jsonl(tmp_path / "1.jsonl", [*rows(1), *lacking])
    assert refused(file) == "1.jsonl: line 2: no score; there are input, output, gts, step"
