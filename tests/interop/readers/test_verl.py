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


def test_an_empty_acc_leaves_the_verdict_to_the_score(tmp_path: Path) -> None:
    imported = only(jsonl(tmp_path / "1.jsonl", rows(1, 0, 1, acc=None)))
    assert list(totals(imported).values()) == [(3, 2)]
    assert imported.graded_by == ("score",)
    assert "`acc` is empty in all rows; the verdict is the field score" in imported.notes


def test_one_field_holds_the_verdict_of_the_whole_file(tmp_path: Path) -> None:
    file = jsonl(tmp_path / "1.jsonl", [*rows(1, acc=True), *rows(1, acc=None), *rows(1, acc=False)])
    imported = only(file)
    assert list(totals(imported).values()) == [(3, 1)]
    assert counts(imported).unscorable_P.tolist() == [1]
    assert imported.graded_by == ("acc",)
    assert imported.warnings == (
        "`acc` holds the verdict and is empty in 1 of 3 rows, which are unscorable: --score score takes the other "
        "field",
        "`acc` holds the verdict; `score` says another in 1 of 3 rows: --score score takes the other field",
    )
    assert list(totals(only(file, score="score")).values()) == [(3, 3)]
    mixed = jsonl(tmp_path / "2.jsonl", [*rows(1), *rows(1, acc=True)])
    assert refused(mixed) == "2.jsonl: line 2: acc: in some rows only; a file has it in all rows or in none"


def test_equal_prompts_with_other_images_gold_or_uid_are_other_problems(tmp_path: Path) -> None:
    """As in a set of pictures that all ask "How many are there?"."""
    pictures = [*rows(0, 1, images=["a.png"]), *rows(1, 1, images=["b.png"])]
    groups = [*rows(0, 1, uid="x"), *rows(1, 1, uid="y")]
    golds = [*rows(0, 1), *rows(1, 1, gts="5")]
    for name, several in (("pictures", pictures), ("groups", groups), ("golds", golds)):
        file = jsonl(tmp_path / f"{name}.jsonl", several)
        imported = only(file)
        assert sorted(totals(imported).values()) == [(2, 1), (2, 2)]
        assert imported.warnings == (
            "1 prompts are those of several problems, which differ in `gts`, images or `uid`: --map id=input takes "
            "equal prompts as one problem",
        )
        later = only(jsonl(tmp_path / "later.jsonl", [row | {"step": 2} for row in several]))
        assert set(totals(later)) == set(totals(imported))
    assert list(totals(only(tmp_path / "groups.jsonl", columns={"problem": "input"})).values()) == [(4, 3)]


def test_a_uid_of_every_row_is_no_problem(tmp_path: Path) -> None:
    file = jsonl(tmp_path / "1.jsonl", [row | {"uid": f"u{i}"} for i, row in enumerate(rows(0, 1, 1))])
    imported = only(file)
    assert list(totals(imported).values()) == [(3, 2)]
    assert imported.warnings == (
        "`uid` numbers rows (3 of them), so that problems are equal prompts (1): --map id=uid takes the other",
    )
    assert totals(only(file, columns={"problem": "uid"})) == {"u0": (1, 0), "u1": (1, 1), "u2": (1, 1)}


def turns(**episode: list[Any]) -> list[dict[str, Any]]:
    """Two episodes of one problem: two turns, whose verdict is that of the last, and one turn."""
    thought = "I look at the table first, then I answer."
    said = [
        {"input": "user q assistant ", "output": thought, "score": 0},
        {"input": f"user q assistant {thought} tool 4 assistant ", "output": "4", "score": 1},
        {"input": "user q assistant ", "output": "5", "score": 0},
    ]
    fields = [dict(zip(episode, values, strict=True)) for values in zip(*episode.values(), strict=True)] or [{}] * 3
    return [{"gts": "4", "step": 1} | row | field for row, field in zip(said, fields, strict=True)]


@pytest.mark.parametrize(
    "episode", [{"uid": ["p_0_0", "p_0_1", "p_1_0"]}, {"request_id": ["a", "a", "b"]}, {"traj_uid": ["a", "a", "b"]}]
)
def test_of_the_turns_of_an_episode_the_last_is_read(tmp_path: Path, episode: dict[str, list[Any]]) -> None:
    imported = only(jsonl(tmp_path / "1.jsonl", turns(**episode)))
    assert list(totals(imported).values()) == [(2, 1)]
    assert set(imported.prompts.values()) == {"user q assistant "}
    assert imported.warnings == (
        "rows are turns (3 of 2 episodes): the last turn of each is read, as the answer to the first input",
    )
    # A file may be in another order.
    if "uid" in episode:
        backwards = only(jsonl(tmp_path / "2.jsonl", turns(**episode)[::-1]))
        assert list(totals(backwards).values()) == [(2, 1)]


def test_turns_that_nothing_holds_together_are_refused(tmp_path: Path) -> None:
    assert refused(jsonl(tmp_path / "1.jsonl", turns())) == (
        "1.jsonl: input: 1 of 2 inputs go on from the input and output of another row, as turns of one episode do; a "
        "row is one episode, or has verl's uid of problem, rollout and output"
    )


def test_a_cut_off_is_told_by_the_finish_reason(tmp_path: Path) -> None:
    imported = only(jsonl(tmp_path / "1.jsonl", [*rows(0, finish_reason="length"), *rows(1, finish_reason="stop")]))
    assert imported.outcomes is not None and imported.outcomes.truncated_S is not None
    assert imported.outcomes.truncated_S.tolist() == [True, False]
