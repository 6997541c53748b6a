"""SmolLM2-135M-Instruct: our engine writes what transformers writes, and GRPO in TRL trains it as documented."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from edgewise import cli
from edgewise.interop.read import read_rollouts
from tests.model.smollm import smollm_folder

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[3] / "docs" / "real_models.md"


def sums(path: Path, numbers: range) -> Path:
    rows = [{"prompt": f"What is {n} + 2? Answer with the number only.", "answer": n + 2} for n in numbers]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def rollouts(model: Path, questions: Path, out: Path, *words: str) -> Path:
    command = ["rollouts", str(model), str(questions), "-n", "4", "--max-new-tokens", "24", "--out", str(out)]
    done = CliRunner().invoke(cli.app, [*command, *words, "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return out


def test_both_samplers_write_the_same_completions_of_a_real_model(tmp_path: Path) -> None:
    folder = smollm_folder(tmp_path / "smollm2")
    questions = sums(tmp_path / "sums.jsonl", range(3, 15, 11))
    tables = [
        pq.read_table(rollouts(folder, questions, tmp_path / f"{of}.parquet", "match=numeric", "--sampler", of))
        for of in ("ours", "transformers")
    ]
    ours, theirs = tables
    assert ours["completion_ids"].to_pylist() == theirs["completion_ids"].to_pylist()
    assert np.allclose(ours["logprob"].to_numpy(), theirs["logprob"].to_numpy(), atol=2e-2)
    assert ours["prompt_ids"].to_pylist()[0][0] == 1, "the turn of a chat begins with <|im_start|>"
    (read,) = read_rollouts(tmp_path / "ours.parquet")
    assert read.outcomes is not None and read.outcomes.problem.size == 2 and read.model == "smollm2"


def test_the_documented_steps_of_grpo_give_a_model_that_is_audited_against_its_base(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("trl")
    pytest.importorskip("math_verify")
    folder = smollm_folder(tmp_path / "smollm2")
    sums(tmp_path / "train.jsonl", range(100, 500))
    monkeypatch.chdir(tmp_path)
    (block,) = (block for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S))
    # One step of one question in place of fourteen of eight.
    for told, taken in (
        ("HuggingFaceTB/SmolLM2-135M-Instruct", str(folder)),
        ("max_steps=14", 'max_steps=1, use_cpu=True, bf16=False, report_to="none"'),
        ("gradient_accumulation_steps=8", "gradient_accumulation_steps=1"),
        ("max_completion_length=64", "max_completion_length=16"),
    ):
        assert block.count(told) == 1
        block = block.replace(told, taken)
    exec(compile(block, str(PAGE), "exec"), {})
    questions = sums(tmp_path / "sums.jsonl", range(3, 7))
    of_base = rollouts(folder, questions, tmp_path / "base.parquet", "match=math")
    of_tuned = rollouts(tmp_path / "tuned", questions, tmp_path / "tuned.parquet", "match=math")
    done = CliRunner().invoke(cli.app, ["audit", str(of_base), str(of_tuned), "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "cut off" in done.stdout, "with 24 tokens many samples of this model are, and the audit says so"
