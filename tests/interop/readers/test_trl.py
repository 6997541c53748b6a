"""TRL: completion logs written by its GRPO trainer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from edgewise.interop.read import read_rollouts
from tests.interop.writing import FILES, counts, only, refused, totals

EXPECTED = json.loads((FILES / "expected_trl.json").read_text())


def test_every_step_is_a_model_with_the_rewards_counts() -> None:
    found = {imported.model: imported for imported in read_rollouts(FILES / "trl")}
    assert set(found) == {"step 1", "step 2"}
    for step, problems in EXPECTED.items():
        imported = found[f"step {step}"]
        assert {imported.prompts[problem]: list(count) for problem, count in totals(imported).items()} == problems
        assert imported.source == "TRL completions"
        assert imported.graded_by == ("accuracy_reward",)
        assert imported.warnings == (
            "of the rewards accuracy_reward, length_reward the verdict is accuracy_reward: --score length_reward takes "
            "another",
        )
    assert sum(c for imported in found.values() for _, c in totals(imported).values()) == 3


def log(path: Path, **columns: Any) -> Path:
    base: dict[str, Any] = {"step": [1, 1], "prompt": ["q", "q"], "completion": ["a", "b"], "advantage": [1.0, -1.0]}
    pq.write_table(pa.table(base | columns), path)
    return path


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_one_reward_is_the_verdict_and_a_missing_one_is_unscorable(tmp_path: Path, missing: float | None) -> None:
    imported = only(log(tmp_path / "a.parquet", reward=pa.array([1.0, missing])))
    assert list(totals(imported).values()) == [(2, 1)]
    assert counts(imported).unscorable_P.tolist() == [1]
    assert "the verdict is the reward reward" in imported.notes


def test_columns_that_are_no_rewards_are_passed_over(tmp_path: Path) -> None:
    extras = {"completion_length": [3.0, 4.0], "entropy": [0.1, 0.2], "level": [1, 2], "kl": [0.0, 0.1]}
    imported = only(log(tmp_path / "a.parquet", reward_func=[1.0, 0.0], **extras))
    assert imported.graded_by == ("reward_func",)
    assert list(totals(imported).values()) == [(2, 1)]
    assert not imported.warnings


@pytest.mark.parametrize(
    ("first", "second", "chosen"),
    [
        ("correctness_reward_func", "xmlcount_reward_func", "correctness_reward_func"),
        ("format_reward", "accuracy_reward", "accuracy_reward"),
        ("accuracy", "format", "accuracy"),
    ],
)
def test_of_several_rewards_one_whose_name_is_clear_is_the_verdict(
    tmp_path: Path, first: str, second: str, chosen: str
) -> None:
    imported = only(log(tmp_path / "a.parquet", **{first: [1.0, 0.0], second: [1.0, 0.0]}))
    assert imported.graded_by == (chosen,)
    assert "takes another" in imported.warnings[0]


def test_equal_prompts_with_other_images_are_other_problems(tmp_path: Path) -> None:
    file = log(tmp_path / "a.parquet", reward=[1.0, 0.0], images=[["a.png"], ["b.png"]])
    imported = only(file)
    assert sorted(totals(imported).values()) == [(1, 0), (1, 1)]
    assert "--map id=prompt takes equal prompts as one problem" in imported.warnings[0]
    assert list(totals(only(file, columns={"problem": "prompt"})).values()) == [(2, 1)]
    assert refused(file, columns={"problem": "x"}).startswith("a.parquet: map: no x; there are step, prompt")
    chat = [[{"role": "user", "content": [{"type": "image", "text": None}, {"type": "text", "text": "how many?"}]}]] * 2
    without = only(log(tmp_path / "b.parquet", prompt=chat, reward=[1.0, 0.0], picture=["a", "b"]))
    assert list(totals(without).values()) == [(2, 1)]
    assert "the prompts have images, which the log leaves out" in without.warnings[0]
    assert totals(only(tmp_path / "b.parquet", columns={"problem": "picture"})) == {"a": (1, 1), "b": (1, 0)}


def test_chats_are_problems_too(tmp_path: Path) -> None:
    chats = [[{"role": "user", "content": text}] for text in ("q", "r")]
    imported = only(log(tmp_path / "a.parquet", prompt=chats, completion=chats, reward=[1.0, 0.0]))
    assert sorted(totals(imported).values()) == [(1, 0), (1, 1)]
    assert sorted(imported.prompts.values()) == ["q", "r"]


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"a": [1.0, 0.0], "b": [1.0, 0.0]}, "score: not named; name one of the rewards a, b"),
        ({}, "score: not named; name one of the rewards "),
        ({"a": [1.0, float("inf")]}, "row 2: score: inf; use a finite number"),
        # One of them is what the user logged; nothing says which is the reward.
        (
            {"reward_func": [1.0, 0.0], "format_correct": [1.0, 1.0]},
            "score: not named; name one of the rewards reward_func, format_correct",
        ),
        (
            {"reward_func": [1.0, 0.0], "correct": [1.0, 1.0]},
            "score: not named; name one of the rewards reward_func, correct",
        ),
        ({"a": [0.3, 0.0]}, "row 1: score: 0.3 is graded; give a threshold for correct"),
        ({"a": [1.0, 0.0], "prompt": [1, 2]}, None),
    ],
)
def test_a_bad_log_is_named(tmp_path: Path, columns: dict[str, Any], says: str | None) -> None:
    file = log(tmp_path / "a.parquet", **columns)
    if says is None:
        assert len(totals(only(file))) == 2
    else:
        assert refused(file).startswith(f"a.parquet: {says}")


def test_a_reward_can_be_named(tmp_path: Path) -> None:
    file = log(tmp_path / "a.parquet", a=[1.0, 1.0], b=[0.0, 1.0])
    assert list(totals(only(file, score="b")).values()) == [(2, 1)]
    assert refused(file, score="c") == "a.parquet: score: c; name one of the rewards a, b"
