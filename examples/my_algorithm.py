"""An algorithm of your own: an advantage whose baseline is the group's median reward, in a recipe and in a study.

    edgewise run examples/my_algorithm.py:median_against_mean
    edgewise run examples/my_algorithm.py:median_against_mean rl.advantage.scale=0.5 rl.steps=100

The function is pure; the spec holds its numbers and registers under its `kind`, by which every recipe can name it.
Inside the package an algorithm is a file like this one in `edgewise/rl/advantages/`, with a description for the docs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pydantic import Field
from torch import Tensor

from edgewise.core.spec import Spec, override
from edgewise.model.decoder import DecoderSpec
from edgewise.rl.advantages.base import ADVANTAGES, AdvantageInputs, AdvantageSpec
from edgewise.rl.recipe import Recipe
from edgewise.sampling.params import SamplingParams
from edgewise.study.stages import RL, Evaluate, Pretrain
from edgewise.study.study import Study
from edgewise.tasks.modular import ModularArithmetic
from edgewise.training.next_token import NextTokenSpec


def median_baseline(rewards_PG: Tensor, scale: float) -> Tensor:
    """scale (r - median) within each group: with 0/1 rewards only the rarer outcome of a group gets a signal."""
    return scale * (rewards_PG - rewards_PG.median(dim=1, keepdim=True).values)


@ADVANTAGES.register
class MedianBaseline(AdvantageSpec):
    """`median_baseline` of the net rewards."""

    kind: Literal["median_baseline"] = "median_baseline"
    scale: float = Field(1.0, gt=0)

    def estimate(self, inputs: AdvantageInputs) -> Tensor:
        return median_baseline(inputs.net_reward_PG, self.scale)


class Comparison(Spec):
    """The numbers of the study; any of them may be set on the command line."""

    world: ModularArithmetic = ModularArithmetic(min_op=2, max_op=3)
    model: DecoderSpec = DecoderSpec()
    pretraining: NextTokenSpec = NextTokenSpec(steps=1500, documents=12)
    rl: Recipe = Recipe(
        steps=60,
        reward={"function": "process"},
        advantage={"kind": "median_baseline"},
        loss={"function": "reinforce"},
    )
    problems: int = Field(64, ge=2)
    samples: int = Field(64, ge=8)


def median_against_mean(spec: Comparison) -> Study:
    """One base; RL with the median and with the mean of the group as baseline, all else equal."""

    def base(seed: int) -> Pretrain:
        return Pretrain(world=spec.world, model=spec.model, training=spec.pretraining, seed=seed)

    def evaluate(stage: Pretrain | RL) -> Evaluate:
        sampling = SamplingParams(max_new_tokens=spec.rl.sampling.max_new_tokens)
        return Evaluate(parent=stage, world=spec.world, problems=spec.problems, samples=spec.samples, sampling=sampling)

    def tuned(recipe: Recipe) -> Callable[[int], Evaluate]:
        return lambda seed: evaluate(RL(parent=base(seed), world=spec.world, recipe=recipe, seed=seed))

    return Study(
        title="Median or mean as the baseline",
        question="Does a baseline that only rarer outcomes of a group can differ from change what RL extends?",
        base=lambda seed: evaluate(base(seed)),
        arms={"median": tuned(spec.rl), "mean": tuned(override(spec.rl, ["advantage=dr_grpo"]))},
        regions={"trained": range(spec.world.min_op, spec.world.max_op + 1)},
    )
