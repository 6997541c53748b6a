"""A study of your own: one base, two recipes, a world of your own.

    edgewise run examples/my_study.py:my_study
    edgewise run examples/my_study.py:my_study --seeds 3 steps=120

A study is a function from a spec, whose fields the command line can set, to a tree of stages. Its base and its arms are
functions of a training seed; over three seeds or more the result is about recipes. Equal stages are computed
once, what is complete is reused, and runs/my_study/report.html says what each recipe did to what the base can solve.
"""

from collections.abc import Callable

from my_world import Backwards
from pydantic import Field

from edgewise import RL, Evaluate, Pretrain, Study
from edgewise.core.spec import Spec, override
from edgewise.rl.recipes.registry import named_recipe
from edgewise.sampling.params import SamplingParams
from edgewise.training.next_token import NextTokenSpec


class MySpec(Spec):
    """Every number that the command line may change."""

    pretraining: NextTokenSpec = NextTokenSpec(steps=800, documents=24, randomized_positions=32)
    steps: int = Field(40, ge=1)
    problems: int = Field(64, ge=2)
    samples: int = Field(64, ge=8)


def my_study(spec: MySpec) -> Study:
    """Pre-train on rows of 2 to 5 letters; RL on 6 and 7 by two recipes; evaluate on 3 to 8."""

    def base(seed: int) -> Pretrain:
        return Pretrain(world=Backwards(shortest=2, longest=5), training=spec.pretraining, seed=seed)

    def evaluate(parent: Pretrain | RL) -> Evaluate:
        return Evaluate(
            parent=parent,
            world=Backwards(shortest=3, longest=8),
            problems=spec.problems,
            samples=spec.samples,
            sampling=SamplingParams(max_new_tokens=12),
        )

    def tuned(name: str) -> Callable[[int], Evaluate]:
        recipe = override(named_recipe(name), [f"steps={spec.steps}", "sampling.max_new_tokens=12"])
        world = Backwards(shortest=6, longest=7)
        return lambda seed: evaluate(RL(parent=base(seed), world=world, recipe=recipe, seed=seed))

    return Study(
        title="Backwards beyond what was trained",
        question="A base has seen rows of 2 to 5 letters. Which recipe makes it solve longer rows within k samples?",
        base=lambda seed: evaluate(base(seed)),
        arms={"Dr. GRPO": tuned("dr-grpo/small"), "MaxRL": tuned("maxrl/small")},
        regions={"trained on": range(3, 6), "edge": range(6, 8), "beyond": range(8, 9)},
    )
