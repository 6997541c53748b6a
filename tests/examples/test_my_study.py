"""examples/my_study.py runs whole, at toy size, by its command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from edgewise.cli.study import report_name

ROOT = Path(__file__).parents[2]
TINY = ["pretraining.steps=3", "pretraining.documents=4", "steps=1", "problems=2", "samples=8"]


def test_the_study_runs_with_its_own_world_in_the_workers(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edgewise", "run", "my_study.py:my_study", *TINY, "--out", str(tmp_path)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT / "examples", env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / report_name("my_study.py:my_study", TINY)
    assert (folder / "report.html").exists()
    record = json.loads((folder / "boundary.json").read_text(encoding="utf-8"))
    assert record["models"] == ["base", "Dr. GRPO", "MaxRL"]
    assert [part["name"] for part in record["sets"]] == ["trained on", "edge", "beyond"]
