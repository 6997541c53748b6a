"""Rewards shaped by length, and the choices of a recipe."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.core.errors import InputError
from edgewise.core.spec import plain
from edgewise.rl import rewards
from edgewise.tasks import Verdict

from .rewarded import CHOICES, COMPACT, LENGTHS, LUCKY, MARKED, RIGHT, WRONG, Holder, of_verdicts, reward_of


@pytest.mark.parametrize(
    ("length", "punished"),
    [(0, 0.0), (16384, 0.0), (16385, -1 / 4096), (18432, -0.5), (20479, -4095 / 4096), (20480, -1.0), (99999, -1.0)],
)
def test_overlong_punishment_at_its_corners(length: int, punished: float) -> None:
    assert rewards.overlong(length, 20480, 4096) == punished
    assert rewards.overlong_scalerl(True, length, 20480, 4096) == punished
    assert rewards.overlong_scalerl(False, length, 20480, 4096) == 0


@given(st.integers(0, 20_000), st.integers(1, 14_000), st.booleans())
def test_the_scalerl_penalty_follows_its_formula(length: int, soft: int, right: bool) -> None:
    expected = min(max((14_000 - length) / soft - 1, -1), 0) if right else 0
    assert rewards.overlong_scalerl(right, length, 14_000, soft) == pytest.approx(expected, abs=1e-12)


YEO = {"right_short": 2.0, "right_long": 1.0, "wrong_short": -10.0, "wrong_long": 0.0, "exceeding": -20.0}


@pytest.mark.parametrize(
    ("right", "length", "paid"),
    [
        (True, 0, 2.0),
        (True, 50, 1.5),
        (True, 25, 1.5 + 0.5**1.5),
        (False, 0, -10.0),
        (False, 50, -5.0),
        (False, 75, -5 + 5 * 0.5**0.5),
        (True, 100, -20.0),
        (False, 100, -20.0),
        (True, 101, -20.0),
    ],
)
def test_the_cosine_reward_at_its_corners(right: bool, length: int, paid: float) -> None:
    assert rewards.cosine(right, length, 100, **YEO) == pytest.approx(paid)


def test_the_cosine_reward_ends_where_it_says() -> None:
    assert rewards.cosine(True, 10**6 - 1, 10**6, **YEO) == pytest.approx(1)
    assert rewards.cosine(False, 10**6 - 1, 10**6, **YEO) == pytest.approx(0, abs=1e-9)
    lengths = range(100)
    right, wrong = ([rewards.cosine(mark, length, 100, **YEO) for length in lengths] for mark in (True, False))
    assert right == sorted(right, reverse=True)
    assert wrong == sorted(wrong)


def test_a_schedule_cycles() -> None:
    assert [rewards.cycle(step, 2, 3) for step in range(11)] == [True, True, False, False, False] * 2 + [True]
    assert all(rewards.cycle(step, 1, 0) for step in range(5))
    assert [rewards.cycle(step, 100, 500) for step in (99, 100, 599, 600)] == [True, False, False, True]


SHAPING: tuple[Any, ...] = ("none", "overlong", "overlong_scalerl", "cosine", {"kind": "cosine", "on": 2, "off": 1})


@given(st.lists(st.tuples(MARKED, LENGTHS), min_size=2, max_size=6), st.sampled_from(SHAPING), st.integers(0, 5))
@settings(max_examples=100, deadline=None)
def test_length_shapes_rewards_and_never_outcomes(samples: list[tuple[Verdict, int]], choice: Any, step: int) -> None:
    rollouts = of_verdicts([[verdict for verdict, _ in samples]], [[length for _, length in samples]])
    outcome, paid = reward_of("outcome").score(COMPACT, rollouts, 0)
    before = outcome.clone(), paid.clone()
    spec = Holder.parse({"length": choice}).length
    shaped = spec.adjust(paid, outcome, rollouts, 100, step)
    assert torch.equal(outcome, before[0])
    assert torch.equal(paid, before[1])
    assert shaped.dtype == torch.float32
    expected = []
    for verdict, length in samples:
        right = verdict.answer_correct
        match choice:
            case "none":
                expected.append(float(right))
            case "overlong":
                expected.append(right + rewards.overlong(length, 100, 20))
            case "overlong_scalerl":
                expected.append(right + rewards.overlong_scalerl(right, length, 100, 14))
            case "cosine":
                expected.append(rewards.cosine(right, length, 100, **{**YEO, "exceeding": -10}))
            case _:
                shape = rewards.cosine(right, length, 100, **{**YEO, "exceeding": -10})
                expected.append(shape if step % 3 < 2 else float(right))
    assert shaped.flatten().tolist() == pytest.approx(expected, abs=1e-5)


def test_what_a_shaped_reward_pays_beyond_the_outcome_stays_under_the_cosine() -> None:
    rollouts = of_verdicts([[RIGHT, LUCKY, WRONG]], [[50, 50, 50]])
    outcome, paid = torch.tensor([[True, True, False]]), torch.tensor([[1.0, 0.6, 0.2]])
    shaped = Holder.parse({"length": "cosine"}).length.adjust(paid, outcome, rollouts, 100, 0)
    assert shaped.flatten().tolist() == pytest.approx([1.5, 1.1, -4.8])


@pytest.mark.parametrize("choice", [*CHOICES, {"kind": "world", "name": "released_strict", "outcome": "process"}])
def test_a_reward_survives_the_file_and_its_bare_name_is_its_default(choice: Any) -> None:
    found = Holder.parse({"reward": choice})
    assert Holder.parse(plain(found)) == found
    assert found.reward.kind == (choice if isinstance(choice, str) else choice["kind"])


@pytest.mark.parametrize("choice", SHAPING)
def test_a_length_survives_the_file(choice: Any) -> None:
    found = Holder.parse({"length": choice})
    assert Holder.parse(plain(found)) == found


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"reward": "bleu"}, "reward"),
        ({"reward": "mixture"}, "alpha"),
        ({"reward": {"kind": "mixture", "alpha": 1.5}}, "alpha"),
        ({"reward": {"kind": "random", "p": -0.1}}, "p"),
        ({"reward": {"kind": "outcome", "p": 0.1}}, "p"),
        ({"length": {"kind": "overlong", "soft": 0}}, "soft"),
        ({"length": {"kind": "overlong_scalerl", "soft": 1.1}}, "soft"),
        ({"length": {"kind": "cosine", "on": 0}}, "on"),
        ({"length": {"kind": "cosine", "right_short": float("nan")}}, "right_short"),
        ({"length": "short"}, "length"),
    ],
)
def test_a_bad_choice_names_its_field(fields: dict[str, object], name: str) -> None:
    with pytest.raises(InputError) as caught:
        Holder.parse(fields, "recipe")
    assert name in str(caught.value) and "\n" not in str(caught.value)


def test_a_choice_without_needs_takes_any_world() -> None:
    for choice in CHOICES[:-2]:
        reward_of(choice).check(COMPACT, "held_out")
