from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from edgewise.core.errors import InputError
from edgewise.core.spec import Spec, digest, override
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

ADAPTER: TypeAdapter[AdvantageSpec] = TypeAdapter(AnyAdvantage)
OURS = {name: kind for name, kind in ADVANTAGES.specs().items() if kind.__module__.startswith("edgewise.")}
# The other forms of Pass@k Training have a test of their own, with a k that all of them can have.
FORMS = {name for name in OURS if name.startswith("pass_at_k")} - {"pass_at_k_training"}
NAMES = [name for name in OURS if name not in FORMS]
KINDS = [OURS[name] for name in NAMES]

REWARD = torch.tensor([[1.0, 0, 0, 1, 0, 0], [0, 0, 0, 1, 0, 0]], dtype=torch.float64)
LENGTH = torch.tensor([[5, 3, 4, 2, 1, 1], [5, 5, 1, 3, 2, 4]])
LOGP = -torch.arange(1.0, 13.0, dtype=torch.float64).reshape(2, 6) / 7
INPUTS = AdvantageInputs(REWARD, REWARD == 1, LENGTH, LOGP, step=3, steps=10, seed=7)
PENALTY = torch.linspace(0, 0.3, 60, dtype=torch.float64).reshape(2, 6, 5) * (torch.arange(5) < LENGTH.unsqueeze(-1))
VALUES = torch.linspace(-1, 1, 60, dtype=torch.float64).reshape(2, 6, 5)
GREEDY = torch.tensor([1.0, 0.0], dtype=torch.float64)
ALL_INPUTS = replace(INPUTS, values_PGT=VALUES, greedy_P=GREEDY)


class Holder(Spec):
    advantage: AnyAdvantage = Rloo()


def read(value: Any) -> AdvantageSpec:
    return ADAPTER.validate_python(value)


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


def test_a_bare_name_is_that_choice_with_its_defaults() -> None:
    assert EXPECTED.keys() == set(NAMES)
    for name, kind in zip(NAMES, KINDS, strict=True):
        assert read(name) == read({"kind": name}) == kind.parse({})
        assert digest(Holder(advantage=name)) == digest(Holder(advantage=kind.parse({})))
    assert override(Holder(), ["advantage=pkpo", "advantage.k=8", "advantage.baseline=sloo"]).advantage == Pkpo(
        k=KSchedule(first=8), baseline="sloo"
    )


@pytest.mark.parametrize("value", ["gpro", {"k": 3}, 3, {"kind": "rloo", "k": 3}])
def test_what_names_no_choice_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        read(value)


@pytest.mark.parametrize("name", NAMES)
def test_defaults_are_the_pure_function(name: str) -> None:
    assert torch.equal(read(name).compute(ALL_INPUTS), EXPECTED[name])


@pytest.mark.parametrize("name", NAMES)
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
    assert set(expected) == FORMS
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
    net_PG = REWARD - PENALTY.sum(-1)
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
    alone = {name for name, kind in zip(NAMES, KINDS, strict=True) if not kind.needs_group}
    assert alone == {"remax", "reinforce_plus_plus", "gae", "reinforce"} | indicators
    assert [kind for kind in KINDS if kind.needs_greedy] == [Remax]
    assert [kind for kind in KINDS if kind.parse({}).critic_spec] == [Gae]
    with pytest.raises(InputError, match=r"^greedy_P: this advantage needs it"):
        Remax().compute(INPUTS)
    with pytest.raises(InputError, match=r"^values_PGT: this advantage needs it"):
        Gae().compute(INPUTS)


@pytest.mark.parametrize("name", NAMES)
def test_one_sample_per_problem_is_refused_where_samples_are_compared(name: str) -> None:
    spec = read(name)
    if spec.needs_group:
        with pytest.raises(ValueError, match=r"^sampling.samples: .*use at least 2, got 1$"):
            spec.check_samples(1)
    else:
        spec.check_samples(1)
    spec.check_samples(8)


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
