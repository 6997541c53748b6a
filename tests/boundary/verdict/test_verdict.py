from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgewise.boundary import Counts, boundary_verdict, combine
from edgewise.boundary.inference.power import detectable, mcnemar_power, power_at, standard_error
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import FloatArray


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


def test_a_planted_skill_extends(planted: tuple[Counts, Counts]) -> None:
    base, tuned = planted
    verdict = boundary_verdict(base, tuned)
    assert verdict.label == "extended"
    assert (verdict.k, verdict.n, verdict.problems) == (16, 64, 100)
    assert verdict.solved.m == 16
    assert verdict.delta_k.low > 0.2
    assert verdict.solved.excess_expansion.low > 20
    assert verdict.solved.excess_shrinkage.low < 1


def test_the_reverse_shrinks(planted: tuple[Counts, Counts]) -> None:
    base, tuned = planted
    assert boundary_verdict(tuned, base).label == "shrunk"


@pytest.mark.parametrize("problems", [150, 300, 3000])
def test_sharpening_is_not_extension_however_many_problems(problems: int) -> None:
    """Problems go from 0.15 to 0.75: pass@16 rises truly, by 7 points, on problems that the base solves in 16
    samples 93% of the time. By chance 0.5% of problems count as newly solved: 17 of 3000, and yet nothing is new."""
    for seed in range(3):
        before_P, after_P = np.full(problems, 0.15), np.full(problems, 0.75)
        verdict = boundary_verdict(draw(before_P, 64, seed + 100), draw(after_P, 64, seed + 200), resamples=500)
        assert verdict.label == "sharpened"
        assert verdict.delta_k.low > 0.02 and verdict.delta_1.low > 0.5
        assert problems < 3000 or verdict.solved.excess_expansion.low > 10


def test_sharpening_half_of_the_problems_is_within_the_margin() -> None:
    for seed in range(4):
        p_P = heavy_tailed(300, seed)
        reachable_P = p_P > 0.02
        base = draw(np.where(reachable_P, 0.15 + 0.1 * p_P, 0), 64, seed + 100)
        tuned = draw(np.where(reachable_P, 0.7 + 0.1 * p_P, 0), 64, seed + 200)
        assert boundary_verdict(base, tuned).label == "sharpened"


@pytest.mark.parametrize("problems", [300, 3000])
def test_rare_problems_brought_within_k_samples_extend(problems: int) -> None:
    """The ideal tilt of RL multiplies all odds, those of rare problems too, and so raises pass@k truly."""
    p_P = heavy_tailed(problems, 1)
    verdict = boundary_verdict(draw(p_P, 64, 1), draw(4 * p_P / (1 + 3 * p_P), 64, 2), resamples=500)
    assert verdict.label == "extended"
    assert verdict.solved.excess_expansion.value > -verdict.solved.excess_shrinkage.value


def test_an_expansion_beyond_the_margin_extends_beside_more_sharpening() -> None:
    """A tenth from 0 to 0.2 is new. The others, from 0.15 to 0.75, gain more, but only in sureness."""
    new_P = np.arange(1000) < 100
    base = draw(np.where(new_P, 0, 0.15), 64, 1)
    verdict = boundary_verdict(base, draw(np.where(new_P, 0.2, 0.75), 64, 2))
    assert verdict.label == "extended"
    # A third of that is below the margin: neither claimed as new nor hidden by the sentence.
    few_P = np.arange(1000) < 25
    base = draw(np.where(few_P, 0, 0.15), 64, 1)
    verdict = boundary_verdict(base, draw(np.where(few_P, 0.2, 0.75), 64, 2))
    assert verdict.label == "sharpened"
    assert f"{verdict.solved.excess_expansion.value:.1f} [" in str(verdict)


def test_gains_in_sureness_too_large_to_be_called_none_cannot_be_told() -> None:
    """From 0.1 to 0.9, pass@16 rises from 0.81 to 1 and 3.4 points of that are on problems a draw had left unsolved."""
    verdict = boundary_verdict(draw(np.full(100, 0.1), 64, 1), draw(np.full(100, 0.9), 64, 2), margin=0.03)
    assert verdict.label == "cannot tell"
    assert "a larger k tells" in verdict.rule


def test_few_new_problems_extend_within_the_margin() -> None:
    """12 of 500 problems from 0 to 0.6 is a small difference, and still new problems."""
    p_P = np.full(500, 0.5)
    p_P[:100] = 0
    new_P = np.where(np.arange(500) < 12, 0.6, p_P)
    verdict = boundary_verdict(draw(p_P, 64, 1), draw(new_P, 64, 2))
    assert verdict.label == "extended"
    assert verdict.delta_k.inside(0.05)


def test_gains_and_losses_together_are_mixed() -> None:
    one_P, other_P = np.repeat([0.2, 0.0], 50), np.repeat([0.0, 0.2], 50)
    assert boundary_verdict(draw(one_P, 64, 1), draw(other_P, 64, 2)).label == "mixed"


def one_sided(new: int) -> tuple[Counts, Counts]:
    """`new` of 30 problems are solved by the second arm alone, 18 by both."""
    old, tuned = [0] * 12 + [60] * 18, [60] * new + [0] * (12 - new) + [60] * 18
    return Counts.of(64, old), Counts.of(64, tuned)


@pytest.mark.parametrize(
    ("new", "label", "back"), [(4, None, None), (6, "extended", "shrunk"), (8, "extended", "shrunk")]
)
def test_six_of_thirty_problems_are_significant_and_eight_have_power(
    new: int, label: str | None, back: str | None
) -> None:
    """The power agrees with that of the exact McNemar test: 0.57 for 6 against 0 of 30, and 0.85 for 8."""
    base, tuned = one_sided(new)
    for verdict, would_be in (
        (boundary_verdict(base, tuned, resamples=4_000), label),
        (boundary_verdict(tuned, base, resamples=4_000), back),
    ):
        assert verdict.label == (would_be if new == 8 else "cannot tell")
        assert abs(verdict.delta_k.value) >= verdict.detectable or new < 8
        if would_be:
            assert verdict.power == pytest.approx(mcnemar_power(0, new, 30), abs=0.12)
        if new == 6:
            assert verdict.rule.startswith(f"It would be {would_be}, but the power")
            assert f"is {verdict.power:.2f}, below 0.80; about" in verdict.rule
            assert verdict.rule.rstrip(".") in str(verdict)


def test_18_lost_and_5_won_of_500_problems_is_underpowered() -> None:
    """MATH500 as published (arXiv:2504.13837): McNemar p = 0.011, but power 0.74, and about 550 problems would do.
    A change refused does not turn into the absence of one, though it lies within the margin."""
    base = Counts.of(64, [0] * 5 + [64] * 480 + [0] * 15)
    tuned = Counts.of(64, [64] * 5 + [0] * 18 + [64] * 462 + [0] * 15)
    verdict = boundary_verdict(base, tuned)
    assert verdict.label == "cannot tell"
    assert verdict.rule.startswith("It would be shrunk")
    assert verdict.power == pytest.approx(mcnemar_power(18, 5, 500), abs=0.03)
    assert verdict.delta_k.inside(verdict.margin)
    needed = int(verdict.rule.split("about ")[1].split(" problems")[0])
    assert 530 <= needed <= 590
    more = boundary_verdict(*(Counts.of(64, np.tile(arm.c_P, 2)[: needed + 20]) for arm in (base, tuned)))
    assert more.label == "cannot tell" or more.power >= 0.8


def test_a_refused_mixture_leaves_the_greater_part() -> None:
    """50 lost are sure and powered, 7 won are sure but not powered: shrunk. 20 won are powered: mixed."""
    for won, label in ((7, "shrunk"), (20, "mixed")):
        base = Counts.of(64, [0] * won + [64] * 480 + [0] * (20 - won))
        tuned = Counts.of(64, [64] * won + [0] * 50 + [64] * 430 + [0] * (20 - won))
        verdict = boundary_verdict(base, tuned)
        assert verdict.solved.excess_expansion.low > 0
        assert verdict.label == label


def test_unchanged_needs_evidence_and_power() -> None:
    few, many = Counts.of(64, [0, 64] * 10), Counts.of(64, [0, 64] * 200)
    assert boundary_verdict(few, few).label == "cannot tell"
    verdict = boundary_verdict(many, many)
    assert verdict.label == "unchanged"
    assert verdict.power == pytest.approx(1)
    # The interval of +-0.9 points is inside a margin of 1, yet a change by 1 point would often go unseen.
    close = boundary_verdict(many, many, margin=0.01)
    assert close.delta_k.inside(0.01)
    assert close.label == "cannot tell"
    assert close.rule.startswith("It would be unchanged") and "as the margin is 0.5" in close.rule
    assert boundary_verdict(many, many, margin=0.005).rule.startswith("Neither")


def test_sharpened_needs_the_power_to_have_seen_a_loss() -> None:
    """Pass@1 rises by 30 points at any number of problems; that none was lost takes more of them."""
    p_P = np.repeat([0.0, 0.3], 500)
    labels = []
    for step in (50, 1):
        base, tuned = draw(p_P[::step], 64, 1), draw(np.where(p_P > 0, 0.9, 0)[::step], 64, 2)
        verdict = boundary_verdict(base, tuned)
        labels.append(verdict.label)
        assert (verdict.detectable <= verdict.margin) == (verdict.label == "sharpened")
    assert labels == ["cannot tell", "sharpened"]


def test_changes_claimed_are_those_the_design_detects(planted: tuple[Counts, Counts]) -> None:
    verdict = boundary_verdict(*planted)
    assert verdict.power >= 0.8
    se = standard_error((verdict.delta_k.high - verdict.delta_k.low) / 2, verdict.confidence)
    assert verdict.detectable == detectable(se, verdict.confidence)
    assert verdict.power == power_at(verdict.delta_k.value, se, verdict.confidence)
    assert f"a change of pass@16 by {100 * verdict.detectable:.1f} points is seen with power 0.8" in str(verdict)


def test_concerns_forbid_a_claim_and_leave_the_numbers(planted: tuple[Counts, Counts]) -> None:
    free = boundary_verdict(*planted)
    verdict = boundary_verdict(*planted, concerns=["The arms have different verifiers.", "A quarter are duplicates"])
    assert verdict.label == "cannot tell"
    assert verdict.rule == "The arms have different verifiers; A quarter are duplicates. Without that: extended."
    assert verdict.concerns == ("The arms have different verifiers.", "A quarter are duplicates")
    assert (verdict.delta_k, verdict.power, verdict.detectable) == (free.delta_k, free.power, free.detectable)
    # Where nothing could be told anyway, the rule says why.
    arm = Counts.of(64, [0, 64] * 10)
    assert boundary_verdict(arm, arm, concerns=["x"]).rule == boundary_verdict(arm, arm).rule


def test_too_few_samples_tell_nothing() -> None:
    verdict = boundary_verdict(Counts.of(7, [0] * 50), Counts.of(7, [6] * 50))
    assert (verdict.label, verdict.k) == ("cannot tell", 1)
    assert "8 samples" in verdict.rule
    assert boundary_verdict(Counts.of(1, [0] * 50), Counts.of(1, [1] * 50)).label == "cannot tell"


def test_more_comparisons_widen_and_need_more_resamples(planted: tuple[Counts, Counts]) -> None:
    one, many = (boundary_verdict(*planted, comparisons=number) for number in (1, 50))
    assert many.confidence == pytest.approx(0.999)
    assert many.resamples == 40_000
    assert many.delta_k.low < one.delta_k.low
    assert many.solved.excess_expansion.low < one.solved.excess_expansion.low


@pytest.mark.parametrize("what", ["unscorable_P", "truncated_P"])
def test_a_difference_in_judging_voids_the_claim(planted: tuple[Counts, Counts], what: str) -> None:
    base, tuned = planted

    def unverified(counts: Counts, share: float) -> Counts:
        marked: dict[str, Any] = {what: np.full(100, round(64 * share))}
        return replace(counts, **marked)

    explained = boundary_verdict(unverified(base, 0.25), tuned)
    assert explained.label == "cannot tell"
    assert explained.rule.startswith(what[:-2].capitalize()) and "extended" in explained.rule
    # More unscorable samples after tuning work against a gain, so they cannot explain it.
    assert boundary_verdict(base, unverified(tuned, 0.25)).label == "extended"
    assert boundary_verdict(tuned, unverified(base, 0.25)).label == "cannot tell"
    assert boundary_verdict(unverified(base, 0.25), unverified(tuned, 0.25)).label == "extended"
    assert boundary_verdict(unverified(base, 1 / 64), tuned).label == "extended"


def test_a_difference_in_judging_voids_unchanged() -> None:
    arm = Counts.of(64, [0, 60] * 200)
    odd = replace(arm, unscorable_P=np.full(400, 4))
    assert boundary_verdict(arm, odd).label == "cannot tell"
    assert boundary_verdict(odd, odd).label == "unchanged"


def test_a_small_loss_at_k_is_explained_by_as_many_truncated_samples() -> None:
    """Pass@1 rises by 20 points and pass@16 falls by 10, while 12% more of the samples are cut off."""
    base = Counts.of(64, np.repeat([20, 20], [900, 100]))
    tuned = Counts.of(64, np.repeat([40, 0], [900, 100]))
    assert boundary_verdict(base, tuned).label == "shrunk"
    cut = replace(tuned, truncated_P=np.repeat([2, 58], [900, 100]))
    verdict = boundary_verdict(base, cut)
    assert verdict.label == "cannot tell"
    assert verdict.rule.startswith("Truncated samples are not recorded in base and 11.9% in tuned")
    both = replace(cut, unscorable_P=np.repeat([2, 58], [900, 100]))
    rule = boundary_verdict(base, both).rule
    assert "Unscorable samples are" in rule and "Truncated samples are" in rule


def test_sharpening_is_void_where_unverified_problems_may_hide_a_change_at_k() -> None:
    """A twentieth of the problems is never verified in one arm: it may have been solved there."""
    p_P = np.repeat([0.0, 0.4], [60, 540])
    base, tuned = draw(p_P, 64, 1), draw(2 * p_P, 64, 2)
    assert boundary_verdict(base, tuned).label == "sharpened"
    never = replace(tuned, unscorable_P=np.repeat([64, 0], [60, 540]))
    assert "could hide a change of pass@k" in boundary_verdict(base, never).rule
    # Spread evenly, the same share leaves every problem verified in nearly all of its samples.
    evenly = np.full(600, 6)
    assert boundary_verdict(replace(base, unscorable_P=evenly), tuned).label == "sharpened"
    assert boundary_verdict(base, replace(tuned, unscorable_P=evenly)).label == "sharpened"


def test_a_printed_verdict_carries_the_numbers(planted: tuple[Counts, Counts]) -> None:
    verdict = boundary_verdict(*planted)
    text = str(verdict)
    for delta in (verdict.delta_1, verdict.delta_k):
        numbers = [f"{100 * one:+.1f}" for one in (delta.value, delta.low, delta.high)]
        assert "{} points [{}, {}]".format(*numbers) in text
    excess = verdict.solved.excess_expansion
    assert f"{excess.value:.1f} [{excess.low:.1f}, {excess.high:.1f}]" in text
    for part in ("Extended", "pass@16", "pass@1 ", "95% interval", "100 problems", "64 samples", verdict.sentence):
        assert part in text
    assert "\n" not in text


def test_combine(planted: tuple[Counts, Counts]) -> None:
    base, tuned = planted
    many = Counts.of(64, [0, 64] * 300)
    p_P = np.repeat([0.0, 0.4], 150)
    extended = boundary_verdict(base, tuned, comparisons=3)
    shrunk = boundary_verdict(tuned, base, comparisons=3)
    unchanged = boundary_verdict(many, many, comparisons=3)
    sharpened = boundary_verdict(draw(p_P, 64, 1), draw(2 * p_P, 64, 2), comparisons=3)
    unknown = boundary_verdict(Counts.of(8, [1]), Counts.of(8, [1]), comparisons=3)
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
    both = combine({"level 0": extended, "level 1": shrunk})
    assert both.sentence == "Within 16 samples the tuned model gains problems on level 0 and loses some on level 1."
    with pytest.raises(InputError, match="needs comparisons >= 4"):
        combine({str(i): unchanged for i in range(4)})
    with pytest.raises(InputError, match="none given"):
        combine({})


def test_bad_input() -> None:
    arm = Counts.of(64, [1, 2])
    with pytest.raises(InputError, match=r"k: 32; .* n = 64 .* n/4 = 16"):
        boundary_verdict(arm, arm, k=32)
    with pytest.raises(InputError, match="alpha: 5"):
        boundary_verdict(arm, arm, alpha=5)
    with pytest.raises(InputError, match="margin: 0"):
        boundary_verdict(arm, arm, margin=0)
    with pytest.raises(InputError, match="comparisons: 0"):
        boundary_verdict(arm, arm, comparisons=0)
    with pytest.raises(InputError, match="only in tuned"):
        boundary_verdict(arm, Counts.of(64, [1, 2, 3]))
    by_process = replace(arm, metric="process")
    with pytest.raises(InputError, match="metric: base is counted by answer and tuned by process"):
        boundary_verdict(arm, by_process)


@pytest.mark.parametrize(("surer", "without"), [(0.5, "sharpened"), (0.1, "unchanged")])
def test_gains_in_sureness_do_not_hide_what_single_problems_lost(surer: float, without: str) -> None:
    """A tenth of the problems goes from 0.5 to 0 while the others go from 0.1 to `surer`: net, pass@k does not fall
    by the margin where they gain, and where they do not the loss shows by itself."""
    gone_P = np.arange(800) % 10 == 0
    base = draw(np.where(gone_P, 0.5, 0.1), 64, 1)
    kept = boundary_verdict(base, draw(np.where(gone_P, 0.5, surer), 64, 2))
    assert kept.label == without
    lost = boundary_verdict(base, draw(np.where(gone_P, 0.0, surer), 64, 3))
    assert lost.label == ("mixed" if surer > 0.1 else "shrunk")
    if lost.label == "mixed":
        assert "80 problems are each significantly down" in lost.rule
        assert "10.0 points of pass@16 together" in lost.rule
