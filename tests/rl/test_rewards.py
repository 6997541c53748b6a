"""Rewards: by hand, against the formulas they are written from, and what must hold of all of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.errors import InputError
from edgewise.rl import rewards
from edgewise.rl.recipe import reward as recipe
from edgewise.sampling.base import Completions
from edgewise.sampling.rollouts import Rollouts
from edgewise.spec import Spec, plain
from edgewise.tasks import Mark, Problem, Verdict, World
from edgewise.tasks.countdown import Countdown
from edgewise.tasks.graph.english import spaced
from edgewise.tasks.graph.paper_compat import Defects, defects
from edgewise.tasks.graph.world import GraphArithmetic
from edgewise.tasks.mixture import Mixture, origin
from edgewise.tasks.modular import ModularArithmetic
from edgewise.tasks.strings import StringFunctions
from tests.tasks.graph.worlds import GRAPHS
from tests.tasks.test_conformance import WORLDS

RIGHT = Verdict(Mark.CORRECT, Mark.CORRECT, given="7")
LUCKY = Verdict(Mark.CORRECT, Mark.WRONG, 1, "a step is wrong", "7")
WRONG = Verdict(Mark.WRONG, Mark.WRONG, 2, "the answer is wrong", "8")
NOTHING = Verdict(Mark.UNSCORABLE, Mark.UNSCORABLE, None, "no answer")
VERDICTS = (RIGHT, LUCKY, WRONG, NOTHING)
MARKED = st.sampled_from(VERDICTS)
LENGTHS = st.integers(1, 100)
ENGLISH = GraphArithmetic(min_op=3, max_op=6)
PAPER = GraphArithmetic(min_op=3, max_op=6, wording="paper")
COMPACT = GraphArithmetic(min_op=3, max_op=6, wording="compact")


EVERY_WORLD: dict[str, World] = {**WORLDS, **{f"graph: {name}": world for name, world in GRAPHS.items()}}


def mixed(*parts: World) -> Mixture:
    return Mixture.parse({"parts": [{"share": 1, "world": part} for part in parts], "of": "problems"})


class Holder(Spec):
    reward: recipe.Reward = recipe.Outcome()
    length: recipe.Length = recipe.NoLength()


def reward_of(choice: Any) -> recipe.RewardSpec:
    return Holder.parse({"reward": choice}).reward


def rollouts_of(
    world: World, texts: Sequence[Sequence[str]], *, cut: Sequence[tuple[int, int]] = (), first: int = 0
) -> Rollouts:
    """Judged rollouts of the world's problems `first`...; those in `cut` did not end by themselves."""
    problems = [world.problem("train", 0, first + p) for p in range(len(texts))]
    finished = np.array([[(p, g) not in cut for g in range(len(row))] for p, row in enumerate(texts)])
    verdicts = [
        [world.judge(problem, text, truncated=not finished[p, g]) for g, text in enumerate(texts[p])]
        for p, problem in enumerate(problems)
    ]
    return judged(problems, [list(row) for row in texts], verdicts, finished=finished)


def judged(
    problems: list[Problem],
    texts: list[list[str]],
    verdicts: list[list[Verdict]],
    *,
    lengths: Sequence[Sequence[int]] | None = None,
    finished: Any = None,
) -> Rollouts:
    shape = (len(verdicts), len(verdicts[0]))
    length_PG = np.ones(shape, np.int32) if lengths is None else np.array(lengths, np.int32)
    finished_PG = np.ones(shape, np.bool_) if finished is None else finished
    empty = np.zeros((*shape, 1))
    completions = Completions(empty.astype(np.int32), empty.astype(np.float32), length_PG, finished_PG)
    return Rollouts(problems, [[0]] * shape[0], completions, texts, verdicts)


def of_verdicts(verdicts: list[list[Verdict]], lengths: Sequence[Sequence[int]] | None = None) -> Rollouts:
    problems = [COMPACT.problem("train", 0, p) for p in range(len(verdicts))]
    return judged(problems, [[""] * len(row) for row in verdicts], verdicts, lengths=lengths)


# ---- What is right


def test_outcome_and_process_pay_for_what_is_correct_alone() -> None:
    assert [rewards.outcome(verdict) for verdict in VERDICTS] == [1, 1, 0, 0]
    assert [rewards.process(verdict) for verdict in VERDICTS] == [1, 0, 0, 0]


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
        cut = [world.judge(problem, f"{gold[:begin]}{answer}") for begin in begins]
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
    assert rewards.strict(outcome, share) == rewards.process(verdict)


# ---- As released

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
    assert rewards.mixture_as_released(found, 0.2) == pytest.approx(0.2 + 0.8 * process)
    assert rewards.mixture_as_released(found, 0.0) == process
    assert rewards.strict_as_released(found) == (process == 1)
    wrong = replace(found, answer_wrong=True)
    assert rewards.mixture_as_released(wrong, 0.2) == rewards.strict_as_released(wrong) == 0


@given(st.builds(Defects, *[st.integers(0, 9)] * 4, st.integers(1, 9), st.booleans()), st.floats(0, 1))
def test_the_released_mixture_follows_its_formula(found: Defects, alpha: float) -> None:
    size, wrong = found.nodes, int(found.answer_wrong)
    cost = found.value + found.dependency + found.missing + min(found.extra, size) + wrong
    process = max(0.0, 1 - cost / size)
    expected = 0.0 if wrong else alpha * 1 + (1 - alpha) * process
    assert rewards.mixture_as_released(found, alpha) == pytest.approx(expected)


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
    outcome, paid = reward_of({"reward": "mixture", "alpha": 0.2}).grade(PAPER, rollouts, 0)
    assert outcome.tolist() == [[True, False]]
    assert paid.flatten().tolist() == pytest.approx([1, 0.8 * (1 - 1 / PAPER.steps(problem))])
    outcome, paid = reward_of({"reward": "mixture", "alpha": 0.2, "as_released": True}).grade(PAPER, rollouts, 0)
    assert outcome.tolist() == [[True, False]]
    assert paid.tolist() == [[1, 0]]


def test_an_extra_step_is_free_as_published_and_costs_as_released() -> None:
    for world in (PAPER, ENGLISH, mixed(PAPER, ENGLISH)):
        problem = world.problem("train", 0, 0)
        part, _ = origin(world, problem)
        gold, more = world.solution(problem), EXTRA.format("q", "q")
        more = more if part == PAPER else spaced(more) + " "
        rollouts = rollouts_of(world, [[gold, more + gold, gold]], cut=[(0, 2)])
        right, zero = [[True, True, False]], [[1, 0, 0]]
        outcome, paid = reward_of("strict").grade(world, rollouts, 0)
        assert (outcome.tolist(), paid.tolist()) == (right, [[1, 1, 0]])
        outcome, paid = reward_of({"reward": "strict", "as_released": True}).grade(world, rollouts, 0)
        assert (outcome.tolist(), paid.tolist()) == (right, zero)
        outcome, paid = reward_of({"reward": "mixture", "alpha": 0.5, "as_released": True}).grade(world, rollouts, 0)
        nodes = len(origin(world, problem)[1].gold.steps)
        assert outcome.tolist() == right
        assert paid.flatten().tolist() == pytest.approx([1, 0.5 + 0.5 * (1 - 1 / nodes), 0])


@pytest.mark.parametrize("world", [COMPACT, ModularArithmetic(), mixed(PAPER, mixed(ENGLISH, COMPACT))])
def test_a_released_reward_of_a_world_that_has_none_is_refused_before_work(world: World) -> None:
    for choice in ({"reward": "mixture", "alpha": 0.5}, {"reward": "strict"}):
        reward_of(choice).check(world)
        with pytest.raises(InputError, match=r"^reward: .*released scorer") as caught:
            reward_of({**choice, "as_released": True}).check(world)
        assert "\n" not in str(caught.value)
    for fine in (PAPER, ENGLISH, mixed(PAPER, mixed(ENGLISH, PAPER))):
        reward_of({"reward": "strict", "as_released": True}).check(fine)


def test_the_compact_wording_has_no_defects() -> None:
    with pytest.raises(InputError, match=r"^wording: "):
        COMPACT.defects(COMPACT.problem("train", 0, 0), "answer 1")


# ---- Controls


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
    outcome, paid = reward_of("random").grade(COMPACT, some, 5)
    assert torch.equal(paid, reward_of("random").grade(COMPACT, others, 5)[1])
    assert not torch.equal(paid, reward_of("random").grade(COMPACT, some, 6)[1])
    assert 0 < paid.mean() < 1
    assert torch.equal(outcome, paid.bool())
    assert not torch.equal(paid[0], paid[1])


@pytest.mark.parametrize("name", EVERY_WORLD)
def test_a_wrong_label_is_never_right_and_stays_the_same(name: str) -> None:
    world = EVERY_WORLD[name]
    reward_of("wrong_label").check(world)
    labels = set()
    for index in range(6):
        problem = world.problem("train", 0, index)
        label = rewards.wrong_label(world, problem, 0)
        labels.add(label)
        assert label == rewards.wrong_label(world, world.problem("train", 0, index), 0)
        assert label != world.judge(problem, world.solution(problem)).given
        assert world.judge(problem, f"Answer: {label}.").answer is not Mark.CORRECT
        assert world.judge(problem, f"answer {label}").answer is not Mark.CORRECT
        for right in getattr(world, "answers", lambda _: ())(problem):
            assert world.judge(problem, right).given != label
    assert len(labels) > 1


def test_wrong_labels_are_of_a_level_and_their_set_can_be_changed() -> None:
    world = StringFunctions(min_calls=1, max_calls=3, min_length=5, max_length=5)
    problems = [world.problem("train", 0, index) for index in range(20)]
    first = [rewards.wrong_label(world, problem, 0) for problem in problems]
    assert all(len(label) in range(1, 20) for label in first)
    assert first != [rewards.wrong_label(world, problem, 1) for problem in problems]
    asked = []

    class Watched(StringFunctions):
        def judge(self, problem: Problem, completion: str, *, truncated: bool = False) -> Verdict:
            asked.append(completion.count(";"))
            return super().judge(problem, completion, truncated=truncated)

    for problem in problems:
        rewards.wrong_label(Watched(**world.model_dump()), problem, 0)
        assert asked[-1] == problem.level


def test_wrong_label_pays_for_that_label_alone() -> None:
    world = StringFunctions(max_calls=1)
    problem = world.problem("train", 0, 0)
    label = rewards.wrong_label(world, problem, 0)
    texts = [[f"answer {label}", world.solution(problem), "answer zzzzz", "zz"]]
    outcome, paid = reward_of("wrong_label").grade(world, rollouts_of(world, texts), 9)
    assert paid.tolist() == [[1, 0, 0, 0]]
    assert torch.equal(outcome, paid.bool())


class Same(StringFunctions):
    """Every problem is the same one."""

    def problem(self, split: Any, seed: int, index: int) -> Problem:
        return super().problem(split, 0, 0)


def test_a_world_of_one_answer_has_no_wrong_label() -> None:
    world = Same(max_calls=1)
    with pytest.raises(InputError, match=r"^reward: 100 other problems of the world strings"):
        reward_of("wrong_label").check(world)


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
    outcome, paid = reward_of("majority").grade(COMPACT, of_verdicts([[WRONG, WRONG, RIGHT, NOTHING]]), 0)
    assert paid.tolist() == [[1, 1, 0, 0]]
    assert torch.equal(outcome, paid.bool())


CONTROLS = ("format", "random", "wrong_label", "majority")
CHOICES: tuple[Any, ...] = ("outcome", "process", {"reward": "mixture", "alpha": 0.3}, "strict", *CONTROLS)


@pytest.mark.parametrize("choice", CHOICES)
def test_outcomes_are_the_mark_that_is_rewarded_or_a_control_s_own_reward(choice: Any) -> None:
    rollouts = of_verdicts([list(VERDICTS), [WRONG, WRONG, NOTHING, RIGHT]])
    outcome, paid = reward_of(choice).grade(COMPACT, rollouts, 0)
    assert (outcome.dtype, paid.dtype, outcome.shape, paid.shape) == (torch.bool, torch.float32, (2, 4), (2, 4))
    of = rewards.process if choice in ("process", "strict") else rewards.outcome
    binary = paid if choice in CONTROLS else [[of(verdict) for verdict in row] for row in rollouts.verdict_PG]
    assert torch.equal(outcome, torch.as_tensor(binary).bool())


def test_controls_see_nothing_of_what_is_right() -> None:
    swapped = {Mark.CORRECT: Mark.WRONG, Mark.WRONG: Mark.CORRECT, Mark.UNSCORABLE: Mark.UNSCORABLE}
    rows = [list(VERDICTS), [WRONG, WRONG, NOTHING, RIGHT]]
    lies = [[replace(v, answer=swapped[v.answer], process=swapped[v.process]) for v in row] for row in rows]
    for choice in CONTROLS:
        for one, other in zip(
            reward_of(choice).grade(COMPACT, of_verdicts(rows), 4),
            reward_of(choice).grade(COMPACT, of_verdicts(lies), 4),
            strict=True,
        ):
            assert torch.equal(one, other), choice


# ---- Length


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


SHAPING: tuple[Any, ...] = ("none", "overlong", "overlong_scalerl", "cosine", {"length": "cosine", "on": 2, "off": 1})


@given(st.lists(st.tuples(MARKED, LENGTHS), min_size=2, max_size=6), st.sampled_from(SHAPING), st.integers(0, 5))
@settings(max_examples=100, deadline=None)
def test_length_shapes_rewards_and_never_outcomes(samples: list[tuple[Verdict, int]], choice: Any, step: int) -> None:
    rollouts = of_verdicts([[verdict for verdict, _ in samples]], [[length for _, length in samples]])
    outcome, paid = reward_of("outcome").grade(COMPACT, rollouts, 0)
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


# ---- Specs


@pytest.mark.parametrize("choice", [*CHOICES, {"reward": "strict", "as_released": True}])
def test_a_reward_survives_the_file_and_its_bare_name_is_its_default(choice: Any) -> None:
    found = Holder.parse({"reward": choice})
    assert Holder.parse(plain(found)) == found
    assert found.reward.model_dump()["reward"] == (choice if isinstance(choice, str) else choice["reward"])


@pytest.mark.parametrize("choice", SHAPING)
def test_a_length_survives_the_file(choice: Any) -> None:
    found = Holder.parse({"length": choice})
    assert Holder.parse(plain(found)) == found


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"reward": "bleu"}, "reward"),
        ({"reward": "mixture"}, "alpha"),
        ({"reward": {"reward": "mixture", "alpha": 1.5}}, "alpha"),
        ({"reward": {"reward": "random", "p": -0.1}}, "p"),
        ({"reward": {"reward": "outcome", "p": 0.1}}, "p"),
        ({"length": {"length": "overlong", "soft": 0}}, "soft"),
        ({"length": {"length": "overlong_scalerl", "soft": 1.1}}, "soft"),
        ({"length": {"length": "cosine", "on": 0}}, "on"),
        ({"length": {"length": "cosine", "right_short": float("nan")}}, "right_short"),
        ({"length": "short"}, "length"),
    ],
)
def test_a_bad_choice_names_its_field(fields: dict[str, object], name: str) -> None:
    with pytest.raises(InputError) as caught:
        Holder.parse(fields, "recipe")
    assert name in str(caught.value) and "\n" not in str(caught.value)


def test_a_choice_without_needs_takes_any_world() -> None:
    for choice in CHOICES[:-2]:
        reward_of(choice).check(COMPACT)


def padding(world: World, problem: Problem) -> str:
    """Two steps that the problem does not need and its judge lets pass."""
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
            verdict = world.judge(problem, text)
            assert verdict.process is Mark.WRONG, verdict
            assert rewards.process_share(verdict, world.steps(problem)) == 1 / world.steps(problem), (text, verdict)
        assert verdict.extra_steps == 2
