from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from edgewise.core.errors import InputError
from edgewise.core.spec import Spec, digest, override
from edgewise.rl import advantages
from edgewise.rl.graded import Graded
from edgewise.rl.recipe.advantage import (
    Accepted,
    Advantage,
    AdvantageSpec,
    Everything,
    Gae,
    KSchedule,
    Nothing,
    PassAtK,
    Pkpo,
    Reinforce,
    ReinforcePlusPlus,
    Remax,
    Rloo,
)

ADAPTER: TypeAdapter[AdvantageSpec] = TypeAdapter(Advantage)
KINDS: list[type[AdvantageSpec]] = list(get_args(get_args(Advantage)[0]))
NAMES = [kind.model_fields["advantage"].default for kind in KINDS]

REWARD = torch.tensor([[1.0, 0, 0, 1, 0, 0], [0, 0, 0, 1, 0, 0]], dtype=torch.float64)
LENGTH = torch.tensor([[5, 3, 4, 2, 1, 1], [5, 5, 1, 3, 2, 4]])
LOGP = -torch.arange(1.0, 13.0, dtype=torch.float64).reshape(2, 6) / 7
GRADED = Graded(REWARD, REWARD == 1, LENGTH, LOGP, step=3, steps=10, seed=7)
PENALTY = torch.linspace(0, 0.3, 60, dtype=torch.float64).reshape(2, 6, 5) * (torch.arange(5) < LENGTH.unsqueeze(-1))
VALUES = torch.linspace(-1, 1, 60, dtype=torch.float64).reshape(2, 6, 5)
GREEDY = torch.tensor([1.0, 0.0], dtype=torch.float64)
EVERYTHING = replace(GRADED, values_PGT=VALUES, greedy_P=GREEDY)


class Holder(Spec):
    advantage: Advantage = Rloo()


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
    "pass_at_k": advantages.pass_at_k_training(REWARD, 4),
    "maxrl": advantages.maxrl(REWARD),
    "unlikeliness": advantages.unlikeliness(REWARD, LOGP),
    "reinforce": REWARD,
    "accepted": REWARD,
    "everything": torch.ones(2, 6, dtype=torch.float64),
    "nothing": torch.zeros(2, 6, dtype=torch.float64),
}


def test_a_bare_name_is_that_choice_with_its_defaults() -> None:
    assert EXPECTED.keys() == set(NAMES)
    for name, kind in zip(NAMES, KINDS, strict=True):
        assert read(name) == read({"advantage": name}) == kind()
        assert digest(Holder(advantage=name)) == digest(Holder(advantage=kind()))
    assert override(Holder(), ["advantage=pkpo", "advantage.k=8", "advantage.baseline=sloo"]).advantage == Pkpo(
        k=KSchedule(k=8), baseline="sloo"
    )


@pytest.mark.parametrize("value", ["gpro", {"k": 3}, 3, {"advantage": "rloo", "k": 3}])
def test_what_names_no_choice_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        read(value)


@pytest.mark.parametrize("name", NAMES)
def test_defaults_are_the_pure_function(name: str) -> None:
    assert torch.equal(read(name).of(EVERYTHING), EXPECTED[name])


@pytest.mark.parametrize("name", NAMES)
def test_positive_only_masks_what_is_negative(name: str) -> None:
    assert torch.equal(read({"advantage": name, "positive_only": True}).of(EVERYTHING), EXPECTED[name].clamp(min=0))


def test_numbers_reach_the_function() -> None:
    cases = [
        ({"advantage": "grpo", "std": "population"}, advantages.grpo(REWARD, "population")),
        ({"advantage": "unlikeliness", "beta": 0.5}, advantages.unlikeliness(REWARD, LOGP, 0.5)),
        (
            {"advantage": "gae", "gamma": 0.9, "lam": 0.8, "whiten": False},
            advantages.gae(REWARD, VALUES, LENGTH, 0.9, 0.8),
        ),
        ({"advantage": "pkpo", "k": 2, "baseline": "none"}, 6 * advantages.pkpo(REWARD, 2)),
        ({"advantage": "pkpo", "k": 2, "baseline": "sloo"}, 6 * advantages.pkpo(REWARD, 2, "sloo")),
        ({"advantage": "pkpo", "k": 2, "baseline": "sloo_kn"}, 6 * advantages.pkpo(REWARD, 2, "sloo_kn")),
    ]
    for value, expected in cases:
        assert torch.equal(read(value).of(EVERYTHING), expected)


def test_each_form_of_pass_at_k_is_its_function() -> None:
    expected = {
        "analytic": advantages.pass_at_k_training(REWARD, 2),
        "full": advantages.pass_at_k_full(REWARD, 2),
        "bootstrap": advantages.pass_at_k_bootstrap(REWARD, 2, seed=7),
        "exceeding": advantages.pass_at_k_exceeding(REWARD, 2),
        "combination": advantages.pass_at_k_combination(REWARD, 2),
        # The second problem's tokens are the less likely: it is the less certain one.
        "adaptive": torch.stack(
            [advantages.pass_at_k_training(REWARD, 2)[0], advantages.pass_at_k_training(REWARD, 1)[1]]
        ),
        "by_pass_rate": advantages.pass_at_k_training(REWARD, 2),
    }
    assert set(expected) == set(get_args(PassAtK.model_fields["form"].annotation))
    for form, credit in expected.items():
        assert torch.equal(read({"advantage": "pass_at_k", "k": 2, "form": form}).of(GRADED), credit)
    wide = read({"advantage": "pass_at_k", "k": 5, "form": "by_pass_rate"}).of(GRADED)
    assert torch.equal(wide, advantages.pass_at_k_training(REWARD, torch.tensor([3, 5])))


def test_pkpo_at_one_draw_is_leave_one_out_where_there_is_a_baseline() -> None:
    for baseline in ("sloo", "sloo_minus_one", "sloo_kn"):
        assert torch.equal(read({"advantage": "pkpo", "k": 1, "baseline": baseline}).of(GRADED), EXPECTED["rloo"])
    torch.testing.assert_close(read({"advantage": "pkpo", "k": 1, "baseline": "none"}).of(GRADED), REWARD)


def test_pkpo_anneals() -> None:
    spec = Pkpo(k=KSchedule(k=5, then=1, at=0.4))
    assert torch.equal(spec.of(GRADED), 6 * advantages.pkpo(REWARD, 5, "sloo_minus_one"))
    assert torch.equal(spec.of(replace(GRADED, step=4)), EXPECTED["rloo"])
    assert [KSchedule(k=8, then=1).at_step(step, 4) for step in range(4)] == [8, 8, 1, 1]
    assert [KSchedule(k=8).at_step(step, 4) for step in range(4)] == [8] * 4


@pytest.mark.parametrize("value", [0, -1, True, 2.5, "4", {"k": 4, "then": 0}, {"k": 4, "at": 1.0}, {"then": 1}])
def test_a_schedule_that_makes_no_sense_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(KSchedule).validate_python(value, strict=isinstance(value, str))


def test_what_tokens_cost_comes_off_the_reward() -> None:
    graded = replace(EVERYTHING, penalty_PGT=PENALTY)
    net_PG = REWARD - PENALTY.sum(-1)
    assert torch.equal(read("rloo").of(graded), advantages.rloo(net_PG))
    assert torch.equal(read("reinforce").of(graded), net_PG)
    assert torch.equal(read("remax").of(graded), advantages.remax(net_PG, GREEDY))
    assert torch.equal(read("accepted").of(graded), REWARD), "the outcome knows no penalty"
    with pytest.raises(InputError, match=r"^rewards: must be 0 or 1 for Pass@k Training"):
        read("pass_at_k").of(graded)


def test_credit_per_token_pays_the_penalties_where_they_arise() -> None:
    graded = replace(EVERYTHING, penalty_PGT=PENALTY)
    to_go = advantages.reward_to_go(REWARD, PENALTY, LENGTH)
    assert torch.equal(ReinforcePlusPlus().of(graded), advantages.whiten(to_go, LENGTH))
    expected = advantages.gae(REWARD, VALUES, LENGTH, penalty_PGT=PENALTY)
    assert torch.equal(Gae(whiten=False).of(graded), expected)
    assert torch.equal(Gae().of(graded), advantages.whiten(expected, LENGTH))


def test_shaping_does_not_reach_what_looks_at_the_outcome() -> None:
    graded = replace(GRADED, reward_PG=REWARD - 0.25)
    assert torch.equal(Accepted().of(graded), REWARD)
    assert torch.equal(Reinforce().of(graded), REWARD - 0.25)
    assert Accepted().of(replace(graded, reward_PG=graded.reward_PG.float())).dtype == torch.float32


def test_what_each_choice_needs_is_said() -> None:
    alone = {name for name, kind in zip(NAMES, KINDS, strict=True) if not kind.needs_group}
    assert alone == {"remax", "reinforce_plus_plus", "gae", "reinforce", "accepted", "everything", "nothing"}
    assert [kind for kind in KINDS if kind.needs_greedy] == [Remax]
    assert [kind for kind in KINDS if kind.needs_critic] == [Gae]
    with pytest.raises(InputError, match=r"^greedy_P: this advantage needs it"):
        Remax().of(GRADED)
    with pytest.raises(InputError, match=r"^values_PGT: this advantage needs it"):
        Gae().of(GRADED)


@pytest.mark.parametrize("name", NAMES)
def test_one_sample_per_problem_is_refused_where_samples_are_compared(name: str) -> None:
    spec = read(name)
    if spec.needs_group:
        with pytest.raises(ValueError, match=r"^samples: .*use at least 2, got 1$"):
            spec.check(1)
    else:
        spec.check(1)
    spec.check(8)


@pytest.mark.parametrize(
    ("spec", "least"),
    [
        (Pkpo(k=KSchedule(k=4), baseline="none"), 4),
        (Pkpo(k=KSchedule(k=4)), 4),
        (Pkpo(k=KSchedule(k=4), baseline="sloo"), 5),
        (Pkpo(k=KSchedule(k=2, then=4), baseline="sloo_kn"), 5),
        (PassAtK(k=KSchedule(k=4)), 5),
        (PassAtK(k=KSchedule(k=4, then=6), form="bootstrap"), 7),
        (PassAtK(k=KSchedule(k=4), form="full"), 8),
    ],
)
def test_too_few_samples_for_k_are_refused_before_any_work(spec: AdvantageSpec, least: int) -> None:
    spec.check(least)
    with pytest.raises(ValueError, match=rf"^samples: .* needs at least {least}, got {least - 1}$"):
        spec.check(least - 1)


def test_supervised_credit_and_no_credit_at_all() -> None:
    assert bool((Everything().of(GRADED) == 1).all())
    assert not Nothing().of(GRADED).any()
