"""Decide what a recipe does to the boundary, from the checkpoints of several training seeds, which are its units."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgewise.boundary.inference.means import Estimate, units
from edgewise.boundary.inference.resampling import Bootstrap
from edgewise.boundary.inference.two_way import LEAST_SEEDS, TwoWayMean, two_way_mean
from edgewise.boundary.measures.curves import problem_pass_at_k
from edgewise.boundary.measures.solved import SHARE_BOUNDS, SHARES, SolvedSets, excess_interval, solved_shares
from edgewise.boundary.verdict.evidence import BOTH_SHARE, Evidence, test_by_holm
from edgewise.boundary.verdict.labels import Label
from edgewise.boundary.verdict.rules import Case
from edgewise.boundary.verdict.sentences import seeds_sentence, too_few_seeds_sentence
from edgewise.boundary.verdict.ungraded import Pair, scenarios
from edgewise.boundary.verdict.verdict import BoundaryVerdict, Judged, boundary_verdict, check_terms, verdict_of
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts, FloatArray, require_same_problems


@dataclass(frozen=True)
class RecipeVerdict:
    """A verdict on a recipe, and each of its training seeds' own.

    `verdict` speaks of new training seeds and new problems. With fewer than three seeds nothing is said about a recipe:
    it is then "cannot tell", its intervals are NaN, and only `seeds`, which speak of single checkpoints, say anything.

    `seeds` holds the verdict on each training seed's checkpoint, and `shares` the share of the seeds that each label
    has. `scatter_1` and `scatter_k` are the standard deviations over seeds of Delta pass@1 and Delta pass@k, NaN with
    one seed. `own_bases` says that every seed was compared with a base of its own. `sentence` says what the seeds
    differ by, in at most 25 words.
    """

    verdict: BoundaryVerdict
    seeds: Mapping[str, BoundaryVerdict]
    shares: Mapping[Label, float]
    scatter_1: float
    scatter_k: float
    own_bases: bool
    sentence: str

    def __str__(self) -> str:
        return f"{self.verdict} {self.sentence}"


def recipe_verdict(
    bases: Counts | Sequence[Counts],
    tuned_by_seed: Mapping[str, Counts] | Sequence[Counts],
    *,
    k: int | None = None,
    alpha: float = 0.05,
    margin: float = 0.05,
    comparisons: int = 1,
    concerns: Sequence[str] = (),
    seed_concerns: Mapping[str, Sequence[str]] | None = None,
) -> RecipeVerdict:
    """Decide what a recipe does to the boundary at k samples, from the checkpoints of several training seeds.

    `bases` is one base for all seeds, or one for each in their order. `tuned_by_seed` holds the tuned model of each
    seed, by name or in order (named 1, 2, ...). Facts, labels and rules are those of `boundary_verdict`; pass@1, pass@k
    and the excesses are means over problems and seeds with two-way intervals (`inference.two_way`). Problems that are
    each significantly down count where they do so in more than half of the seeds. Each seed's own verdict is made with
    the same arguments, as if it were the only one.

    `concerns` forbid every claim, `seed_concerns` those about one seed and with it that about the recipe.

    Raises InputError when there is no seed, the bases are not one for each, problems differ between the models, or an
    argument is out of range.
    """
    if not isinstance(tuned_by_seed, Mapping):
        tuned_by_seed = {str(i): tuned for i, tuned in enumerate(tuned_by_seed, start=1)}
    own_bases = not isinstance(bases, Counts)
    of_seeds = [bases] * len(tuned_by_seed) if isinstance(bases, Counts) else list(bases)
    if not tuned_by_seed or len(of_seeds) != len(tuned_by_seed):
        raise InputError(
            f"bases: {len(of_seeds)} for {len(tuned_by_seed)} training seeds; give one for all or one for each"
        )
    pairs = list(zip(of_seeds, tuned_by_seed.values(), strict=True))
    for base, tuned in pairs:
        require_same_problems(of_seeds[0], base)
        require_same_problems(base, tuned)
    check_terms(alpha=alpha, margin=margin, comparisons=comparisons)
    judged = Judged.of(pairs, k)
    k, pairs = judged.k, list(judged.pairs)
    of_seed = seed_concerns or {}
    seeds = {
        name: boundary_verdict(
            *pair,
            k=k,
            alpha=alpha,
            margin=margin,
            comparisons=comparisons,
            concerns=[*concerns, *of_seed.get(name, ())],
        )
        for name, pair in zip(tuned_by_seed, pairs, strict=True)
    }
    # What holds for several seeds is said once.
    forbidden = list(dict.fromkeys([*concerns, *(concern for some in of_seed.values() for concern in some)]))
    differences = seed_differences(pairs, k)
    cases = {
        name: Case(read, recipe_evidence(read, seed_differences(read, k), k, margin=margin, level=alpha / comparisons))
        for name, read in scenarios(pairs, k).items()
    }
    verdict = verdict_of(cases, judged.left_out, alpha=alpha, comparisons=comparisons, concerns=forbidden)
    labels = Counter(own.label for own in seeds.values())
    scatters = (differences[0].scatter, differences[-1].scatter)
    if len(pairs) < LEAST_SEEDS:
        rule = f"A statement about a recipe needs {LEAST_SEEDS} training seeds; these are {len(pairs)}."
        text = too_few_seeds_sentence(labels, k, LEAST_SEEDS)
        verdict = replace(verdict, sentence=text, numbers=rule, rule=rule)
    else:
        against = "each against its own base" if own_bases else "against one base"
        verdict = replace(verdict, numbers=f"{len(pairs)} training seeds {against}; {verdict.numbers}")
    return RecipeVerdict(
        verdict=verdict,
        seeds=seeds,
        shares={label: number / len(pairs) for label, number in labels.most_common()},
        scatter_1=scatters[0],
        scatter_k=scatters[1],
        own_bases=own_bases,
        sentence=seeds_sentence(labels, k, *scatters),
    )


def seed_differences(pairs: Sequence[Pair], k: int) -> list[TwoWayMean]:
    """Delta pass@1 and Delta pass@k over problems and training seeds; they are one where k = 1."""
    ks = np.array(sorted({1, k}))
    values_PKR = np.stack([problem_pass_at_k(tuned, ks) - problem_pass_at_k(base, ks) for base, tuned in pairs], axis=2)
    return [two_way_mean(values_PR, cluster_P=pairs[0][0].cluster_P) for values_PR in values_PKR.transpose(1, 0, 2)]


def recipe_evidence(
    pairs: Sequence[Pair], differences: Sequence[TwoWayMean], k: int, *, margin: float, level: float
) -> Evidence:
    """Test both differences by Holm at `level`, and compute the solved sets at k, all by two-way intervals."""
    base = pairs[0][0]

    def intervals_at(confidence: float) -> tuple[FloatArray, FloatArray]:
        estimates = [difference.interval(confidence) for difference in differences]
        return np.array([e.low for e in estimates]), np.array([e.high for e in estimates])

    value_K, p_K = (np.array([getattr(difference, name) for difference in differences]) for name in ("value", "p"))
    count = units(base.problems, base.cluster_P)
    at_1, at_k = test_by_holm(value_K, p_K, intervals_at, level, count)
    shares_PKR = np.stack([solved_shares(*pair, k) for pair in pairs], axis=2)
    shares = [
        two_way_mean(shares_PR, bounds=bounds, cluster_P=base.cluster_P)
        for shares_PR, bounds in zip(shares_PKR.transpose(1, 0, 2), SHARE_BOUNDS, strict=True)
    ]
    return Evidence(
        at_1=at_1,
        at_k=at_k,
        solved=_solved_sets(shares, k, base.problems, count, 1 - level),
        strict=_solved_sets(shares, k, base.problems, count, 1 - BOTH_SHARE * level),
        k=k,
        margin=margin,
        confidence=1 - level,
        units=count,
    )


def _solved_sets(
    shares: Sequence[TwoWayMean], k: int, problems: int, independent: int, confidence: float
) -> SolvedSets:
    """The solved sets as means over seeds. A table of whole numbers belongs to one seed, so there is none."""
    cells = {}
    for name, share in zip(SHARES, shares, strict=True):
        estimate = share.interval(confidence)
        cell = Estimate(*(problems * number for number in (estimate.value, estimate.low, estimate.high)))
        cells[name] = excess_interval(cell, problems, independent, confidence) if name.startswith("excess") else cell
    return SolvedSets(
        m=k,
        **cells,
        realised=None,
        mcnemar_p=float("nan"),
        problems=problems,
        bootstrap=Bootstrap(confidence=confidence),
    )
