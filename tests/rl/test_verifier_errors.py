"""Verifiers with planted errors: at the planted rates, at the planted places, whoever scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.core.spec import digest, override, plain
from edgewise.rl.advantages import rloo
from edgewise.rl.recipe import Recipe
from edgewise.rl.rewards.verifier_errors import misread, youden
from edgewise.rl.train import train
from edgewise.tasks import Verdict
from edgewise.training.run_folder import RunFolder

from .bandit import RECIPE, TOKENIZER, WORLD, changed, decoder
from .rewarded import COMPACT, LUCKY, NOTHING, RIGHT, WRONG, reward_of, verified_rollouts

PROBLEMS, SAMPLES = 400, 8


def many(rows: int = PROBLEMS, first: int = 0) -> Any:
    """Problems with two right samples, one right by luck, one without an answer and four wrong ones."""
    problems = [WORLD.problem("train", 0, first + p) for p in range(rows)]
    verdicts: list[list[Verdict]] = [[RIGHT, WRONG, RIGHT, LUCKY, NOTHING, WRONG, WRONG, WRONG] for _ in problems]
    texts = [[f"text {g} {'seven' if g == 1 else ''}" for g in range(SAMPLES)] for _ in problems]
    return verified_rollouts(problems, texts, verdicts, lengths=[range(1, SAMPLES + 1)] * rows)


def says(choice: Any, rollouts: Any = None, seed: int = 5) -> Tensor:
    spec = reward_of(choice)
    spec.check(COMPACT, "held_out")
    outcome_PG, paid_PG = spec.score(COMPACT, many() if rollouts is None else rollouts, seed)
    assert torch.equal(outcome_PG, paid_PG.bool()), "filters see what the verifier says"
    return paid_PG


def is_near(drawn: Tensor, rate: float) -> bool:
    count = drawn.numel()
    return bool(abs(float(drawn.mean()) - rate) <= 4 * (rate * (1 - rate) / count) ** 0.5)


@pytest.mark.parametrize("of", ["outcome", "process"])
@pytest.mark.parametrize(("passed", "failed"), [(0.0, 0.0), (0.6, 0.6), (0.3, 0.1), (0.0, 0.4), (1.0, 1.0)])
def test_random_errors_come_at_the_planted_rates(of: str, passed: float, failed: float) -> None:
    choice = {"kind": "noisy", "of": of, "false_positive": passed, "false_negative": failed}
    paid_PG, right_PG = says(choice), says(of)
    assert is_near(paid_PG[right_PG == 1], 1 - failed)
    assert is_near(paid_PG[right_PG == 0], passed)
    assert is_near(paid_PG[:, 4], passed), "what has no answer is passed as often as what is wrong"
    lucky = 1 - failed if of == "outcome" else passed
    assert is_near(paid_PG[:, 3], lucky)


def test_youden_is_what_a_right_sample_earns_more_and_what_multiplies_a_linear_advantage() -> None:
    for passed, failed in ((0.6, 0.6), (0.1, 0.1), (0.25, 0.75), (0.0, 0.0)):
        j = youden(passed, failed)
        paid_PG = says({"kind": "noisy", "false_positive": passed, "false_negative": failed}).double()
        right_PG = says("outcome").double()
        gap = float(paid_PG[right_PG == 1].mean() - paid_PG[right_PG == 0].mean())
        assert gap == pytest.approx(j, abs=0.06)
        # Every group gets J times its credit on average over the coins, so the expected update is J times the true one.
        mean_G, true_G = rloo(paid_PG).mean(0), j * rloo(right_PG)[0]
        torch.testing.assert_close(mean_G, true_G, atol=0.12, rtol=0)
    assert youden(0.6, 0.6) == pytest.approx(-0.2) and youden(0.0, 0.0) == 1


def test_each_completion_has_a_coin_of_its_own_that_depends_on_nothing_else() -> None:
    choice = {"kind": "noisy", "false_positive": 0.5, "false_negative": 0.5}
    rollouts, paid_PG = many(), says(choice)
    assert torch.equal(says(choice), paid_PG)
    assert not torch.equal(says(choice, seed=6), paid_PG)
    # A rank that scores its share finds what one that scores all finds.
    shares = [says(choice, rollouts.select(part)) for part in (range(150), range(150, PROBLEMS))]
    assert torch.equal(torch.cat(shares), paid_PG)
    errs_PG = (paid_PG != says("outcome")).double()
    for column in range(SAMPLES - 1):
        agree = float((errs_PG[:, column] == errs_PG[:, column + 1]).double().mean())
        assert agree == pytest.approx(0.5, abs=0.1)
    assert errs_PG.mean(1).unique().numel() > 4, "a problem's samples do not err together"


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_share_of_the_problems_passes_everything_in_the_whole_run(share: float) -> None:
    choice = {"kind": "patterned", "where": {"kind": "problem", "share": share}}
    paid_PG, right_PG = says(choice), says("outcome")
    passes_P = (paid_PG == 1).all(1)
    assert is_near(passes_P.double(), share)
    assert torch.equal(paid_PG[~passes_P], right_PG[~passes_P])
    assert torch.equal(says(choice, seed=6), paid_PG), "the pattern is no matter of the step"
    if share == 0.3:
        another = {"kind": "patterned", "where": {"kind": "problem", "share": share, "draw": 1}}
        assert not torch.equal(says(another), paid_PG)
        assert is_near(says(another)[passes_P].amin(1).double(), share), "another set, independent of the first"


def test_a_share_of_the_answers_is_passed_on_every_problem() -> None:
    answers = [str(n) for n in range(SAMPLES * 40)]
    problems = [WORLD.problem("train", 0, p) for p in range(40)]
    verdicts = [
        [Verdict(WRONG.answer, WRONG.process, predicted=answers[p * SAMPLES + g]) for g in range(SAMPLES)]
        for p in range(40)
    ]
    texts = [[""] * SAMPLES] * 40
    choice = {"kind": "patterned", "where": {"kind": "answer", "share": 0.4}}
    paid_PG = says(choice, verified_rollouts(problems, texts, verdicts))
    assert is_near(paid_PG, 0.4)
    elsewhere = verified_rollouts(problems[::-1], texts, verdicts)
    assert torch.equal(says(choice, elsewhere), paid_PG), "what is passed depends on the answer alone"
    everything = {"kind": "patterned", "where": {"kind": "answer", "share": 1.0}}
    assert says(everything)[0].tolist() == [1, 1, 1, 1, 0, 1, 1, 1], "what has no answer has none that is passed"


def test_texts_and_lengths_are_patterns_and_rates_hold_within_them() -> None:
    text = {"kind": "patterned", "where": {"kind": "text", "contains": "seven"}}
    assert says(text)[3].tolist() == [1, 1, 1, 1, 0, 0, 0, 0]
    length = {"kind": "patterned", "where": {"kind": "length", "least": 5, "most": 6}}
    assert says(length)[3].tolist() == [1, 0, 1, 1, 1, 1, 0, 0]
    failed = {"kind": "patterned", "where": {"kind": "length", "most": 1}, "false_positive": 0, "false_negative": 1}
    assert says(failed)[3].tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
    half = {"kind": "patterned", "where": {"kind": "length", "least": 6, "most": 8}, "false_positive": 0.5}
    assert is_near(says(half)[:, 5:], 0.5)
    assert torch.equal(says(half)[:, :5], says("outcome")[:, :5])


def test_a_misreading_turns_what_is_said_round() -> None:
    assert [misread(right, 0.25, 0.75, coin << 62) for right in (0.0, 1.0) for coin in range(4)] == [
        *(1, 0, 0, 0),
        *(0, 0, 0, 1),
    ]


@pytest.mark.parametrize(
    ("choice", "complaint"),
    [
        ({"kind": "noisy", "of": {"kind": "mixture", "alpha": 0.5}}, "of: must be a reward of 0 or 1"),
        ({"kind": "noisy", "of": "patterned"}, "of: must be a reward of 0 or 1 without planted errors"),
        ({"kind": "noisy", "false_positive": 1.1}, "false_positive"),
        ({"kind": "patterned", "where": "words"}, "where"),
        ({"kind": "patterned", "where": {"kind": "length", "least": 3, "most": 2}}, "least must be at most most"),
        ({"kind": "patterned", "where": {"kind": "text", "contains": ""}}, "contains"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(choice: Any, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        reward_of(choice)


def test_a_recipe_names_them_and_keeps_every_number() -> None:
    recipe = override(
        Recipe(), ["reward.function=noisy", "reward.function.of=process", "reward.function.false_positive=0.3"]
    )
    assert recipe.reward.binary
    assert recipe.reward.function == reward_of(
        {"kind": "noisy", "of": "process", "false_positive": 0.3, "false_negative": 0.1}
    )
    again = Recipe.parse(plain(recipe))
    assert again == recipe and digest(again) == digest(recipe)
    where = override(Recipe(), ["reward.function=patterned", "reward.function.where=answer"]).reward.function
    assert where == reward_of({"kind": "patterned", "where": {"kind": "answer", "share": 0.1}})


def test_a_run_logs_what_the_verifier_says_beside_the_truth(tmp_path: Path) -> None:
    always = {"kind": "noisy", "false_positive": 1.0, "false_negative": 0.0}
    recipe = changed(reward={"function": always}).model_copy(update={"steps": 2})
    assert recipe.sampling == RECIPE.sampling
    train(decoder(), TOKENIZER, WORLD, recipe, 0, RunFolder(tmp_path))
    for line in map(json.loads, (tmp_path / "metrics.jsonl").read_text().splitlines()):
        assert line["reward"] == line["solved"] == 1 and line["answer_correct"] < 0.9
        assert line["all_right"] == line["zero_variance"] == 1


def test_the_problem_of_a_pattern_is_the_one_that_is_asked() -> None:
    where = reward_of({"kind": "patterned", "where": {"kind": "problem", "share": 0.5}})
    matched = {p: bool(says(where, many(1, p)).all()) for p in range(60)}
    whole = says(where, many(60))
    assert [matched[p] for p in range(60)] == (whole == 1).all(1).tolist()
    assert 10 < sum(matched.values()) < 50
