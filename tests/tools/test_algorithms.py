"""The page of algorithms is current, complete, and its weights are what theory says."""

from __future__ import annotations

import importlib
import inspect
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import torch

from edgewise.core.spec import override
from edgewise.rl import advantages, importance, kl, losses, normalization, rewards
from edgewise.rl.advantages.base import ADVANTAGES as ADVANTAGE_SPECS
from edgewise.rl.advantages.pkpo import Pkpo, PkpoBaseline
from edgewise.rl.advantages.reward_to_go import token_rewards
from edgewise.rl.curriculum import Curriculum
from edgewise.rl.description import Description
from edgewise.rl.hints import Hints
from edgewise.rl.importance import Correction
from edgewise.rl.kl import KlSpec
from edgewise.rl.losses.base import LOSSES as LOSS_SPECS
from edgewise.rl.normalization import Normalization
from edgewise.rl.recipe import Recipe
from edgewise.rl.reference_reset import Reset
from edgewise.rl.registry import SpecRegistry
from edgewise.rl.rewards.base import REWARDS
from edgewise.rl.rewards.length import AnyLengthReward
from edgewise.rl.rollout_worker import Behavior
from edgewise.sampling.power import PowerSampler
from tests.rl.advantages.oracles import Policy
from tools.pages import FIGURES, algorithms
from tools.pages.algorithm_tables import LOSS_TABLES, RECIPE_TABLES
from tools.pages.algorithm_weights import COMPARED, CURVES, NAMED, Curve, credit, figures, signal, weight

TEXT = algorithms.PAGE.read_text(encoding="utf-8")
REGISTRIES: dict[str, SpecRegistry[Any]] = {
    "advantage": ADVANTAGE_SPECS,
    "loss.function": LOSS_SPECS,
    "reward.function": REWARDS,
}
UNIONS = {
    "loss.correction": Correction,
    "reward.length": AnyLengthReward,
    "sampling.curriculum": Curriculum,
    "sampling.behavior": Behavior,
    "loss.kl.reset": Reset,
}
RATES = pytest.mark.parametrize("p", [0.0, 1e-3, 0.02, 0.3, 0.5, 0.77, 0.99, 1.0])


def exactly(value: float) -> Any:
    return pytest.approx(value, abs=1e-12, rel=1e-12)


def pkpo(k: int, baseline: PkpoBaseline) -> Curve:
    return Curve("", lambda rewards_PG: rewards_PG.shape[1] * advantages.pkpo(rewards_PG, k, baseline))


# The page.


def test_the_page_is_current() -> None:
    assert algorithms.page() == TEXT, "run make pages PAGES=algorithms"


def test_the_figures_are_current() -> None:
    """Curves as drawn; where words stand depends on the fonts of a machine."""

    def drawn(svg: str) -> list[list[float]]:
        marks = re.findall(r'<g class="mark-line role-mark.*?</g>', svg)
        paths = [path for mark in marks for path in re.findall(r' d="([^"]+)"', mark)]
        return [[float(number) for number in re.findall(r"-?[\d.]+", path)] for path in paths]

    def words(path: Path) -> set[str]:
        return set(re.findall(r">([^<>]+)</text>", path.read_text(encoding="utf-8")))

    folder = FIGURES
    found = figures()
    assert set(found) == {"credit.svg", "signal.svg", "weight.svg"}
    for name, svg in found.items():
        assert f"](figures/{name})" in TEXT
        assert set(re.findall(r">([^<>]+)</text>", svg)) == words(folder / name)
        curves = drawn((folder / name).read_text(encoding="utf-8"))
        assert len(curves) == {"credit.svg": 2 * len(CURVES), "signal.svg": 7, "weight.svg": 9}[name]
        for ours, theirs in zip(drawn(svg), curves, strict=True):
            assert ours == pytest.approx(theirs, abs=0.02)


def functions(module: Any) -> Iterator[str]:
    for name, value in vars(module).items():
        if inspect.isfunction(value) and not name.startswith("_") and value.__module__.startswith(module.__name__):
            yield name


@pytest.mark.parametrize("module", [advantages, losses, rewards, importance, kl, normalization])
def test_every_public_function_is_named(module: Any) -> None:
    names = set(functions(module)) - {"constants"}
    assert names
    code = set(re.findall(r"`(?:[a-z_]+\.)*([a-z_0-9]+)`", TEXT))
    assert names - code == set()


@pytest.mark.parametrize("field", REGISTRIES)
def test_every_registered_choice_is_named(field: str) -> None:
    ours = [name for name, spec in REGISTRIES[field].specs().items() if spec.__module__.startswith("edgewise.")]
    assert len(ours) >= 6
    for kind in ours:
        module = REGISTRIES[field].specs()[kind].__module__
        assert named(field, kind), f"{field}={kind}: describe it in DESCRIPTIONS of {module}, then make pages"


@pytest.mark.parametrize("field", UNIONS)
def test_every_choice_of_a_recipe_is_named(field: str) -> None:
    kinds = get_args(get_args(UNIONS[field])[0])
    assert len(kinds) >= 4
    for kind in kinds:
        assert named(field, kind.model_fields["kind"].default), f"{field}={kind.model_fields['kind'].default}"


def test_what_hints_reveal_is_named() -> None:
    none, *kinds = [kind.model_fields["kind"].default for kind in get_args(get_args(Hints)[0])]
    assert none == "none" and kinds
    assert all(named("sampling.hints", kind) for kind in kinds)


@pytest.mark.parametrize(
    ("field", "choices"),
    [
        ("loss.normalization", Normalization),
        ("loss.kl.estimator", KlSpec.model_fields["estimator"].annotation),
        ("advantage.baseline", Pkpo.model_fields["baseline"].annotation),
    ],
)
def test_every_name_of_a_field_is_named(field: str, choices: Any) -> None:
    assert len(get_args(choices)) >= 4
    for choice in get_args(choices):
        assert named(field, choice), f"{field}={choice}"


def named(field: str, choice: str) -> bool:
    return bool(re.search(rf'[` ]{re.escape(field)}=({choice}[` ]|{{"kind":"{choice}")', TEXT))


def test_everything_said_of_a_recipe_can_be_written() -> None:
    said = [words.split() for words in re.findall(r"`([^`\n]+)`", TEXT)]
    settings = [words for words in said if words[0].partition("=")[0].replace(".", "").replace("_", "").isalpha()]
    settings = [words for words in settings if all("=" in word for word in words)]
    assert len(settings) > 70
    for words in settings:
        # What is said of a field of a choice is said of that choice.
        owner = {"advantage.whiten": ["advantage=gae"]}.get(words[0].partition("=")[0], [])
        assert override(Recipe(), [*owner, *words]) is not None


@pytest.mark.parametrize(
    "description",
    [*algorithms.advantage_descriptions(), *algorithms.loss_descriptions()],
    ids=lambda description: description.title,
)
def test_a_description_has_a_source_and_names_that_exist(description: Description) -> None:
    assert all(getattr(description, field) for field in ("source", "formula", "assumes", "update", "use", "recipe"))
    if not isinstance(description.function, str):
        module, _, name = algorithms.name_of(description.function).rpartition(".")
        assert getattr(importlib.import_module(module), name) is description.function
        assert name in set(functions(importlib.import_module(module)))


def test_a_function_is_named_where_it_is_imported_from() -> None:
    assert algorithms.name_of(advantages.rloo) == "edgewise.rl.advantages.rloo"
    assert algorithms.name_of(losses.cispo) == "edgewise.rl.losses.cispo"
    assert algorithms.name_of(token_rewards) == "edgewise.rl.advantages.reward_to_go.token_rewards"


def test_modules_without_a_place_in_the_reading_order_come_last() -> None:
    modules = [importlib.import_module(f"edgewise.rl.advantages.{name}") for name in ("whitening", "rloo", "grpo")]
    assert [module.__name__.split(".")[-1] for module in algorithms.in_reading_order(modules)] == [
        *("grpo", "rloo", "whitening")
    ]


def test_the_sampler_of_the_control_without_training_is_named() -> None:
    assert f"`{PowerSampler.__module__}.{PowerSampler.__name__}`" in TEXT


def test_tables_have_as_many_cells_as_heads() -> None:
    blocks = re.findall(r"(?:^\|.*\n)+", TEXT, re.M)
    assert len(blocks) == 3 + len(LOSS_TABLES) + len(RECIPE_TABLES)
    for block in blocks:
        assert len({line.count("|") for line in block.splitlines()}) == 1, block


# The weight w(p).


@RATES
@pytest.mark.parametrize("name", ["RLOO", "No baseline, RFT, PSR", "NSR", "ReMax, greedy wrong", "ReMax, greedy right"])
def test_the_unbiased_weigh_all_problems_by_one(name: str, p: float) -> None:
    assert weight(NAMED[name], p) == exactly(1)


@RATES
@pytest.mark.parametrize("baseline", ["none", "sloo", "sloo_kn", "sloo_minus_one"])
@pytest.mark.parametrize(("samples", "k"), [(16, 2), (16, 4), (16, 8), (16, 15), (6, 3), (2, 1)])
def test_pkpo_weighs_by_the_derivative_of_pass_at_k(baseline: PkpoBaseline, samples: int, k: int, p: float) -> None:
    assert weight(pkpo(k, baseline), p, samples) == exactly(k * (1 - p) ** (k - 1))


@RATES
@pytest.mark.parametrize("samples", [2, 16, 40])
def test_other_closed_forms(samples: int, p: float) -> None:
    others = samples - 1
    assert weight(NAMED["Dr. GRPO"], p, samples) == exactly(others / samples)
    assert weight(NAMED["RLOO, positive only"], p, samples) == exactly(1 - p)
    assert weight(NAMED["MaxRL"], p, samples) == exactly((1 - (1 - p) ** others) / p if p else others)


@pytest.mark.parametrize("p", [0.05, 0.3, 0.5, 0.9])
def test_grpo_weighs_by_one_over_the_deviation_in_the_limit(p: float) -> None:
    assert weight(NAMED["GRPO"], p, 1000) == pytest.approx(1 / math.sqrt(p * (1 - p)), rel=0.01)
    assert weight(NAMED["GRPO"], 0, 16) == pytest.approx(15 / 4, rel=1e-4), "what a lone success earns"


@pytest.mark.parametrize("samples", [2, 5])
@pytest.mark.parametrize(
    "name",
    ["GRPO", "MaxRL", "No baseline, RFT, PSR", "NSR", "W-REINFORCE, λ = 0.1", "RLOO, positive only", "exceeding"],
)
def test_the_weight_is_the_expected_update_over_every_batch(name: str, samples: int) -> None:
    """Three answers, two of them wrong, so that a wrong sample's score is one of several."""
    if name == "exceeding":
        curve = Curve(name, lambda rewards_PG: advantages.pass_at_k_exceeding(rewards_PG, 2))
    else:
        curve = NAMED[name]
    policy = Policy([0.3, -0.8, 0.1], [0.0, 1.0, 0.0])
    gradient = policy.gradient_of_rate(lambda rate: rate)
    found = policy.expected_update(curve.of, samples) / samples
    torch.testing.assert_close(found, weight(curve, policy.rate, samples) * gradient, atol=1e-12, rtol=0)


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
def test_an_advantage_depends_on_the_count_alone(curve: Curve) -> None:
    right_C, wrong_C = credit(curve)
    order_CG = torch.rand(17, 16, generator=torch.Generator().manual_seed(0)).argsort(1)
    rewards_CG = (torch.arange(16) < torch.arange(17).unsqueeze(1)).double().gather(1, order_CG)
    for c, (rewards_G, found_G) in enumerate(zip(rewards_CG, curve.of(rewards_CG), strict=True)):
        for reward, found in zip(rewards_G.tolist(), found_G.tolist(), strict=True):
            assert found == exactly(right_C[c] if reward else wrong_C[c])


def test_the_loudest_groups() -> None:
    peaks: dict[str, Callable[[int], bool]] = {
        "GRPO": lambda c: c == 8,
        "RLOO": lambda c: c == 8,
        "MaxRL": lambda c: c == 1,
        "PKPO sloo-1, k = 4": lambda c: c == 4,
        "PKPO sloo-1, k = 8": lambda c: c == 2,
        "Pass@k, k = 4": lambda c: c == 4,
        "Pass@k, k = 8": lambda c: c == 2,
    }
    assert peaks.keys() == {name for name, _, _, _ in COMPARED}
    for name, expected in peaks.items():
        loud = signal(NAMED[name])
        assert max(loud) == 1 and loud[0] == 0 and expected(loud.index(1))
        assert name[-1] != "8" or not any(loud[10:])


def test_the_dotted_limits_are_above_what_samples_can_do() -> None:
    for p in (0.001, 0.05, 0.5):
        assert weight(NAMED["MaxRL"], p) < 1 / p
        assert weight(NAMED["GRPO"], p) < 1 / math.sqrt(p * (1 - p))
