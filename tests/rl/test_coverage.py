from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.model.tensors import load_tensors, save_tensors
from edgewise.rl.coverage import Coverage
from edgewise.tasks.base import Problem


def asked(*names: int) -> list[Problem]:
    return [Problem("w", "train", 0, name, 1, f"problem-{name}", "", "", None) for name in names]


def solved(*groups: str) -> Tensor:
    """Groups written as "+-+"."""
    return torch.tensor([[mark == "+" for mark in group] for group in groups], dtype=torch.bool)


Steps = list[list[tuple[int, tuple[bool, bool]]]]
STEPS = st.lists(
    st.lists(st.tuples(st.integers(0, 12), st.tuples(st.booleans(), st.booleans())), max_size=5), max_size=8
)


def test_a_problem_counts_once_and_stays_solved() -> None:
    coverage = Coverage()
    coverage.see(asked(1, 2), solved("--+", "---"), 6)
    coverage.see(asked(1, 3), solved("---", "---"), 6)
    assert coverage.metrics() == {"cumulative_solve_rate": 1 / 3, "problems_asked": 3, "draws_per_problem": 4}
    coverage.see(asked(3), solved("+++"), 3)
    assert coverage.metrics() == {"cumulative_solve_rate": 2 / 3, "problems_asked": 3, "draws_per_problem": 5}


def test_a_problem_twice_in_one_step_is_solved_where_either_group_is() -> None:
    for groups in (("+-", "--"), ("--", "-+")):
        coverage = Coverage()
        coverage.see(asked(1, 1, 2), solved(*groups, "--"), 6)
        assert coverage.metrics()["cumulative_solve_rate"] == 0.5


def test_draws_beyond_the_scored_samples_count() -> None:
    coverage = Coverage()
    coverage.see(asked(1, 2), solved("+-", "--"), 10)
    assert coverage.metrics()["draws_per_problem"] == 5
    with pytest.raises(InputError, match="draws: must be at least the 4 that were scored, is 3"):
        coverage.see(asked(1, 2), solved("+-", "--"), 3)


def test_before_any_problem_there_is_no_rate() -> None:
    coverage = Coverage()
    coverage.see([], torch.zeros(0, 4, dtype=torch.bool), 0)
    assert coverage.metrics() == {"problems_asked": 0.0}


@given(STEPS)
def test_metrics_are_those_of_counting_by_name(steps: Steps) -> None:
    coverage = Coverage()
    ever: dict[int, list[bool]] = {}
    draws = 0
    for step in steps:
        coverage.see(asked(*(name for name, _ in step)), torch.tensor([m for _, m in step]).bool().view(-1, 2), 7 * 2)
        draws += 14
        for name, marks in step:
            ever.setdefault(name, []).extend(marks)
    found = coverage.metrics()
    assert found["problems_asked"] == len(ever)
    if ever:
        assert found["cumulative_solve_rate"] == sum(any(marks) for marks in ever.values()) / len(ever)
        assert found["draws_per_problem"] == draws / len(ever)


def test_a_run_interrupted_after_any_step_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    source = random.Random(0)
    steps = [
        (asked(*(source.randrange(12) for _ in range(3))), torch.tensor([[source.random() < 0.2] for _ in range(3)]))
        for _ in range(10)
    ]

    def see(coverage: Coverage, number: int) -> dict[str, float]:
        coverage.see(*steps[number], 3)
        return coverage.metrics()

    coverage = Coverage()
    whole = [see(coverage, number) for number in range(10)]
    end = coverage.tensors()
    assert 0 < len(end["solved"]) < len(end["asked"])
    assert end["asked"].min() < 0 < end["asked"].max(), "keys must use all 64 bits"
    for stop in range(11):
        before = Coverage()
        for number in range(stop):
            see(before, number)
        save_tensors(before.tensors(), tmp_path / "state")
        after = Coverage()
        after.see(asked(77), solved("+"), 1)  # what is there already is replaced whole
        after.load(load_tensors(tmp_path / "state"))
        assert [see(after, number) for number in range(stop, 10)] == whole[stop:]
        found = after.tensors()
        assert found.keys() == end.keys()
        for name, tensor in found.items():
            assert tensor.dtype is torch.int64
            assert torch.equal(tensor, end[name])


def test_a_step_costs_the_same_however_many_problems_were_asked() -> None:
    """Looking each new problem up among 100,000 would take minutes."""
    coverage = Coverage()
    for start in range(0, 100_000, 1000):
        coverage.see(asked(*range(start, start + 1000)), torch.ones(1000, 1, dtype=torch.bool), 1000)
        coverage.metrics()
    assert coverage.metrics() == {"cumulative_solve_rate": 1, "problems_asked": 100_000, "draws_per_problem": 1}


def test_only_binary_outcomes_are_counted() -> None:
    for wrong in (torch.ones(2, 3), torch.ones(2, 3, dtype=torch.uint8)):
        with pytest.raises(InputError, match="solved: must be the binary outcomes, bool"):
            Coverage().see(asked(1, 2), wrong, 6)
    for shape in ((1, 3), (2, 0), (2,)):
        with pytest.raises(InputError, match=r"solved: must be \[problems, samples\] of 2 problems"):
            Coverage().see(asked(1, 2), torch.ones(shape, dtype=torch.bool), 6)


def test_a_checkpoint_without_a_coverage_is_refused() -> None:
    for saved in ({}, {"asked": torch.tensor(3)}, Coverage().tensors() | {"solved": torch.ones(0)}):
        with pytest.raises(InputError, match="it has no coverage"):
            Coverage().load(saved)
