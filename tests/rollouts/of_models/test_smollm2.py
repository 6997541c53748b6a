"""Rollouts of SmolLM2-135M-Instruct: our engine and transformers write the same completions; an audit reads them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from edgewise import cli
from edgewise.interop.read import read_rollouts
from tests.model.smollm import smollm_folder

pytestmark = pytest.mark.slow


def test_both_samplers_write_the_same_completions_of_a_real_model(tmp_path: Path) -> None:
    folder = smollm_folder(tmp_path / "smollm2")
    questions = tmp_path / "sums.jsonl"
    rows = [{"prompt": f"What is {n} + 2? Answer with the number only.", "answer": n + 2} for n in (3, 14)]
    questions.write_text("".join(json.dumps(row) + "\n" for row in rows))
    tables = []
    for sampler in ("ours", "transformers"):
        out = tmp_path / f"{sampler}.parquet"
        words = [str(folder), str(questions), "match=numeric", "-n", "4", "--max-new-tokens", "24", "--out", str(out)]
        words = ["rollouts", *words, "--sampler", sampler, "--json"]
        done = CliRunner().invoke(cli.app, words, catch_exceptions=False)
        assert done.exit_code == 0 and json.loads(done.stdout)["completions"] == 8
        tables.append(pq.read_table(out))
    ours, theirs = tables
    assert ours["completion_ids"].to_pylist() == theirs["completion_ids"].to_pylist()
    assert np.allclose(ours["logprob"].to_numpy(), theirs["logprob"].to_numpy(), atol=2e-2)
    assert ours["prompt_ids"].to_pylist()[0][0] == 1, "the turn of a chat begins with <|im_start|>"
    (read,) = read_rollouts(tmp_path / "ours.parquet")
    assert read.outcomes is not None and read.outcomes.problem.size == 2 and read.model == "smollm2"
