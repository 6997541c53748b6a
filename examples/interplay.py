"""Pre-training x mid-training x RL at equal compute: the pipeline of Interplay (arXiv 2512.07783) as one function.

    edgewise plan examples/interplay.py:interplay --seeds 3
    edgewise run examples/interplay.py:interplay --seeds 3
    edgewise plan examples/interplay.py:interplay --scale paper account=charged

A base learns easy problems and meets a few harder ones. Then every arm gets the same compute and splits it in its own
way between mid-training (next-token, on solutions of harder problems) and RL. Which split solves, within k samples,
more of what the base does not? SCALES has the sizes; "toy" only shows that everything runs.
"""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import numpy as np

from edgewise import RL, Evaluate, Midtrain, Pretrain, Study
from edgewise.core.spec import Spec, override
from edgewise.model.decoder import DecoderSpec
from edgewise.rl.recipe import Recipe
from edgewise.rl.recipes.registry import named_recipe
from edgewise.sampling.params import SamplingParams
from edgewise.scaling.compute import SplitSteps, split_charged, split_flops
from edgewise.study.budget import charged_sizes, step_flops
from edgewise.study.equal_compute import EqualCompute
from edgewise.study.stages import Stage
from edgewise.tasks import Mixture, MixturePart, ModularArithmetic, World
from edgewise.tasks.graph.world import GraphArithmetic
from edgewise.tasks.presets import preset_mixture
from edgewise.training.next_token import NextTokenSpec
from edgewise.training.optimizer import OptimizerSpec


class Scale(NamedTuple):
    """Worlds and sizes. `budget` is what an arm gets after pre-training, counted in steps of RL.

    `taken` is the part of the expected FLOPs that RL takes, by its share: groups whose samples are all right, or all
    wrong, take no update, and mid-training makes more of them right. `slack` is how far measured FLOPs may differ.
    """

    base_world: World
    midtraining_world: World
    rl_world: World
    test_world: World
    regions: Mapping[str, range]
    model: DecoderSpec
    pretraining: NextTokenSpec
    midtraining: NextTokenSpec
    recipe: Recipe
    budget: int
    problems: int
    samples: int
    taken: Mapping[float, float] = {1.0: 1.0}
    slack: float = 0.05


class InterplaySpec(Spec):
    """What the command line may change: `account` is what all arms have equal, FLOPs or the paper's charged tokens."""

    scale: Literal["toy", "nano", "small", "paper"] = "nano"
    rl_shares: tuple[float, ...] = (0.0, 0.2, 0.5, 0.8, 1.0)
    account: Literal["flops", "charged"] = "flops"


def interplay(spec: InterplaySpec) -> Study:
    """Pre-train; split a budget between mid-training and RL, an arm for each share of RL; evaluate every level."""
    scale = SCALES[spec.scale]()
    # The paper charges a rollout 1,024 tokens of prompt and 1,024 of completion, the most that each may have.
    charge = 2 * scale.recipe.sampling.max_new_tokens

    def base(seed: int) -> Stage:
        return Pretrain(world=scale.base_world, model=scale.model, training=scale.pretraining, seed=seed)

    def midtrained(parent: Stage, steps: int, seed: int) -> Stage:
        training = override(scale.midtraining, [f"steps={steps}"])
        return Midtrain(parent=parent, world=scale.midtraining_world, training=training, seed=seed)

    def tuned(parent: Stage, steps: int, seed: int) -> Stage:
        recipe = override(scale.recipe, [f"steps={steps}"])
        return RL(parent=parent, world=scale.rl_world, recipe=recipe, seed=seed)

    def evaluate(parent: Stage) -> Evaluate:
        sampling = SamplingParams(max_new_tokens=scale.recipe.sampling.max_new_tokens)
        return Evaluate(
            parent=parent, world=scale.test_world, problems=scale.problems, samples=scale.samples, sampling=sampling
        )

    def split(rl_share: float) -> SplitSteps:
        """Steps of mid-training and of RL; all of the budget for RL is `scale.budget` steps."""
        midtraining, rl = midtrained(base(0), 1, 0), tuned(base(0), 1, 0)
        if spec.account == "charged":
            sizes = charged_sizes(midtraining, rl, charge)
            return split_charged(scale.budget * sizes.rl_tokens, rl_share, sizes)
        taken_alone, taken = np.interp([1.0, rl_share], list(scale.taken), list(scale.taken.values()))
        budget, rl_step = scale.budget * taken_alone * step_flops(rl), taken * step_flops(rl)
        return split_flops(budget, rl_share, midtrain_step=step_flops(midtraining), rl_step=rl_step)

    def arm(rl_share: float) -> Callable[[int], Evaluate]:
        steps = split(rl_share)

        def at_seed(seed: int) -> Evaluate:
            model = base(seed)
            if steps.midtrain:
                model = midtrained(model, steps.midtrain, seed)
            if steps.rl:
                model = tuned(model, steps.rl, seed)
            return evaluate(model)

        return at_seed

    names = {0.0: "mid-training alone", 1.0: "RL alone"}
    return Study(
        title="Mid-training and RL at equal compute",
        question=(
            "From one base, every arm gets the same compute and splits it in its own way between mid-training on"
            " solutions of harder problems and RL. Which split solves more of what the base does not, within k samples?"
        ),
        base=lambda seed: evaluate(base(seed)),
        arms={names.get(share, f"{share:.0%} RL"): arm(share) for share in spec.rl_shares},
        regions=scale.regions,
        equal_compute=EqualCompute(account=spec.account, slack=scale.slack, rollout_tokens=charge),
    )


def _nano() -> Scale:
    """On two cores a base takes half a minute, and an arm a minute."""

    def levels(first: int, last: int) -> ModularArithmetic:
        return ModularArithmetic(min_op=first, max_op=last, modulus=5, letters=10)

    def mixed(share: float, some: ModularArithmetic, rest: ModularArithmetic) -> Mixture:
        parts = (MixturePart(share=share, world=some), MixturePart(share=1 - share, world=rest))
        return Mixture(of="problems", parts=parts)

    return Scale(
        base_world=mixed(0.98, levels(1, 3), levels(4, 5)),
        midtraining_world=mixed(0.2, levels(1, 5), levels(5, 6)),
        rl_world=levels(5, 6),
        test_world=levels(3, 8),
        regions={"in distribution": range(3, 4), "rarely seen": range(4, 5), "edge": range(5, 7), "hard": range(7, 9)},
        model=DecoderSpec(rope_theta=1000),
        pretraining=NextTokenSpec(steps=1500, documents=12, randomized_positions=96),
        midtraining=NextTokenSpec(documents=12, randomized_positions=96),
        recipe=Recipe(reward={"function": "process"}),
        budget=60,
        problems=96,
        samples=64,
        taken={0.2: 0.3, 0.5: 0.36, 0.8: 0.52, 1.0: 0.79},  # measured on training seed 100
        slack=0.2,
    )


def _toy() -> Scale:
    """The nano pipeline with a model that learns nothing."""
    return _nano()._replace(
        model=DecoderSpec(width=16, layers=1, heads=2, kv_heads=1, feed_forward=32),
        pretraining=NextTokenSpec(steps=2, documents=4),
        midtraining=NextTokenSpec(documents=4),
        recipe=Recipe(sampling={"prompts": 4, "samples": 4, "max_new_tokens": 16}, reward={"function": "process"}),
        budget=2,
        problems=2,
        samples=8,
    )


def _paper() -> Scale:
    """103 million parameters, 10 billion tokens, and a budget of 200 steps of 1,024 x 6 rollouts."""

    def training(documents: int, learning_rate: float, warmup: float, final: float, steps: int = 1) -> NextTokenSpec:
        rates = OptimizerSpec(learning_rate=learning_rate, warmup=warmup, final=final, beta_2=0.999, weight_decay=0.1)
        return NextTokenSpec(steps=steps, documents=documents, row_length=2048, precision="bf16", optimizer=rates)

    # So many documents have the paper's 524,288 tokens an update.
    return Scale(
        base_world=preset_mixture("interplay/id2-10_0.2easy_0.3medium_0.5hard"),
        midtraining_world=preset_mixture("interplay/cpt0.2-uniform_0.8-11-14"),
        rl_world=preset_mixture("interplay/op11-14_uniform"),
        test_world=GraphArithmetic(min_op=2, max_op=20),
        regions={"in distribution": range(2, 11), "edge": range(11, 15), "hard": range(15, 21)},
        model=DecoderSpec(
            width=768, layers=12, heads=12, kv_heads=2, feed_forward=3072, max_positions=2048, rope_theta=1e6
        ),
        pretraining=training(1826, 2e-4, warmup=0.05, final=0.15, steps=19_073),
        midtraining=training(1323, 1e-4, warmup=0.15, final=0.3),
        recipe=override(named_recipe("interplay-strict"), ["precision=bf16"]),
        budget=200,
        problems=200,
        samples=128,
    )


def _small() -> Scale:
    """The paper's levels with one letter for each quantity and 14 million parameters: for one GPU."""
    compact: Literal["compact"] = "compact"
    training = NextTokenSpec(documents=512, row_length=512, randomized_positions=256, precision="bf16")
    rollouts = ["sampling.prompts=256", "sampling.samples=8", "sampling.max_new_tokens=256"]
    return _paper()._replace(
        base_world=preset_mixture("interplay/id2-10_0.2easy_0.3medium_0.5hard", compact),
        midtraining_world=preset_mixture("interplay/cpt0.2-uniform_0.8-11-14", compact),
        rl_world=preset_mixture("interplay/op11-14_uniform", compact),
        test_world=GraphArithmetic(min_op=5, max_op=20, wording=compact),  # fewer operations make too few problems
        regions={"in distribution": range(5, 11), "edge": range(11, 15), "hard": range(15, 21)},
        model=DecoderSpec(width=384, layers=8, heads=6, kv_heads=2, feed_forward=1024, max_positions=1024),
        pretraining=override(training, ["steps=8000"]),
        midtraining=training,
        recipe=override(
            named_recipe("interplay-strict"), [*rollouts, "optimizer.learning_rate=1e-5", "precision=bf16"]
        ),
        budget=100,
    )


SCALES: Mapping[str, Callable[[], Scale]] = {"toy": _toy, "nano": _nano, "small": _small, "paper": _paper}
