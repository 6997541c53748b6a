"""Verdicts over training seeds: the unit is the seed, the facts and names are those of a single verdict."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from edgewise.boundary import Counts, boundary_verdict
from edgewise.boundary.inference.two_way import two_way_mean
from edgewise.boundary.measures.curves import problem_pass_at_k
from edgewise.boundary.verdict.facts import Facts
from edgewise.boundary.verdict.labels import LABELS, Label
from edgewise.boundary.verdict.recipe import recipe_verdict
from edgewise.boundary.verdict.sentences import MOST_WORDS, seeds_sentence, too_few_seeds_sentence
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import FloatArray


def draw(p_P: FloatArray, n: int, rng: np.random.Generator) -> Counts:
    return Counts.of(n, rng.binomial(n, p_P))


def tilted(p_P: FloatArray, logits: float) -> FloatArray:
    odds_P = np.exp(logits) * p_P
    return np.asarray(odds_P / (odds_P + 1 - p_P))


def runs(problems: int, n: int, shifts: Sequence[float], seed: int = 0) -> tuple[Counts, list[Counts]]:
    """A base and tuned models, the odds of whose problems are multiplied by exp(shift), where p is above .02."""
    rng = np.random.default_rng(seed)
    p_P = rng.beta(0.2, 1.5, problems)
    tuned = [draw(np.where(p_P > 0.02, tilted(p_P, shift), p_P), n, rng) for shift in shifts]
    return draw(p_P, n, rng), tuned


def test_what_happens_at_every_seed_is_the_recipes() -> None:
    base, tuned = runs(500, 64, [0.9, 1.0, 1.1, 0.95, 1.05])
    recipe = recipe_verdict(base, tuned)
    assert recipe.verdict.label == "sharpened" and recipe.verdict.training_seeds == 5
    assert recipe.shares == {"sharpened": 1.0} and not recipe.own_bases
    assert list(recipe.seeds) == ["1", "2", "3", "4", "5"]
    assert {own.training_seeds for own in recipe.seeds.values()} == {1}
    assert str(recipe.seeds["2"]) == str(boundary_verdict(base, tuned[1]))
    assert recipe.sentence.startswith("5 seeds: all sharpened @16; changes of pass@1 scatter by ")


def test_the_numbers_are_those_of_the_two_way_layout() -> None:
    base, tuned = runs(200, 32, [0.5, 1.0, 1.5], seed=1)
    recipe = recipe_verdict(base, tuned, k=8)
    by_seed = [problem_pass_at_k(one, [1, 8]) - problem_pass_at_k(base, [1, 8]) for one in tuned]
    at_1, at_8 = (two_way_mean(np.stack([values_PK[:, i] for values_PK in by_seed], axis=1)) for i in (0, 1))
    verdict = recipe.verdict
    assert (verdict.p_1, verdict.p_k) == (at_1.p, at_8.p)
    assert verdict.delta_1.value == at_1.value and verdict.delta_k.value == at_8.value
    assert recipe.scatter_1 == at_1.scatter == pytest.approx(np.std([v[:, 0].mean() for v in by_seed], ddof=1))
    assert recipe.scatter_k == at_8.scatter
    # Expansion and shrinkage split the change of pass@k without remainder.
    solved = verdict.solved
    assert solved.excess_expansion.value - solved.excess_shrinkage.value == pytest.approx(200 * verdict.delta_k.value)
    assert solved.realised is None and math.isnan(solved.mcnemar_p)


def test_one_seed_may_claim_what_the_recipe_may_not() -> None:
    """Three runs, one of which went up by far: each checkpoint has its label, the recipe has none."""
    base, tuned = runs(500, 64, [1.5, 0.0, -0.4], seed=2)
    recipe = recipe_verdict(base, tuned)
    assert recipe.seeds["1"].facts.at_1 == "up" and recipe.seeds["3"].facts.at_1 == "down"
    assert recipe.verdict.facts.at_1 == "open"
    assert recipe.verdict.delta_1.low < 0 < recipe.verdict.delta_1.high
    assert recipe.scatter_1 > 0.03
    assert sum(recipe.shares.values()) == pytest.approx(1)


@pytest.mark.parametrize("seeds", [1, 2])
def test_fewer_than_three_seeds_speak_of_their_checkpoints_only(seeds: int) -> None:
    base, tuned = runs(500, 64, [1.0] * seeds)
    recipe = recipe_verdict(base, tuned)
    assert (recipe.verdict.label, recipe.verdict.facts) == ("cannot tell", Facts("open", "open"))
    assert math.isnan(recipe.verdict.delta_1.low) and math.isnan(recipe.verdict.p_k)
    assert not math.isnan(recipe.verdict.delta_1.value)
    assert {own.label for own in recipe.seeds.values()} == {"sharpened"}
    which = "this checkpoint: sharpened @16." if seeds == 1 else "these checkpoints: all sharpened @16."
    assert recipe.verdict.sentence == f"Only of {which} A statement about the recipe needs 3 training seeds."
    assert math.isnan(recipe.scatter_1) == (seeds == 1)


def test_seeds_may_have_bases_of_their_own() -> None:
    """Bases that differ as much as the tuned models do: against its own, every seed gains alike."""
    rng = np.random.default_rng(3)
    p_P = rng.beta(0.6, 1.5, 500)
    shifts = [-0.6, 0.0, 0.6]
    bases = [draw(tilted(p_P, shift), 64, rng) for shift in shifts]
    tuned = [draw(tilted(p_P, shift + 0.7), 64, rng) for shift in shifts]
    own = recipe_verdict(bases, tuned)
    assert own.own_bases and own.verdict.facts.at_1 == "up"
    shared = recipe_verdict(bases[1], tuned)
    assert shared.verdict.facts.at_1 == "open" and shared.scatter_1 > 5 * own.scatter_1
    assert "each against its own base" in own.verdict.numbers and "against one base" in shared.verdict.numbers


def test_the_absence_of_a_change_is_not_claimed_from_few_problems() -> None:
    """Twenty problems that are solved always, by every model: nothing moved, and nothing is shown."""
    sure = Counts.of(64, [64] * 20)
    few = recipe_verdict(sure, [sure] * 8)
    assert (few.verdict.label, few.verdict.facts) == ("cannot tell", Facts("open", "open"))
    many = Counts.of(64, [64] * 400)
    assert recipe_verdict(many, [many] * 8).verdict.label == "unchanged"


def test_losses_that_gains_hide_must_be_those_of_most_seeds() -> None:
    """6% of the problems are lost wholly, in one or in all of the seeds, and all others are surer."""
    rng = np.random.default_rng(4)
    p_P = rng.uniform(0.2, 0.9, 400)
    base, surer_P = draw(p_P, 64, rng), tilted(p_P, 1.0)
    lost_P = np.where(np.arange(400) < 24, 0.0, surer_P)
    lossless = recipe_verdict(base, [draw(surer_P, 64, rng) for _ in range(5)])
    once = recipe_verdict(base, [draw(lost_P if seed == 2 else surer_P, 64, rng) for seed in range(5)])
    always = recipe_verdict(base, [draw(lost_P, 64, rng) for _ in range(5)])
    assert lossless.verdict.facts.at_k == "same" and once.verdict.facts.at_k != "both"
    assert always.verdict.facts.at_k in ("both", "shrunk")


def test_a_concern_about_one_seed_forbids_its_claim_and_the_recipes() -> None:
    base, tuned = runs(500, 64, [1.0, 1.0, 1.0])
    recipe = recipe_verdict(
        base, dict(zip("abc", tuned, strict=True)), seed_concerns={"b": ["b: its samples are repeated"]}
    )
    assert recipe.verdict.label == "cannot tell" and recipe.verdict.refused == "sharpened"
    assert (
        recipe.verdict.rule.startswith("b: its samples are repeated.")
        and "b: its samples are repeated" in recipe.verdict.rule
    )
    assert [own.label for own in recipe.seeds.values()] == ["sharpened", "cannot tell", "sharpened"]


def test_samples_that_were_not_scored_in_all_seeds_explain_the_recipes_change() -> None:
    """A quarter of the samples, right and wrong ones alike, are not read in the base, and all are in the same model."""
    _, tuned = runs(500, 64, [1.0] * 3)
    right_P = tuned[0].c_P // 4
    unread_P = right_P + (64 - tuned[0].c_P) // 4
    base = replace(tuned[0], c_P=tuned[0].c_P - right_P, unscorable_P=unread_P)
    recipe = recipe_verdict(base, tuned)
    assert recipe.verdict.refused is not None and recipe.verdict.label == "cannot tell"
    share = np.mean(unread_P / 64)
    assert f"Not graded are {share:.1%} of the samples of base and 0.0% of tuned" in recipe.verdict.readings
    assert recipe.verdict.delta_1.low <= 0 <= recipe.verdict.delta_1.high


def test_bad_input_is_named() -> None:
    base, tuned = runs(50, 16, [1.0] * 3)
    with pytest.raises(InputError, match="2 for 3 training seeds"):
        recipe_verdict([base, base], tuned)
    with pytest.raises(InputError, match="0 training seeds"):
        recipe_verdict(base, [])
    with pytest.raises(InputError, match="both arms must be sampled on the same problems"):
        recipe_verdict(base, [*tuned, Counts.of(16, [1] * 20)])
    with pytest.raises(InputError, match="needs k from 1 to n/2 = 8"):
        recipe_verdict(base, tuned, k=9)


def test_sentences_have_at_most_25_words() -> None:
    labels: list[Label] = sorted(LABELS, key=lambda label: -len(LABELS[label].shown.split()))[:4]
    worst: Counter[Label] = Counter(dict(zip(labels, (3, 3, 2, 1), strict=True)))
    assert len(seeds_sentence(worst, 128, 0.123, 0.234).split()) <= MOST_WORDS
    two: Counter[Label] = Counter(dict.fromkeys(labels[:2], 1))
    assert len(too_few_seeds_sentence(two, 128, 3).split()) <= MOST_WORDS


def test_a_recipe_without_effect_is_rarely_claimed_where_seeds_scatter() -> None:
    """Seeds that scatter by 2.5 points: 42% of single seeds are called changed, and at most 5% of recipes may be."""
    false_recipes, false_seeds, seeds = 0, 0, 0
    for run in range(40):
        rng = np.random.default_rng(run)
        p_P = rng.beta(0.55, 0.5, 300)
        base = draw(p_P, 16, rng)
        tuned = [draw(tilted(p_P, rng.normal(0, 0.25)), 16, rng) for _ in range(5)]
        recipe = recipe_verdict(base, tuned)
        false_recipes += LABELS[recipe.verdict.label].changed
        false_seeds += sum(LABELS[own.label].changed for own in recipe.seeds.values())
        seeds += 5
    assert false_recipes <= 4
    assert false_seeds > 0.2 * seeds
