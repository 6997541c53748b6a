from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgewise.boundary import Counts, combine, judge_boundary
from edgewise.boundary.counts import FloatArray
from edgewise.errors import InputError


def draw(p_P: FloatArray, n: int, seed: int) -> Counts:
    return Counts.of(n, np.random.default_rng(seed).binomial(n, p_P))


def heavy_tailed(problems: int, seed: int) -> FloatArray:
    return np.random.default_rng(seed).beta(0.2, 1.5, problems)


@pytest.fixture
def planted() -> tuple[Counts, Counts]:
    """40 of 100 problems go from p = 0 to between 0.05 and 0.3; the others stay."""
    p_P = heavy_tailed(100, 3)
    new_P = np.arange(100) < 40
    base = draw(np.where(new_P, 0, p_P), 64, 1)
    return base, draw(np.where(new_P, np.linspace(0.05, 0.66, 100), p_P), 64, 2)


def test_two_draws_of_one_model_are_not_called_a_change() -> None:
    """The rate of any claimed change of the boundary is at most alpha = 5%, with an SE of 1.5%
    over 200 runs."""
    labels = Counter(
        judge_boundary(
            draw(heavy_tailed(100, seed), 64, seed + 10_000),
            draw(heavy_tailed(100, seed), 64, seed + 20_000),
            seed=seed,
            resamples=800,
        ).label
        for seed in range(200)
    )
    assert labels["extended"] + labels["shrunk"] + labels["mixed"] <= 12
    assert labels["sharpened"] <= 12
    assert labels["unchanged"] > 80


def test_a_planted_skill_extends(planted: tuple[Counts, Counts]) -> None:
    base, tuned = planted
    verdict = judge_boundary(base, tuned)
    assert verdict.label == "extended"
    assert (verdict.k, verdict.n, verdict.problems) == (16, 64, 100)
    assert verdict.solved.m == 16
    assert verdict.delta_k.low > 0.2
    assert verdict.solved.excess_expansion.low > 20
    assert verdict.solved.excess_shrinkage.low < 1


def test_the_reverse_shrinks(planted: tuple[Counts, Counts]) -> None:
    base, tuned = planted
    assert judge_boundary(tuned, base).label == "shrunk"


def test_sharpening_is_not_extension() -> None:
    """Reachable problems go from 0.15-0.25 to 0.7-0.8, unreachable ones stay: nothing is new,
    though with 300 problems pass@16 rises significantly, by 2 points."""
    for seed in range(10):
        p_P = heavy_tailed(300, seed)
        reachable_P = p_P > 0.02
        base = draw(np.where(reachable_P, 0.15 + 0.1 * p_P, 0), 64, seed + 100)
        tuned = draw(np.where(reachable_P, 0.7 + 0.1 * p_P, 0), 64, seed + 200)
        verdict = judge_boundary(base, tuned)
        assert verdict.label == "sharpened"
        assert verdict.delta_k.low > 0
        assert verdict.delta_1.low > 0.15


def test_few_new_problems_extend_within_the_margin() -> None:
    """12 of 500 problems from 0 to 0.6 is a small difference, and still new problems."""
    p_P = np.full(500, 0.5)
    p_P[:100] = 0
    new_P = np.where(np.arange(500) < 12, 0.6, p_P)
    verdict = judge_boundary(draw(p_P, 64, 1), draw(new_P, 64, 2))
    assert verdict.label == "extended"
    assert verdict.delta_k.inside(0.05)


def test_gains_and_losses_together_are_mixed() -> None:
    one_P, other_P = np.repeat([0.2, 0.0], 50), np.repeat([0.0, 0.2], 50)
    assert judge_boundary(draw(one_P, 64, 1), draw(other_P, 64, 2)).label == "mixed"


def test_four_new_problems_are_too_few() -> None:
    """A bootstrap interval lies above 0 from four one-sided problems on; six are needed."""
    old, labels = [0] * 6 + [60] * 24, {}
    for new in (4, 6):
        tuned = [60] * new + [0] * (6 - new) + [60] * 24
        verdict = judge_boundary(Counts.of(64, old), Counts.of(64, tuned), resamples=20_000)
        assert verdict.delta_k.low > 0
        reverse = judge_boundary(Counts.of(64, tuned), Counts.of(64, old), resamples=20_000)
        assert reverse.delta_k.high < 0
        labels[new] = verdict.label, reverse.label
    assert labels == {4: ("cannot tell", "cannot tell"), 6: ("extended", "shrunk")}


def test_unchanged_needs_evidence() -> None:
    few, many = Counts.of(64, [0, 64] * 10), Counts.of(64, [0, 64] * 200)
    assert judge_boundary(few, few).label == "cannot tell"
    assert judge_boundary(many, many).label == "unchanged"
    assert judge_boundary(many, many, margin=0.005).label == "cannot tell"


def test_too_few_samples_tell_nothing() -> None:
    verdict = judge_boundary(Counts.of(7, [0] * 50), Counts.of(7, [6] * 50))
    assert (verdict.label, verdict.k) == ("cannot tell", 1)
    assert "8 samples" in verdict.rule
    assert judge_boundary(Counts.of(1, [0] * 50), Counts.of(1, [1] * 50)).label == "cannot tell"


def test_more_comparisons_widen_and_need_more_resamples(planted: tuple[Counts, Counts]) -> None:
    one, many = (judge_boundary(*planted, comparisons=number) for number in (1, 50))
    assert many.level == pytest.approx(0.999)
    assert many.resamples == 40_000
    assert many.delta_k.low < one.delta_k.low
    assert many.solved.excess_expansion.low < one.solved.excess_expansion.low


@pytest.mark.parametrize("what", ["unscorable_P", "truncated_P"])
def test_a_difference_in_judging_voids_the_claim(planted: tuple[Counts, Counts], what: str) -> None:
    base, tuned = planted

    def unjudged(counts: Counts, share: float) -> Counts:
        marked: dict[str, Any] = {what: np.full(100, round(64 * share))}
        return replace(counts, **marked)

    explained = judge_boundary(unjudged(base, 0.25), tuned)
    assert explained.label == "cannot tell"
    assert explained.rule.startswith(what[:-2].capitalize()) and "extended" in explained.rule
    # More unscorable samples after tuning work against a gain, so they cannot explain it.
    assert judge_boundary(base, unjudged(tuned, 0.25)).label == "extended"
    assert judge_boundary(tuned, unjudged(base, 0.25)).label == "cannot tell"
    assert judge_boundary(unjudged(base, 0.25), unjudged(tuned, 0.25)).label == "extended"
    assert judge_boundary(unjudged(base, 1 / 64), tuned).label == "extended"


def test_a_difference_in_judging_voids_unchanged() -> None:
    arm = Counts.of(64, [0, 60] * 200)
    odd = replace(arm, unscorable_P=np.full(400, 4))
    assert judge_boundary(arm, odd).label == "cannot tell"
    assert judge_boundary(odd, odd).label == "unchanged"


def test_the_sentence_carries_the_numbers(planted: tuple[Counts, Counts]) -> None:
    verdict = judge_boundary(*planted)
    for delta in (verdict.delta_1, verdict.delta_k):
        numbers = [f"{100 * one:+.1f}" for one in (delta.value, delta.low, delta.high)]
        assert "{} points [{}, {}]".format(*numbers) in verdict.sentence
    excess = verdict.solved.excess_expansion
    assert f"{excess.value:.1f} [{excess.low:.1f}, {excess.high:.1f}]" in verdict.sentence
    for part in ("Extended", "pass@16", "pass@1 ", "95% interval", "100 problems", "64 samples"):
        assert part in verdict.sentence
    assert "\n" not in verdict.sentence


def test_combine(planted: tuple[Counts, Counts]) -> None:
    base, tuned = planted
    many = Counts.of(64, [0, 64] * 300)
    p_P = np.repeat([0.0, 0.4], 150)
    extended = judge_boundary(base, tuned, comparisons=3)
    shrunk = judge_boundary(tuned, base, comparisons=3)
    unchanged = judge_boundary(many, many, comparisons=3)
    sharpened = judge_boundary(draw(p_P, 64, 1), draw(2 * p_P, 64, 2), comparisons=3)
    unknown = judge_boundary(Counts.of(8, [1]), Counts.of(8, [1]), comparisons=3)
    for parts, label in (
        ((extended, shrunk, unchanged), "mixed"),
        ((extended, unchanged, unknown), "extended"),
        ((shrunk, sharpened), "shrunk"),
        ((sharpened, unchanged), "sharpened"),
        ((sharpened, unknown), "cannot tell"),
        ((unchanged, unchanged), "unchanged"),
    ):
        named = {f"level {i}": part for i, part in enumerate(parts)}
        assert combine(named).label == label
    assert "extended at level 0; shrunk at level 1" in combine({"level 0": extended, "level 1": shrunk}).sentence
    with pytest.raises(InputError, match="needs comparisons >= 4"):
        combine({str(i): unchanged for i in range(4)})
    with pytest.raises(InputError, match="none given"):
        combine({})


def test_bad_input() -> None:
    arm = Counts.of(64, [1, 2])
    with pytest.raises(InputError, match=r"k: 32; .* n = 64 .* n/4 = 16"):
        judge_boundary(arm, arm, k=32)
    with pytest.raises(InputError, match="alpha: 5"):
        judge_boundary(arm, arm, alpha=5)
    with pytest.raises(InputError, match="margin: 0"):
        judge_boundary(arm, arm, margin=0)
    with pytest.raises(InputError, match="comparisons: 0"):
        judge_boundary(arm, arm, comparisons=0)
    with pytest.raises(InputError, match="only in tuned"):
        judge_boundary(arm, Counts.of(64, [1, 2, 3]))
    by_process = replace(arm, metric="process")
    with pytest.raises(InputError, match="metric: base is judged by answer and tuned by process"):
        judge_boundary(arm, by_process)
