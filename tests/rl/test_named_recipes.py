"""The named recipes: their versions are pinned, their numbers sourced, their small forms run."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from edgewise.core.errors import InputError
from edgewise.core.spec import Spec, canonical_json, difference, digest, override, plain
from edgewise.rl.recipe import Recipe
from edgewise.rl.recipes.published import COMPARISON, dotted_fields, published
from edgewise.rl.recipes.registry import RECIPES, AnyRecipe, named_recipe
from edgewise.rl.recipes.small import SMALL
from edgewise.rl.train import train
from edgewise.study.demo import DemoSpec
from edgewise.study.stages import RL
from edgewise.training.run_folder import RunFolder
from tests.tiny import TUNED
from tools.pages import recipes as page

from .bandit import TOKENIZER, WORLD, decoder
from .rewarded import COMPACT, NOTHING, RIGHT, WRONG, of_verdicts

# Version and digests of each recipe and of its small form. Whoever changes a number gives the recipe its next version
# and pins that; a new field of `Recipe` changes all digests and no version.
PINS = {
    "ppo": (1, "7453b72ca7279c31", "f64a01da983125fd"),
    "orz": (1, "2794d36c59e3be6f", "4636a51bc525e432"),
    "grpo-r1": (1, "b5079a3830a4df71", "42f90f6ee52f216c"),
    "dr-grpo": (1, "a5c9b6917fb3dab5", "f26be1f13cbcc2c0"),
    "rloo": (1, "5e0fcf2ab96f55cb", "04142dab76bcaa0b"),
    "reinforce++": (1, "e06e6269843837ae", "ea113a72b624b0dc"),
    "remax": (1, "96d90cafea590ba8", "c4fa9f25812fe44c"),
    "dapo": (1, "8f6b6a0663f33d39", "1fd245a196e4b3ed"),
    "cispo": (1, "ee311ea5ede72904", "828e121c7c306658"),
    "magistral": (1, "c89d75af71f059b4", "a26b9865d971da8a"),
    "prorl": (1, "022b176c8b5c511c", "8be7673d363e8da0"),
    "prorl-v2": (1, "2539cfbb3b8b1413", "3e280e02c1db7f7c"),
    "brorl": (1, "3719d792a8d37441", "ecbf3e7616ac795b"),
    "scalerl": (1, "f406d44495abee67", "fde51307428e491d"),
    "skywork-or1": (1, "346595a94de6507a", "96161d4de4256dac"),
    "simplerl-zoo": (1, "cb186328c55aed95", "c4ddb80b176120e6"),
    "logic-rl": (1, "62fc3e3a91f6c576", "18bbdd353e2824d3"),
    "tulu-3": (1, "573dece9f674e823", "78e4512628d617a6"),
    "olmo-2": (1, "63106d6e891ec530", "2add63e3071c428e"),
    "clip-cov": (1, "c5e01667215e9544", "ac4d8b44471e3a03"),
    "kl-cov": (1, "e8e3f35bf98bee51", "681084666f89fa83"),
    "pkpo": (1, "5c1928be3ae22ba8", "4ca92e6dc1003597"),
    "passk-training": (1, "2b0bd6efd2872c8b", "5de430daa39ef9d8"),
    "maxrl": (1, "4e531dd01947faff", "c7d0cfd6303430f5"),
    "unlikeliness": (1, "dd8ddbf70da26b75", "2970157c4172d769"),
    "zero-success": (1, "bcf3fbd0dc37e769", "1fa88fc48abbe6b0"),
    "psr": (1, "7f375d5f3f5c5c95", "d3adea36c8631dde"),
    "nsr": (1, "ae09c88bf2e207c1", "dce9b32050279ab7"),
    "w-reinforce": (1, "1fa8e9b203023695", "faac0fca446c56f7"),
    "interplay": (1, "18c3b1f4012086e1", "4bf7414cc08bc9ec"),
    "interplay-strict": (1, "27498a16edb490a7", "929078134c8bba61"),
    "interplay-mixture": (1, "8b8fd02ab70b51ab", "638619744c6f91fa"),
    "sft": (1, "65b6cab202468b01", "04183ec10c2a6914"),
    "rft": (1, "c8f7d73cb52dffac", "4a151385dca5eb65"),
    "positive-only": (1, "c54416092937cdc8", "a8b605b5f7c65209"),
    "distillation": (1, "ed1db7c1c8ea11d4", "2a438ebe8b8481fd"),
    "self-distillation": (1, "252d0bd305d2e249", "ea85ea351139e47c"),
    "sharpening": (1, "cb0fdd15855aca6d", "fac6ebd340bf4237"),
    "tempered-sampling": (1, "a767543357ff26c6", "4de2ff3c4fcabf5d"),
    "random-reward": (1, "2fd74a98c76fb307", "ad374ff58fcb5d13"),
    "format-only": (1, "ead582a8be1a0ff6", "bb3438d1c37b4b69"),
    "wrong-label": (1, "0c12a9427eb910d1", "1a2489e38c89a055"),
    "majority": (1, "a503207a9e7d5de5", "2fbe1f71e0b6b630"),
}
SIZES = {
    "steps",
    "sampling.prompts",
    "sampling.samples",
    "sampling.max_new_tokens",
    "sampling.curriculum.size",
    "reward.length.on",
    "reward.length.off",
    "loss.kl.reset.every",
    "optimizer.learning_rate",
    "advantage.critic.optimizer.learning_rate",
}
# problems, samples, updates, epochs, learning rate, temperature, tokens: read off the works once more.
PUBLISHED = {
    "orz": (128, 64, 1, 1, 1e-6, 1.0, 8000),
    "grpo-r1": (512, 16, 16, 1, 3e-6, 1.0, 32768),
    "dr-grpo": (128, 8, 8, 1, 1e-6, 1.0, 3000),
    "dapo": (512, 16, 16, 1, 1e-6, 1.0, 20480),
    "prorl": (256, 16, 4, 1, 2e-6, 1.2, 8096),
    "prorl-v2": (512, 16, 8, 1, 1e-6, 1.0, 8192),
    "brorl": (128, 512, 8, 1, 2.83e-6, 1.0, 16384),
    "scalerl": (48, 16, 1, 1, 5e-7, 1.0, 14336),
    "skywork-or1": (256, 16, 1, 1, 1e-6, 1.0, 16384),
    "simplerl-zoo": (1024, 8, 4, 1, 5e-7, 1.0, 8192),
    "logic-rl": (8, 8, 1, 1, 4e-7, 0.7, 4096),
    "tulu-3": (224, 1, 1, 4, 3e-7, 1.0, 2048),
    "olmo-2": (248, 1, 1, 4, 4e-7, 1.0, 2048),
    "unlikeliness": (16, 32, 1, 2, 1e-6, 1.0, 8192),
    "nsr": (1024, 8, 4, 1, 1e-6, 1.0, 3072),
    "interplay": (1024, 6, 4, 1, 1e-6, 1.0, 1024),
    "random-reward": (64, 16, 8, 1, 5e-7, 1.0, 3072),
}


class Holder(Spec):
    recipe: AnyRecipe = Recipe()


def test_every_version_has_the_numbers_it_had() -> None:
    now = {name: (one.version, digest(one.recipe), digest(named_recipe(name + SMALL))) for name, one in RECIPES.items()}
    assert now == PINS


@pytest.mark.parametrize(("name", "numbers"), PUBLISHED.items())
def test_the_sizes_are_those_of_the_works(name: str, numbers: tuple[float, ...]) -> None:
    it = named_recipe(name)
    sizes = (it.sampling.prompts, it.sampling.samples, it.optimizer.minibatches, it.optimizer.epochs)
    assert (*sizes, it.optimizer.learning_rate, it.sampling.temperature, it.sampling.max_new_tokens) == numbers


@pytest.mark.parametrize("name", RECIPES)
def test_every_number_that_is_not_a_default_says_where_it_comes_from(name: str) -> None:
    one, defaults = RECIPES[name], dotted_fields(Recipe())
    # A critic comes with defaults of its own.
    of_critic = dotted_fields(Recipe(advantage="gae")).items()
    defaults |= {field: value for field, value in of_critic if field.startswith("advantage.critic.")}
    values = dotted_fields(one.recipe)
    changed = {field for field, value in values.items() if defaults.get(field) != value}
    assert changed <= set(one.sources)
    assert set(one.sources) <= set(values), "a source of no field"
    assert set(one.unstated) <= set(values) - set(one.sources), "stated and not stated"
    assert all(source.strip() for source in (*one.sources.values(), *one.disagreements, one.title, one.work))
    assert {values[field] == defaults[field] for field in one.unstated} <= {True}


@pytest.mark.parametrize("name", [name + end for name in RECIPES for end in ("", SMALL)])
def test_every_recipe_survives_json_and_names_itself(name: str) -> None:
    it = named_recipe(name)
    assert it.label == f"{name} {RECIPES[name.removesuffix(SMALL)].version}"
    assert Recipe.parse(json.loads(json.dumps(plain(it)))) == it
    assert digest(it.model_copy(update={"label": "another"})) == digest(it), "a label is part of the identity"


@pytest.mark.parametrize("name", RECIPES)
def test_the_small_form_differs_in_sizes_alone(name: str) -> None:
    published, small = named_recipe(name), named_recipe(name + SMALL)
    left, right = dotted_fields(published), dotted_fields(small)
    assert {field for field in left | right if left.get(field) != right.get(field)} <= SIZES
    assert (small.steps, small.sampling.max_new_tokens, small.sampling.prompts * small.sampling.samples) == (
        60,
        128,
        256,
    )
    assert small.optimizer.learning_rate == pytest.approx(100 * published.optimizer.learning_rate, rel=1e-12)
    critic, small_critic = published.advantage.critic_spec, small.advantage.critic_spec
    assert (critic is None) == (small_critic is None)
    if critic is not None and small_critic is not None:
        scaled = small_critic.optimizer.learning_rate / critic.optimizer.learning_rate
        assert scaled == pytest.approx(100, rel=1e-12)
    many = published.sampling.samples > published.sampling.prompts
    assert (small.sampling.samples > small.sampling.prompts) == many


def test_what_is_counted_in_steps_keeps_its_share_of_a_small_run() -> None:
    def at(name: str) -> dict[str, Any]:
        return dotted_fields(named_recipe(name + SMALL))

    # 400 of 10,400 updates; 350, 100 and 500 of 3,000 steps; 100 of 191; 100 of 2,500.
    assert at("grpo-r1")["loss.kl.reset.every"] == 2 == round(60 * 400 / 10400)
    v2 = at("prorl-v2")
    assert (v2["loss.kl.reset.every"], v2["reward.length.on"], v2["reward.length.off"]) == (7, 2, 10)
    assert (at("brorl")["loss.kl.reset.every"], at("prorl")["loss.kl.reset.every"]) == (31, 2)
    assert (at("brorl")["sampling.prompts"], at("brorl")["sampling.samples"]) == (8, 32)
    pool, small = dotted_fields(named_recipe("scalerl")), at("scalerl")
    passes = [one["steps"] * one["sampling.prompts"] / one["sampling.curriculum.size"] for one in (pool, small)]
    assert passes[1] == pytest.approx(passes[0], rel=0.01)
    assert at("dapo")["reward.length.soft"] == 0.2
    assert at("remax")["sampling.samples"] == at("sft")["sampling.samples"] == 1


@pytest.mark.parametrize("name", [name + end for name in ("tulu-3", "olmo-2") for end in ("", SMALL)])
def test_rlvr_of_tulu_punishes_a_missing_end_alone(name: str) -> None:
    """As much as a right answer earns, whatever the length of completions that end before the limit."""
    it = named_recipe(name)
    limit = it.sampling.max_new_tokens
    rollouts = of_verdicts([[RIGHT, WRONG, RIGHT, NOTHING]], [[1, limit - 1, limit - 1, limit]])
    outcome, paid = it.reward.function.score(COMPACT, rollouts, 0)
    assert it.reward.length.adjust(paid, outcome, rollouts, limit, 0).tolist() == [[1, 0, 1, -1]]


def test_controls_have_the_draws_and_updates_of_one_comparison() -> None:
    steps, rate = COMPARISON["steps"][0], COMPARISON["optimizer.learning_rate"][0]
    for name in ("sft", "rft", "positive-only", "distillation", "self-distillation", "ppo", "zero-success"):
        it = named_recipe(name)
        assert (it.steps, it.sampling.prompts * it.sampling.samples, it.optimizer.minibatches) == (steps, 2048, 1)
        assert it.optimizer.learning_rate == rate
    assert (
        named_recipe("rft").sampling.behavior.kind == "start" and named_recipe("sft").sampling.behavior.kind == "gold"
    )
    assert named_recipe("distillation").has_teacher and not named_recipe("self-distillation").has_teacher
    assert all(
        named_recipe(name).optimizer.minibatches > 1
        for name in ("random-reward", "format-only", "wrong-label", "majority")
    )


@pytest.mark.parametrize("name", ["dapa", "", "dapo/smal", "dapo/small/small", "/small", "DAPO"])
def test_an_unknown_name_lists_those_there_are(name: str) -> None:
    with pytest.raises(InputError) as caught:
        named_recipe(name)
    said = str(caught.value)
    assert repr(name) in said and all(known in said for known in RECIPES) and "\n" not in said


def test_a_name_stands_for_a_recipe_in_a_spec() -> None:
    by_name = Holder.parse({"recipe": "dapo/small"})
    assert by_name.recipe == named_recipe("dapo/small")
    assert Holder.parse(plain(by_name)) == by_name
    assert Holder(recipe=Recipe(steps=7)).recipe.steps == 7
    with pytest.raises(
        InputError, match=r"recipe: recipe: 'dapa' is unknown \(did you mean dapo\?\); there are ppo, orz"
    ):
        Holder.parse({"recipe": "dapa"})
    changed = override(DemoSpec(), ["rl=dapo/small", "rl.steps=100"])
    assert difference(changed.rl, named_recipe("dapo/small")) == {"steps": (100, 60)}
    stage = RL.parse({**plain(TUNED), "recipe": "brorl/small"})
    assert stage.recipe == named_recipe("brorl/small")
    assert canonical_json(stage) == canonical_json(RL.parse(plain(stage)))


def test_what_a_preset_states_is_laid_over_the_default() -> None:
    stated = {
        "loss.function.most": (4.0, "a"),
        "loss.function": ("cispo", "b"),
        "advantage": ("pkpo", "c"),
        "advantage.k.first": (2, "d"),
        "advantage.k.then": (1, "e"),
        "optimizer.learning_rate": (0.5, "f"),
        "loss.kl.coefficient": (0.1, "g"),
        "loss.kl.reset": ("period", "h"),
        "loss.kl.reset.every": (3, "i"),
    }
    made = published("mine", 4, "title", "work", stated)
    expected = Recipe(
        label="mine 4",
        advantage={"kind": "pkpo", "k": {"first": 2, "then": 1}},
        optimizer=Recipe().optimizer.model_copy(update={"learning_rate": 0.5}),
        loss={
            "function": {"kind": "cispo", "most": 4.0},
            "kl": {"coefficient": 0.1, "reset": {"kind": "period", "every": 3}},
        },
    )
    assert made.recipe == expected
    assert made.sources["advantage.k.then"] == "e"
    shown = dotted_fields(made.recipe)
    assert [shown[field] for field in ("loss.function", "advantage.k.first", "advantage.k.then", "loss.kl.reset")] == [
        "cispo",
        2,
        1,
        "period",
    ]
    assert {field: shown[field] for field, _ in stated.items()} == {
        field: value for field, (value, _) in stated.items()
    }
    with pytest.raises(InputError, match="mine: "):
        published("mine", 1, "", "", {"loss.function.lowest": (1.0, "")})
    with pytest.raises(InputError, match="mine: "):
        published("mine", 1, "", "", {"optimizer.minibatches": (17, "")})


@pytest.mark.parametrize("name", RECIPES)
def test_every_small_recipe_trains(name: str, tmp_path: Path) -> None:
    """One step on the bandit, of fewer and shorter samples."""
    it = named_recipe(name + SMALL)
    prompts = 64 if it.sampling.samples == 1 else max(it.optimizer.minibatches, 4)
    sizes = {"steps": 1, "sampling.prompts": prompts, "sampling.max_new_tokens": 3}
    pool = ["sampling.curriculum.size=16"] if name == "scalerl" else []
    it = override(it, [*(f"{field}={value}" for field, value in sizes.items()), *pool])
    teacher = decoder(3) if it.has_teacher else None
    totals = train(decoder(), TOKENIZER, WORLD, it, 0, RunFolder(tmp_path), teacher=teacher)
    assert (totals.tokens > 0) == (it.sampling.behavior.kind != "gold")
    (line,) = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert line["grad_norm"] > 0
    # Where no group differs in reward and process there is nothing to correlate.
    without = {name for name, value in line.items() if value is None}
    assert without <= {"reward_process_correlation"}
    assert all(math.isfinite(value) for name, value in line.items() if name not in without)


def test_the_page_is_current() -> None:
    whole = page.page()
    assert page.PAGE.read_text(encoding="utf-8") == whole
    assert all(f"\n## {name}\n" in whole for name in RECIPES)
