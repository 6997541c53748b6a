"""The demonstration study: one base, RL on what it covers and RL at its edge, both evaluated on all levels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from pydantic import Field, model_validator

from edgewise.core.spec import Spec
from edgewise.model.decoder import DecoderSpec
from edgewise.rl.recipe import Recipe
from edgewise.rl.recipes.registry import AnyRecipe
from edgewise.sampling.params import SamplingParams
from edgewise.study.stages import RL, Evaluate, Pretrain, Stage
from edgewise.study.study import Study
from edgewise.tasks import Mixture, MixturePart, ModularArithmetic
from edgewise.training.next_token import NextTokenSpec


class DemoSpec(Spec):
    """Every number of the demonstration but its training seeds.

    Levels up to `covered` are pre-trained on; the next, up to `rare`, are met in a share `exposure` of the problems.
    Levels `rare` to `edge` are the edge. The next, up to `hard`, are seen by nobody but the evaluation, which asks from
    level `covered` on. Claims are made at half of the `samples`.
    """

    world: ModularArithmetic = ModularArithmetic(modulus=5, letters=10)
    covered: int = Field(3, ge=1)
    rare: int = Field(5, ge=2)
    exposure: float = Field(0.02, gt=0, lt=1)
    edge: int = Field(6, ge=2)
    hard: int = Field(7, ge=3)
    model: DecoderSpec = DecoderSpec(rope_theta=1000)
    pretraining: NextTokenSpec = NextTokenSpec(steps=2000, documents=12, randomized_positions=96)
    rl: AnyRecipe = Recipe(steps=60, reward={"function": "process"})
    problems: int = Field(200, ge=2)
    samples: int = Field(64, ge=8)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.world.min_op <= self.covered < self.rare <= self.edge < self.hard:
            raise ValueError(
                f"levels must rise: world.min_op {self.world.min_op} <= covered {self.covered} < rare {self.rare}"
                f" <= edge {self.edge} < hard {self.hard}"
            )
        return self


def demo(spec: DemoSpec) -> Study:
    """Pre-train on few operations and rare longer chains; RL on the same levels, and at the edge; evaluate on all."""

    def levels(first: int, last: int) -> ModularArithmetic:
        return ModularArithmetic.parse({**spec.world.model_dump(), "min_op": first, "max_op": last}, "world")

    first = spec.world.min_op
    mixture = Mixture(
        of="problems",
        parts=(
            MixturePart(share=1 - spec.exposure, world=levels(first, spec.covered)),
            MixturePart(share=spec.exposure, world=levels(spec.covered + 1, spec.rare)),
        ),
    )

    def base(seed: int) -> Pretrain:
        return Pretrain(world=mixture, model=spec.model, training=spec.pretraining, seed=seed)

    def evaluate(parent: Stage) -> Evaluate:
        return Evaluate(
            parent=parent,
            world=levels(spec.covered, spec.hard),
            problems=spec.problems,
            samples=spec.samples,
            sampling=SamplingParams(max_new_tokens=spec.rl.sampling.max_new_tokens),
        )

    def arm(world: ModularArithmetic) -> Callable[[int], Evaluate]:
        return lambda seed: evaluate(RL(parent=base(seed), world=world, recipe=spec.rl, seed=seed))

    regions = {
        "in distribution": range(spec.covered, spec.covered + 1),
        "rarely seen": range(spec.covered + 1, spec.rare),
        "edge": range(spec.rare, spec.edge + 1),
        "hard": range(spec.edge + 1, spec.hard + 1),
    }
    return Study(
        title="Does RL extend what a small model can do?",
        question=(
            f"A decoder is trained from nothing on problems of {first} to {spec.covered} operations;"
            f" {spec.exposure:.0%} of its problems have {spec.covered + 1} to {spec.rare}. From that same base, RL is"
            f" run twice: on problems it covers, and on problems of {spec.rare} to {spec.edge} operations, at the edge"
            " of its competence. Which of the two solves, within k samples, problems that the base does not?"
        ),
        base=lambda seed: evaluate(base(seed)),
        arms={
            "in-distribution RL": arm(levels(first, spec.covered)),
            "edge RL": arm(levels(spec.rare, spec.edge)),
        },
        regions={name: region for name, region in regions.items() if region},
        k=spec.samples // 2,
    )
