"""Rollouts taken apart and put together, and those that the world writes itself."""

from __future__ import annotations

import numpy as np
import pytest

from edgewise.core.errors import InputError
from edgewise.model.tokenizer import Tokenizer
from edgewise.rollouts.collect import gold_rollouts
from edgewise.rollouts.rollouts import Rollouts
from edgewise.rollouts.table import rollout_table
from edgewise.tasks import ModularArithmetic
from tests.rl.bandit import decoder, draw

WORLD = ModularArithmetic(min_op=1, max_op=3)
TOKENIZER = Tokenizer(WORLD.words())


def test_parts_put_together_are_the_whole() -> None:
    whole = draw(decoder(), problems=6, samples=3)
    order = [4, 0, 5, 2]
    parts = [whole.select(order[:1]), whole.select(order[1:])]
    again = Rollouts.concatenate(parts)
    assert rollout_table(again) == rollout_table(whole.select(order))
    assert [problem.index for problem in again.problems] == order
    for new, old in enumerate(order):
        for g in range(3):
            assert again.completions.ids(new, g) == whole.completions.ids(old, g)


def test_parts_of_other_lengths_are_padded() -> None:
    whole = draw(decoder(), problems=8, samples=1)
    lengths = whole.completions.length_PG.max(1)
    short, long = int(lengths.argmin()), int(lengths.argmax())
    one, other = whole.select([short]), whole.select([long])
    cut = int(lengths[short])
    assert cut < lengths[long], "the case must have two lengths"
    narrow = Rollouts(
        one.problems,
        one.prompts,
        type(one.completions)(
            one.completions.tokens_PGT[..., :cut],
            one.completions.logp_PGT[..., :cut],
            one.completions.length_PG,
            one.completions.finished_PG,
        ),
        one.text_PG,
        one.verdict_PG,
    )
    assert rollout_table(Rollouts.concatenate([narrow, other])) == rollout_table(whole.select([short, long]))


def test_gold_is_the_world_s_solution_and_is_verified_right() -> None:
    problems = [WORLD.problem("train", 0, index) for index in range(8)]
    gold = gold_rollouts(TOKENIZER, WORLD, problems, 128)
    assert gold.samples == 1 and all(row[0].process_correct for row in gold.verdict_PG)
    assert [row[0] for row in gold.text_PG] == [WORLD.solution(problem) for problem in problems]
    ends = [gold.completions.ids(p, 0)[-1] for p in range(8)]
    assert set(ends) == {TOKENIZER.eos} and not np.any(gold.completions.logp_PGT)


def test_a_gold_solution_that_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match=r"^max_new_tokens: must hold the longest gold solution"):
        gold_rollouts(TOKENIZER, WORLD, [WORLD.problem("train", 0, 0)], 3)
