"""The page of results is what the result files say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.gpu import equality
from benchmarks.registry import BENCHMARKS
from tools.pages import performance


def test_the_page_is_made_from_the_results_as_they_are() -> None:
    assert performance.PAGE.read_text() == performance.page(performance.records())


def test_every_benchmark_has_its_section() -> None:
    assert performance.SECTIONS.keys() == BENCHMARKS.keys()


def result(met: bool) -> dict[str, Any]:
    return {
        "name": "cores",
        "what": "a step",
        "comparisons": [
            {
                **{"name": "one", "what": "half as fast", "unit": "tokens/s", "ours": 5.0, "peer": 10.0, "ratio": 0.5},
                **{"target": 2.0, "met": met, "repeats": 1, "ours_all": [5.0], "peer_all": [10.0], "load": 0.5},
                **{"peer_setting": "as it is", "achieved": {"flops_per_second": 2e9, "flops_share": 0.125}},
            }
        ],
        "measurements": [],
        "series": [],
        "machine": {"cpu": "a processor", "cores": 2, "threads": 2, "memory_gb": 1.0},
        "peaks": [{"threads": 2, "fp32": 16e9, "bf16": 8e9, "copy": 1e9}],
        "versions": {"torch": "2", "trl": None},
        "commit": "abc",
        "date": "2026-01-02T03:04:05+00:00",
        "load": 0.25,
    }


def test_a_missed_target_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "cores.json").write_text(json.dumps(result(met=False)))
    shown = performance.page(performance.records(tmp_path))
    assert "| half as fast | 5 (5 to 5) | 10 (10 to 10) | tokens/s | **0.5** | 2, **missed** | 1 | 0.50 |" in shown
    assert "1 of 1 targets are missed: `one`." in shown
    assert "2 GFLOP/s, 12.5% of the peak" in shown
    assert (
        "| cores | a processor, 2 cores, 2 threads, 1 GB | 2 threads: fp32 16, bf16 8 | 1 | torch 2 | abc | 2026-01-02"
        " | 0.25 |"
    ) in shown
    assert "Not run yet: `sampling`," in shown


def test_met_targets_are_not_called_missed() -> None:
    shown = performance.page({"cores": result(met=True)})
    assert "| 2, met |" in shown and "All 1 targets are met." in shown


def test_costs_and_memory_are_drawn() -> None:
    points = [{"samples": n, "sampling_seconds": n / 4, "rest_seconds": n / 2} for n in (4.0, 8.0)]
    cost = [{"x": "samples", "y": part, "points": points} for part in ("sampling_seconds", "rest_seconds")]
    memory = [{"points": [{"samples": n, "above_mb": 3 * n, "required_mb": 2 * n} for n in (8.0, 16.0)]}]
    drawn = performance.figures({"cost": {"series": cost}, "memory": {"series": memory}})
    assert drawn.keys() == {"cost.svg", "memory.svg"}
    assert "all but sampling" in drawn["cost.svg"] and "1.5 x required" in drawn["memory.svg"]


@pytest.mark.parametrize("name", ["sampling", "next_token"])
def test_a_processor_that_does_not_multiply_bfloat16_is_said(name: str) -> None:
    of = {
        bf16: result(met=True) | {"name": name, "peaks": [{"threads": 1, "fp32": 1e9, "bf16": bf16, "copy": 1e9}]}
        for bf16 in (0.5e9, 3e9)
    }
    said = [performance.NO_BF16.strip() in performance.page({name: record}) for record in of.values()]
    assert said == [True, False]


def test_what_no_gpu_has_run_is_said_with_how_to_run_it() -> None:
    shown = performance.page({"cores": result(met=True)})
    assert "No GPU has run this version: there are no numbers of it here." in shown
    assert "| `equality` | numbers beside the CPU's | 60 |" in shown and "{parts}" not in shown
    measured = result(met=True) | {"name": "gpu", "what": "on a GPU", "peaks": [], "load": None}
    measured["machine"] = measured["machine"] | {"gpu": "a GPU, 80 GB"}
    shown = performance.page({"gpu": measured})
    assert "No GPU has run" not in shown and "1 GB; a GPU, 80 GB |" in shown


def test_the_tolerances_are_those_that_are_told() -> None:
    text = " ".join(performance.SECTIONS["gpu"].split())
    assert equality.TOLERANCES == {
        **{"loss_fp32": 1e-5, "gradient_fp32": 1e-4, "update_fp32": 1e-4, "logp_fp32": 1e-4, "other_completions": 0.02},
        **{"gradient_bf16": 0.05, "update_bf16": 0.05, "logp_bf16": 0.03},
    }
    assert "losses must agree to 1e-5 and gradients to 1e-4 (relative)" in text and "to 1e-4 nats, and 98% of" in text
    assert "gradients must be within 5% of those in FP32, and log-probabilities within 0.03 nats" in text
