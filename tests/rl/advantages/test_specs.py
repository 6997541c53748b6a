"""Advantage specs: ours are their pure functions with the default numbers; what holds of every registered one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from edgewise.core.errors import InputError
from edgewise.core.spec import Spec, digest, override, plain
from edgewise.model.fixed_order import total
from edgewise.rl import advantages
from edgewise.rl.advantages.base import ADVANTAGES, AdvantageInputs, AdvantageSpec, AnyAdvantage
from edgewise.rl.advantages.gae import Gae
from edgewise.rl.advantages.indicators import IndicatorOfAll, IndicatorOfCorrect, IndicatorOfNone
from edgewise.rl.advantages.k_schedule import KSchedule
from edgewise.rl.advantages.passk_training import PasskBootstrap, PasskFull, PasskTraining
from edgewise.rl.advantages.pkpo import Pkpo
from edgewise.rl.advantages.reinforce import NoBaseline
from edgewise.rl.advantages.reinforce_plus_plus import ReinforcePlusPlus
from edgewise.rl.advantages.remax import Remax
from edgewise.rl.advantages.rloo import Rloo
from edgewise.rl.description import Description, descriptions_of
from edgewise.rl.recipe import Recipe

ADAPTER: TypeAdapter[AdvantageSpec] = TypeAdapter(AnyAdvantage)
OURS = {name: kind for name, kind in ADVANTAGES.specs().items() if kind.__module__.startswith("edgewise.")}
# The other forms of Pass@k Training have a test of their own, with a k that all of them can have.
FORMS = {name for name, kind in OURS.items() if kind.__module__ == PasskTraining.__module__} - {"pass_at_k_training"}

REWARD = torch.tensor([[1.0, 0, 0, 1, 0, 0], [0, 0, 0, 1, 0, 0]], dtype=torch.float64)
LENGTH = torch.tensor([[5, 3, 4, 2, 1, 1], [5, 5, 1, 3, 2, 4]])
LOGP = -torch.arange(1.0, 13.0, dtype=torch.float64).reshape(2, 6) / 7
INPUTS = AdvantageInputs(REWARD, REWARD == 1, LENGTH, LOGP, step=3, steps=10, seed=7)
PENALTY = torch.linspace(0, 0.3, 60, dtype=torch.float64).reshape(2, 6, 5) * (torch.arange(5) < LENGTH.unsqueeze(-1))
VALUES = torch.linspace(-1, 1, 60, dtype=torch.float64).reshape(2, 6, 5)
GREEDY = torch.tensor([1.0, 0.0], dtype=torch.float64)
ALL_INPUTS = replace(INPUTS, values_PGT=VALUES, greedy_P=GREEDY)


def step_of(reward_PG: torch.Tensor) -> AdvantageInputs:
    """A step with these rewards, and whatever an advantage may ask for beside them."""
    problems, samples = reward_PG.shape
    generator = torch.Generator().manual_seed(0)
    length_PG = torch.randint(1, 6, (problems, samples), generator=generator)
    logp_PG = -torch.rand(problems, samples, generator=generator, dtype=torch.float64).to(reward_PG.dtype)
    values_PGT = torch.rand(problems, samples, 5, generator=generator, dtype=torch.float64).to(reward_PG.dtype)
    greedy_P = reward_PG[:, 0].clone()
    return AdvantageInputs(
        *(reward_PG, reward_PG == 1, length_PG, logp_PG, 3, 10, 7), values_PGT=values_PGT, greedy_P=greedy_P
    )


def mixed_rewards(samples: int) -> torch.Tensor:
    """Three problems: some right, all right, none right."""
    some_G = torch.arange(samples, dtype=torch.float64) % 3 == 1
    return torch.stack([some_G, torch.ones(samples), torch.zeros(samples)]).double()


# Of every registered advantage.
EVERY = pytest.mark.parametrize("name", OURS)
SAMPLES = 16


class Holder(Spec):
    advantage: AnyAdvantage = Rloo()


def read(value: Any) -> AdvantageSpec:
    return ADAPTER.validate_python(value)


# What each spec of ours gives with its default numbers; one that is not here has its numbers in its own test.
EXPECTED = {
    "grpo": advantages.grpo(REWARD),
    "dr_grpo": advantages.dr_grpo(REWARD),
    "rloo": advantages.rloo(REWARD),
    "reinforce_plus_plus": advantages.reinforce_plus_plus(REWARD, LENGTH),
    "reinforce_plus_plus_baseline": advantages.reinforce_plus_plus_baseline(REWARD, LENGTH),
    "batch_std": advantages.batch_std(REWARD),
    "remax": advantages.remax(REWARD, GREEDY),
    "opo": advantages.opo(REWARD, LENGTH),
    "gae": advantages.whiten(advantages.gae(REWARD, VALUES, LENGTH), LENGTH),
    "pkpo": 6 * advantages.pkpo(REWARD, 4, "sloo_minus_one"),
    "pass_at_k_training": advantages.pass_at_k_training(REWARD, 4),
    "maxrl": advantages.maxrl(REWARD),
    "unlikeliness": advantages.unlikeliness(REWARD, LOGP),
    "reinforce": REWARD,
    "indicator_correct": REWARD,
    "indicator_all": torch.ones(2, 6, dtype=torch.float64),
    "indicator_none": torch.zeros(2, 6, dtype=torch.float64),
}


@EVERY
def test_a_bare_name_is_that_choice_with_its_defaults(name: str) -> None:
    kind = OURS[name]
    assert read(name) == read({"kind": name}) == kind.parse({}) == read(plain(kind.parse({})))
    assert digest(Holder(advantage=name)) == digest(Holder(advantage=kind.parse({})))


def test_a_choice_is_overridden_by_name_and_number() -> None:
    assert override(Holder(), ["advantage=pkpo", "advantage.k=8", "advantage.baseline=sloo"]).advantage == Pkpo(
        k=KSchedule(first=8), baseline="sloo"
    )


@pytest.mark.parametrize("value", ["gpro", {"k": 3}, 3, {"kind": "rloo", "k": 3}])
def test_what_names_no_choice_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        read(value)


@EVERY
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_advantage_has_the_shape_and_type_of_the_rewards(name: str, dtype: torch.dtype) -> None:
    inputs = step_of(mixed_rewards(SAMPLES).to(dtype))
    before = inputs.reward_PG.clone()
    advantage = read(name).compute(inputs)
    assert advantage.shape in {inputs.reward_PG.shape, (*inputs.reward_PG.shape, 5)}
    assert advantage.dtype == dtype and bool(advantage.isfinite().all())
    assert torch.equal(read(name).compute(inputs), advantage), "the same inputs, the same bits"
    assert torch.equal(inputs.reward_PG, before), "the rewards are as they were"


@EVERY
def test_positive_only_is_the_advantage_without_what_is_negative(name: str) -> None:
    inputs = step_of(mixed_rewards(SAMPLES))
    expected = read(name).compute(inputs).clamp(min=0)
    assert torch.equal(read({"kind": name, "positive_only": True}).compute(inputs), expected)


@EVERY
def test_what_a_step_did_not_bring_is_refused_where_it_is_needed(name: str) -> None:
    spec, inputs = read(name), step_of(mixed_rewards(SAMPLES))
    without_greedy, without_values = replace(inputs, greedy_P=None), replace(inputs, values_PGT=None)
    for field, lacking, needed in (
        ("greedy_P", without_greedy, spec.needs_greedy),
        ("values_PGT", without_values, spec.critic_spec is not None),
    ):
        if needed:
            with pytest.raises(InputError, match=rf"^{field}: this advantage needs it"):
                spec.compute(lacking)
        else:
            assert torch.equal(spec.compute(lacking), spec.compute(inputs))


def described(holds: Callable[[Description], Any]) -> list[Description]:
    """The descriptions of advantages of which `holds` is true."""
    return [description for description in descriptions_of(ADVANTAGES.modules()) if holds(description)]


@pytest.mark.parametrize("description", described(lambda d: d.zero_if_equal), ids=lambda d: d.title)
@pytest.mark.parametrize("reward", [0.0, 0.1, 1.0])
def test_equal_rewards_give_exactly_nothing_where_it_is_said(description: Description, reward: float) -> None:
    spec = override(Recipe(), description.recipe.split()).advantage
    if reward in (0, 1) or not spec.needs_binary_rewards:
        rewards_PG = mixed_rewards(SAMPLES)
        rewards_PG[1] = reward
        assert not spec.compute(step_of(rewards_PG))[1].any()


def test_most_group_estimators_say_that_equal_rewards_give_nothing() -> None:
    assert len(described(lambda d: d.zero_if_equal)) >= 8


@pytest.mark.parametrize("name", EXPECTED)
def test_defaults_are_the_pure_function(name: str) -> None:
    assert torch.equal(read(name).compute(ALL_INPUTS), EXPECTED[name])


@pytest.mark.parametrize("name", EXPECTED)
def test_positive_only_masks_what_is_negative(name: str) -> None:
    assert torch.equal(read({"kind": name, "positive_only": True}).compute(ALL_INPUTS), EXPECTED[name].clamp(min=0))


def test_numbers_reach_the_function() -> None:
    cases = [
        ({"kind": "grpo", "std": "population"}, advantages.grpo(REWARD, "population")),
        ({"kind": "unlikeliness", "beta": 0.5}, advantages.unlikeliness(REWARD, LOGP, 0.5)),
        (
            {"kind": "gae", "gamma": 0.9, "lam": 0.8, "whiten": False},
            advantages.gae(REWARD, VALUES, LENGTH, 0.9, 0.8),
        ),
        ({"kind": "pkpo", "k": 2, "baseline": "none"}, 6 * advantages.pkpo(REWARD, 2)),
        ({"kind": "pkpo", "k": 2, "baseline": "sloo"}, 6 * advantages.pkpo(REWARD, 2, "sloo")),
        ({"kind": "pkpo", "k": 2, "baseline": "sloo_kn"}, 6 * advantages.pkpo(REWARD, 2, "sloo_kn")),
    ]
    for value, expected in cases:
        assert torch.equal(read(value).compute(ALL_INPUTS), expected)


def test_each_form_of_pass_at_k_is_its_function() -> None:
    expected = {
        "pass_at_k_full": advantages.pass_at_k_full(REWARD, 2),
        "pass_at_k_bootstrap": advantages.pass_at_k_bootstrap(REWARD, 2, seed=7),
        "pass_at_k_exceeding": advantages.pass_at_k_exceeding(REWARD, 2),
        "pass_at_k_combination": advantages.pass_at_k_combination(REWARD, 2),
        # The second problem's tokens are the less likely: it is the less certain one.
        "pass_at_k_adaptive": torch.stack(
            [advantages.pass_at_k_training(REWARD, 2)[0], advantages.pass_at_k_training(REWARD, 1)[1]]
        ),
        "pass_at_k_by_pass_rate": advantages.pass_at_k_training(REWARD, 2),
    }
    assert set(expected) == FORMS and EXPECTED.keys() | FORMS <= OURS.keys()
    expected["pass_at_k_training"] = advantages.pass_at_k_training(REWARD, 2)
    for form, credit in expected.items():
        assert torch.equal(read({"kind": form, "k": 2}).compute(INPUTS), credit)
    wide = read({"kind": "pass_at_k_by_pass_rate", "k": 5}).compute(INPUTS)
    assert torch.equal(wide, advantages.pass_at_k_training(REWARD, torch.tensor([3, 5])))


def test_pkpo_at_one_draw_is_leave_one_out_where_there_is_a_baseline() -> None:
    for baseline in ("sloo", "sloo_minus_one", "sloo_kn"):
        assert torch.equal(read({"kind": "pkpo", "k": 1, "baseline": baseline}).compute(INPUTS), EXPECTED["rloo"])
    torch.testing.assert_close(read({"kind": "pkpo", "k": 1, "baseline": "none"}).compute(INPUTS), REWARD)


def test_pkpo_anneals() -> None:
    spec = Pkpo(k=KSchedule(first=5, then=1, at=0.4))
    assert torch.equal(spec.compute(INPUTS), 6 * advantages.pkpo(REWARD, 5, "sloo_minus_one"))
    assert torch.equal(spec.compute(replace(INPUTS, step=4)), EXPECTED["rloo"])
    assert [KSchedule(first=8, then=1).at_step(step, 4) for step in range(4)] == [8, 8, 1, 1]
    assert [KSchedule(first=8).at_step(step, 4) for step in range(4)] == [8] * 4


@pytest.mark.parametrize(
    "value", [0, -1, True, 2.5, "4", {"first": 4, "then": 0}, {"first": 4, "at": 1.0}, {"then": 1}]
)
def test_a_schedule_that_makes_no_sense_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(KSchedule).validate_python(value, strict=isinstance(value, str))


def test_what_tokens_cost_comes_off_the_reward() -> None:
    inputs = replace(ALL_INPUTS, penalty_PGT=PENALTY)
    net_PG = REWARD - total(PENALTY)
    assert torch.equal(read("rloo").compute(inputs), advantages.rloo(net_PG))
    assert torch.equal(read("reinforce").compute(inputs), net_PG)
    assert torch.equal(read("remax").compute(inputs), advantages.remax(net_PG, GREEDY))
    assert torch.equal(read("indicator_correct").compute(inputs), REWARD), "the outcome knows no penalty"
    with pytest.raises(InputError, match=r"^rewards: must be 0 or 1 for Pass@k Training"):
        read("pass_at_k_training").compute(inputs)


def test_credit_per_token_pays_the_penalties_where_they_arise() -> None:
    inputs = replace(ALL_INPUTS, penalty_PGT=PENALTY)
    to_go = advantages.reward_to_go(REWARD, PENALTY, LENGTH)
    assert torch.equal(ReinforcePlusPlus().compute(inputs), advantages.whiten(to_go, LENGTH))
    expected = advantages.gae(REWARD, VALUES, LENGTH, penalty_PGT=PENALTY)
    assert torch.equal(Gae(whiten=False).compute(inputs), expected)
    assert torch.equal(Gae().compute(inputs), advantages.whiten(expected, LENGTH))


def test_shaping_does_not_reach_what_looks_at_the_outcome() -> None:
    inputs = replace(INPUTS, reward_PG=REWARD - 0.25)
    assert torch.equal(IndicatorOfCorrect().compute(inputs), REWARD)
    assert torch.equal(NoBaseline().compute(inputs), REWARD - 0.25)
    assert IndicatorOfCorrect().compute(replace(inputs, reward_PG=inputs.reward_PG.float())).dtype == torch.float32


def test_what_each_choice_needs_is_said() -> None:
    indicators = {"indicator_correct", "indicator_all", "indicator_none"}
    alone = {name for name in EXPECTED if not OURS[name].needs_group}
    assert alone == {"remax", "reinforce_plus_plus", "gae", "reinforce"} | indicators
    assert [name for name in EXPECTED if OURS[name].needs_greedy] == ["remax"]
    assert [name for name in EXPECTED if read(name).critic_spec] == ["gae"]
    with pytest.raises(InputError, match=r"^greedy_P: this advantage needs it"):
        Remax().compute(INPUTS)
    with pytest.raises(InputError, match=r"^values_PGT: this advantage needs it"):
        Gae().compute(INPUTS)


@EVERY
def test_one_sample_per_problem_is_refused_where_samples_are_compared(name: str) -> None:
    spec, inputs = read(name), step_of(mixed_rewards(SAMPLES)[:, 1:2])
    if spec.needs_group:
        with pytest.raises(ValueError, match=r"^sampling.samples: .*use at least 2, got 1$"):
            spec.check_samples(1)
        with pytest.raises(InputError, match=r"^samples: a group needs at least 2 samples"):
            spec.compute(inputs)
    else:
        spec.check_samples(1)
        assert spec.compute(inputs).shape[:2] == (3, 1)
    spec.check_samples(SAMPLES)


@pytest.mark.parametrize("name", EXPECTED)
def test_eight_samples_per_problem_are_enough(name: str) -> None:
    read(name).check_samples(8)


@pytest.mark.parametrize("name", [name for name, kind in OURS.items() if kind.needs_group])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_rewards_that_are_no_numbers_are_refused_where_samples_are_compared(name: str, bad: float) -> None:
    rewards_PG = mixed_rewards(SAMPLES)
    rewards_PG[0, 1] = bad
    with pytest.raises(InputError, match=r"^rewards: must be finite; filter unscorable samples"):
        read(name).compute(step_of(rewards_PG))


@pytest.mark.parametrize(
    ("spec", "least"),
    [
        (Pkpo(k=KSchedule(first=4), baseline="none"), 4),
        (Pkpo(k=KSchedule(first=4)), 4),
        (Pkpo(k=KSchedule(first=4), baseline="sloo"), 5),
        (Pkpo(k=KSchedule(first=2, then=4), baseline="sloo_kn"), 5),
        (PasskTraining(k=KSchedule(first=4)), 5),
        (PasskBootstrap(k=KSchedule(first=4, then=6)), 7),
        (PasskFull(k=KSchedule(first=4)), 8),
    ],
)
def test_too_few_samples_for_k_are_refused_before_any_work(spec: AdvantageSpec, least: int) -> None:
    spec.check_samples(least)
    with pytest.raises(ValueError, match=rf"^sampling.samples: .* needs at least {least}, got {least - 1}$"):
        spec.check_samples(least - 1)


def test_supervised_credit_and_no_credit_at_all() -> None:
    assert bool((IndicatorOfAll().compute(INPUTS) == 1).all())
    assert not IndicatorOfNone().compute(INPUTS).any()


def test_an_advantage_of_another_module_registers_and_takes_no_name_that_is_there() -> None:
    @ADVANTAGES.register
    class Doubled(AdvantageSpec):
        kind: Literal["doubled_in_a_test"] = "doubled_in_a_test"
        factor: float = 2.0

        def estimate(self, inputs: AdvantageInputs) -> torch.Tensor:
            return self.factor * advantages.rloo(inputs.net_reward_PG)

    assert torch.equal(read("doubled_in_a_test").compute(INPUTS), 2 * EXPECTED["rloo"])
    assert override(Holder(), ["advantage=doubled_in_a_test", "advantage.factor=3"]).advantage == Doubled(factor=3.0)
    with pytest.raises(InputError, match=r"^advantage 'rloo': edgewise.rl.advantages.rloo has registered this name"):

        @ADVANTAGES.register
        class Taken(AdvantageSpec):
            kind: Literal["rloo"] = "rloo"
