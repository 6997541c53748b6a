"""Models are named and ordered by what tells them apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgewise.interop.model_names import in_order, known_base, shortest_names


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["runs/Qwen2.5-7B-base.jsonl", "runs/Qwen2.5-7B-rl.jsonl.gz"], ["Qwen2.5-7B-base", "Qwen2.5-7B-rl"]),
        (["runs/base/rollouts.jsonl", "runs/rl/rollouts.jsonl"], ["base", "rl"]),
        (["a/x/run.parquet", "b/y/run.parquet", "b/x/run.parquet"], ["a/x/run", "b/y/run", "b/x/run"]),
        (["base", "rl/"], ["base", "rl"]),
        (["v1.5/out", "v2.0/out"], ["v1.5", "v2.0"]),
        (["same.jsonl", "same.jsonl"], ["same", "same"]),
        (["deep/er/a.jsonl", "a.jsonl"], None),
    ],
)
def test_the_shortest_names_that_differ(paths: list[str], names: list[str] | None) -> None:
    found = shortest_names([Path(path) for path in paths])
    assert found == names if names else len(set(found)) == 2


def test_here_is_the_name_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shortest_names([Path(".")]) == [tmp_path.name]


@pytest.mark.parametrize(
    ("names", "base", "ordered"),
    [
        (["step 10", "step 100", "step 5"], "step 5", ["step 5", "step 10", "step 100"]),
        (["grpo", "base"], "base", ["base", "grpo"]),
        (["step 10", "step 5", "pretrained"], "pretrained", ["pretrained", "step 5", "step 10"]),
        (["Qwen2.5-7B-GRPO", "Qwen2.5-7B"], "Qwen2.5-7B", ["Qwen2.5-7B", "Qwen2.5-7B-GRPO"]),
        (["ppo", "grpo"], None, ["ppo", "grpo"]),
        (["base-a", "base-b"], None, ["base-a", "base-b"]),
        (["database", "grpo"], None, ["database", "grpo"]),
    ],
)
def test_the_base_comes_first_where_a_name_says_so(names: list[str], base: str | None, ordered: list[str]) -> None:
    assert known_base(names) == base
    assert in_order(names) == ordered
