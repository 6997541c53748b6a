"""The nano setting that claims share: worlds, base, RL, gold SFT and evaluation at which training seeds are alike.

Scouted on training seeds 100 to 107: in distribution 97.7% (sd 0.9 over seeds) with 1,500 updates, op 4 at 81.1% (4.0),
op 5 and 6 at 11.4% (3.7), and 7 at 0; about half a minute a base on one core. Claims that take the same base, or the
same RL from it, share its folder, so it is trained once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from edgewise.claims.ledger.claim import TOY
from edgewise.core.spec import override
from edgewise.model.decoder import DecoderSpec
from edgewise.rl.recipe import Recipe
from edgewise.rl.recipes.registry import named_recipe
from edgewise.sampling.params import SamplingParams
from edgewise.study.stages import RL, SFT, Evaluate, Midtrain, ModelStage, Pretrain
from edgewise.tasks import Mixture, MixturePart, ModularArithmetic, World
from edgewise.training.next_token import NextTokenSpec

# The model of every training seed.
ModelOfSeed = Callable[[int], ModelStage]

# Levels 1 to 3 are covered; 4 and 5 are met in 2% of pre-training problems, 6 and above never.
COVERED, RARE = (1, 3), (4, 5)
# RL at the edge: rarely met, and one operation beyond what was ever met.
EDGE = (5, 6)
# None of these is solved by the base.
HARD = (7, 7)
MODEL = DecoderSpec(rope_theta=1000)
# The default recipe, without a KL.
GRPO = Recipe()
# A model that learns nothing, for tests.
TOY_MODEL = DecoderSpec(width=16, layers=1, heads=2, kv_heads=1, feed_forward=32)


def nano_world(first: int, last: int) -> ModularArithmetic:
    """Chains of `first` to `last` operations modulo 5, so that one guess in five is right."""
    return ModularArithmetic(min_op=first, max_op=last, modulus=5, letters=10)


def levels(first: int, last: int) -> range:
    """The levels from `first` to `last`, which is one of them."""
    return range(first, last + 1)


def nano_mixture(*parts: tuple[float, World]) -> Mixture:
    """Worlds mixed by their shares of problems; a share of 0 leaves its world out."""
    kept = tuple(MixturePart(share=share, world=world) for share, world in parts if share)
    return Mixture(of="problems", parts=kept)


@dataclass(frozen=True)
class NanoSetting:
    """The stages of the nano setting, as functions of the training seed; `toy` has sizes of its own, for tests.

    A size that a claim asks for is that of nano scale. Toy stages take a sixtieth of the updates of next-token
    training and a tenth of the steps of fine-tuning, and least sizes in place of all others.
    """

    toy: bool = False

    def training(self, updates: int) -> NextTokenSpec:
        """Next-token training, of a base as of mid-training."""
        steps, documents = (max(1, updates // 60), 2) if self.toy else (updates, 12)
        return NextTokenSpec(steps=steps, documents=documents, randomized_positions=96)

    def base(self, *, updates: int = 1500, rare_share: float = 0.02) -> ModelOfSeed:
        """The base. With 1,000 updates it leaves room in distribution (about 91% at op 3)."""
        covered = nano_world(*COVERED)
        mixed = nano_mixture((1 - rare_share, covered), (rare_share, nano_world(*RARE)))
        return self.pretrained(mixed if rare_share else covered, updates=updates)

    def pretrained(
        self, world: World, *, updates: int = 1500, model: DecoderSpec = MODEL, vocabulary: tuple[World, ...] = ()
    ) -> ModelOfSeed:
        """A base of another world; its words are those of `vocabulary` too."""
        model, training = TOY_MODEL if self.toy else model, self.training(updates)
        return lambda seed: Pretrain(world=world, vocabulary=vocabulary, model=model, training=training, seed=seed)

    def midtrained(self, parent: ModelOfSeed, world: World, *, updates: int) -> ModelOfSeed:
        training = self.training(updates)
        return lambda seed: Midtrain(parent=parent(seed), world=world, training=training, seed=seed)

    def rl_settings(self, steps: int = 60, prompts: int = 16, *, gold: bool = False) -> tuple[str, ...]:
        """Settings of a recipe: so many steps of so many problems, with the recipe's samples of each.

        A recipe that reveals gold solutions has room for them at toy scale too.
        """
        sizes = (max(1, steps // 10), 2, 128 if gold else 8) if self.toy else (steps, prompts, 128)
        names = ("steps", "sampling.prompts", "sampling.max_new_tokens")
        return tuple(f"{name}={size}" for name, size in zip(names, sizes, strict=True))

    def rl(
        self,
        parent: ModelOfSeed,
        world: World,
        *,
        recipe: Recipe = GRPO,
        steps: int = 60,
        prompts: int = 16,
        reward: str | None = "process",
        draws: int = 0,
    ) -> ModelOfSeed:
        """RL by a recipe, paid for a right process, or by another reward; None is that of the recipe.

        Other `draws` are of other problems.
        """
        paid = () if reward is None else (f"reward.function={reward}",)
        recipe = override(recipe, [*self.rl_settings(steps, prompts, gold=recipe.sampling.hints.kind != "none"), *paid])
        return lambda seed: RL(parent=parent(seed), world=world, recipe=recipe, seed=seed + 1000 * draws)

    def gold(
        self, parent: ModelOfSeed, world: World, *, steps: int = 60, prompts: int = 256, fraction: float = 1.0
    ) -> ModelOfSeed:
        """SFT on as many gold solutions as RL has samples, 256 a step: the positive control of a gain by RL.

        Below 1 a `fraction` leaves the first tokens of solutions, as hints of it reveal them.
        """
        sizes = (math.ceil(steps / 10), 2) if self.toy else (steps, prompts)
        cut = [] if fraction == 1 else [f"sampling.behavior.fraction={fraction}"]
        recipe = override(named_recipe("sft/small"), [f"steps={sizes[0]}", f"sampling.prompts={sizes[1]}", *cut])
        return lambda seed: SFT(parent=parent(seed), world=world, recipe=recipe, seed=seed)

    def evaluated(
        self,
        model: ModelOfSeed,
        world: World,
        *,
        problems: int = 96,
        samples: int = 32,
        temperature: float = 1.0,
        gold_likelihood: bool = False,
    ) -> Callable[[int], Evaluate]:
        """So many problems a level. Level 2 has 73 test problems, so start at 3 where 96 are asked.

        With `gold_likelihood` the evaluation is another one than without, of the same problems and samples.
        """
        problems, limit = (2, 8) if self.toy else (problems, 128)
        sampling = SamplingParams(temperature=temperature, max_new_tokens=limit)
        return lambda seed: Evaluate(
            parent=model(seed),
            world=world,
            problems=problems,
            samples=samples,
            sampling=sampling,
            gold_likelihood=gold_likelihood,
        )


def nano_setting(scale: str) -> NanoSetting:
    """The setting at nano or at toy scale."""
    return NanoSetting(toy=scale == TOY)
