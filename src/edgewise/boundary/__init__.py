"""Measure what a model can solve within k samples, and what tuning did to it. numpy and scipy only.

`audit` takes the outcomes of a base and of tuned models and returns one `Audit`: verdicts, curves and every measure.
Adding a measure is one file in measures/, adding a label one entry in verdict/labels. Where each formula stands:

    what                           room       file               functions
    pass@k, its variance           inference  estimators         pass_at_k, none_at_k, pass_at_k_variance
    which k n samples support      inference  supported_k        largest_claimable_k, usual_k, k_grid
    interval and tests of a mean   inference  means              Estimate, mean_interval, mean_p, sign_flip_p
    bootstrap, bands               inference  resampling         Bootstrap, percentiles, studentised
    over problems and seeds        inference  two_way            two_way_mean
    seeds needed                   inference  seed_power         plan_seeds
    power, samples needed          inference  power              plan_samples, power_at, detectable, draws_to_certify
    Fisher, Holm, FDR              inference  multiple_testing   fisher_exact_p, holm, benjamini_hochberg
    beta-binomial likelihood       inference  betabinomial       fit_both
    pass@k against k               measures   curves             curve, paired_difference
    crossover k*                   measures   crossover          crossover
    Delta_SE, k_eq, areas          measures   efficiency         efficiency
    solved sets, floor, McNemar    measures   solved             solved_sets, mcnemar
    SRR, NDR, SDS, NSCR            measures   support            support_measures, support_from_table
    changes problem by problem     measures   changes            changes
    expansion certificates         measures   certificates       certify, implied_k
    expansion rate, its floor      measures   expansion_rate     redrawn_expansion
    zero-inflated beta-binomial    measures   population         fit_population (checked by backtest)
    Good-Toulmin                   measures   extrapolation      good_toulmin
    pass^k, G-Pass@k               measures   reliability        reliability, pass_hat_k, g_pass_at_k
    Cover(tau)                     measures   cover              cover
    maj@k, answer entropy          measures   voting             majority_vote, diversity
    max@k                          measures   max_at_k           best_scores, max_at_k
    guess floor                    measures   guessing           shuffled_floor, declared_floor, direct_floor
    CoT-pass@k                     measures   soundness          corrected_cot_pass_at_k (and sensitivity)
    errors of a verifier           measures   verifier_errors    VerifierLabels, rogan_gladen
    errors that change a label     measures   verifier_flips     verifier_flips
    two verifiers                  measures   agreement          verifier_agreement
    best decoding                  measures   best_decoding      envelope
    lengths, entropy, truncation   measures   completions        -
    the verdict                    verdict    verdict            boundary_verdict, combine
    the verdict of a recipe        verdict    recipe             recipe_verdict
    samples that were not graded   verdict    ungraded           scenarios
    labels and their rules         verdict    labels             LABELS
    a policy for CI                verdict    policy             parse_policy, read_policy
    the edge                       edge       edge               find_edge
    everything at once             audit      audit              audit
"""

from edgewise.boundary.audit.audit import audit
from edgewise.boundary.audit.result import Audit, Concern
from edgewise.boundary.edge.edge import Edge, find_edge
from edgewise.boundary.inference.estimators import none_at_k, pass_at_k, pass_at_k_variance
from edgewise.boundary.inference.means import Estimate
from edgewise.boundary.inference.multiple_testing import benjamini_hochberg, fisher_exact_p, holm
from edgewise.boundary.inference.power import (
    SamplePlan,
    detectable,
    draws_to_certify,
    mcnemar_power,
    plan_samples,
    power_at,
)
from edgewise.boundary.inference.resampling import Bootstrap
from edgewise.boundary.inference.seed_power import SeedPlan, plan_seeds
from edgewise.boundary.inference.supported_k import k_grid, largest_claimable_k, usual_k
from edgewise.boundary.inference.two_way import TwoWayMean, two_way_mean
from edgewise.boundary.measures.backtest import backtest
from edgewise.boundary.measures.best_decoding import envelope
from edgewise.boundary.measures.certificates import certify, implied_k
from edgewise.boundary.measures.changes import changes
from edgewise.boundary.measures.cover import cover
from edgewise.boundary.measures.crossover import crossover
from edgewise.boundary.measures.curves import Curve, Difference, curve, paired_difference
from edgewise.boundary.measures.efficiency import efficiency
from edgewise.boundary.measures.expansion_rate import redrawn_expansion
from edgewise.boundary.measures.extrapolation import good_toulmin
from edgewise.boundary.measures.guessing import (
    above_guessing,
    declared_floor,
    direct_floor,
    excess_coverage,
    guess_curve,
    shuffled_floor,
)
from edgewise.boundary.measures.max_at_k import best_scores, max_at_k
from edgewise.boundary.measures.population import fit_population
from edgewise.boundary.measures.reliability import g_pass_at_k, mean_g_pass_at_k, pass_hat_k, reliability
from edgewise.boundary.measures.sensitivity import sensitivity
from edgewise.boundary.measures.solved import SolvedSets, SolvedTable, mcnemar, solved_sets
from edgewise.boundary.measures.soundness import SoundCounts, corrected_cot_pass_at_k, cot_pass_at_k
from edgewise.boundary.measures.support import support_from_table, support_measures
from edgewise.boundary.measures.verifier_errors import VerifierLabels, rogan_gladen
from edgewise.boundary.measures.voting import diversity, majority_vote
from edgewise.boundary.verdict.labels import LABELS, Label
from edgewise.boundary.verdict.recipe import RecipeVerdict, recipe_verdict
from edgewise.boundary.verdict.verdict import BoundaryVerdict, CombinedVerdict, boundary_verdict, combine
from edgewise.outcomes.counts import Counts, Metric, Rates
from edgewise.outcomes.outcomes import Outcomes, align

__all__ = [
    "LABELS",
    "Audit",
    "Bootstrap",
    "BoundaryVerdict",
    "CombinedVerdict",
    "Concern",
    "Counts",
    "Curve",
    "Difference",
    "Edge",
    "Estimate",
    "Label",
    "Metric",
    "Outcomes",
    "Rates",
    "RecipeVerdict",
    "SamplePlan",
    "SeedPlan",
    "SolvedSets",
    "SolvedTable",
    "SoundCounts",
    "TwoWayMean",
    "VerifierLabels",
    "above_guessing",
    "align",
    "audit",
    "backtest",
    "benjamini_hochberg",
    "best_scores",
    "boundary_verdict",
    "certify",
    "changes",
    "combine",
    "corrected_cot_pass_at_k",
    "cot_pass_at_k",
    "cover",
    "crossover",
    "curve",
    "declared_floor",
    "detectable",
    "direct_floor",
    "diversity",
    "draws_to_certify",
    "efficiency",
    "envelope",
    "excess_coverage",
    "find_edge",
    "fisher_exact_p",
    "fit_population",
    "g_pass_at_k",
    "good_toulmin",
    "guess_curve",
    "holm",
    "implied_k",
    "k_grid",
    "largest_claimable_k",
    "majority_vote",
    "max_at_k",
    "mcnemar",
    "mcnemar_power",
    "mean_g_pass_at_k",
    "none_at_k",
    "paired_difference",
    "pass_at_k",
    "pass_at_k_variance",
    "pass_hat_k",
    "plan_samples",
    "plan_seeds",
    "power_at",
    "recipe_verdict",
    "redrawn_expansion",
    "reliability",
    "rogan_gladen",
    "sensitivity",
    "shuffled_floor",
    "solved_sets",
    "support_from_table",
    "support_measures",
    "two_way_mean",
    "usual_k",
]
