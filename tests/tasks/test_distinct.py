from __future__ import annotations

from edgewise.tasks import ModularArithmetic
from edgewise.tasks.base import first_distinct
from tests.bounded import bounded

WORLD = ModularArithmetic(max_op=1, modulus=5, letters=4)


def test_the_first_of_each_different_problem_in_order() -> None:
    drawn = [WORLD.problem("test", 3, index) for index in range(400)]
    expected: dict[str, int] = {}
    for index, problem in enumerate(drawn):
        expected.setdefault(problem.id, index)
    found = first_distinct(WORLD, "test", 3, 10)
    assert list(found) == list(expected.values())[:10]
    assert [problem.id for problem in found.values()] == list(expected)[:10]


def test_a_world_with_fewer_gives_all_it_has_and_no_time_is_lost_on_more() -> None:
    every = {WORLD.problem("test", 3, index).id for index in range(20_000)}
    with bounded(2):
        found = first_distinct(WORLD, "test", 3, 10**9)
        assert {problem.id for problem in found.values()} == every
