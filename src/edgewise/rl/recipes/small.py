"""The small form of a recipe: the same algorithm at the sizes of a model of a few million parameters."""

from __future__ import annotations

import math

from edgewise.rl.advantages.gae import Gae
from edgewise.rl.curriculum import ProblemPool
from edgewise.rl.recipe import Recipe
from edgewise.rl.reference_reset import PeriodicReset, ResetOnPlateau
from edgewise.rl.rewards.length import Cosine
from edgewise.training.optimizer import OptimizerSpec

SMALL = "/small"
_STEPS, _SAMPLES_A_STEP, _TOKENS, _FASTER = 60, 256, 128, 100


def small(published: Recipe) -> Recipe:
    """The same algorithm at sizes that a laptop trains in minutes.

    Replaced are sizes alone:

    - 60 steps of at most 128 tokens a completion;
    - 256 samples a step: 16 problems x 16, but 256 x 1 where a problem has a single sample, and 8 x 32 where there are
      more samples than problems;
    - the learning rate, and that of a critic where there is one, is 100 times the published: 1e-4 for 1e-6;
    - what is counted in steps keeps its share of the run, 1 at least: periods of resets, cycles of a length reward; a
      pool of problems is gone through as many times.

    Everything else is the algorithm and stays: behavior policy and its staleness, reward, length shaping (in shares of
    the longest completion), filters, advantage, loss and clip, normalisation, KL, entropy, minibatches and epochs,
    temperature, schedule and warm-up (in shares of the run).
    """
    sampling, kl = published.sampling, published.loss.kl
    if sampling.samples == 1:
        prompts, samples = _SAMPLES_A_STEP, 1
    elif sampling.samples > sampling.prompts:
        prompts, samples = 8, 32
    else:
        prompts, samples = 16, 16

    def steps(count: int) -> int:
        return max(1, round(count * _STEPS / published.steps))

    reset, length, curriculum = kl.reset, published.reward.length, sampling.curriculum
    if isinstance(reset, PeriodicReset | ResetOnPlateau):
        reset = reset.model_copy(update={"every": steps(reset.every)})
    if isinstance(length, Cosine) and length.off:
        length = length.model_copy(update={"on": steps(length.on), "off": steps(length.off)})
    if isinstance(curriculum, ProblemPool):
        all_prompts = published.steps * sampling.prompts
        size = math.ceil(curriculum.size * _STEPS * prompts / all_prompts)
        curriculum = curriculum.model_copy(update={"size": size})
    advantage = published.advantage
    if isinstance(advantage, Gae):
        critic = advantage.critic.model_copy(update=_faster(advantage.critic.optimizer))
        advantage = advantage.model_copy(update={"critic": critic})
    name, _, version = published.label.rpartition(" ")
    sizes = {"prompts": prompts, "samples": samples, "max_new_tokens": _TOKENS, "curriculum": curriculum}
    loss = {"kl": kl.model_copy(update={"reset": reset})}
    resized = {
        "label": f"{name}{SMALL} {version}",
        "steps": _STEPS,
        "sampling": sampling.model_copy(update=sizes),
        "reward": published.reward.model_copy(update={"length": length}),
        "advantage": advantage,
        "loss": published.loss.model_copy(update=loss),
    }
    return Recipe.model_validate(dict(published) | resized | _faster(published.optimizer))


def _faster(spec: OptimizerSpec) -> dict[str, OptimizerSpec]:
    # Four digits, as binary fractions times 100 are not the decimal numbers that are meant.
    learning_rate = float(f"{spec.learning_rate * _FASTER:.4g}")
    return {"optimizer": spec.model_copy(update={"learning_rate": learning_rate})}
