"""The recipes by name: as published, and at the sizes of a small model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator

from edgewise.core.errors import InputError
from edgewise.rl.curriculum import Pool
from edgewise.rl.presets import at_scale, boundary, classics, controls
from edgewise.rl.presets.base import Preset
from edgewise.rl.recipe import Recipe
from edgewise.rl.recipe.reward import Cosine
from edgewise.rl.resets import Period, Plateau
from edgewise.training.optimizer import OptimizerSpec

PRESETS: Mapping[str, Preset] = {
    one.name: one for one in (*classics.PRESETS, *at_scale.PRESETS, *boundary.PRESETS, *controls.PRESETS)
}

SMALL = "/small"
_STEPS, _SAMPLES_A_STEP, _TOKENS, _FASTER = 60, 256, 128, 100


def recipe(name: str) -> Recipe:
    """The recipe of that name: "dapo" as published, "dapo/small" by `small`. InputError where there is none."""
    found = PRESETS.get(name.removesuffix(SMALL))
    if found is None:
        raise InputError(f"recipe: must be one of {', '.join(PRESETS)}, each also with {SMALL}, is {name!r}")
    return small(found.recipe) if name.endswith(SMALL) else found.recipe


def small(published: Recipe) -> Recipe:
    """The same algorithm at the sizes of a model of a few million parameters, which a laptop trains in minutes.

    Replaced are sizes alone:

    - 60 steps of at most 128 tokens a completion;
    - 256 samples a step: 16 problems x 16, but 256 x 1 where a problem has a single sample, and 8 x 32
      where there are more samples than problems;
    - the learning rate, and that of a critic where there is one, is 100 times the published: 1e-4 for 1e-6;
    - what is counted in steps keeps its share of the run, 1 at least: periods of resets, cycles of a
      length reward; a pool of problems is asked as many times over.

    Everything else is the algorithm and stays: writer, reward, length shaping (in shares of the longest
    completion), filters, advantage, loss and clip, aggregation, KL, entropy, updates and epochs,
    staleness, temperature, schedule and warm-up (in shares of the run).
    """
    if published.samples == 1:
        prompts, samples = _SAMPLES_A_STEP, 1
    elif published.samples > published.prompts:
        prompts, samples = 8, 32
    else:
        prompts, samples = 16, 16

    def steps(count: int) -> int:
        return max(1, round(count * _STEPS / published.steps))

    def faster(spec: OptimizerSpec) -> OptimizerSpec:
        # Four digits, as binary fractions times 100 are not those that are meant.
        return spec.model_copy(update={"learning_rate": float(f"{spec.learning_rate * _FASTER:.4g}")})

    reset, length, curriculum, critic = published.reset, published.length, published.curriculum, published.critic
    if isinstance(reset, Period | Plateau):
        reset = reset.model_copy(update={"every": steps(reset.every)})
    if isinstance(length, Cosine) and length.off:
        length = length.model_copy(update={"on": steps(length.on), "off": steps(length.off)})
    if isinstance(curriculum, Pool):
        asked = published.steps * published.prompts
        size = math.ceil(curriculum.size * _STEPS * prompts / asked)
        curriculum = curriculum.model_copy(update={"size": size})
    if published.advantage.needs_critic:
        critic = critic.model_copy(update={"optimizer": faster(critic.optimizer)})
    name, _, version = published.label.rpartition(" ")
    return Recipe.model_validate(
        dict(published)
        | {
            "label": f"{name}{SMALL} {version}",
            "steps": _STEPS,
            "prompts": prompts,
            "samples": samples,
            "max_new_tokens": _TOKENS,
            "reset": reset,
            "length": length,
            "curriculum": curriculum,
            "optimizer": faster(published.optimizer),
            "critic": critic,
        }
    )


def _named(value: Any) -> Any:
    return recipe(value) if isinstance(value, str) else value


AnyRecipe = Annotated[Recipe, BeforeValidator(_named)]
"""A recipe, or the name of one."""
