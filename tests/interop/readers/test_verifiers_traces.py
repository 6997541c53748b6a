"""verifiers' traces: episodes and single traces, and the folders in which prime-rl keeps them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edgewise.interop.read import read_rollouts
from tests.interop.writing import FILES, counts, jsonl, only, refused, totals


def trace(task: int, rewards: dict[str, Any], text: str = "4", finish: str = "stop", **more: Any) -> dict[str, Any]:
    user = {"role": "user", "content": f"question {task}"}
    return {
        "id": f"{task}-{text}",
        "task": {
            "type": "Sum",
            "data": {"idx": task, "prompt": f"question {task}", "answer": "4"},
            "key": f"key{task}",
        },
        "agent": {"config": {"model": "m", "sampling": {"temperature": 1.0, "max_tokens": 16}}, "trainable": True},
        "nodes": [
            {"message": user, "sampled": False},
            {"parent": 0, "message": {"role": "assistant", "content": text}, "sampled": True},
        ],
        "calls": [{"node": 1, "model": "m", "finish_reason": finish, "usage": {"completion_tokens": 5}}],
        "rewards": rewards,
        "metrics": {"length": 1.0},
        "ok": True,
        "errors": [],
        **more,
    }


def episode(*traces: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": "e",
        "env": {"id": "sums"},
        "task": traces[0]["task"] if traces else {"type": "Sum", "data": {"idx": 0}, "key": "key0"},
        "ok": True,
        "errors": [],
        "traces": list(traces),
        **more,
    }


RIGHT, WRONG = {"right": {"score": 1.0, "weight": 1.0}}, {"right": {"score": 0.0, "weight": 1.0}}


@pytest.mark.parametrize("name", ["episodes", "traces"])
def test_what_the_tool_wrote(name: str) -> None:
    """Made by make_verifiers.py with the tool's own classes; the rewards that these compute are beside it."""
    imported = only(FILES / "verifiers" / name / "traces.jsonl")
    expected = json.loads((FILES / "expected_verifiers.json").read_text())[name]
    assert {problem: list(pair) for problem, pair in totals(imported).items()} == expected["totals"]
    assert counts(imported).unscorable_P.tolist() == expected["unscorable"]
    truncated_P = counts(imported).truncated_P
    assert truncated_P is not None and truncated_P.tolist() == expected["truncated"]
    assert imported.outcomes is not None and imported.outcomes.tokens_S is not None
    assert int(imported.outcomes.tokens_S.sum()) == expected["tokens"]
    assert (imported.model, imported.sampling.temperature) == ("toy-model", (1.0,))
    assert all(prompt.startswith("What is") for prompt in imported.prompts.values())


def test_an_episode_is_a_sample(tmp_path: Path) -> None:
    lines = [
        episode(trace(0, RIGHT)),
        episode(trace(0, WRONG, "5", "length")),
        episode(trace(1, WRONG)),
        episode(trace(1, {"right": None}, ok=False), ok=False),
        episode(trace(1, {})),
    ]
    imported = only(jsonl(tmp_path / "traces.jsonl", lines))
    assert totals(imported) == {"key0": (2, 1), "key1": (3, 0)}
    # An error and a rollout that no reward graded: neither is a wrong answer.
    assert counts(imported).unscorable_P.tolist() == [0, 2]
    assert imported.outcomes is not None and imported.outcomes.truncated_S is not None
    assert imported.outcomes.truncated_S.tolist() == [False, True, False, False, False]
    assert (imported.model, imported.graded_by) == ("m", ("reward",))
    assert imported.prompts["key0"] == "question 0"
    assert {example.text for example in imported.examples} >= {"4", "5"}
    assert imported.outcomes.gold is not None and imported.outcomes.gold.tolist() == ["4", "4"]


def test_errors_of_attempts_before_a_success_are_none(tmp_path: Path) -> None:
    tried = [{"type": "Timeout", "message": "x"}]
    lines = [trace(0, RIGHT, errors=tried), {**trace(0, WRONG, errors=tried)}]
    del lines[1]["ok"]
    imported = only(jsonl(tmp_path / "traces.jsonl", lines))
    assert totals(imported) == {"key0": (2, 1)}
    assert counts(imported).unscorable_P.tolist() == [1]


def test_the_reward_is_the_weighted_sum(tmp_path: Path) -> None:
    def rewards(right: float, form: float) -> dict[str, Any]:
        return {"right": {"score": right, "weight": 0.5}, "form": {"score": form, "weight": 0.5}}

    file = jsonl(tmp_path / "traces.jsonl", [trace(0, rewards(1, 1)), trace(0, rewards(1, 0)), trace(0, rewards(0, 1))])
    assert refused(file) == "traces.jsonl: line 2: score: 0.5 is graded; give a threshold for correct"
    assert totals(only(file, threshold=0.75)) == {"key0": (3, 1)}
    assert totals(only(file, score="right")) == {"key0": (3, 2)}
    assert totals(only(file, score="length")) == {"key0": (3, 3)}
    assert refused(file, score="x").endswith("score: no 'x'; there are reward, right, form, length")


def test_of_several_agents_the_trained_one_is_read(tmp_path: Path) -> None:
    judge = trace(0, WRONG, "a judge", agent={"config": {"model": "judge"}, "trainable": False})
    imported = only(
        jsonl(tmp_path / "traces.jsonl", [episode(judge, trace(0, RIGHT)), episode(trace(0, WRONG), judge)])
    )
    assert totals(imported) == {"key0": (2, 1)}
    assert any("several agents" in note for note in imported.notes)


def test_steps_of_prime_rl_are_models(tmp_path: Path) -> None:
    """`effective` holds those of `all` that training took."""
    run = {"type": "train", "id": "r", "work": {"type": "train", "step": 1}}
    for step, right in ((2, 1), (10, 3)):
        lines = [
            episode(trace(task, RIGHT if sample < right else WRONG, f"text {sample}"), run=run)
            for task in range(2)
            for sample in range(4)
        ]
        for subset, kept in (("all", lines), ("effective", lines[:4])):
            folder = tmp_path / f"step_{step}" / "train" / subset
            folder.mkdir(parents=True)
            jsonl(folder / "traces.jsonl", kept)
        (tmp_path / f"step_{step}" / "train_rollouts.bin").write_bytes(b"\0\1\2")
    imported = read_rollouts(tmp_path)
    assert [(one.model, totals(one)) for one in imported] == [
        ("step_2", {"key0": (4, 1), "key1": (4, 1)}),
        ("step_10", {"key0": (4, 3), "key1": (4, 3)}),
    ]
    assert any("effective" in note and "holds all of its samples" in note for note in imported[0].notes)
    assert not imported[0].warnings
    effective = only(tmp_path / "step_2" / "train" / "effective")
    assert any("depends on their rewards" in warning for warning in effective.warnings)


def test_an_episode_without_a_trace(tmp_path: Path) -> None:
    lines = [episode(trace(0, RIGHT)), episode(ok=False), {"id": "e", "env": {}, "ok": False, "traces": []}]
    imported = only(jsonl(tmp_path / "traces.jsonl", lines))
    assert totals(imported) == {"key0": (2, 1)}
    assert counts(imported).unscorable_P.tolist() == [1]
    assert any("1 episodes failed before they had a task" in warning for warning in imported.warnings)


def test_a_task_without_a_name_is_refused(tmp_path: Path) -> None:
    nameless = trace(0, RIGHT) | {"task": {"type": "Sum", "data": {"prompt": "q"}}}
    file = jsonl(tmp_path / "traces.jsonl", [nameless])
    assert refused(file).startswith("traces.jsonl: line 1: task: no key, hash or data.idx")
    file = jsonl(tmp_path / "traces.jsonl", [trace(0, RIGHT), trace(0, RIGHT) | {"task": 3}])
    assert refused(file) == "traces.jsonl: line 2: task: 3; a trace has the task that it solves"
