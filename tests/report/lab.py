"""Findings made of drawn counts: nothing is trained, and what text there is means harm."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from edgewise.boundary import Outcomes, audit
from edgewise.outcomes.example import Example, Mark
from edgewise.report.page.page import render_page
from edgewise.rl.kept_groups import KeptGroup, KeptSample
from edgewise.scaling.compute import ArmCompute, compute_of_arms
from edgewise.study.measure import Findings
from edgewise.study.record import StageRecord, StageStatus
from edgewise.study.watching import WatchedStudy
from tests.report.hostile import COMMENT, HOSTILE, IMAGE, LONG, SCRIPT

EDGE = f"edge {SCRIPT}"
MODELS = ("base", EDGE, f"wide \"'{IMAGE}")
REGIONS = {"inside": range(1, 3), f"hard {COMMENT}": range(3, 5)}
LEVELS = (1, 2, 3, 4)
PROBLEMS, SAMPLES = 12, 32


def findings(*, metrics: bool = True) -> Findings:
    """Three models on four levels: one arm gains on the hard region, the other stays."""
    rng = np.random.default_rng(0)
    chance = {
        "base": {1: 0.7, 2: 0.4, 3: 0.0, 4: 0.0},
        MODELS[1]: {1: 0.95, 2: 0.8, 3: 0.6, 4: 0.3},
        MODELS[2]: {1: 0.7, 2: 0.4, 3: 0.0, 4: 0.0},
    }
    outcomes = {model: _outcomes(rng, chance[model]) for model in MODELS}
    return Findings(
        title=f"Study {SCRIPT}",
        question=f"Does it? {IMAGE}",
        audit=audit(outcomes, metric="process", sets=list(REGIONS), resamples=100),
        prompts={
            str(id): f"{HOSTILE} number {i} {LONG if i == 0 else ''}" for i, id in enumerate(outcomes["base"].problem)
        },
        examples=_examples(),
        stages=_stages(metrics),
        compute=compute_of_arms(
            {
                EDGE: ArmCompute(1_020_000.0, float("nan"), 3_400.0, 2e6, 5.4e10, 4065.0),
                MODELS[2]: ArmCompute(0.0, 800.0, 3_500.0, 4e6, 6.7e10, 60.0),
            },
            slack=0.05,
        ),
    )


def render(found: Findings, command: str | None = None) -> str:
    """The page of these findings."""
    return render_page(found.audit, examples=found.examples, prompts=found.prompts, command=command, study=found)


def running() -> WatchedStudy:
    """A study under way: a stage that is finished, one that runs, one that was interrupted and one that waits."""
    pretrain, reinforced, evaluation = _stages(True)
    left = replace(reinforced, name=f"{MODELS[2]}: rl", folder="rl-1", provenance={}, groups=())
    return WatchedStudy(
        name=f"study {SCRIPT}",
        title=f"Study {SCRIPT}",
        question=f"Does it? {IMAGE}",
        command="edgewise run 'x' & more",
        arms={"base": ("base",), EDGE: (EDGE,), MODELS[2]: (MODELS[2],)},
        stages=(
            pretrain,
            replace(reinforced, provenance={}, status=StageStatus("running", 30, 60, 75.0)),
            replace(left, status=StageStatus("interrupted", 30, 90)),
            replace(evaluation, spec={}, status=StageStatus("waiting")),
        ),
        report=None,
        others=(f"other {SCRIPT}",),
    )


def _groups() -> tuple[KeptGroup, ...]:
    right = KeptSample("a = 3 ; b = a + 2 = 5 ; answer 5", 11, True, 1.0, 0.5, "correct", "correct", None, "")
    wrong = KeptSample(f"a = 3 ; b = {HOSTILE} ; answer 5", 9, False, 0.0, -0.5, "correct", "wrong", 1, HOSTILE)
    return tuple(KeptGroup(step, f"p {IMAGE}", 3, HOSTILE, 2, (right, wrong)) for step in range(0, 30, 4))


def _outcomes(rng: np.random.Generator, chance: dict[int, float]) -> Outcomes:
    level = np.repeat(LEVELS, PROBLEMS * SAMPLES)
    p = np.array([chance[int(one)] for one in level])
    process = (rng.random(level.size) < p).astype(np.int8)
    answer = np.maximum(process, (rng.random(level.size) < 0.15).astype(np.int8))
    answer[rng.random(level.size) < 0.02] = -1
    process[answer == -1] = -1
    number = np.repeat(np.arange(len(LEVELS) * PROBLEMS), SAMPLES)
    table = Outcomes.of(
        problem=np.array([f"graph-{i:03d}" for i in number], dtype=np.str_),
        level=level,
        sample=np.tile(np.arange(SAMPLES), len(LEVELS) * PROBLEMS),
        answer=answer,
        process=process,
        truncated=rng.random(level.size) < 0.01,
        tokens=np.full(level.size, 20),
    )
    inside, hard = REGIONS
    return replace(table, set=np.where(np.isin(table.level, [1, 2]), inside, hard))


def _examples() -> dict[str, tuple[Example, ...]]:
    def one(model: str, text: str, wrong: int | None, reason: str) -> Example:
        mark: Mark = "correct" if wrong is None else "wrong"
        return Example(model, "graph-001", text, mark, mark, wrong, reason)

    return {
        "base": (one("base", "a = 3 ; b = a + 2 = 5 ; answer 5", None, ""),),
        EDGE: (
            one(EDGE, f"a = 3 ; b = {HOSTILE} ; answer 5", 1, f"b is not {HOSTILE}"),
            one(EDGE, "a = 3 ; answer 6", 1, "answer is 3, not 6"),
        ),
        MODELS[2]: (one(MODELS[2], f"{LONG} ; b = 1 ; answer 1", 1, LONG),),
    }


def _stages(metrics: bool) -> tuple[StageRecord, ...]:
    steps = range(30)
    pretrain = [{"step": float(i), "loss": 2 / (1 + i), "grad_norm": float("nan")} for i in steps]
    reinforced = [
        {
            "step": float(i),
            "reward": i / 30,
            "process_correct": i / 40,
            "entropy": 0.5 - i / 100,
            "kl_to_start": i / 200,
            "all_wrong": 0.2,
            "all_right": 0.1,
            "all_wrong_level_3": 0.25,
            "all_right_level_3": 0.125 if i < 15 else 0.5,
            "reward_process_correlation": 0.7,
            "length": 20.0 if i < 15 else 40.0,
            "clip_fraction": 0.01,
            "sampler_gap": 1e-7,
        }
        for i in steps
    ]
    spec: dict[str, Any] = {"kind": "rl", "seed": 7, "note": HOSTILE}
    provenance: dict[str, Any] = {
        "seed": 7,
        "wall_seconds": 68.4,
        "totals": {"tokens": 1_020_000.0, "flops": 5.42e10, "seconds": 4065.0},
        "versions": {"edgewise": "0.1.0", "torch": "2.13.0"},
        "finished": "2026-01-01T00:00:00+00:00",
        "machine": "x86_64",
        "parents": ["pretrain-0"],
        "outputs": {"model/model.safetensors": "89abcdef01234567", HOSTILE: "0"},
        "other_bits": ("backend torch",),
    }
    return (
        StageRecord("base: pretrain", "pretrain-0123456789abcdef", spec, provenance, pretrain if metrics else []),
        StageRecord(
            f"{EDGE}: rl",
            "rl-0123456789abcdef",
            spec,
            provenance,
            reinforced if metrics else [],
            _groups() if metrics else (),
        ),
        StageRecord("evaluate", "evaluate-0123456789abcdef", spec, {}, []),
    )
