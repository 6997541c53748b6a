"""Rewards that are not for being right: format, coins, wrong labels, majorities."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.core.errors import InputError
from edgewise.rl import rewards
from edgewise.tasks import Problem, Score, Verdict
from edgewise.tasks.strings import StringFunctions

from .rewarded import (
    CHOICES,
    COMPACT,
    CONTROLS,
    EVERY_WORLD,
    NOTHING,
    RIGHT,
    VERDICTS,
    WRONG,
    of_verdicts,
    reward_of,
    rollouts_of,
)


def test_the_format_control_pays_for_any_answer() -> None:
    assert [rewards.format_only(verdict) for verdict in VERDICTS] == [1, 1, 1, 0]


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 1.0])
def test_random_rewards_come_with_their_probability(p: float) -> None:
    count = 10_000
    drawn = [rewards.random(p, 3, f"problem {i // 100}", i % 100) for i in range(count)]
    assert abs(sum(drawn) / count - p) <= 4 * (p * (1 - p) / count) ** 0.5


def test_random_rewards_are_independent_within_a_group_across_problems_and_across_seeds() -> None:
    coin = {
        (seed, problem, sample): rewards.random(0.5, seed, f"p{problem}", sample)
        for seed in range(2)
        for problem in range(50)
        for sample in range(100)
    }
    pairs = {
        "samples": [(coin[0, p, g], coin[0, p, g + 1]) for p in range(50) for g in range(0, 100, 2)],
        "problems": [(coin[0, p, g], coin[0, p + 1, g]) for p in range(0, 50, 2) for g in range(100)],
        "seeds": [(coin[0, p, g], coin[1, p, g]) for p in range(50) for g in range(100)],
    }
    for found in pairs.values():
        for cell in Counter(found).values():
            assert abs(cell / len(found) - 0.25) <= 4 * (0.25 * 0.75 / len(found)) ** 0.5


def test_random_rewards_do_not_look_at_the_text_and_come_again_on_resuming() -> None:
    some, others = of_verdicts([[RIGHT] * 32] * 2), of_verdicts([[WRONG, NOTHING] * 16] * 2)
    outcome, paid = reward_of("random").score(COMPACT, some, 5)
    assert torch.equal(paid, reward_of("random").score(COMPACT, others, 5)[1])
    assert not torch.equal(paid, reward_of("random").score(COMPACT, some, 6)[1])
    assert 0 < paid.mean() < 1
    assert torch.equal(outcome, paid.bool())
    assert not torch.equal(paid[0], paid[1])


@pytest.mark.parametrize("name", EVERY_WORLD)
def test_a_wrong_label_is_never_right_and_stays_the_same(name: str) -> None:
    world = EVERY_WORLD[name]
    reward_of("wrong_label").check(world, "held_out")
    labels = set()
    for index in range(6):
        problem = world.problem("train", 0, index)
        label = rewards.wrong_label(world, problem, 0)
        labels.add(label)
        assert label == rewards.wrong_label(world, world.problem("train", 0, index), 0)
        assert label != world.verify(problem, world.solution(problem)).predicted
        assert world.verify(problem, f"Answer: {label}.").answer is not Score.CORRECT
        assert world.verify(problem, f"answer {label}").answer is not Score.CORRECT
        for right in getattr(world, "answers", lambda _: ())(problem):
            assert world.verify(problem, right).predicted != label
    assert len(labels) > 1


def test_wrong_labels_are_of_a_level_and_their_set_can_be_changed() -> None:
    world = StringFunctions(min_calls=1, max_calls=3, min_length=5, max_length=5)
    problems = [world.problem("train", 0, index) for index in range(20)]
    first = [rewards.wrong_label(world, problem, 0) for problem in problems]
    assert all(len(label) in range(1, 20) for label in first)
    assert first != [rewards.wrong_label(world, problem, 1) for problem in problems]
    asked = []

    class Watched(StringFunctions):
        def check(self, problem: Problem, text: str) -> Verdict:
            asked.append(text.count(";"))
            return super().check(problem, text)

    for problem in problems:
        rewards.wrong_label(Watched(**world.model_dump()), problem, 0)
        assert asked[-1] == problem.level


def test_wrong_label_pays_for_that_label_alone() -> None:
    world = StringFunctions(max_calls=1)
    problem = world.problem("train", 0, 0)
    label = rewards.wrong_label(world, problem, 0)
    texts = [[f"answer {label}", world.solution(problem), "answer zzzzz", "zz"]]
    outcome, paid = reward_of("wrong_label").score(world, rollouts_of(world, texts), 9)
    assert paid.tolist() == [[1, 0, 0, 0]]
    assert torch.equal(outcome, paid.bool())


class Same(StringFunctions):
    """Every problem is the same one."""

    def problem(self, split: Any, seed: int, index: int) -> Problem:
        return super().problem(split, 0, 0)


def test_a_world_of_one_answer_has_no_wrong_label() -> None:
    world = Same(max_calls=1)
    with pytest.raises(InputError, match=r"^reward: 100 other problems of the world strings"):
        reward_of("wrong_label").check(world, "held_out")


@given(st.lists(st.sampled_from(["1", "2", "3", None]), min_size=1, max_size=8))
@settings(max_examples=150)
def test_majority_by_brute_force(given_G: list[str | None]) -> None:
    votes = {answer: sum(other == answer for other in given_G) for answer in given_G if answer is not None}
    expected = [
        float(answer is not None and all(votes[answer] >= count for count in votes.values())) for answer in given_G
    ]
    assert rewards.majority(given_G) == expected


def test_majority_by_hand_with_ties_and_unreadable() -> None:
    assert rewards.majority(["1", "2", "1", None]) == [1, 0, 1, 0]
    assert rewards.majority(["1", "2", "2", "1", "3"]) == [1, 1, 1, 1, 0]
    assert rewards.majority([None, None, None, "1"]) == [0, 0, 0, 1]
    assert rewards.majority([None, None]) == [0, 0]
    outcome, paid = reward_of("majority").score(COMPACT, of_verdicts([[WRONG, WRONG, RIGHT, NOTHING]]), 0)
    assert paid.tolist() == [[1, 1, 0, 0]]
    assert torch.equal(outcome, paid.bool())


@pytest.mark.parametrize("choice", CHOICES)
def test_outcomes_are_the_mark_that_is_rewarded_or_a_control_s_own_reward(choice: Any) -> None:
    rollouts = of_verdicts([list(VERDICTS), [WRONG, WRONG, NOTHING, RIGHT]])
    outcome, paid = reward_of(choice).score(COMPACT, rollouts, 0)
    assert (outcome.dtype, paid.dtype, outcome.shape, paid.shape) == (torch.bool, torch.float32, (2, 4), (2, 4))
    of = rewards.process if choice == "process" else rewards.outcome
    binary = paid if choice in CONTROLS else [[of(verdict) for verdict in row] for row in rollouts.verdict_PG]
    assert torch.equal(outcome, torch.as_tensor(binary).bool())


def test_controls_see_nothing_of_what_is_right() -> None:
    swapped = {Score.CORRECT: Score.WRONG, Score.WRONG: Score.CORRECT, Score.UNSCORABLE: Score.UNSCORABLE}
    rows = [list(VERDICTS), [WRONG, WRONG, NOTHING, RIGHT]]
    lies = [[replace(v, answer=swapped[v.answer], process=swapped[v.process]) for v in row] for row in rows]
    for choice in CONTROLS:
        for one, other in zip(
            reward_of(choice).score(COMPACT, of_verdicts(rows), 4),
            reward_of(choice).score(COMPACT, of_verdicts(lies), 4),
            strict=True,
        ):
            assert torch.equal(one, other), choice
