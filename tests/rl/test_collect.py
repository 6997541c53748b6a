"""Which groups a step trains on. Outcomes are set by hand: the writer says what each problem's samples earn."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor

from edgewise.rl.collect import Collector, ScoredRollouts, rollout_metrics, within_group_correlation
from edgewise.rl.coverage import Coverage
from edgewise.rl.curriculum import CurriculumState, FreshProblems
from edgewise.rl.filters import has_variance
from edgewise.rl.recipe import Recipe
from edgewise.rl.rollout_worker import RolloutWorker
from edgewise.rollouts.collect import verify_completions
from edgewise.rollouts.rollouts import Rollouts
from edgewise.sampling.completions import Completions
from edgewise.tasks.base import Problem, Score

from .bandit import TOKENIZER, WORLD, changed, decoder, draw


def answers(problems: Sequence[Problem], right_PG: Tensor) -> Rollouts:
    """One-word completions that are right where it says so."""
    words = ("left", "right", "up", "down")
    shape = (*right_PG.shape, 2)
    tokens = np.full(shape, TOKENIZER.eos, np.int32)
    for p, problem in enumerate(problems):
        wrong = next(word for word in words if word != problem.answer)
        for g, right in enumerate(right_PG[p].tolist()):
            tokens[p, g, 0] = TOKENIZER.encode(problem.answer if right else wrong)[0]
    completions = Completions(
        tokens, np.zeros(shape, np.float32), np.full(shape[:2], 2, np.int32), np.ones(shape[:2], np.bool_)
    )
    prompts = [TOKENIZER.prompt(problem.prompt) for problem in problems]
    return verify_completions(TOKENIZER, WORLD, problems, prompts, completions)


class Written:
    """Stands for the rollout worker: problem i has as many right samples of 4 as `right` says; the start model too."""

    def __init__(self, right: Callable[[int], int], by_start: Callable[[int], int] = lambda i: 0) -> None:
        self.right, self.start_right = right, by_start
        self.seeds: list[int] = []

    def by_behavior(self, problems: Sequence[Problem], samples: int, seed: int) -> Rollouts:
        self.seeds.append(seed)
        return answers(problems, torch.tensor([[g < self.right(p.index) for g in range(4)] for p in problems]))

    def by_start(self, problems: Sequence[Problem], samples: int, seed: int) -> Rollouts:
        rows = [[g < self.start_right(p.index) for g in range(samples)] for p in problems]
        return answers(problems, torch.tensor(rows))


def collected(
    recipe: Recipe,
    worker: Any,
    coverage: Coverage | None = None,
    curriculum: CurriculumState | None = None,
    seed: int = 1000,
) -> tuple[ScoredRollouts | None, dict[str, float]]:
    sampling = recipe.sampling
    collector = Collector(
        cast(RolloutWorker, worker),
        WORLD,
        recipe.reward.function,
        sampling.filters,
        curriculum or FreshProblems().start(WORLD, "train", 0),
        coverage or Coverage(),
        sampling.prompts,
        sampling.samples,
    )
    return collector.collect(seed)


def kept(groups: ScoredRollouts | None) -> list[int]:
    return [] if groups is None else [problem.index for problem in groups.rollouts.problems]


def test_without_filters_everything_is_kept() -> None:
    groups, metrics = collected(changed(), Written(lambda i: i))
    assert kept(groups) == [0, 1, 2, 3]
    assert groups is not None and groups.outcome_PG.sum(1).tolist() == [0, 1, 2, 3]
    assert metrics["zero_variance"] == 0.25 and metrics["draws_per_prompt"] == 4
    assert metrics["samples_drawn"] == 16 and metrics["solved"] == metrics["reward"] == 6 / 16


def test_groups_of_one_outcome_are_dropped() -> None:
    groups, metrics = collected(
        changed(sampling={"filters": {"drop_zero_variance": True}}), Written(lambda i: [0, 2, 4, 1][i])
    )
    assert kept(groups) == [1, 3]
    assert metrics["zero_variance"] == 0.5 and metrics["draws_per_prompt"] == 8


def test_a_refill_fills_the_batch_and_no_more() -> None:
    """Only every third problem is mixed: of three draws of four, four problems are kept, in the order asked."""
    written = Written(lambda i: 2 if i % 3 == 0 else 4)
    groups, metrics = collected(
        changed(sampling={"filters": {"drop_zero_variance": True, "resample_up_to": 5}}), written
    )
    assert kept(groups) == [0, 3, 6, 9]
    assert metrics["samples_drawn"] == 3 * 16 and metrics["draws_per_prompt"] == 12
    assert len(set(written.seeds)) == 3, "every draw has random numbers of its own"


def test_what_is_over_a_full_batch_is_dropped() -> None:
    groups, metrics = collected(
        changed(sampling={"filters": {"drop_zero_variance": True, "resample_up_to": 5}}),
        Written(lambda i: 0 if i in (1, 2) else 1),
    )
    assert kept(groups) == [0, 3, 4, 5]
    assert metrics["samples_drawn"] == 32


def test_a_bounded_refill_goes_on_with_what_there_is() -> None:
    groups, metrics = collected(
        changed(sampling={"filters": {"drop_zero_variance": True, "resample_up_to": 2}}),
        Written(lambda i: 1 if i == 7 else 4),
    )
    assert kept(groups) == [7] and metrics["samples_drawn"] == 48
    none, metrics = collected(
        changed(sampling={"filters": {"drop_zero_variance": True, "resample_up_to": 2}}), Written(lambda i: 4)
    )
    assert none is None and metrics["zero_variance"] == 1.0 and "draws_per_prompt" not in metrics


def test_the_gate_keeps_what_the_start_model_does_not_solve() -> None:
    written = Written(lambda i: 2, by_start=lambda i: i % 2)
    groups, _ = collected(changed(sampling={"filters": {"zero_success_gate": 8}}), written)
    assert kept(groups) == [0, 2]


def test_filters_look_at_the_outcome_and_not_at_the_shaped_reward() -> None:
    """With the share of right steps as reward groups differ; their outcomes are all wrong."""
    recipe = changed(
        reward={"function": {"kind": "mixture", "alpha": 0.5}}, sampling={"filters": {"drop_zero_variance": True}}
    )
    groups, _ = collected(recipe, Written(lambda i: 0))
    assert groups is None


def test_everything_asked_counts_in_the_coverage() -> None:
    coverage = Coverage()
    collected(
        changed(sampling={"filters": {"drop_zero_variance": True, "resample_up_to": 1}}),
        Written(lambda i: 4 if i < 2 else 0),
        coverage,
    )
    found = coverage.metrics()
    assert found["problems_asked"] == 8 and found["cumulative_solve_rate"] == 0.25
    assert found["draws_per_problem"] == 4


def test_an_empty_course_is_no_batch() -> None:
    recipe = changed()

    class Dry:
        def next(self, count: int) -> list[Problem]:
            return []

    groups, metrics = collected(recipe, Written(lambda i: 1), curriculum=cast(Any, Dry()), seed=0)
    assert groups is None and metrics == {"samples_drawn": 0.0}


@pytest.mark.parametrize(("row", "expected"), [([0, 0], False), ([1, 1], False), ([0, 1], True)])
def test_variance_by_hand(row: list[int], expected: bool) -> None:
    assert has_variance(torch.tensor([row], dtype=torch.bool)).tolist() == [expected]


def test_metrics_say_what_the_rollouts_say() -> None:
    found = draw(decoder(), problems=5, samples=4)

    class Real:
        def by_behavior(self, problems: Sequence[Problem], samples: int, seed: int) -> Rollouts:
            return found

    _, metrics = collected(changed(sampling={"prompts": 5}), Real(), seed=0)
    verdicts = [verdict for row in found.verdict_PG for verdict in row]
    assert metrics["unscorable"] == sum(v.answer < 0 for v in verdicts) / 20 > 0
    assert metrics["answer_correct"] == sum(v.answer_correct for v in verdicts) / 20 > 0
    assert metrics["process_correct"] == sum(v.process_correct for v in verdicts) / 20
    assert metrics["truncated"] == pytest.approx(1 - found.completions.finished_PG.mean())
    assert metrics["length"] == pytest.approx(found.completions.length_PG.mean())


def test_groups_without_variance_by_level_counted_by_hand() -> None:
    """Five groups of 4 with 0, 4, 2, 0 and 4 right samples, on the levels 5, 5, 5, 6 and 6."""
    right, levels = (0, 4, 2, 0, 4), (5, 5, 5, 6, 6)
    asked = [replace(WORLD.problem("train", 0, i), level=level) for i, level in enumerate(levels)]
    right_PG = torch.tensor([[g < count for g in range(4)] for count in right])
    groups = ScoredRollouts(answers(asked, right_PG), right_PG, right_PG.float())
    whole = rollout_metrics([groups])
    assert {name: value for name, value in whole.items() if name.startswith("all_")} == {
        "all_wrong": 2 / 5,
        "all_right": 2 / 5,
        "all_wrong_level_5": 1 / 3,
        "all_right_level_5": 1 / 3,
        "all_wrong_level_6": 1 / 2,
        "all_right_level_6": 1 / 2,
    }
    assert whole["zero_variance"] == pytest.approx(4 / 5)
    assert rollout_metrics([groups.select([0, 1]), groups.select([2, 3, 4])]) == whole, "however many draws there were"


def test_the_correlation_of_reward_and_process_is_within_groups() -> None:
    """Easy problems earn more and are solved more, so pooled they agree; within every group they disagree."""
    wrong, right = Score.WRONG, Score.CORRECT
    reward_PG = [[1.0, 0.9, 0.9, 0.9], [0.1, 0.1, 0.1, 0.2]]
    process_PG = [[wrong, right, right, right], [wrong, wrong, right, wrong]]
    pooled = np.corrcoef(np.ravel(reward_PG), np.ravel(process_PG))[0, 1]
    # By hand, tenths: rewards .75 -.25 -.25 -.25 | -.25 -.25 -.25 .75; processes -.75 .25 .25 .25 | -.25 -.25 .75 -.25.
    by_hand = (-0.75 - 0.25) / (0.75 + 0.75)
    assert pooled > 0.4
    assert within_group_correlation(reward_PG, process_PG) == pytest.approx(by_hand)


def test_the_correlation_leaves_out_what_has_no_grade_and_is_nan_where_nothing_differs() -> None:
    wrong, right, none = Score.WRONG, Score.CORRECT, Score.UNSCORABLE
    graded = within_group_correlation([[1.0, 0.0, 0.0]], [[right, wrong, right]])
    assert graded == pytest.approx(0.5)
    assert within_group_correlation([[1.0, 0.0, 0.0, 1.0]], [[right, wrong, right, none]]) == graded
    assert within_group_correlation([[0.5, 1.0]], [[wrong, right]]) == pytest.approx(1)
    for reward_PG, process_PG in (
        ([[1.0, 1.0], [0.0, 0.0]], [[right, wrong], [right, wrong]]),
        ([[1.0, 0.0], [1.0, 0.0]], [[right, right], [wrong, wrong]]),
        ([[1.0, math.nan]], [[right, wrong]]),
        ([[1.0, 0.0]], [[none, none]]),
        ([[1.0]], [[right]]),
    ):
        assert math.isnan(within_group_correlation(reward_PG, process_PG))
