"""A claim of seconds, as a person would keep it in a file: RL of four steps raises pass@1 of a tiny model."""

from __future__ import annotations

from collections.abc import Mapping

from edgewise.claims.ledger.claim import Claim, Control, PlannedEffect, Prediction, PublishedNumber
from edgewise.claims.ledger.quantities import CrossoverK, PassAtK, PassDifference, TwoDraws
from edgewise.core.spec import override
from edgewise.study.stages import RL, Evaluate, Pretrain
from edgewise.study.study import Study
from tests.tiny import EASY, PARAMS, PRETRAIN, RECIPE, WORLD

PLAN = PlannedEffect(effect=0.1, scatter=0.05, problems=16, problem_sd=0.1, residual_sd=0.1, source="nobody scouted")


def base(seed: int) -> Pretrain:
    return override(PRETRAIN, ["training.steps=40", f"seed={seed}"])


def evaluated(stage: Pretrain | RL) -> Evaluate:
    return Evaluate(parent=stage, world=WORLD, problems=4, samples=16, sampling=PARAMS)


def studies(scale: str, seeds: tuple[int, ...]) -> Mapping[str, Study]:
    study = Study(
        title="Tiny",
        question="Does it run?",
        base=lambda seed: evaluated(base(seed)),
        arms={"tuned": lambda seed: evaluated(RL(parent=base(seed), world=EASY, recipe=RECIPE, seed=seed))},
        regions={"inside": range(1, 2), "outside": range(2, 3)},
        seeds=seeds,
    )
    return {"": study}


CLAIM = Claim(
    name="toy",
    statement="Four steps of RL raise pass@1.",
    work="Nobody 2026",
    section="nowhere",
    published=(PublishedNumber(what="pass@1", value="+100", where="nowhere", fault="made up"),),
    studies=studies,
    seeds={"toy": 3, "nano": 3},
    quantities=(
        PassDifference(name="gain", arm="tuned", region="inside", k=1),
        PassAtK(name="base", arm="base", region="inside", k=4),
        TwoDraws(name="noise", region="outside", k=2),
        CrossoverK(name="crossover", arm="tuned", region="inside"),
    ),
    predictions=(Prediction(quantity="gain", above=0.0, why="pass@1 rises", plan=PLAN),),
    controls=(
        Control(kind="positive", quantity="base", above=0.0, meaning="the base solves nothing"),
        Control(kind="negative", quantity="noise", above=-0.9, below=0.9, meaning="two draws differ"),
    ),
    design="One temperature.",
    scouted="Nothing.",
)
