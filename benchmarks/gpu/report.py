"""What the parts found as one record, benchmarks/results/gpu.json, and the hours of a study of the papers' size."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from benchmarks import machine
from benchmarks.findings import Better, Findings, Measurement
from benchmarks.gpu.equality import TOLERANCES
from benchmarks.gpu.runner import Outcome
from benchmarks.gpu.scale import Scale
from benchmarks.registry import BENCHMARKS

Values = Mapping[str, list[float]]


@dataclass(frozen=True, slots=True)
class Plan:
    """How much a study of the paper's size computes: one base, one arm of RL, one evaluation."""

    training_tokens: float = 10e9
    rl_steps: int = 200
    completions: float = 19 * 200 * 128
    mean_tokens: float = 360.0


def record(outcomes: Mapping[str, Outcome], scale: Scale, device_name: str) -> dict[str, Any]:
    """The record of all parts that are done, with what became of the others."""
    done = {name: outcome.values for name, outcome in outcomes.items() if outcome.status == "done"}
    return {
        "name": "gpu",
        "what": BENCHMARKS["gpu"].what,
        **asdict(Findings(measurements=list(measurements(done, scale)))),
        "parts": {name: {**asdict(outcome), "values": {}} for name, outcome in outcomes.items()},
        "machine": machine.described() | {"gpu": device_name},
        "peaks": [],
        "versions": machine.compared_versions(),
        "commit": machine.commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(sum(outcome.seconds for outcome in outcomes.values()), 1),
        "load": None,
    }


def measurements(done: Mapping[str, Values], scale: Scale) -> Iterator[Measurement]:
    """Of the parts that are done, by name; each value list is kept, so that n and scatter are known."""
    batch = f"{scale.prompts} prompts x {scale.samples} samples"
    drawing = f"sampling, {batch}, {scale.new_tokens} new tokens"
    if "tests" in done:
        yield _measurement("tests", "tests that need a GPU and pass", "tests", done["tests"]["passed"])
    for name, values in done.get("equality", {}).items():
        what = f"largest difference from the CPU: {name.replace('_', ', ')}"
        yield Measurement.of(f"gpu_{name}", what, "", [max(values)], better="less", target=TOLERANCES[name])
    for name, how in (("pretraining", "bf16"), ("pretraining_compiled", "bf16, layers compiled")):
        if name in done:
            found = done[name]
            size = f"pre-training, {found['parameters'][0] / 1e6:.0f}M parameters, {how}"
            target = 0.5 if name == "pretraining" else None
            yield _measurement(f"{name}_mfu", f"{size}: useful FLOP/s", "of the peak", found["mfu"], target=target)
            yield _measurement(name, size, "tokens/s", found["tokens_per_second"])
            yield _measurement(f"{name}_first", f"{size}: first update", "s", found["first_seconds"], "less")
            yield _measurement(f"{name}_memory", f"{size}: memory", "GB", found["memory_gb"], "less")
            peak = [flops / 1e12 for flops in found["matmul"]]
            yield _measurement(f"{name}_peak", f"{size}: fastest matrix product in bf16", "TFLOP/s", peak)
    peer = {name: done[name]["tokens_per_second"] for name in ("transformers", "vllm") if name in done}
    if "sampling" in done:
        found = done["sampling"]
        reference = statistics.median(peer["transformers"]) if "transformers" in peer else None
        bf16, fp32 = found["tokens_per_second_bf16"], found["tokens_per_second_fp32"]
        yield _measurement("sampling", f"{drawing}, bf16", "tokens/s", bf16, reference=reference)
        yield _measurement("sampling_fp32", f"{drawing}, FP32", "tokens/s", fp32)
        yield _measurement("sampling_bytes", "keys and values read, bf16", "of the fastest copy", found["bytes_share"])
        yield _measurement("sampling_memory", f"{drawing}: memory", "GB", found["memory_gb"], "less")
    for name, rates in peer.items():
        yield _measurement(name, f"{drawing}, bf16, {name}", "tokens/s", rates)
    for name, how in (("rl_step", "bf16"), ("rl_step_compiled", "bf16, layers compiled")):
        if name in done:
            what = f"a GRPO step, {batch}, {scale.new_tokens} new tokens, {how}"
            yield _measurement(name, what, "s", done[name]["seconds"], "less")
            yield _measurement(f"{name}_memory", f"{what}: memory", "GB", done[name]["memory_gb"], "less")
    if {"pretraining", "sampling", "rl_step"} <= done.keys():
        for part, value in projected_hours(done, scale, Plan()).items():
            yield _measurement(f"hours_{part}", f"projected, {part}", "h", [value], "less")


def projected_hours(done: Mapping[str, Values], scale: Scale, plan: Plan) -> dict[str, float]:
    """Hours on this device of the plan's parts; a token of RL is taken to cost at the mean length what it does here."""
    trained, drawn, stepped = (
        statistics.median(done[part][name])
        for part, name in (
            ("pretraining", "tokens_per_second"),
            ("sampling", "tokens_per_second_bf16"),
            ("rl_step", "seconds"),
        )
    )
    tokens = scale.prompts * scale.samples * plan.mean_tokens
    hours = {
        "pretrain": plan.training_tokens / trained / 3600,
        "rl": plan.rl_steps * tokens * stepped / done["rl_step"]["tokens"][0] / 3600,
        "evaluate": plan.completions * plan.mean_tokens / drawn / 3600,
    }
    return hours | {"all": sum(hours.values())}


def _measurement(
    name: str, what: str, unit: str, values: list[float], better: Better = "more", **others: float | None
) -> Measurement:
    return Measurement.of(f"gpu_{name}", what, unit, values, better=better, **others)
