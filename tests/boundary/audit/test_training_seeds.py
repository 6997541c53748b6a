"""Arms with training seeds: a model for each seed, and a verdict of the recipe beside theirs."""

from __future__ import annotations

import numpy as np
import pytest

from edgewise.boundary import Concern, Counts, audit
from edgewise.boundary.verdict.recipe import recipe_verdict
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import FloatArray

# No measure beside the verdicts: they are tested elsewhere, and take time.
NONE: frozenset[str] = frozenset()


def arms(seeds: int, problems: int = 300) -> tuple[Counts, list[Counts]]:
    """A base, and tuned models that are surer on what it solves."""
    rng = np.random.default_rng(0)
    p_P = rng.beta(0.6, 1.5, problems)
    surer_P = np.where(p_P > 0.05, 3 * p_P / (1 + 2 * p_P), p_P)
    level = np.arange(problems) % 2

    def draw(p: FloatArray) -> Counts:
        return Counts.of(32, rng.binomial(32, p), level=level)

    return draw(p_P), [draw(surer_P) for _ in range(seeds)]


def test_every_seed_is_a_model_and_the_arm_has_the_recipes_verdict() -> None:
    base, tuned = arms(3)
    result = audit({"base": base, "grpo": tuned, "sft": tuned[0]}, measures=NONE, resamples=100)
    assert result.models == ("base", "grpo/1", "grpo/2", "grpo/3", "sft")
    assert result.seeds == {"grpo": {"1": "grpo/1", "2": "grpo/2", "3": "grpo/3"}}
    assert set(result.bases.values()) == {"base"}
    (whole,) = (problem_set.whole for problem_set in result.sets)
    alone = recipe_verdict(base, tuned, comparisons=2)
    assert str(whole.recipes["grpo"]) == str(alone)
    assert result.recipes["grpo"].sentence == alone.verdict.sentence
    # A family of two arms: seeds do not make it larger.
    assert {verdict.comparisons for verdict in whole.verdicts.values()} == {2}
    assert whole.verdicts["grpo/2"] is whole.recipes["grpo"].seeds["2"]
    assert result.verdict is result.verdicts["sft"]
    assert [scope.recipes["grpo"].verdict.comparisons for scope in result.sets[0].levels] == [4, 4]


def test_the_last_arms_verdict_is_that_of_its_recipe() -> None:
    base, tuned = arms(3)
    result = audit({"base": base, "grpo": tuned}, measures=NONE, resamples=100)
    assert result.verdict is result.recipes["grpo"] and result.verdict.label == "more within k"


def test_seeds_are_paired_with_bases_of_their_own_by_name_or_place() -> None:
    base, tuned = arms(3)
    other, _ = arms(0)
    bases = [base, other, base]
    by_place = audit({"base": bases, "grpo": tuned}, measures=NONE, resamples=100)
    assert by_place.bases == {"grpo/1": "base/1", "grpo/2": "base/2", "grpo/3": "base/3"}
    recipe = by_place.sets[0].whole.recipes["grpo"]
    assert recipe.own_bases and str(recipe) == str(recipe_verdict(bases, tuned))
    by_name = audit(
        {"base": dict(zip("abc", bases, strict=True)), "grpo": dict(zip("cab", tuned, strict=True))},
        measures=NONE,
        resamples=100,
    )
    assert by_name.bases == {"grpo/c": "base/c", "grpo/a": "base/a", "grpo/b": "base/b"}


def test_bases_that_do_not_pair_are_refused() -> None:
    base, tuned = arms(3)
    with pytest.raises(InputError, match="grpo: no base for training seed 3; base has those of training seeds 1, 2"):
        audit({"base": [base, base], "grpo": tuned}, measures=NONE, resamples=100)
    with pytest.raises(InputError, match="grpo: no base for its one checkpoint; base has those of training seeds 1, 2"):
        audit({"base": [base, base], "grpo": tuned[0]}, measures=NONE, resamples=100)
    with pytest.raises(InputError, match="grpo: no checkpoint"):
        audit({"base": base, "grpo": []}, measures=NONE, resamples=100)
    with pytest.raises(InputError, match="models: two are called 'grpo/1'"):
        audit({"base": base, "grpo": tuned, "grpo/1": tuned[0]}, measures=NONE, resamples=100)


def test_one_seed_of_a_recipe_speaks_of_its_checkpoint() -> None:
    base, tuned = arms(1)
    result = audit({"base": base, "grpo": {"17": tuned[0]}}, measures=NONE, resamples=100)
    assert result.models == ("base", "grpo/17") and result.verdicts["grpo/17"].label == "more within k"
    assert result.verdict.sentence.startswith("Only of this checkpoint: more within 8 samples. ")


def test_a_concern_about_one_seed_forbids_the_recipes_claim_and_no_other_seeds() -> None:
    base, tuned = arms(3)
    concern = Concern("Its samples are repeated.", forbids=True, models=("grpo/2",))
    result = audit({"base": base, "grpo": tuned}, measures=NONE, resamples=100, concerns=[concern])
    labels = [verdict.label for verdict in result.verdicts.values()]
    assert labels == ["more within k", "cannot tell", "more within k"]
    assert result.verdict.label == "cannot tell" and result.verdict.parts["all problems"].refused == "more within k"
    about_all = Concern("Sampled at temperature 0.", forbids=True)
    rule = audit({"base": base, "grpo": tuned}, measures=NONE, resamples=100, concerns=[about_all]).verdict.rule
    assert rule.count("Sampled at temperature 0") == 1
