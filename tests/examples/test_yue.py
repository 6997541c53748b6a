"""examples/yue.py runs whole, at toy size, by its command."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.examples.by_command import boundary_of

MODEL = ["model.width=16", "model.layers=1", "model.heads=2", "model.kv_heads=1"]
TINY = [*MODEL, "pretraining.steps=2", "steps=1", "longer=[2]", "max_new_tokens=8", "problems=2", "samples=8"]


@pytest.mark.slow
def test_every_algorithm_and_the_longer_run_is_an_arm(tmp_path: Path) -> None:
    record = boundary_of("yue.py:yue", TINY, tmp_path)
    algorithms = ["GRPO", "PPO", "RLOO", "REINFORCE++", "ReMax", "DAPO"]
    assert record["models"] == ["base", *(f"{name}, 1 steps" for name in algorithms), "GRPO, 2 steps"]
