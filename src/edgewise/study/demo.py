"""The demonstration study: one base, RL on what it covers and RL at its edge, both evaluated on all levels."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from edgewise.core.spec import Spec
from edgewise.model.decoder import DecoderSpec
from edgewise.rl.recipe import Recipe
from edgewise.rl.recipes.registry import AnyRecipe
from edgewise.sampling.params import SamplingParams
from edgewise.study.stages import RL, Evaluate, Pretrain, Stage
from edgewise.study.study import Study
from edgewise.tasks import ModularArithmetic
from edgewise.training.next_token import NextTokenSpec


class DemoSpec(Spec):
    """Every number of the demonstration. Levels up to `covered` are pre-trained on; the next, up
    to `edge`, are the edge; the next, up to `hard`, are seen by nobody but the evaluation."""

    seed: int = Field(0, ge=0)
    world: ModularArithmetic = ModularArithmetic(disorder=2)
    covered: int = Field(4, ge=1)
    edge: int = Field(6, ge=2)
    hard: int = Field(8, ge=3)
    model: DecoderSpec = DecoderSpec()
    pretraining: NextTokenSpec = NextTokenSpec(steps=2500, documents=12, randomized_positions=96)
    rl: AnyRecipe = Recipe(steps=60, reward={"function": "process"})
    problems: int = Field(96, ge=2)
    samples: int = Field(64, ge=8)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.world.min_op <= self.covered < self.edge < self.hard:
            raise ValueError(
                f"levels must rise: world.min_op {self.world.min_op} <= covered {self.covered}"
                f" < edge {self.edge} < hard {self.hard}"
            )
        return self


def demo(spec: DemoSpec) -> Study:
    """Pre-train on few operations; RL on the same levels, and on the next; evaluate on all."""

    def levels(first: int, last: int) -> ModularArithmetic:
        return ModularArithmetic.parse({**spec.world.model_dump(), "min_op": first, "max_op": last}, "world")

    first = spec.world.min_op
    base = Pretrain(world=levels(first, spec.covered), model=spec.model, training=spec.pretraining, seed=spec.seed)

    def evaluate(parent: Stage) -> Evaluate:
        return Evaluate(
            parent=parent,
            world=levels(first + 1, spec.hard),
            problems=spec.problems,
            samples=spec.samples,
            sampling=SamplingParams(max_new_tokens=spec.rl.sampling.max_new_tokens),
        )

    def arm(world: ModularArithmetic) -> Evaluate:
        return evaluate(RL(parent=base, world=world, recipe=spec.rl, seed=spec.seed))

    return Study(
        title="Does RL extend what a small model can do?",
        question=(
            f"A decoder is trained from nothing on problems of {first} to {spec.covered} operations. From that same"
            f" base, RL is run twice: on problems it already covers, and on problems of {spec.covered + 1} to"
            f" {spec.edge} operations, at the edge of its competence. Which of the two solves, within k samples,"
            " problems that the base does not?"
        ),
        base=evaluate(base),
        arms={
            "in-distribution RL": arm(levels(first, spec.covered)),
            "edge RL": arm(levels(spec.covered + 1, spec.edge)),
        },
        regions={
            "in distribution": range(first + 1, spec.covered + 1),
            "edge": range(spec.covered + 1, spec.edge + 1),
            "hard": range(spec.edge + 1, spec.hard + 1),
        },
    )
