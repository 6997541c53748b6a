"""Rewards for what is right: outcome, process, mixtures, as written and as released."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edgewise.core.errors import InputError
from edgewise.core.spec import override
from edgewise.rl import rewards
from edgewise.rl.description import descriptions_of
from edgewise.rl.recipe import Recipe
from edgewise.rl.rewards.base import REWARDS
from edgewise.tasks import Problem, Score, Verdict, World
from edgewise.tasks.countdown import Countdown
from edgewise.tasks.graph.english import spaced
from edgewise.tasks.graph.paper_compat import Defects, defects
from edgewise.tasks.graph.released_reward import released_mixture, released_strict
from edgewise.tasks.graph.world import GraphArithmetic
from edgewise.tasks.modular import ModularArithmetic
from edgewise.tasks.strings import StringFunctions

from .rewarded import (
    COMPACT,
    ENGLISH,
    LUCKY,
    MARKED,
    NOTHING,
    PAPER,
    RIGHT,
    VERDICTS,
    WRONG,
    mixed,
    reward_of,
    rollouts_of,
)

PAID = [
    description.recipe
    for description in descriptions_of(REWARDS.modules())
    if description.recipe.startswith("reward.function=")
]


@pytest.mark.parametrize("recipe", PAID)
def test_every_reward_is_a_number_for_each_sample_and_says_when_it_is_binary(recipe: str) -> None:
    spec = override(Recipe(), [recipe]).reward.function
    spec.check(PAPER, "held_out")
    golds = [PAPER.solution(PAPER.problem("train", 0, index)) for index in range(3)]
    rollouts = rollouts_of(PAPER, [[gold, gold[: len(gold) // 2], "", gold] for gold in golds], cut=[(0, 3)])
    rollouts = replace(rollouts, start_logp_PG=np.linspace(-9, -1, 12, dtype=np.float32).reshape(3, 4))
    outcome, paid = spec.score(PAPER, rollouts, 5)
    assert (outcome.dtype, outcome.shape, paid.dtype, paid.shape) == (torch.bool, (3, 4), torch.float32, (3, 4))
    assert bool(paid.isfinite().all())
    assert not spec.binary or set(paid.flatten().tolist()) <= {0.0, 1.0}
    again = spec.score(PAPER, rollouts, 5)
    assert torch.equal(again[0], outcome) and torch.equal(again[1], paid), "the same seed, the same rewards"


def test_outcome_and_process_pay_for_what_is_correct_alone() -> None:
    assert [rewards.outcome(verdict) for verdict in VERDICTS] == [1, 1, 0, 0]
    assert [rewards.process(verdict) for verdict in VERDICTS] == [1, 0, 0, 0]


def test_a_graded_reward_tells_a_wrong_answer_from_none_and_its_outcome_stays_binary() -> None:
    assert [rewards.graded(verdict, 3, -0.5, -3) for verdict in VERDICTS] == [3, 3, -0.5, -3]
    reward = reward_of({"kind": "graded", "right": 3, "wrong": -0.5, "unreadable": -3})
    problem = COMPACT.problem("train", 0, 0)
    gold = COMPACT.solution(problem)
    other = next(
        text
        for text in (COMPACT.solution(COMPACT.problem("train", 0, index)) for index in range(1, 50))
        if COMPACT.verify(problem, text).answer is Score.WRONG
    )
    outcome, paid = reward.score(COMPACT, rollouts_of(COMPACT, [[gold, other, "", gold]], cut=[(0, 3)]), 0)
    assert paid.tolist() == [[3, -0.5, -3, -3]], "the last one was cut off"
    assert outcome.tolist() == [[True, False, False, False]]


@pytest.mark.parametrize(
    ("verdict", "steps", "share"),
    [
        (RIGHT, 4, 1.0),
        (LUCKY, 4, 0.25),
        (WRONG, 4, 0.5),
        (WRONG, 2, 0.5),
        (WRONG, 1, 0.0),
        (replace(WRONG, first_wrong_step=0), 4, 0.0),
        (replace(WRONG, first_wrong_step=4), 4, 0.75),
        (replace(WRONG, first_wrong_step=9), 4, 0.75),
        (replace(WRONG, first_wrong_step=None), 4, 0.0),
        (replace(WRONG, first_wrong_step=4, extra_steps=3), 4, 0.25),
        (replace(WRONG, first_wrong_step=9, extra_steps=9), 4, 0.0),
        (NOTHING, 4, 0.0),
    ],
)
def test_the_process_share_is_of_the_steps_before_the_first_wrong_one(
    verdict: Verdict, steps: int, share: float
) -> None:
    assert rewards.process_share(verdict, steps) == share


@pytest.mark.parametrize(
    "world",
    [ENGLISH, PAPER, COMPACT, StringFunctions(min_calls=2, max_calls=5), Countdown()],
    ids=["english", "paper", "compact", "strings", "countdown"],
)
def test_the_process_share_rises_step_by_step_as_a_gold_solution_is_written(world: World) -> None:
    for index in range(25):
        problem = world.problem("train", 0, index)
        steps, gold = world.steps(problem), world.solution(problem)
        # Where a step begins, and where the answer does.
        begins = [0, *(match.end() for match in re.finditer(";", gold))]
        if "Define" in gold:
            begins = [match.start() for match in re.finditer("Define|We know|Answer|<answer>", gold)]
        answer = gold[begins[-1] :]
        cut = [world.verify(problem, f"{gold[:begin]}{answer}") for begin in begins]
        shares = [rewards.process_share(verdict, steps) for verdict in cut]
        assert shares == [*(step / steps for step in range(steps)), 1]


@given(MARKED, st.integers(1, 9), st.floats(0, 1))
def test_a_mixture_is_the_weighted_mean_of_outcome_and_process(verdict: Verdict, steps: int, alpha: float) -> None:
    outcome, share = rewards.outcome(verdict), rewards.process_share(verdict, steps)
    paid = rewards.mixture(outcome, share, alpha)
    assert paid == pytest.approx(alpha * outcome + (1 - alpha) * share)
    assert 0 <= paid <= 1 + 1e-12
    assert rewards.mixture(outcome, share, 1.0) == outcome
    assert rewards.mixture(outcome, share, 0.0) == share
    assert (outcome if share == 1 else 0) == rewards.process(verdict), "the strict reward as published"


GOLD = (
    "Define adult owl in Pine Ridge as k; so k = 3. "
    "Define adult crow in Pine Ridge as B; r = k = 3; so B = 2 * r = 2 * 3 = 6. "
    "Define adult wolf in Pine Ridge as m; so m = 4. "
    "Define total number of adult animals in Pine Ridge as z; so z = k + B = 3 + 6 = 9. Answer: 9."
)
EXTRA = "Define blue cow in Pine Ridge as {}; so {} = 5. "
NONE = Defects(value=0, dependency=0, missing=0, extra=0, nodes=4, answer_wrong=False)


def without(text: str, name: str) -> str:
    head, *steps = text.split("Define ")
    return "Define ".join([head, *(step for step in steps if name not in step)])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (GOLD, NONE),
        (GOLD.replace("m = 4", "m = 5"), replace(NONE, value=1)),
        (GOLD.replace("z = k + B =", "z = k + m ="), replace(NONE, dependency=1)),
        (GOLD.replace("m = 4", "m = k + 4"), replace(NONE, value=1, dependency=1)),
        (without(GOLD, "wolf"), replace(NONE, missing=1)),
        (EXTRA.format("q", "q") + GOLD, replace(NONE, extra=1)),
        (GOLD.replace("Answer: 9", "Answer: 8"), replace(NONE, answer_wrong=True)),
        (GOLD.replace("Answer: 9.", ""), replace(NONE, answer_wrong=True)),
        (without(EXTRA.format("q", "q") + GOLD, "wolf"), replace(NONE, missing=1, extra=1)),
        ("Answer: 9.", replace(NONE, missing=4)),
        ("", replace(NONE, missing=4, answer_wrong=True)),
        (" " * 100_000 + GOLD, replace(NONE, missing=4, answer_wrong=True)),
    ],
)
def test_defects_are_counted_as_the_released_reward_counts_them(text: str, found: Defects) -> None:
    assert defects(GOLD, text) == found


def test_a_gold_text_without_steps_has_nothing_to_count() -> None:
    with pytest.raises(InputError, match=r"^gold: must define quantities"):
        defects("Answer: 9.", GOLD)


@pytest.mark.parametrize(
    ("found", "process"),
    [
        (NONE, 1.0),
        (replace(NONE, value=1), 0.75),
        (replace(NONE, dependency=1), 0.75),
        (replace(NONE, value=1, dependency=1), 0.5),
        (replace(NONE, missing=3), 0.25),
        (replace(NONE, extra=1), 0.75),
        (replace(NONE, extra=4), 0.0),
        (replace(NONE, extra=100), 0.0),
        (replace(NONE, value=3, dependency=3), 0.0),
    ],
)
def test_the_released_mixture_by_hand(found: Defects, process: float) -> None:
    assert released_mixture(found, 0.2) == pytest.approx(0.2 + 0.8 * process)
    assert released_mixture(found, 0.0) == process
    assert released_strict(found) == (process == 1)
    wrong = replace(found, answer_wrong=True)
    assert released_mixture(wrong, 0.2) == released_strict(wrong) == 0


@given(st.builds(Defects, *[st.integers(0, 9)] * 4, st.integers(1, 9), st.booleans()), st.floats(0, 1))
def test_the_released_mixture_follows_its_formula(found: Defects, alpha: float) -> None:
    size, wrong = found.nodes, int(found.answer_wrong)
    cost = found.value + found.dependency + found.missing + min(found.extra, size) + wrong
    process = max(0.0, 1 - cost / size)
    expected = 0.0 if wrong else alpha * 1 + (1 - alpha) * process
    assert released_mixture(found, alpha) == pytest.approx(expected)


def test_a_world_counts_the_defects_of_its_own_wording() -> None:
    for index in range(40):
        problem, worded = ENGLISH.problem("train", 0, index), PAPER.problem("train", 0, index)
        for world, asked in ((ENGLISH, problem), (PAPER, worded)):
            nodes = len(asked.gold.steps)
            found = world.defects(asked, world.solution(asked))
            assert found == Defects(0, 0, 0, 0, nodes, False)
            assert world.defects(asked, "") == Defects(0, 0, nodes, 0, nodes, True)
        more = EXTRA.format("q", "q")
        assert PAPER.defects(worded, more + PAPER.solution(worded)).extra == 1
        assert ENGLISH.defects(problem, spaced(more) + " " + ENGLISH.solution(problem)).extra == 1


def test_the_released_mixture_is_zero_for_a_wrong_answer_and_the_published_one_is_not() -> None:
    problem = PAPER.problem("train", 0, 1)
    gold = PAPER.solution(problem)
    rollouts = rollouts_of(PAPER, [[gold, gold.replace(f"<answer> {problem.answer} ", "<answer> 999 ")]], first=1)
    outcome, paid = reward_of({"kind": "mixture", "alpha": 0.2}).score(PAPER, rollouts, 0)
    assert outcome.tolist() == [[True, False]]
    assert paid.flatten().tolist() == pytest.approx([1, 0.8 * (1 - 1 / PAPER.steps(problem))])
    outcome, paid = reward_of({"kind": "world", "name": "released_mixture", "numbers": {"alpha": 0.2}}).score(
        PAPER, rollouts, 0
    )
    assert outcome.tolist() == [[True, False]]
    assert paid.tolist() == [[1, 0]]


def test_an_extra_step_is_free_as_published_and_costs_as_released() -> None:
    for world in (PAPER, ENGLISH, mixed(PAPER, ENGLISH)):
        problem = world.problem("train", 0, 0)
        part, _ = world.origin(problem)
        gold, more = world.solution(problem), EXTRA.format("q", "q")
        more = more if part == PAPER else spaced(more) + " "
        rollouts = rollouts_of(world, [[gold, more + gold, gold]], cut=[(0, 2)])
        right, zero = [[True, True, False]], [[1, 0, 0]]
        outcome, paid = reward_of("process").score(world, rollouts, 0)
        assert (outcome.tolist(), paid.tolist()) == (right, [[1, 1, 0]])
        outcome, paid = reward_of({"kind": "world", "name": "released_strict", "outcome": "process"}).score(
            world, rollouts, 0
        )
        assert (outcome.tolist(), paid.tolist()) == (right, zero)
        outcome, paid = reward_of({"kind": "world", "name": "released_mixture", "numbers": {"alpha": 0.5}}).score(
            world, rollouts, 0
        )
        nodes = len(world.origin(problem)[1].gold.steps)
        assert outcome.tolist() == right
        assert paid.flatten().tolist() == pytest.approx([1, 0.5 + 0.5 * (1 - 1 / nodes), 0])


RELEASED: tuple[dict[str, Any], ...] = (
    {"kind": "world", "name": "released_mixture", "numbers": {"alpha": 0.5}},
    {"kind": "world", "name": "released_strict", "outcome": "process"},
)


@pytest.mark.parametrize("world", [COMPACT, ModularArithmetic(), mixed(PAPER, mixed(ENGLISH, COMPACT))])
def test_a_reward_that_a_world_does_not_offer_is_refused_before_work(world: World) -> None:
    for choice in ({"kind": "mixture", "alpha": 0.5}, "process"):
        reward_of(choice).check(world, "held_out")
    for choice in RELEASED:
        with pytest.raises(InputError, match=r"^reward.function.name: the world \w+ .*offers no rewards") as caught:
            reward_of(choice).check(world, "held_out")
        assert "\n" not in str(caught.value)
    for fine in (PAPER, ENGLISH, mixed(PAPER, mixed(ENGLISH, PAPER))):
        for choice in RELEASED:
            reward_of(choice).check(fine, "held_out")


def test_other_numbers_than_a_world_s_reward_takes_are_refused_before_work() -> None:
    for name, numbers in (("released_mixture", {}), ("released_strict", {"alpha": 0.5})):
        with pytest.raises(InputError, match=r"^reward.function.numbers: released_\w+ takes other numbers"):
            reward_of({"kind": "world", "name": name, "numbers": numbers}).check(ENGLISH, "held_out")


def test_the_compact_wording_has_no_defects() -> None:
    with pytest.raises(InputError, match=r"^wording: "):
        COMPACT.defects(COMPACT.problem("train", 0, 0), "answer 1")


def padding(world: World, problem: Problem) -> str:
    """Two steps that the problem does not need and its verifier lets pass."""
    if isinstance(world, ModularArithmetic):
        spare = next(name for name in "abcdefghijklmnopqrstuvwxyz" if name not in problem.gold.names)
        return f"{spare} = 1 ; {spare} = 2 ; "
    if world == FORWARD:
        spare = next(name for name in "abcdefghijklmnopqrstuvwxyz" if name not in problem.gold.letters)
        return f"{spare} = 1 ; {spare} = 2 ; "
    return "Define adult nobody in Nowhere as k ; so k = 1 . Define adult nobody in Nowhere as k ; so k = 1 . "


# A compact reverse problem begins with its unknown, before which nothing may stand.
FORWARD = GraphArithmetic(min_op=3, max_op=6, wording="compact", modes=("forward",))


@pytest.mark.parametrize("world", [ENGLISH, FORWARD, ModularArithmetic(min_op=2, max_op=4)])
def test_steps_that_nobody_needs_earn_nothing(world: World) -> None:
    """The first gold step alone, and behind two steps of padding: the same share for one more step than none."""
    for index in range(10):
        problem = world.problem("train", 0, index)
        gold = world.solution(problem)
        begins = [match.start() for match in re.finditer("Define|We know|Answer", gold)]
        first = gold[begins[0] : begins[1]] if begins else gold.partition(";")[0] + "; "
        answer = gold[begins[-1] :] if begins else gold.rpartition(";")[2]
        for text in (first + answer, padding(world, problem) + first + answer):
            verdict = world.verify(problem, text)
            assert verdict.process is Score.WRONG, verdict
            assert rewards.process_share(verdict, world.steps(problem)) == 1 / world.steps(problem), (text, verdict)
        assert verdict.extra_steps == 2
