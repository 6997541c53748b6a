"""The named recipes: their versions are pinned, their numbers sourced, their small forms run."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from edgewise.core.errors import InputError
from edgewise.core.spec import Spec, canonical_json, difference, digest, override, plain
from edgewise.rl import trainer
from edgewise.rl.presets.base import fields, preset
from edgewise.rl.presets.frame import FRAME
from edgewise.rl.recipe import Recipe
from edgewise.rl.recipes import PRESETS, SMALL, AnyRecipe, recipe
from edgewise.study.demo import DemoSpec
from edgewise.study.stages import RL
from edgewise.training.run_folder import RunFolder
from tests.study.tiny import TUNED
from tools.pages import recipes as page

from .bandit import TOKENIZER, WORLD, decoder

# Version and digests of each recipe and of its small form. Whoever changes a number gives the preset its next version
# and pins that; a new field of `Recipe` changes all digests and no version.
PINS = {
    "ppo": (1, "e0a6e0a14ccde0a9", "d5f94d8694879a89"),
    "orz": (1, "342b372178d0ebd8", "dda3eadbaa18bf59"),
    "grpo-r1": (1, "4f9c923c066681f2", "8c861110a2946d4e"),
    "dr-grpo": (1, "e9cacebeae9126df", "d3f153f1b5ff0233"),
    "rloo": (1, "84fe1b0179f54762", "263629e48d4f0bc4"),
    "reinforce++": (1, "c3e0e797532489e5", "8865a160d8e2de52"),
    "remax": (1, "a8158bc91e5f14f0", "e6796c1d4455e0b8"),
    "dapo": (1, "5769d01e70f5ffe3", "eafefad65dd42647"),
    "cispo": (1, "3baf41a9868e8186", "6fbde14a30941570"),
    "magistral": (1, "c75b456d305d1864", "474424006160bcc1"),
    "prorl": (1, "a5080d0349034a17", "b58c79a4c6fb093d"),
    "prorl-v2": (1, "0289c8809ed2f92a", "40cc989b2f84b4b8"),
    "brorl": (1, "749682e0a06032a1", "475aae97ce281389"),
    "scalerl": (1, "e2d51cc20a583afc", "cb7feeb1d5de2d16"),
    "pkpo": (1, "1bca07140f056850", "68fb0f7b3004c639"),
    "passk-training": (1, "dac33f72ae62f663", "bc30705de82e8299"),
    "maxrl": (1, "a410ecaee04e9b27", "5e6a8d36d4f9d3f6"),
    "unlikeliness": (1, "2ec8458b7def45f2", "6c68cd8dab26e125"),
    "zero-success": (1, "69020eb0bf46267e", "815dc0354edef108"),
    "interplay": (1, "a9f2835fbfaeceeb", "814757a6bc280e0e"),
    "interplay-strict": (1, "0e1d2f1a501050af", "b545e88e9235bb4f"),
    "interplay-mixture": (1, "1f809ff083b90575", "152c825a715b954a"),
    "sft": (1, "b5b7698315839123", "40c78bc6316d91d3"),
    "rft": (1, "9e224352ff9ba9df", "6cb5133059fdd79b"),
    "positive-only": (1, "bbd42bdd008618b4", "ea72a77919d6abf2"),
    "distillation": (1, "ea54bd6f868e77c6", "99ba0ea19c7c1bf9"),
    "self-distillation": (1, "66086bf5982a74c7", "2fbddc57e5523e71"),
    "random-reward": (1, "db62f5e9daf5c6ef", "30e9bd3d5abc8718"),
    "format-only": (1, "4529a780b369ebef", "33349e2469e4b2ac"),
    "wrong-label": (1, "f38285b5b66344c2", "6ff2b51cf6899b48"),
    "majority": (1, "96749dabab15521c", "22e4d0a77519ae26"),
}
SIZES = {
    "steps",
    "prompts",
    "samples",
    "max_new_tokens",
    "curriculum.size",
    "length.on",
    "length.off",
    "reset.every",
    "optimizer.learning_rate",
    "critic.optimizer.learning_rate",
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
    "unlikeliness": (16, 32, 1, 2, 1e-6, 1.0, 8192),
    "interplay": (1024, 6, 4, 1, 1e-6, 1.0, 1024),
    "random-reward": (64, 16, 8, 1, 5e-7, 1.0, 3072),
}


class Holder(Spec):
    recipe: AnyRecipe = Recipe()


def test_every_version_has_the_numbers_it_had() -> None:
    now = {name: (one.version, digest(one.recipe), digest(recipe(name + SMALL))) for name, one in PRESETS.items()}
    assert now == PINS


@pytest.mark.parametrize(("name", "numbers"), PUBLISHED.items())
def test_the_sizes_are_those_of_the_works(name: str, numbers: tuple[float, ...]) -> None:
    it = recipe(name)
    sizes = (it.prompts, it.samples, it.updates, it.epochs)
    assert (*sizes, it.optimizer.learning_rate, it.temperature, it.max_new_tokens) == numbers


@pytest.mark.parametrize("name", PRESETS)
def test_every_number_that_is_not_a_default_says_where_it_comes_from(name: str) -> None:
    one, defaults = PRESETS[name], fields(Recipe())
    values = fields(one.recipe)
    changed = {field for field, value in values.items() if defaults.get(field) != value}
    assert changed <= set(one.sources)
    assert set(one.sources) <= set(values), "a source of no field"
    assert set(one.unstated) <= set(values) - set(one.sources), "stated and not stated"
    assert all(source.strip() for source in (*one.sources.values(), *one.disagreements, one.title, one.work))
    assert {values[field] == defaults[field] for field in one.unstated} <= {True}


@pytest.mark.parametrize("name", [name + end for name in PRESETS for end in ("", SMALL)])
def test_every_recipe_survives_json_and_names_itself(name: str) -> None:
    it = recipe(name)
    assert it.label == f"{name} {PRESETS[name.removesuffix(SMALL)].version}"
    assert Recipe.parse(json.loads(json.dumps(plain(it)))) == it
    assert digest(it.model_copy(update={"label": "another"})) == digest(it), "a label is part of the identity"


@pytest.mark.parametrize("name", PRESETS)
def test_the_small_form_differs_in_sizes_alone(name: str) -> None:
    published, small = recipe(name), recipe(name + SMALL)
    left, right = fields(published), fields(small)
    assert {field for field in left | right if left.get(field) != right.get(field)} <= SIZES
    assert (small.steps, small.max_new_tokens, small.prompts * small.samples) == (60, 128, 256)
    assert small.optimizer.learning_rate == pytest.approx(100 * published.optimizer.learning_rate, rel=1e-12)
    scaled = small.critic.optimizer.learning_rate / published.critic.optimizer.learning_rate
    assert scaled == pytest.approx(100 if published.advantage.needs_critic else 1, rel=1e-12)
    assert (small.samples > small.prompts) == (published.samples > published.prompts)


def test_what_is_counted_in_steps_keeps_its_share_of_a_small_run() -> None:
    def at(name: str) -> dict[str, Any]:
        return fields(recipe(name + SMALL))

    # 400 of 10,400 updates; 350, 100 and 500 of 3,000 steps; 100 of 191; 100 of 2,500.
    assert at("grpo-r1")["reset.every"] == 2 == round(60 * 400 / 10400)
    v2 = at("prorl-v2")
    assert (v2["reset.every"], v2["length.on"], v2["length.off"]) == (7, 2, 10)
    assert (at("brorl")["reset.every"], at("prorl")["reset.every"]) == (31, 2)
    assert (at("brorl")["prompts"], at("brorl")["samples"]) == (8, 32)
    pool, small = fields(recipe("scalerl")), at("scalerl")
    passes = [one["steps"] * one["prompts"] / one["curriculum.size"] for one in (pool, small)]
    assert passes[1] == pytest.approx(passes[0], rel=0.01)
    assert at("dapo")["length.soft"] == 0.2
    assert at("remax")["samples"] == at("sft")["samples"] == 1


def test_controls_have_the_draws_and_updates_of_one_comparison() -> None:
    steps, rate = FRAME["steps"][0], FRAME["optimizer.learning_rate"][0]
    for name in ("sft", "rft", "positive-only", "distillation", "self-distillation", "ppo", "zero-success"):
        it = recipe(name)
        assert (it.steps, it.prompts * it.samples, it.updates) == (steps, 2048, 1)
        assert it.optimizer.learning_rate == rate
    assert recipe("rft").writer == "start" and recipe("sft").writer == "gold"
    assert recipe("distillation").has_teacher and not recipe("self-distillation").has_teacher
    assert all(recipe(name).updates > 1 for name in ("random-reward", "format-only", "wrong-label", "majority"))


@pytest.mark.parametrize("name", ["dapa", "", "dapo/smal", "dapo/small/small", "/small", "DAPO"])
def test_an_unknown_name_lists_those_there_are(name: str) -> None:
    with pytest.raises(InputError) as caught:
        recipe(name)
    said = str(caught.value)
    assert repr(name) in said and all(known in said for known in PRESETS) and "\n" not in said


def test_a_name_stands_for_a_recipe_in_a_spec() -> None:
    by_name = Holder.parse({"recipe": "dapo/small"})
    assert by_name.recipe == recipe("dapo/small")
    assert Holder.parse(plain(by_name)) == by_name
    assert Holder(recipe=Recipe(steps=7)).recipe.steps == 7
    with pytest.raises(InputError, match="recipe: recipe: must be one of ppo, orz"):
        Holder.parse({"recipe": "dapa"})
    changed = override(DemoSpec(), ["rl=dapo/small", "rl.steps=100"])
    assert difference(changed.rl, recipe("dapo/small")) == {"steps": (100, 60)}
    stage = RL.parse({**plain(TUNED), "recipe": "brorl/small"})
    assert stage.recipe == recipe("brorl/small")
    assert canonical_json(stage) == canonical_json(RL.parse(plain(stage)))


def test_what_a_preset_states_is_laid_over_the_default() -> None:
    stated = {
        "loss.most": (4.0, "a"),
        "loss": ("cispo", "b"),
        "advantage": ("pkpo", "c"),
        "advantage.k": (2, "d"),
        "advantage.k.then": (1, "e"),
        "optimizer.learning_rate": (0.5, "f"),
        "kl.coefficient": (0.1, "g"),
        "reset": ("period", "h"),
        "reset.every": (3, "i"),
    }
    made = preset("mine", 4, "title", "work", stated)
    expected = Recipe(
        label="mine 4",
        loss={"loss": "cispo", "most": 4.0},
        advantage={"advantage": "pkpo", "k": {"k": 2, "then": 1}},
        optimizer=Recipe().optimizer.model_copy(update={"learning_rate": 0.5}),
        kl={"coefficient": 0.1},
        reset={"reset": "period", "every": 3},
    )
    assert made.recipe == expected
    assert made.sources["advantage.k.then"] == "e"
    shown = fields(made.recipe)
    assert (shown["loss"], shown["advantage.k"], shown["advantage.k.then"], shown["reset"]) == ("cispo", 2, 1, "period")
    assert {field: shown[field] for field, _ in stated.items()} == {
        field: value for field, (value, _) in stated.items()
    }
    with pytest.raises(InputError, match="mine: "):
        preset("mine", 1, "", "", {"loss.lowest": (1.0, "")})
    with pytest.raises(InputError, match="mine: "):
        preset("mine", 1, "", "", {"updates": (17, "")})


@pytest.mark.parametrize("name", PRESETS)
def test_every_small_recipe_trains(name: str, tmp_path: Path) -> None:
    """One step on the bandit, of fewer and shorter samples."""
    it = recipe(name + SMALL)
    sizes = {"steps": 1, "prompts": 64 if it.samples == 1 else max(it.updates, 4), "max_new_tokens": 3}
    pool = ["curriculum.size=16"] if name == "scalerl" else []
    it = override(it, [*(f"{field}={value}" for field, value in sizes.items()), *pool])
    teacher = decoder(3) if it.has_teacher else None
    totals = trainer.train(decoder(), TOKENIZER, WORLD, it, 0, RunFolder(tmp_path), teacher=teacher)
    assert (totals.tokens > 0) == (it.writer != "gold")
    (line,) = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert line["grad_norm"] > 0 and all(math.isfinite(value) for value in line.values())


def test_the_page_is_current() -> None:
    whole = page.page()
    assert page.PAGE.read_text(encoding="utf-8") == whole
    assert all(f"\n## {name}\n" in whole for name in PRESETS)
