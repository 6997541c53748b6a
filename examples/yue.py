"""Does RL only sharpen? Yue et al. (arXiv 2504.13837): six algorithms, and longer training, on what the base covers.

    edgewise plan examples/yue.py:yue --seeds 3
    edgewise run examples/yue.py:yue --seeds 3
    edgewise run examples/yue.py:yue --seeds 3 temperature=0.6

The paper's claim: RL raises pass@1 of problems that the base covers, and at large k the base is ahead; all algorithms
close about the same part of the gap from pass@1 to the base's pass@k. Here a solution counts only where its process is
right, so no guess does. The paper's models are large ones: `edgewise audit` reads rollouts of those.
"""

from collections.abc import Callable

from pydantic import Field

from edgewise import RL, Evaluate, Pretrain, Study
from edgewise.core.spec import Spec, override
from edgewise.model.decoder import DecoderSpec
from edgewise.rl.recipe import Recipe
from edgewise.rl.recipes.registry import named_recipe
from edgewise.sampling.params import SamplingParams
from edgewise.study.grid import chain, choices, product
from edgewise.study.stages import Stage
from edgewise.tasks import Mixture, MixturePart, ModularArithmetic
from edgewise.training.next_token import NextTokenSpec

# GRPO without a KL, as the paper runs it, is the default recipe.
ALGORITHMS = {
    "GRPO": Recipe(),
    "PPO": named_recipe("ppo/small"),
    "RLOO": named_recipe("rloo/small"),
    "REINFORCE++": named_recipe("reinforce++/small"),
    "ReMax": named_recipe("remax/small"),
    "DAPO": named_recipe("dapo/small"),
}


class YueSpec(Spec):
    """Every number that the command line may change.

    Each algorithm makes `steps` steps, and GRPO `longer` too. All models are evaluated at `temperature`.
    """

    model: DecoderSpec = DecoderSpec(rope_theta=1000)
    pretraining: NextTokenSpec = NextTokenSpec(steps=1000, documents=12, randomized_positions=96)
    steps: int = Field(60, ge=1)
    longer: tuple[int, ...] = (180,)
    max_new_tokens: int = Field(128, ge=1)
    temperature: float = Field(1.0, gt=0)
    problems: int = Field(96, ge=2)
    samples: int = Field(128, ge=8)


def yue(spec: YueSpec) -> Study:
    """Pre-train on 1 to 3 operations and rare longer chains; RL on 1 to 3 by each algorithm; evaluate 3 to 5."""

    def levels(first: int, last: int) -> ModularArithmetic:
        return ModularArithmetic(min_op=first, max_op=last, modulus=5, letters=10)

    covered, rare = MixturePart(share=0.98, world=levels(1, 3)), MixturePart(share=0.02, world=levels(4, 5))
    mixture = Mixture(of="problems", parts=(covered, rare))

    def base(seed: int) -> Pretrain:
        return Pretrain(world=mixture, model=spec.model, training=spec.pretraining, seed=seed)

    def evaluate(parent: Stage) -> Evaluate:
        sampling = SamplingParams(temperature=spec.temperature, max_new_tokens=spec.max_new_tokens)
        return Evaluate(
            parent=parent, world=levels(3, 5), problems=spec.problems, samples=spec.samples, sampling=sampling
        )

    def arm(recipe: Recipe, steps: int) -> Callable[[int], Evaluate]:
        changes = [f"steps={steps}", f"sampling.max_new_tokens={spec.max_new_tokens}", "reward.function=process"]
        changed = override(recipe, changes)
        return lambda seed: evaluate(RL(parent=base(seed), world=levels(1, 3), recipe=changed, seed=seed))

    algorithms = product(choices("recipe", ALGORITHMS), choices("steps", {f"{spec.steps} steps": spec.steps}))
    longer = {f"GRPO, {steps} steps": {"recipe": ALGORITHMS["GRPO"], "steps": steps} for steps in spec.longer}
    return Study(
        title="Does RL only sharpen?",
        question=(
            "A base is trained on problems of 1 to 3 operations and few of 4 and 5. RL by six algorithms on what it"
            " covers: does pass@1 rise, and who is ahead at large k?"
        ),
        base=lambda seed: evaluate(base(seed)),
        arms={name: arm(**point) for name, point in chain(algorithms, longer).items()},
        regions={"in distribution": range(3, 4), "rarely seen": range(4, 6)},
        k=spec.samples // 2,
    )
