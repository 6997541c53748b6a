"""The command line of the harness, as somebody types it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from edgewise.interop.read import read_rollouts
from edgewise.interop.writers.lm_eval import write_lm_eval_task
from edgewise.tasks.named import world_of
from tests.interop.plugins.written import save_random_model
from tests.interop.writing import counts

COMMAND = [sys.executable, "-m", "edgewise.interop.plugins.lm_eval_command"]


@pytest.mark.skipif(importlib.util.find_spec("lm_eval") is not None, reason="lm-eval is installed")
def test_without_the_harness_the_extra_is_named() -> None:
    done = subprocess.run(COMMAND, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.endswith(": not installed; pip install 'edgewise[lm-eval]'\n")
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_checkpoint_and_a_task_by_their_names(tmp_path: Path) -> None:
    pytest.importorskip("lm_eval")
    save_random_model(world_of("modular", ["max_op=3"]), tmp_path / "model")
    file = write_lm_eval_task(tmp_path / "tasks", "modular", ["max_op=3"], samples=4, problems=3, max_new_tokens=16)
    about = ["--model", "edgewise", "--model_args", f"path={tmp_path / 'model'},seed=3", "--tasks", file.stem]
    where = ["--include_path", str(file.parent), "--log_samples", "--output_path", str(tmp_path / "results")]
    done = subprocess.run([*COMMAND, "run", *about, *where], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "process_pass@4" in done.stdout
    (imported,) = read_rollouts(tmp_path / "results")
    assert (counts(imported).n_P == 4).all() and counts(imported).problems == 9
