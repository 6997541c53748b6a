from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgewise.boundary import Counts, boundary_verdict, combine
from edgewise.boundary.inference.means import unseen_share
from edgewise.boundary.inference.power import mcnemar_power, power_at, standard_error
from edgewise.boundary.measures.curves import problem_pass_at_k
from edgewise.boundary.verdict.facts import Facts
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
    assert (verdict.label, verdict.facts) == ("more within k", Facts("up", "more"))
    assert (verdict.k, verdict.n, verdict.problems) == (16, 64, 100)
    assert verdict.solved.m == 16
    assert verdict.delta_k.low > 0.2
    assert verdict.solved.excess_expansion.low > 20
    assert verdict.solved.excess_shrinkage.low < 1


@pytest.mark.parametrize("problems", [20, 150])
def test_a_difference_that_is_not_shown_is_no_narrower_than_what_may_be_unseen(problems: int) -> None:
    """Both models solve nearly every sample: differences of 1e-9 say little about the next problem."""
    base, tuned = (draw(np.full(problems, p), 64, seed) for seed, p in enumerate((0.7, 0.8)))
    verdict = boundary_verdict(base, tuned)
    values_P = problem_pass_at_k(tuned, np.array([verdict.k])) - problem_pass_at_k(base, np.array([verdict.k]))
    assert 0 < np.abs(values_P).max() < 1e-4
    unseen = unseen_share(problems, verdict.confidence)
    assert verdict.delta_k.low <= -unseen + 1e-4 and verdict.delta_k.high >= unseen - 1e-4


def test_the_reverse_shrinks(planted: tuple[Counts, Counts]) -> None:
    base, tuned = planted
    assert boundary_verdict(tuned, base).label == "shrunk"


def test_the_boundary_is_extended_from_32_samples_on(planted: tuple[Counts, Counts]) -> None:
    """Within fewer samples more is solved, which does not say that the base lacks it."""
    labels = {k: boundary_verdict(*planted, k=k).label for k in (8, 31, 32)}
    assert labels == {8: "more within k", 31: "more within k", 32: "extended"}


@pytest.mark.parametrize("problems", [150, 300, 3000])
def test_sharpening_is_not_extension_however_many_problems(problems: int) -> None:
    """Problems go from 0.15 to 0.75: pass@16 rises truly, by 7 points, on problems that the base solves in 16
    samples 93% of the time. By chance 0.5% of problems count as newly solved: 17 of 3000, and yet nothing is new."""
    for seed in range(3):
        before_P, after_P = np.full(problems, 0.15), np.full(problems, 0.75)
        verdict = boundary_verdict(draw(before_P, 64, seed + 100), draw(after_P, 64, seed + 200))
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
    verdict = boundary_verdict(draw(p_P, 64, 1), draw(4 * p_P / (1 + 3 * p_P), 64, 2), k=32)
    assert verdict.label == "extended"
    assert verdict.solved.excess_expansion.value > -verdict.solved.excess_shrinkage.value


def test_an_expansion_beyond_the_margin_extends_beside_more_sharpening() -> None:
    """A tenth from 0 to 0.2 is new. The others, from 0.08 to 0.4, gain more, but only in sureness."""
    new_P = np.arange(1000) < 100
    base = draw(np.where(new_P, 0, 0.08), 128, 1)
    verdict = boundary_verdict(base, draw(np.where(new_P, 0.2, 0.4), 128, 2))
    assert (verdict.k, verdict.label) == (32, "extended")
    # A third of that is below the margin: neither claimed as new nor hidden by the numbers.
    few_P = np.arange(1000) < 25
    base = draw(np.where(few_P, 0, 0.15), 64, 1)
    verdict = boundary_verdict(base, draw(np.where(few_P, 0.2, 0.75), 64, 2))
    assert verdict.label == "sharpened"
    assert f"{verdict.solved.excess_expansion.value:.1f} [" in str(verdict)


def test_gains_in_sureness_too_large_to_be_called_none_are_more_within_k() -> None:
    """From 0.1 to 0.9, pass@16 rises from 0.81 to 1 and 3.4 points of that are on problems a draw had left unsolved."""
    verdict = boundary_verdict(draw(np.full(100, 0.1), 64, 1), draw(np.full(100, 0.9), 64, 2), margin=0.03)
    assert verdict.label == "more within k"
    assert not verdict.solved.excess_expansion.value >= -verdict.solved.excess_shrinkage.value


def test_few_new_problems_extend_within_the_margin() -> None:
    """12 of 500 problems from 0 to 0.6 is a small difference, and still new problems."""
    p_P = np.full(500, 0.5)
    p_P[:100] = 0
    new_P = np.where(np.arange(500) < 12, 0.6, p_P)
    verdict = boundary_verdict(draw(p_P, 64, 1), draw(new_P, 64, 2), k=32)
    assert verdict.label == "extended"
    assert verdict.delta_k.inside(0.05)


def test_gains_and_losses_together_are_mixed() -> None:
    one_P, other_P = np.repeat([0.2, 0.0], 50), np.repeat([0.0, 0.2], 50)
    assert boundary_verdict(draw(one_P, 64, 1), draw(other_P, 64, 2)).label == "mixed"


def one_sided(new: int) -> tuple[Counts, Counts]:
    """`new` of 30 problems are solved by the second arm alone, 18 by both."""
    old, tuned = [0] * 12 + [60] * 18, [60] * new + [0] * (12 - new) + [60] * 18
    return Counts.of(64, old), Counts.of(64, tuned)


def test_the_curves_cross_is_a_label_of_its_own() -> None:
    """Yue et al. 2025: surer on what is solved often, and a tenth that the base solves rarely is lost."""
    rare_P = np.arange(500) < 100
    base, tuned = draw(np.where(rare_P, 0.05, 0.5), 128, 1), draw(np.where(rare_P, 0.001, 0.9), 128, 2)
    verdict = boundary_verdict(base, tuned)
    assert (verdict.label, verdict.facts) == ("sharpened at a cost", Facts("up", "shrunk"))
    assert verdict.delta_1.low > 0 > verdict.delta_k.high


@pytest.mark.parametrize(("new", "claimed"), [(4, False), (5, False), (6, False), (7, True), (8, True)])
def test_seven_of_thirty_problems_are_shown_and_four_are_not(new: int, claimed: bool) -> None:
    """Both differences are tested at 2.5% by the signs of `new` problems: 2/2^7 is below that and 2/2^6 is not."""
    base, tuned = one_sided(new)
    up, down = boundary_verdict(base, tuned), boundary_verdict(tuned, base)
    assert (up.label, down.label) == (("more within k", "shrunk") if claimed else ("cannot tell", "cannot tell"))
    assert up.p_k == pytest.approx(2.0 ** (1 - new), rel=0.02) or up.p_k > 2.0 ** (1 - new)


def test_18_lost_and_5_won_of_500_problems_are_a_loss() -> None:
    """MATH500 as published (arXiv:2504.13837): McNemar p = 0.011. The power was 0.74, which vetoes nothing."""
    base = Counts.of(64, [0] * 5 + [64] * 480 + [0] * 15)
    tuned = Counts.of(64, [64] * 5 + [0] * 18 + [64] * 462 + [0] * 15)
    verdict = boundary_verdict(base, tuned)
    assert verdict.label == "shrunk"
    assert mcnemar_power(18, 5, 500) < 0.8
    assert verdict.delta_k.inside(verdict.margin)


def test_no_label_hangs_on_a_seed() -> None:
    """The canonical case (MATH500, 500 x 128, surer at 1 and behind at 128) has one verdict, not one for each seed."""
    p_P = np.random.default_rng(0).beta(0.5, 0.4, 500)
    base, tuned = draw(p_P, 128, 1), draw(np.where(p_P < 0.01, 0, p_P**0.3), 128, 2)
    first, again = boundary_verdict(base, tuned, k=64), boundary_verdict(base, tuned, k=64)
    assert str(first) == str(again)


def test_a_gain_beside_a_loss_is_mixed_where_both_are_sure() -> None:
    """50 lost are sure, 3 won are not: shrunk. 20 won are: mixed."""
    for won, label in ((3, "shrunk"), (20, "mixed")):
        base = Counts.of(64, [0] * won + [64] * 480 + [0] * (20 - won))
        tuned = Counts.of(64, [64] * won + [0] * 50 + [64] * 430 + [0] * (20 - won))
        assert boundary_verdict(base, tuned).label == label


def test_unchanged_needs_as_many_problems_as_could_hide_a_change() -> None:
    few, many = Counts.of(64, [0, 64] * 10), Counts.of(64, [0, 64] * 200)
    assert boundary_verdict(few, few).label == "cannot tell"
    assert boundary_verdict(many, many).label == "unchanged"
    # At 97.5%, 400 problems leave 1.1% unseen.
    assert boundary_verdict(many, many, margin=0.012).label == "unchanged"
    assert boundary_verdict(many, many, margin=0.01).label == "cannot tell"


def test_sharpened_needs_problems_enough_to_exclude_a_loss() -> None:
    """Pass@1 rises by 30 points at any number of problems; that none was lost takes more of them."""
    p_P = np.repeat([0.0, 0.3], 500)
    labels = []
    for step in (50, 1):
        base, tuned = draw(p_P[::step], 64, 1), draw(np.where(p_P > 0, 0.9, 0)[::step], 64, 2)
        labels.append(boundary_verdict(base, tuned).label)
    assert labels == ["surer, k open", "sharpened"]


def test_the_smallest_change_seen_has_power_0_8(planted: tuple[Counts, Counts]) -> None:
    verdict = boundary_verdict(*planted)
    se = standard_error((verdict.delta_k.high - verdict.delta_k.low) / 2, verdict.confidence_k)
    assert power_at(verdict.detectable, se, verdict.confidence_k) == pytest.approx(0.8, abs=0.01)
    assert f"a change of pass@16 by {100 * verdict.detectable:.1f} points is seen with power 0.8" in str(verdict)


def test_concerns_forbid_a_claim_and_leave_the_numbers(planted: tuple[Counts, Counts]) -> None:
    free = boundary_verdict(*planted)
    verdict = boundary_verdict(*planted, concerns=["The arms have different verifiers.", "A quarter are duplicates"])
    assert verdict.label == "cannot tell"
    assert verdict.rule == "The arms have different verifiers; A quarter are duplicates. Without that: more within k."
    assert verdict.concerns == ("The arms have different verifiers.", "A quarter are duplicates")
    assert (verdict.delta_k, verdict.detectable) == (free.delta_k, free.detectable)
    assert (verdict.refused, free.refused) == ("more within k", None)
    # Where nothing could be told anyway, the rule says why.
    arm = Counts.of(64, [0, 64] * 10)
    assert boundary_verdict(arm, arm, concerns=["x"]).rule == boundary_verdict(arm, arm).rule


def test_one_sample_tells_of_pass_at_1_alone() -> None:
    for n in (1, 3):
        verdict = boundary_verdict(Counts.of(n, [0] * 50), Counts.of(n, [1] * 50))
        assert (verdict.label, verdict.k) == ("surer, k open", 1)
        assert "a claim at k needs at least 2k samples" in verdict.sentence
    assert boundary_verdict(Counts.of(1, [0] * 50), Counts.of(1, [0] * 50)).label == "cannot tell"


def test_more_comparisons_widen(planted: tuple[Counts, Counts]) -> None:
    one, many = (boundary_verdict(*planted, comparisons=number) for number in (1, 50))
    assert many.confidence == pytest.approx(0.999)
    assert many.delta_k.low < one.delta_k.low
    assert many.solved.excess_expansion.low < one.solved.excess_expansion.low


@pytest.mark.parametrize("what", ["unscorable_P", "truncated_P"])
def test_what_was_not_graded_widens_the_intervals_to_what_it_may_have_been(
    planted: tuple[Counts, Counts], what: str
) -> None:
    """A quarter of the base's samples would have to be right on problems that no graded sample solves."""
    base, tuned = planted

    def unverified(counts: Counts, share: float) -> Counts:
        marked: dict[str, Any] = {what: np.minimum(round(64 * share), 64 - counts.c_P)}
        return replace(counts, **marked)

    graded, cut = boundary_verdict(base, tuned), boundary_verdict(unverified(base, 0.25), tuned)
    assert graded.label == cut.label == "more within k"
    assert (cut.delta_1.value, cut.delta_k.value) == (graded.delta_1.value, graded.delta_k.value)
    assert cut.delta_1.low < graded.delta_1.low - 0.05 and cut.delta_k.low < graded.delta_k.low - 0.05
    assert (cut.delta_1.high, cut.delta_k.high) == pytest.approx((graded.delta_1.high, graded.delta_k.high), abs=0.02)
    assert "of the samples of tuned not graded, and intervals reach over what they may have been" in cut.numbers
    assert cut.readings == "" and "not graded" not in graded.numbers
    assert boundary_verdict(unverified(base, 0.25), unverified(tuned, 0.25)).label == "more within k"


def test_a_gain_that_is_only_in_what_was_graded_is_no_claim() -> None:
    """A model whose answers are not read in a fifth of the cases, and one, not better, whose answers all are."""
    p_P = np.random.default_rng(3).beta(0.55, 0.5, 500)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        unread_P = rng.binomial(64, 0.2, 500)
        base = replace(Counts.of(64, rng.binomial(64 - unread_P, p_P)), unscorable_P=unread_P)
        tuned = Counts.of(64, rng.binomial(64, p_P))
        verdict = boundary_verdict(base, tuned)
        assert verdict.label == "cannot tell" and verdict.refused is not None
        assert verdict.delta_1.low <= 0 < 0.05 < verdict.delta_1.value
        assert "right in base alone: " in verdict.readings and "left out: " in verdict.readings
        # Twice the odds for every problem is more than what was not read can explain.
        better = Counts.of(64, rng.binomial(64, 8 * p_P / (1 + 7 * p_P)))
        assert boundary_verdict(base, better).label == "more within k"


def test_unchanged_needs_what_was_not_graded_to_be_small() -> None:
    arm = Counts.of(64, [0, 56] * 200)
    few, many = (replace(arm, unscorable_P=np.full(400, number)) for number in (2, 8))
    assert boundary_verdict(arm, few).label == "unchanged"
    assert (boundary_verdict(arm, many).label, boundary_verdict(arm, many).refused) == ("cannot tell", "unchanged")


def test_a_small_loss_at_k_is_open_where_the_problems_it_lies_on_were_cut_off() -> None:
    """Pass@1 rises by 20 points and pass@16 falls by 10, while 12% more of the samples are cut off."""
    base = Counts.of(64, np.repeat([20, 20], [900, 100]))
    tuned = Counts.of(64, np.repeat([40, 0], [900, 100]))
    assert boundary_verdict(base, tuned).label == "sharpened at a cost"
    cut = replace(tuned, truncated_P=np.repeat([2, 58], [900, 100]))
    verdict = boundary_verdict(base, cut)
    assert verdict.label == "surer, k open" and verdict.delta_k.low < 0 < verdict.delta_k.high
    assert "all wrong: sharpened at a cost; left out: sharpened at a cost" in verdict.readings
    # Cut off and unscorable are the same samples, as the rollouts say and totals do not.
    cut_P = np.repeat([2, 58], [900, 100])
    both = replace(cut, unscorable_P=cut_P, ungraded_P=cut_P)
    assert boundary_verdict(base, both).delta_1 == verdict.delta_1


def test_sharpening_is_open_where_problems_without_a_graded_sample_may_hide_a_change_at_k() -> None:
    """A tenth of the problems is never graded in one arm: it may have been solved there."""
    p_P = np.repeat([0.0, 0.4], [60, 540])
    base, tuned = draw(p_P, 64, 1), draw(2 * p_P, 64, 2)
    assert boundary_verdict(base, tuned).label == "sharpened"
    never_P = np.repeat([64, 0], [60, 540])
    verdict = boundary_verdict(replace(base, unscorable_P=never_P), tuned)
    assert verdict.facts == Facts("up", "open") and verdict.delta_k.low < -0.05
    # Spread evenly, the same share leaves every problem graded in nearly all of its samples.
    evenly = np.minimum(6, 64 - base.c_P)
    assert boundary_verdict(replace(base, unscorable_P=evenly), tuned).label == "sharpened"


def test_a_printed_verdict_carries_the_numbers(planted: tuple[Counts, Counts]) -> None:
    verdict = boundary_verdict(*planted)
    text = str(verdict)
    for delta in (verdict.delta_1, verdict.delta_k):
        numbers = [f"{100 * one:+.1f}" for one in (delta.value, delta.low, delta.high)]
        assert "{} points [{}, {}]".format(*numbers) in text
    excess = verdict.solved.excess_expansion
    assert f"{excess.value:.1f} [{excess.low:.1f}, {excess.high:.1f}]" in text
    for part in (
        "More within 16",
        "pass@16",
        "pass@1 ",
        "95% interval",
        "100 problems",
        "64 samples",
        verdict.sentence,
    ):
        assert part in text
    assert "\n" not in text


def test_combine(planted: tuple[Counts, Counts]) -> None:
    base, tuned = planted
    many = Counts.of(64, [0, 64] * 300)
    p_P = np.repeat([0.0, 0.4], 150)
    more = boundary_verdict(base, tuned, comparisons=3)
    shrunk = boundary_verdict(tuned, base, comparisons=3)
    unchanged = boundary_verdict(many, many, comparisons=3)
    sharpened = boundary_verdict(draw(p_P, 64, 1), draw(2 * p_P, 64, 2), comparisons=3)
    unknown = boundary_verdict(Counts.of(8, [1]), Counts.of(8, [1]), comparisons=3)
    for parts, label in (
        ((more, shrunk, unchanged), "mixed"),
        ((more, unchanged, unknown), "more within k"),
        ((shrunk, sharpened), "shrunk"),
        ((sharpened, unchanged), "sharpened"),
        ((sharpened, unknown), "surer, k open"),
        ((unchanged, unchanged), "unchanged"),
        ((unchanged, unknown), "cannot tell"),
    ):
        named = {f"level {i}": part for i, part in enumerate(parts)}
        assert combine(named).label == label
    both = combine({"level 0": more, "level 1": shrunk})
    assert both.sentence == (
        "Right more often at once on level 0; right less often at once on level 1; more solved within 16 samples on "
        "level 0; fewer solved within 16 samples on level 1."
    )
    with pytest.raises(InputError, match="needs comparisons >= 4"):
        combine({str(i): unchanged for i in range(4)})
    with pytest.raises(InputError, match="none given"):
        combine({})


def test_bad_input() -> None:
    arm = Counts.of(64, [1, 2])
    with pytest.raises(InputError, match=r"k: 33; .* n = 64 .* n/2 = 32"):
        boundary_verdict(arm, arm, k=33)
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
