from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Literal, Self

import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.core.keyed import key
from edgewise.core.spec import Spec, canonical_json, plain
from edgewise.model.tensors import load_tensors, save_tensors
from edgewise.rl.curriculum import (
    Curriculum,
    CurriculumState,
    EdgeLevels,
    FreshProblems,
    ProblemPool,
    TargetedLevels,
    check_problems,
)
from edgewise.tasks.base import Problem, Score, Split, Verdict, World


class Ladder(World):
    """So many different problems of each level from 1 to `top`, none on level `hollow`."""

    world: Literal["ladder"] = "ladder"
    version: Literal[1] = 1
    bottom: int = 1
    top: int = 5
    different: int = 10**6
    hollow: int = 0

    @property
    def levels(self) -> range:
        return range(self.bottom, self.top + 1)

    def at_level(self, level: int) -> Self:
        return self.model_copy(update={"bottom": level, "top": level})

    def words(self) -> tuple[str, ...]:
        return ("rung",)

    def problem(self, split: Split, seed: int, index: int) -> Problem:
        level = self.levels[key(self.bottom, self.top, seed, index) % len(self.levels)]
        if level == self.hollow:
            raise InputError(f"split {split!r} is empty at level {level}")
        name = f"{split}-{level}-{key(seed, index) % self.different}"
        return Problem(self.world, split, seed, index, level, name, "rung", "rung", None)

    def solution(self, problem: Problem) -> str:
        return problem.answer

    def check(self, problem: Problem, text: str) -> Verdict:
        return Verdict(Score.CORRECT, Score.CORRECT)


LEVELS = Ladder()
# Nine different problems of each split, and no more.
FEW = Ladder(top=1, different=9)
EVERY_KIND: dict[str, FreshProblems | ProblemPool | TargetedLevels | EdgeLevels] = {
    "uniform": FreshProblems(),
    "pool": ProblemPool(size=9),
    "pool that retires": ProblemPool(size=9, retire_at=0.5, retire_after=2),
    "targeted": TargetedLevels(memory=0.7),
    "edge": EdgeLevels(least=0.2, most=0.6, memory=0.7),
}


class Holder(Spec):
    curriculum: Curriculum = FreshProblems()


def ids(problems: Sequence[Problem]) -> list[str]:
    return [problem.id for problem in problems]


def outcomes(problems: Sequence[Problem], salt: int, samples: int = 4) -> Tensor:
    """Outcomes that depend on the problem and on the visit, solved the less often the higher the level."""
    return torch.tensor(
        [[key("outcome", p.id, salt, g) % 6 >= p.level for g in range(samples)] for p in problems], dtype=torch.bool
    ).view(len(problems), samples)


def solving(problems: Sequence[Problem], count: int, samples: int) -> Tensor:
    return (torch.arange(samples) < count).expand(len(problems), samples)


def step(course: CurriculumState, number: int) -> tuple[list[Problem], dict[str, float]]:
    """As the trainer does: ask, learn, and now and then fill up again."""
    asked = []
    for turn in range(1 + number % 2):
        problems = course.next(3 + number % 3)
        course.learn(problems, outcomes(problems, 10 * number + turn))
        asked += problems
    return asked, course.metrics()


# FreshProblems


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_uniform_asks_the_problems_of_the_split_by_running_numbers_through_refills(split: Split) -> None:
    course = FreshProblems().start(LEVELS, split, 3)
    asked = course.next(4)
    course.learn(asked, outcomes(asked, 0))
    asked += course.next(2)
    asked += course.next(5)
    assert asked == [LEVELS.problem(split, 3, index) for index in range(11)]
    assert course.metrics() == {}


# Pools


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_a_pool_is_the_first_different_problems_of_the_split(split: Split) -> None:
    drawn = [FEW.problem(split, 1, index) for index in range(40)]
    first = list(dict.fromkeys(ids(drawn)))[:6]
    assert ids(drawn)[:6] != first, "nothing came twice, so nothing was tested"
    asked = ProblemPool(size=6).start(FEW, split, 1).next(6)
    assert sorted(ids(asked)) == sorted(first)
    assert all(problem in drawn for problem in asked)


@pytest.mark.parametrize("count", [1, 4, 5, 9, 12])
def test_a_pool_asks_each_problem_once_an_epoch_whatever_the_batch(count: int) -> None:
    course = ProblemPool(size=9).start(FEW, "train", 0)
    batches = [course.next(count) for _ in range(36)]
    for batch in batches:
        assert len(set(ids(batch))) == len(batch) == min(count, 9)
    asked = [name for batch in batches for name in ids(batch)]
    epochs = [asked[start : start + 9] for start in range(0, len(asked), 9)]
    assert len(epochs) == 4 * min(count, 9)
    assert all(sorted(epoch) == sorted(epochs[0]) and len(set(epoch)) == 9 for epoch in epochs)


def test_orders_differ_between_epochs_and_between_seeds() -> None:
    course = ProblemPool(size=9).start(FEW, "train", 0)
    epochs = [tuple(ids(course.next(9))) for _ in range(5)]
    assert len(set(epochs)) == 5
    other = ProblemPool(size=9).start(FEW, "train", 1)
    place = {name: number for number, name in enumerate(sorted(epochs[0]))}
    assert [place[name] for name in ids(other.next(9))] != [place[name] for name in epochs[0]]


def test_every_place_in_an_epoch_is_as_likely_for_every_problem() -> None:
    course = ProblemPool(size=9).start(FEW, "train", 0)
    firsts = Counter(ids(course.next(9))[0] for _ in range(900))
    assert len(firsts) == 9
    assert chisquare(list(firsts.values())).pvalue > 1e-4


def test_a_problem_retires_by_its_pass_rate_over_all_its_samples_and_never_comes_back() -> None:
    course = ProblemPool(size=3, retire_at=0.9, retire_after=2).start(FEW, "train", 0)
    low, late, at_once = course.next(3)

    def learn(solved: dict[str, int]) -> None:
        asked = [problem for problem in (low, late, at_once) if problem.id in solved]
        course.learn(asked, torch.cat([solving([p], solved[p.id], 10) for p in asked]))

    learn({low.id: 8, late.id: 8, at_once.id: 10})
    assert course.metrics()["pool_retired"] == 0, "one visit is not two"
    # 17 of 20 is below, 20 of 20 is not.
    learn({low.id: 9, late.id: 9, at_once.id: 10})
    assert course.metrics()["pool_retired"] == pytest.approx(1 / 3)
    # 26 of 30 is below, 27 of 30 is exactly 0.9.
    learn({low.id: 9, late.id: 10})
    assert course.metrics()["pool_retired"] == pytest.approx(2 / 3)
    # Samples that were under way when it retired change nothing.
    learn({at_once.id: 0})
    learn({at_once.id: 0})
    for _ in range(10):
        assert ids(course.next(3)) == [low.id]
    learn({low.id: 10})
    assert course.next(3) == [], "36 of 40 is 0.9"


def test_a_problem_retires_at_exactly_the_fraction() -> None:
    for rate in ("0.9", "0.7", "0.55", "0.3", "1"):
        for samples in range(1, 41):
            least = math.ceil(Fraction(rate) * samples)
            for solved in {least - 1, least} - {-1}:
                course = ProblemPool(size=1, retire_at=float(rate)).start(FEW, "train", 0)
                asked = course.next(1)
                course.learn(asked, solving(asked, solved, samples))
                assert (course.next(1) == []) == (Fraction(solved, samples) >= Fraction(rate)), (rate, solved, samples)


def test_a_pool_gives_what_is_left_until_nothing_is() -> None:
    course = ProblemPool(size=9, retire_at=1.0).start(FEW, "train", 0)
    left = 9
    while left:
        asked = course.next(4)
        assert len(asked) == min(4, left)
        course.learn(asked[:1], solving(asked[:1], 4, 4))
        left -= 1
    assert course.next(4) == []
    course.learn([], torch.zeros(0, 4, dtype=torch.bool))
    assert course.metrics()["pool_retired"] == 1


def test_without_a_rate_none_retires() -> None:
    course = ProblemPool(size=9).start(FEW, "train", 0)
    for _ in range(5):
        asked = course.next(9)
        assert len(asked) == 9
        course.learn(asked, solving(asked, 4, 4))
    assert course.metrics() == {"pool_epoch": 4.0, "pool_retired": 0.0, "pool_pass_rate": 1.0}


def test_a_problem_learnt_twice_in_one_call_counts_as_two_visits() -> None:
    course = ProblemPool(size=2, retire_at=0.9, retire_after=2).start(FEW, "train", 0)
    one, other = course.next(2)
    course.learn([one, one, other], solving([one, one, other], 4, 4))
    assert ids(course.next(2)) == [other.id]


def test_a_pool_may_be_all_that_the_world_has_and_not_more() -> None:
    assert len(ProblemPool(size=9).start(FEW, "train", 0).next(20)) == 9
    with pytest.raises(
        InputError, match=r"curriculum.size: must be at most 9, .* of the split train, is 10; use"
    ) as refused:
        ProblemPool(size=10).start(FEW, "train", 0)
    assert "\n" not in str(refused.value)


def test_a_pool_learns_only_of_its_own_problems() -> None:
    course = ProblemPool(size=2).start(FEW, "train", 0)
    mine = course.next(2)
    foreign = LEVELS.problem("train", 0, 0)
    before = course.tensors()
    with pytest.raises(InputError, match="not of this pool"):
        course.learn([mine[0], foreign], solving([mine[0], foreign], 1, 2))
    assert same(course.tensors(), before)


# Levels


def test_targeted_weights_by_hand() -> None:
    spec = TargetedLevels(pass_rate=0.5, width=0.2, floor=0.05)
    rate_L = torch.tensor([0.5, 0.7, 0.1, 0.0, 0.9], dtype=torch.float64)
    seen_L = torch.tensor([True, True, True, False, True])
    expected = [1.05, math.exp(-0.5) + 0.05, math.exp(-2) + 0.05, 1.05, math.exp(-2) + 0.05]
    assert spec.weights(rate_L, seen_L).tolist() == pytest.approx(expected, abs=1e-15)


def test_edge_weights_by_hand() -> None:
    spec = EdgeLevels(least=0.02, most=0.5)
    seen_L = torch.ones(5, dtype=torch.bool)

    def weights(*rates: float, seen_L: Tensor = seen_L) -> list[float]:
        found: list[float] = spec.weights(torch.tensor(rates, dtype=torch.float64), seen_L).tolist()
        return found

    assert weights(0.9, 0.5, 0.3, 0.02, 0.0) == [0, 1, 1, 1, 0]
    assert weights(0.9, 0.51, 0.8, 0.0199, 0.0) == [0, 0, 0, 1, 0]
    assert weights(0.9, 0.51, 0.8, 0.7, 0.0) == [0, 1, 0, 0, 0]
    assert weights(0.9, 0.9, 0.8, 0.0, 0.0) == [0, 0, 0, 1, 1]
    unseen_L = torch.tensor([True, True, True, True, False])
    assert weights(0.9, 0.51, 0.8, 0.7, 0.0, seen_L=unseen_L) == [0, 0, 0, 0, 1]


def teach(course: CurriculumState, rates: dict[int, float], world: Ladder = LEVELS, samples: int = 20) -> None:
    """One visit of each of these levels with that pass rate."""
    problems = [world.at_level(level).problem("train", 99, 0) for level in rates]
    course.learn(problems, torch.cat([solving([p], round(rates[p.level] * samples), samples) for p in problems]))


def test_targeted_draws_follow_the_weights() -> None:
    course = TargetedLevels(floor=0.05).start(LEVELS, "train", 0)
    teach(course, {1: 1.0, 2: 0.8, 3: 0.5, 4: 0.1})
    drawn = Counter(problem.level for problem in course.next(4000))
    weight_L = TargetedLevels(floor=0.05).weights(
        torch.tensor([1.0, 0.8, 0.5, 0.1, 0.0], dtype=torch.float64), torch.tensor([True] * 4 + [False])
    )
    expected = (4000 * weight_L / weight_L.sum()).tolist()
    assert max(expected) > 5 * min(expected)
    assert chisquare([drawn[level] for level in range(1, 6)], expected).pvalue > 1e-4
    metrics = course.metrics()
    assert metrics["mean_level"] == pytest.approx(sum(p * level for level, p in enumerate(expected, 1)) / 4000)
    assert metrics["level_pass_rate"] == pytest.approx((1.0 + 0.8 + 0.5 + 0.1) / 4)


def test_levels_never_visited_are_drawn_as_often_as_each_other() -> None:
    for spec in (TargetedLevels(), EdgeLevels()):
        course = spec.start(LEVELS, "train", 1)
        metrics = course.metrics()
        drawn = Counter(problem.level for problem in course.next(2000))
        assert chisquare([drawn[level] for level in LEVELS.levels]).pvalue > 1e-4
        assert metrics == {"mean_level": pytest.approx(3.0), "levels_in_use": pytest.approx(5.0)}


def test_the_average_forgets_at_the_rate_of_its_memory_and_starts_at_the_first_visit() -> None:
    course = TargetedLevels(memory=0.75).start(LEVELS, "train", 0)
    teach(course, {2: 0.4, 5: 1.0})
    teach(course, {2: 0.8})
    teach(course, {2: 0.0})
    expected = 0.75 * (0.75 * 0.4 + 0.25 * 0.8)
    assert course.tensors()["rate"].tolist() == pytest.approx([0, expected, 0, 0, 1.0], abs=1e-15)
    assert course.tensors()["seen"].tolist() == [False, True, False, False, True]


def test_a_visit_pools_all_samples_of_a_level_in_any_order() -> None:
    problems = [LEVELS.at_level(level).problem("train", 7, i) for i, level in enumerate((3, 1, 3, 3))]
    solved_PG = torch.tensor([[1, 1], [1, 0], [0, 0], [1, 0]], dtype=torch.bool)
    found = []
    for order in ([0, 1, 2, 3], [3, 2, 1, 0]):
        course = EdgeLevels().start(LEVELS, "train", 0)
        course.learn([problems[i] for i in order], solved_PG[order])
        found.append(course.tensors())
    assert found[0]["rate"].tolist() == [0.5, 0, 0.5, 0, 0]
    assert same(*found)


def test_edge_asks_no_level_outside_while_one_is_inside() -> None:
    course = EdgeLevels(least=0.1, most=0.5).start(LEVELS, "train", 0)
    teach(course, {1: 1.0, 2: 0.6, 3: 0.5, 4: 0.1, 5: 0.0})
    assert {problem.level for problem in course.next(200)} == {3, 4}
    assert course.metrics()["levels_in_use"] == pytest.approx(2)


def test_edge_asks_the_nearest_level_where_none_is_inside() -> None:
    course = EdgeLevels(least=0.2, most=0.5).start(LEVELS, "train", 0)
    teach(course, {1: 1.0, 2: 0.8, 3: 0.7, 4: 0.1, 5: 0.0})
    assert {problem.level for problem in course.next(100)} == {4}
    course = EdgeLevels(least=0.2, most=0.5).start(LEVELS, "train", 0)
    teach(course, {1: 1.0, 2: 0.6, 3: 0.7, 4: 0.0, 5: 0.0})
    assert {problem.level for problem in course.next(100)} == {2}


def test_problems_of_a_level_are_its_own_in_turn() -> None:
    course = TargetedLevels().start(LEVELS, "train", 5)
    asked = [problem for _ in range(20) for problem in course.next(3)]
    for level in LEVELS.levels:
        mine = [problem for problem in asked if problem.level == level]
        narrow = LEVELS.at_level(level)
        assert mine == [narrow.problem("train", 5, index) for index in range(len(mine))]


def test_what_is_drawn_does_not_depend_on_how_it_is_cut_into_batches() -> None:
    for spec in (FreshProblems(), ProblemPool(size=9), TargetedLevels(), EdgeLevels()):
        world = FEW if spec.kind == "pool" else LEVELS
        whole = spec.start(world, "train", 2)
        cut = spec.start(world, "train", 2)
        assert ids(whole.next(9)) == [name for count in (1, 2, 3, 3) for name in ids(cut.next(count))]


def test_one_level_gives_nothing_to_choose_from() -> None:
    for spec in (TargetedLevels(), EdgeLevels()):
        with pytest.raises(InputError, match=r"curriculum: .* the world has only 1; use uniform"):
            spec.start(FEW, "train", 0)


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_a_level_without_problems_in_the_split_is_refused(split: Split) -> None:
    message = f"^split: split '{split}' is empty at level 5; or let the stage draw from another split, of which train"
    with pytest.raises(InputError, match=message):
        check_problems(Ladder(hollow=5), split, 0)
    check_problems(Ladder(), split, 0)


def test_levels_learn_only_of_the_world() -> None:
    course = EdgeLevels().start(Ladder(top=3), "train", 0)
    foreign = LEVELS.at_level(5).problem("train", 0, 0)
    with pytest.raises(InputError, match="level 5 is not of this world"):
        course.learn([foreign], solving([foreign], 1, 2))


# All of them


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_only_binary_outcomes_are_learnt(kind: str) -> None:
    spec = EVERY_KIND[kind]
    course = spec.start(FEW if isinstance(spec, ProblemPool) else LEVELS, "train", 0)
    problems = course.next(2)
    for wrong in (torch.ones(2, 4), torch.ones(2, 4, dtype=torch.int64)):
        with pytest.raises(InputError, match="solved: must be the binary outcomes, bool"):
            course.learn(problems, wrong)
    for shape in ((3, 4), (2, 0), (2,), (2, 4, 1)):
        with pytest.raises(InputError, match=r"solved: must be \[problems, samples\] of 2 problems"):
            course.learn(problems, torch.ones(shape, dtype=torch.bool))


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_a_run_interrupted_after_any_step_goes_on_as_if_it_had_not_been(kind: str, tmp_path: Path) -> None:
    spec = EVERY_KIND[kind]
    world = FEW if isinstance(spec, ProblemPool) else LEVELS
    steps = 12
    course = spec.start(world, "train", 4)
    whole = [step(course, number) for number in range(steps)]
    end = course.tensors()
    for stop in range(steps + 1):
        before = spec.start(world, "train", 4)
        for number in range(stop):
            step(before, number)
        save_tensors(before.tensors(), tmp_path / "state")
        after = spec.start(world, "train", 4)
        step(after, 77)  # what is there already is replaced whole
        after.load(load_tensors(tmp_path / "state"))
        assert [step(after, number) for number in range(stop, steps)] == whole[stop:]
        assert same(after.tensors(), end)


def test_saved_tensors_do_not_change_as_the_course_goes_on() -> None:
    for spec in EVERY_KIND.values():
        course = spec.start(FEW if isinstance(spec, ProblemPool) else LEVELS, "train", 0)
        step(course, 0)
        saved = course.tensors()
        copied = {name: tensor.clone() for name, tensor in saved.items()}
        other = spec.start(FEW if isinstance(spec, ProblemPool) else LEVELS, "train", 0)
        other.load(saved)
        step(course, 1)
        step(other, 1)
        assert same(saved, copied)
        assert not same(saved, course.tensors())


def test_a_checkpoint_of_another_curriculum_is_refused() -> None:
    saved = ProblemPool(size=8).start(FEW, "train", 0).tensors()
    for course in (
        FreshProblems().start(FEW, "train", 0),
        ProblemPool(size=9).start(FEW, "train", 0),
        EdgeLevels().start(LEVELS, "train", 0),
    ):
        with pytest.raises(InputError, match="checkpoint of another curriculum"):
            course.load(saved)
    narrow = EdgeLevels().start(Ladder(top=4), "train", 0)
    with pytest.raises(InputError, match="checkpoint of another curriculum"):
        narrow.load(EdgeLevels().start(LEVELS, "train", 0).tensors())


def test_a_bare_name_stands_for_the_choice_with_its_defaults() -> None:
    assert Holder.parse({"curriculum": "edge"}).curriculum == EdgeLevels()
    assert Holder.parse({"curriculum": "uniform"}) == Holder()
    with pytest.raises(InputError, match="size: Field required"):
        Holder.parse({"curriculum": "pool"})
    with pytest.raises(InputError, match="curriculum"):
        Holder.parse({"curriculum": "easiest"})


def test_specs_are_read_back_as_written() -> None:
    for spec in EVERY_KIND.values():
        held = Holder.parse({"curriculum": plain(spec)})
        assert held.curriculum == spec
        assert canonical_json(Holder.parse(plain(held))) == canonical_json(held)


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ({"kind": "pool", "size": 0}, "size"),
        ({"kind": "pool", "size": 5, "retire_at": 0.0}, "retire_at"),
        ({"kind": "pool", "size": 5, "retire_at": 1.1}, "retire_at"),
        ({"kind": "pool", "size": 5, "retire_after": 2}, "set retire_at"),
        ({"kind": "pool", "size": 5, "retire_at": 0.9, "retire_after": 0}, "retire_after"),
        ({"kind": "targeted", "width": 0.0}, "width"),
        ({"kind": "targeted", "floor": 0.0}, "floor"),
        ({"kind": "targeted", "memory": 1.0}, "memory"),
        ({"kind": "edge", "least": 0.5}, r"least must be below most \(0.5\), is 0.5"),
        ({"kind": "uniform", "size": 5}, "size"),
    ],
)
def test_bad_numbers_are_refused_in_one_line(written: dict[str, object], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint) as refused:
        Holder.parse({"curriculum": written})
    assert "\n" not in str(refused.value)


def same(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    return left.keys() == right.keys() and all(
        torch.equal(left[name], right[name]) and left[name].dtype == right[name].dtype for name in left
    )
