"""A handed-over completion is graded as in a run here: every reward and length, one at a time as all at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from edgewise.core.errors import InputError
from edgewise.core.spec import override
from edgewise.interop.plugins.hand_over import HandedOver, HandOver, address_of, problem_at, write_hand_over
from edgewise.rl.recipe import Recipe
from edgewise.rollouts.rollouts import Rollouts
from edgewise.sampling.completions import Completions
from edgewise.tasks import ModularArithmetic, Score

WORLD = ModularArithmetic(min_op=1, max_op=3, modulus=5, letters=8)
LIMIT = 40
REWARDS = (
    "reward.function=outcome",
    "reward.function=process",
    "reward.function=format",
    "reward.function=wrong_label",
    "reward.function=graded",
    'reward.function={"kind":"mixture","alpha":0.2}',
    'reward.function={"kind":"patterned","where":"answer"}',
    "reward.length=overlong",
    "reward.length=overlong_scalerl",
    "reward.length=cosine",
)


def folder_of(path: Path, *settings: str) -> Path:
    recipe = override(Recipe(sampling={"max_new_tokens": LIMIT}), settings)
    path.mkdir(exist_ok=True)
    run = HandOver(edgewise="0", run="rl-0", world=WORLD, split="held_out", seed=5, recipe=recipe, samples=4)
    write_hand_over(run, path)
    return path


def texts_of(problem_number: int) -> list[str]:
    """Right, right answer by a wrong process, wrong, unreadable, cut off at the limit."""
    problem = WORLD.problem("held_out", 5, problem_number)
    gold = WORLD.solution(problem)
    other = str((int(problem.answer) + 1) % 5)
    words = gold.split()
    return [gold, f"answer {problem.answer}", " ".join([*words[:-1], other]), "1 + 1", " ".join(["1"] * LIMIT)]


@pytest.mark.parametrize("setting", REWARDS)
def test_one_at_a_time_is_as_all_at_once(setting: str, tmp_path: Path) -> None:
    handed = HandedOver(folder_of(tmp_path, setting))
    recipe = handed.run.recipe
    problems = [WORLD.problem("held_out", 5, index) for index in range(4)]
    text_PG = [texts_of(index) for index in range(4)]
    length_PG = np.array([[min(LIMIT, len(text.split()) + 1) for text in row] for row in text_PG], np.int32)
    finished_PG = np.array([[len(text.split()) < LIMIT for text in row] for row in text_PG])
    verdict_PG = [
        [WORLD.verify(problem, text, truncated=not finished) for text, finished in zip(texts, done, strict=True)]
        for problem, texts, done in zip(problems, text_PG, finished_PG.tolist(), strict=True)
    ]
    assert {verdict.answer for row in verdict_PG for verdict in row} == set(Score)
    shape = (*length_PG.shape, LIMIT)
    completions = Completions(np.zeros(shape, np.int32), np.zeros(shape, np.float32), length_PG, finished_PG)
    rollouts = Rollouts(problems, [()] * 4, completions, text_PG, verdict_PG)
    outcome_PG, reward_PG = recipe.reward.function.score(WORLD, rollouts, 5)
    reward_PG = recipe.reward.length.adjust(reward_PG, outcome_PG, rollouts, LIMIT, 0)

    for p, problem in enumerate(problems):
        for g, text in enumerate(text_PG[p]):
            graded = handed.grade(address_of(problem), text, int(length_PG[p, g]), truncated=not finished_PG[p, g])
            assert (graded.reward, graded.outcome) == (float(reward_PG[p, g]), bool(outcome_PG[p, g]))
            assert graded.verdict == verdict_PG[p][g]
    assert len(set(torch.flatten(reward_PG).tolist())) > 1, "a reward that pays all alike would hide a mistake"


def test_a_problem_is_found_again_by_its_address() -> None:
    problem, at_level = WORLD.problem("test", 3, 7), WORLD.at_level(2).problem("test", 0, 4)
    assert problem_at(WORLD, address_of(problem)) == problem
    assert problem_at(WORLD, address_of(at_level, 2)) == at_level


@pytest.mark.parametrize(
    "address", ["", "test", "test/1", "tests/0/1", "test/0/-1", "test/0/1/2/3", "test/a/1", "../0/1"]
)
def test_another_address_is_refused_in_one_line(address: str) -> None:
    with pytest.raises(InputError, match="address: must be split/seed/index"):
        problem_at(WORLD, address)


def test_a_damaged_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"hand_over\.json: missing or corrupt"):
        HandedOver(tmp_path)
    path = folder_of(tmp_path) / "hand_over.json"
    path.write_text(path.read_text().replace('"modular"', '"modulo"'))
    with pytest.raises(InputError, match="world"):
        HandedOver(tmp_path)
