"""The advantage of examples/my_algorithm.py: its numbers, its name in recipes, and a study that uses it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from edgewise.core.spec import digest, override, plain
from edgewise.model.decoder import DecoderSpec
from edgewise.rl.recipe import Recipe
from edgewise.study.context import Context
from edgewise.study.run import run
from edgewise.study.stages import RL
from edgewise.tasks.modular import ModularArithmetic
from edgewise.training.next_token import NextTokenSpec
from examples.my_algorithm import Comparison, MedianBaseline, median_against_mean, median_baseline

TINY = Comparison(
    world=ModularArithmetic(min_op=1, max_op=1, modulus=5, letters=4),
    model=DecoderSpec(width=32, layers=1, heads=2, kv_heads=1, feed_forward=64, max_positions=96),
    pretraining=NextTokenSpec(steps=60, documents=16, row_length=96),
    rl=Recipe(
        steps=2,
        sampling={"prompts": 4, "samples": 4, "max_new_tokens": 24},
        advantage={"kind": "median_baseline", "scale": 0.5},
        loss={"function": "reinforce"},
    ),
    problems=4,
    samples=8,
)


def test_the_rarer_outcome_of_a_group_gets_the_signal() -> None:
    rewards_PG = torch.tensor([[1.0, 0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 0.0, 1.0]])
    expected = torch.tensor([[2.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, -2.0, 0.0]])
    assert torch.equal(median_baseline(rewards_PG, 2.0), expected)


def test_a_recipe_names_it_and_survives_the_file() -> None:
    recipe = override(Recipe(), ["advantage=median_baseline", "advantage.scale=0.5"])
    assert recipe.advantage == MedianBaseline(scale=0.5)
    assert Recipe.parse(plain(recipe)) == recipe
    assert digest(recipe) != digest(override(recipe, ["advantage.scale=1"]))


# The guide docs/write_an_algorithm.md does the same, and is run by the default suite.
@pytest.mark.slow
def test_a_study_runs_with_it(tmp_path: Path) -> None:
    study = median_against_mean(TINY)
    store = run(study, Context(tmp_path, workers=1))
    tuned = [study.evaluations[arm].parent for arm in study.arms]
    kinds = [stage.recipe.advantage.kind for stage in tuned if isinstance(stage, RL)]
    assert kinds == ["median_baseline", "dr_grpo"]
    assert all(store.is_complete(evaluation) for evaluation in study.evaluations.values())
