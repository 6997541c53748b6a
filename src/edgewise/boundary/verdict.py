"""The claim: what tuning did to the boundary, by fixed rules, in one sentence with its numbers.

A verdict speaks of k samples. It never says that a model cannot solve a problem: no number of
failures proves absence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from edgewise.boundary.counts import Counts, Metric, Rates, require_same_problems
from edgewise.boundary.curves import Difference, k_grid, paired_difference
from edgewise.boundary.resampling import Estimate, enough_resamples
from edgewise.boundary.solved import SolvedSets, solved_sets
from edgewise.errors import InputError

Label = Literal["sharpened", "extended", "shrunk", "mixed", "unchanged", "cannot tell"]

# A claim at k needs n >= 4k: nearer to n each problem's estimate is close to a coin toss.
SAMPLES_PER_K = 4

# Sharpening what the base solves at 0.9 to 1.0 within k samples moves pass@k significantly when
# problems are many, yet adds no problem; an extension has to add at least a whole one.
LEAST_EXCESS = 1.0


@dataclass(frozen=True)
class BoundaryVerdict:
    """A label with the evidence and the rule it came from.

    `delta_1` and `delta_k` are mean pass@1 and pass@k of tuned minus base, with paired intervals
    at `level` = 1 - alpha/comparisons; `p_1` and `p_k` are their sign-flip p-values. `solved`
    holds the solved sets at m = k with intervals at the same level. `n` is the smallest number of
    samples of a problem in either arm. `sentence` is plain language with the numbers in it;
    `rule` states the rule that fired.
    """

    label: Label
    sentence: str
    rule: str
    k: int
    delta_1: Estimate
    delta_k: Estimate
    p_1: float
    p_k: float
    solved: SolvedSets
    base_rates: Rates
    tuned_rates: Rates
    metric: Metric
    n: int
    problems: int
    alpha: float
    margin: float
    comparisons: int
    level: float
    resamples: int
    seed: int


@dataclass(frozen=True)
class CombinedVerdict:
    """One label over several verdicts (levels, say), with a sentence, the rule, and the parts."""

    label: Label
    sentence: str
    rule: str
    parts: Mapping[str, BoundaryVerdict]


def judge_boundary(
    base: Counts,
    tuned: Counts,
    *,
    k: int | None = None,
    alpha: float = 0.05,
    margin: float = 0.05,
    comparisons: int = 1,
    resamples: int = 2000,
    seed: int = 0,
) -> BoundaryVerdict:
    """Judge what tuning did to the boundary at k samples.

    The rules, in order; intervals are at level 1 - alpha/comparisons (Bonferroni), and a
    difference counts as above (below) 0 when its paired interval does and its sign-flip p-value
    is at most alpha/comparisons:

    1. cannot tell: k < 2, where there is nothing but pass@1.
    2. mixed: the intervals of excess expansion and excess shrinkage both start at 1 problem or
       more.
    3. extended: Delta pass@k is above 0 and the excess expansion's interval starts at 1 or more.
    4. shrunk: Delta pass@k is below 0 and the excess shrinkage's interval starts at 1 or more.
    5. sharpened: Delta pass@1 is above 0, and the interval of Delta pass@k is inside the margin.
    6. unchanged: the intervals of Delta pass@1 and Delta pass@k are inside the margin.
    7. cannot tell: anything else.

    A label from 2 to 6 becomes "cannot tell" when the arms differ in their unscorable or
    truncated share by enough to explain it: in the direction of the claim and by more than
    |Delta pass@1|; for mixed and unchanged in either direction and by more than the margin.

    `k` defaults to the largest power of two up to n/4 and may not exceed n/4. `margin` is the
    difference in pass@k regarded as none. `comparisons` is the number of verdicts of the family
    this one belongs to. More than `resamples` resamples are made where the level needs them.

    Sources: Yue et al. 2025 (arXiv:2504.13837) for the question and the solved sets, with the
    noise floor, pairing and intervals their tables lack.

    Raises InputError when the arms do not hold the same problems or an argument is out of range.
    """
    require_same_problems(base, tuned)
    if not 0 < alpha < 1:
        raise InputError(f"alpha: {alpha}; a number between 0 and 1 is needed, such as 0.05")
    if not 0 < margin < 1:
        raise InputError(f"margin: {margin}; a difference in pass@k between 0 and 1 is needed")
    if comparisons < 1:
        raise InputError(f"comparisons: {comparisons}; a family has at least 1 verdict")
    n = min(base.n, tuned.n)
    largest = max(1, n // SAMPLES_PER_K)
    k = k_grid(largest)[-1] if k is None else k
    if not 1 <= k <= largest:
        raise InputError(f"k: {k}; a claim from n = {n} samples needs k from 1 to n/4 = {largest}")

    level = 1 - alpha / comparisons
    resamples = max(resamples, enough_resamples(level))
    difference = paired_difference(base, tuned, sorted({1, k}), resamples=resamples, seed=seed, level=level)
    solved = solved_sets(base, tuned, k, resamples=resamples, seed=seed, level=level)
    rates = base.rates(), tuned.rates()
    delta_1, delta_k = _estimate(difference, 0), _estimate(difference, -1)
    p_1, p_k = float(difference.p_K[0]), float(difference.p_K[-1])
    label, rule = _label(delta_1, delta_k, p_1, p_k, solved, k, 1 - level, margin)
    confound = _confound(label, delta_1, margin, *rates)
    if confound:
        label, rule = "cannot tell", f"{confound} Without that difference: {label}."
    return BoundaryVerdict(
        label=label,
        sentence=_sentence(label, rule, delta_1, delta_k, solved, k, n, margin, base.metric),
        rule=rule,
        k=k,
        delta_1=delta_1,
        delta_k=delta_k,
        p_1=p_1,
        p_k=p_k,
        solved=solved,
        base_rates=rates[0],
        tuned_rates=rates[1],
        metric=base.metric,
        n=n,
        problems=base.problems,
        alpha=alpha,
        margin=margin,
        comparisons=comparisons,
        level=level,
        resamples=resamples,
        seed=seed,
    )


def combine(verdicts: Mapping[str, BoundaryVerdict]) -> CombinedVerdict:
    """One label over named verdicts of one family, such as one for each level.

    mixed: some part is mixed, or some are extended while others are shrunk. extended, shrunk:
    some part is, and none is the contrary. sharpened: every part is sharpened or unchanged, and
    some part is sharpened. unchanged: every part is. cannot tell: anything else, for a claim that
    the boundary stayed needs every part.

    Raises InputError when there is no verdict, or one was not judged with `comparisons` at least
    the number of verdicts, for then the family's error rate is not alpha.
    """
    if not verdicts:
        raise InputError("verdicts: none given; at least one is needed")
    for name, verdict in verdicts.items():
        if verdict.comparisons < len(verdicts):
            raise InputError(
                f"verdicts: {name} was judged with comparisons = {verdict.comparisons}; "
                f"a family of {len(verdicts)} needs comparisons >= {len(verdicts)}"
            )
    found = {verdict.label for verdict in verdicts.values()}
    label: Label
    if "mixed" in found or {"extended", "shrunk"} <= found:
        label, rule = "mixed", "some parts gained and others lost problems within k samples"
    elif "extended" in found:
        label, rule = "extended", "some part is extended and none is shrunk"
    elif "shrunk" in found:
        label, rule = "shrunk", "some part is shrunk and none is extended"
    elif "cannot tell" in found:
        label, rule = "cannot tell", "no part gained or lost problems for sure, and for some part it cannot be told"
    elif "sharpened" in found:
        label, rule = "sharpened", "every part is sharpened or unchanged, and some is sharpened"
    else:
        label, rule = "unchanged", "every part is unchanged"
    groups: dict[str, list[str]] = {}
    for name, verdict in verdicts.items():
        groups.setdefault(verdict.label, []).append(name)
    parts = "; ".join(f"{one} at {', '.join(names)}" for one, names in groups.items())
    return CombinedVerdict(label, f"{label.capitalize()} over {len(verdicts)}: {parts}.", rule, dict(verdicts))


def _label(
    delta_1: Estimate,
    delta_k: Estimate,
    p_1: float,
    p_k: float,
    solved: SolvedSets,
    k: int,
    alpha: float,
    margin: float,
) -> tuple[Label, str]:
    gained = solved.excess_expansion.low >= LEAST_EXCESS
    lost = solved.excess_shrinkage.low >= LEAST_EXCESS
    if k < 2:
        return "cannot tell", "k < 2 shows nothing but pass@1; a claim needs k >= 2, so 8 samples."
    if gained and lost:
        return "mixed", "Excess expansion and excess shrinkage are both at least 1 problem."
    if delta_k.low > 0 and p_k <= alpha and gained:
        return "extended", "Delta pass@k is above 0, and the excess expansion is at least 1."
    if delta_k.high < 0 and p_k <= alpha and lost:
        return "shrunk", "Delta pass@k is below 0, and the excess shrinkage is at least 1."
    if delta_1.low > 0 and p_1 <= alpha and delta_k.inside(margin):
        return "sharpened", "Delta pass@1 is above 0, and Delta pass@k is inside the margin."
    if delta_1.inside(margin) and delta_k.inside(margin):
        return "unchanged", "Delta pass@1 and Delta pass@k are both inside the margin."
    return "cannot tell", (
        "Neither a change at k with its excess in solved problems nor the absence of one beyond the margin is shown."
    )


def _confound(label: Label, delta_1: Estimate, margin: float, base: Rates, tuned: Rates) -> str | None:
    """Why a difference in how samples could be judged may have made the label, or None."""
    for name, before, after in (
        ("unscorable", base.unscorable, tuned.unscorable),
        ("truncated", base.truncated, tuned.truncated),
    ):
        cleared = before - after
        shares = f"{name.capitalize()} samples are {before:.1%} in base and {after:.1%} in tuned, "
        if label in ("mixed", "unchanged") and abs(cleared) > margin:
            return shares + f"a difference beyond the margin of {100 * margin:.1f} points."
        towards = {"sharpened": cleared, "extended": cleared, "shrunk": -cleared}.get(label, 0.0)
        if towards > abs(delta_1.value):
            return shares + "a difference larger than that in pass@1, which could explain it."
    return None


def _sentence(
    label: Label,
    rule: str,
    delta_1: Estimate,
    delta_k: Estimate,
    solved: SolvedSets,
    k: int,
    n: int,
    margin: float,
    metric: Metric,
) -> str:
    at_1, at_k = f"pass@1 {_points(delta_1)}", f"pass@{k} {_points(delta_k)}"
    beyond = "beyond what two draws of the base differ by"
    gains = f"{_number(solved.excess_expansion)} problems newly solved {beyond}"
    losses = f"{_number(solved.excess_shrinkage)} problems no longer solved {beyond}"
    within = f"within the margin of {100 * margin:.1f}"
    said = {
        "mixed": f"within {k} samples some problems came and others went: {gains}, {losses}; {at_k}, {at_1}",
        "extended": f"within {k} samples the tuned model solves more than the base: {at_k}, {gains}; {at_1}",
        "shrunk": f"within {k} samples the tuned model solves less than the base: {at_k}, {losses}; {at_1}",
        "sharpened": f"the tuned model is surer of what the base already solves within {k} "
        f"samples: {at_1}, {at_k}, {within}",
        "unchanged": f"no difference beyond the margin of {100 * margin:.1f} points: {at_1}, {at_k}",
        "cannot tell": f"{at_1}, {at_k}; {gains}, {losses}. {rule.rstrip('.')}",
    }[label]
    return (
        f"{label.capitalize()}: {said}. (Points of pass@k, tuned minus base, judged by the "
        f"{metric}; {100 * solved.level:.4g}% intervals; {solved.problems} problems, at least {n} "
        "samples each.)"
    )


def _estimate(difference: Difference, at: int) -> Estimate:
    columns = (difference.value_K, difference.low_K, difference.high_K)
    return Estimate(*(float(column[at]) for column in columns))


def _points(delta: Estimate) -> str:
    return f"{100 * delta.value:+.1f} points [{100 * delta.low:+.1f}, {100 * delta.high:+.1f}]"


def _number(count: Estimate) -> str:
    return f"{count.value:.1f} [{count.low:.1f}, {count.high:.1f}]"
