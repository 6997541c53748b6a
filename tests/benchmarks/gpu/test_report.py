"""The record of the parts, and `python -m benchmarks.gpu` as its users meet it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from benchmarks.gpu import __main__ as command
from benchmarks.gpu.equality import TOLERANCES
from benchmarks.gpu.parts import PARTS, Part
from benchmarks.gpu.report import Plan, projected_hours, record
from benchmarks.gpu.runner import Outcome
from benchmarks.gpu.scale import PAPER, TINY
from edgewise import cli

TRAINED = {
    "parameters": [103e6],
    "tokens_per_second": [900.0, 1000.0, 1100.0],
    "mfu": [0.3, 0.4, 0.5],
    "matmul": [7e14],
    "copy": [3e12],
    "first_seconds": [2.0],
    "memory_gb": [9.0],
}
STEPPED = {"seconds": [5.0, 7.0], "first_seconds": [9.0], "tokens": [12.0], "memory_gb": [20.0]}
VALUES: dict[str, dict[str, list[float]]] = {
    "tests": {"passed": [14.0]},
    "equality": {name: [0.0, tolerance / 2, 2 * tolerance] for name, tolerance in TOLERANCES.items()},
    "pretraining": TRAINED,
    "sampling": {
        "tokens_per_second_bf16": [10.0],
        "tokens_per_second_fp32": [6.0],
        "bytes_share": [0.3],
        "memory_gb": [30.0],
    },
    "rl_step": STEPPED,
    "transformers": {"tokens_per_second": [2.0, 4.0], "samples_at_a_time": [256.0]},
    "pretraining_compiled": TRAINED,
    "rl_step_compiled": STEPPED,
    "vllm": {"tokens_per_second": [8.0]},
}


def outcomes(values: Mapping[str, dict[str, list[float]]]) -> dict[str, Outcome]:
    return {
        part.name: Outcome("done", "", "paper", "a GPU", values[part.name], "abc", "2026-01-02T03:04:05+00:00", 10.0)
        if part.name in values
        else Outcome("failed", "no result within 60 s")
        for part in PARTS
    }


def test_the_record_has_every_value_with_n_and_scatter_and_what_is_missing() -> None:
    assert VALUES.keys() == {part.name for part in PARTS}
    whole = record(outcomes(VALUES), PAPER, "a GPU")
    rows = {row["name"]: row for row in whole["measurements"]}
    assert len(rows) == len(whole["measurements"])
    assert (rows["gpu_pretraining_mfu"]["value"], rows["gpu_pretraining_mfu"]["met"]) == (0.4, False)
    assert rows["gpu_pretraining_peak"]["values"] == [700.0] and rows["gpu_pretraining_peak"]["unit"] == "TFLOP/s"
    assert rows["gpu_pretraining"]["values"] == [900.0, 1000.0, 1100.0] and rows["gpu_pretraining"]["repeats"] == 3
    assert (rows["gpu_sampling"]["value"], rows["gpu_sampling"]["reference"]) == (10.0, 3.0)
    assert {name: rows[f"gpu_{name}"]["met"] for name in TOLERANCES} == dict.fromkeys(TOLERANCES, False)
    assert whole["machine"]["gpu"] == "a GPU" and {"torch", "vllm", "triton"} <= whole["versions"].keys()
    assert whole["parts"]["vllm"]["status"] == "done" and whole["seconds"] == 90.0
    some = record(outcomes({"equality": {name: [0.0] for name in TOLERANCES}}), PAPER, "a GPU")
    assert {row["name"] for row in some["measurements"]} == {f"gpu_{name}" for name in TOLERANCES}
    assert all(row["met"] for row in some["measurements"])
    assert some["parts"]["rl_step"]["note"] == "no result within 60 s"
    assert json.loads(json.dumps(whole, allow_nan=False)) == whole


def test_hours_are_those_of_the_amounts() -> None:
    plan = Plan(training_tokens=3.6e6, rl_steps=10, completions=1000.0, mean_tokens=36.0)
    hours = projected_hours(VALUES, TINY, plan)
    rl = 10 * TINY.prompts * TINY.samples * 36 * 0.5 / 3600
    assert hours == pytest.approx({"pretrain": 1.0, "rl": rl, "evaluate": 1.0, "all": 2.0 + rl})


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["nothing"], "part: 'nothing' is unknown"),
        (["all", "--scale", "large"], "scale: 'large' is unknown"),
        (
            ["all", "--scale", "tiny", "--device", "cpu"],
            "out: numbers of scale tiny are no results; give another folder",
        ),
        (["all", "--minutes", "0"], "minutes: must be more than 0, is 0"),
        pytest.param(
            ["all"],
            "device: 'cuda' cannot be used",
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU"),
        ),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    words: list[str], line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "run_parts", lambda *_: pytest.fail("run"))
    monkeypatch.setattr(sys, "argv", ["gpu", *words])
    with pytest.raises(SystemExit) as stop:
        cli.main(command.app)
    shown = capsys.readouterr()
    assert (stop.value.code, shown.out) == (2, "") and shown.err.startswith(f"error: {line}")


@pytest.mark.slow
def test_a_call_writes_what_is_done_and_the_next_one_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With quick parts of the names that the record knows."""
    where = "tests.benchmarks.gpu.pretended"
    monkeypatch.setenv("EDGEWISE_TEST_TRACE", str(tmp_path / "trace"))
    parts = (Part("quick", "w", f"{where}:quick", 60), Part("broken", "w", f"{where}:broken", 60))
    monkeypatch.setattr(command, "PARTS", parts)
    options = ["--scale", "tiny", "--device", "cpu", "--kept", str(tmp_path / "kept"), "--out", str(tmp_path / "out")]

    def call(*names: str) -> Any:
        done = CliRunner().invoke(command.app, [*names, *options], catch_exceptions=False)
        return done, json.loads((tmp_path / "out" / "gpu.json").read_text())["parts"]

    done, found = call("quick")
    assert done.exit_code == 0 and found["quick"]["status"] == "done" and found["broken"]["status"] == "waiting"
    done, found = call("all")
    assert done.exit_code == 1 and "not done: broken; run it again to go on" in done.output
    assert found["quick"]["status"] == "done" and found["broken"]["status"] == "failed"
    done, _ = call("all", "--fresh")
    assert (tmp_path / "trace").read_text().split() == ["quick", "broken", "quick", "broken"]


@pytest.mark.slow
def test_all_of_it_runs_on_a_cpu_at_the_tiny_scale(tmp_path: Path) -> None:
    words = [
        "all",
        "--scale",
        "tiny",
        "--device",
        "cpu",
        "--kept",
        str(tmp_path / "kept"),
        "--out",
        str(tmp_path / "out"),
    ]
    root = Path(command.__file__).parents[2]
    done = subprocess.run([sys.executable, "-m", "benchmarks.gpu", *words], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    written = json.loads((tmp_path / "out" / "gpu.json").read_text())
    states = {name: part["status"] for name, part in written["parts"].items()}
    assert states.pop("vllm") in ("done", "left out") and set(states.values()) == {"done"}
    assert {"gpu_hours_all", "gpu_rl_step_compiled", "gpu_transformers"} <= {r["name"] for r in written["measurements"]}
