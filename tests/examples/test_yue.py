"""examples/yue.py runs whole, at toy size, by its command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from edgewise.cli.study import report_name

ROOT = Path(__file__).parents[2]
MODEL = ["model.width=16", "model.layers=1", "model.heads=2", "model.kv_heads=1"]
TINY = [*MODEL, "pretraining.steps=2", "steps=1", "longer=[2]", "max_new_tokens=8", "problems=2", "samples=8"]


def test_every_algorithm_and_the_longer_run_is_an_arm(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edgewise", "run", "yue.py:yue", *TINY, "--out", str(tmp_path)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT / "examples", env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / report_name("yue.py:yue", TINY) / "boundary.json").read_text(encoding="utf-8"))
    algorithms = ["GRPO", "PPO", "RLOO", "REINFORCE++", "ReMax", "DAPO"]
    assert record["models"] == ["base", *(f"{name}, 1 steps" for name in algorithms), "GRPO, 2 steps"]
