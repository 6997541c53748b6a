"""What a model can solve within k samples, and what tuning did to it. numpy and scipy only.

Outcomes in, claims out. `audit` does everything at once; what it is made of, and where each formula stands:

    table of samples             outcomes       Outcomes, align
    samples and successes        counts         Counts
    pass@k, its variance         estimators     pass_at_k, none_at_k, pass_at_k_variance
    pass@k against k, bands      curves         curve, paired_difference, k_grid
    bootstrap, intervals         resampling     Estimate
    crossover k*                 crossings      crossover
    Delta_SE, k_eq, area         budget         efficiency
    solved sets, floor, McNemar  solved         solved_sets, mcnemar
    SRR, NDR, SDS, NSCR          support        support_measures, support_from_table
    verdict and its rules        verdict        boundary_verdict, combine (rules in rules, words in sentences)
    power, samples needed        power          plan, power_at, detectable, mcnemar_power
    per-problem change, FDR      per_problem    changes, holm, benjamini_hochberg, fisher_exact_p
    expansion certificates       certificates   certify, draws_to_certify, implied_k
    expansion rate, its floor    redrawn        redrawn_expansion
    zero-inflated beta-binomial  population     fit_population, backtest (likelihood in betabinomial)
    Good-Toulmin                 extrapolation  good_toulmin
    the edge                     edge           find_edge (problems in placing, groups in group_signal, posterior)
    pass^k, G-Pass@k, Cover      stability      reliability, cover, pass_hat_k, g_pass_at_k, mean_g_pass_at_k
    maj@k, answer entropy        voting         majority, diversity
    max@k                        grades         graded, max_at_k
    guess floor                  guessing       shuffled_floor, declared_floor, direct_floor, excess_coverage
    CoT-pass@k                   soundness      cot_pass_at_k, corrected_cot_pass_at_k, sensitivity
    errors of a judge            verifier_errors VerifierLabels, rogan_gladen
    best decoding                decoding       envelope
"""

from edgewise.boundary.audit.audit import audit
from edgewise.boundary.audit.result import Audit, Concern
from edgewise.boundary.edge.edge import Edge, find_edge
from edgewise.boundary.inference.estimators import none_at_k, pass_at_k, pass_at_k_variance
from edgewise.boundary.inference.multiple_testing import benjamini_hochberg, fisher_exact_p, holm
from edgewise.boundary.inference.power import SamplePlan, detectable, mcnemar_power, plan_samples, power_at
from edgewise.boundary.inference.resampling import Estimate
from edgewise.boundary.inference.supported_k import k_grid, largest_claimable_k, usual_k
from edgewise.boundary.measures.best_decoding import envelope
from edgewise.boundary.measures.certificates import certify, draws_to_certify, implied_k
from edgewise.boundary.measures.changes import changes
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
from edgewise.boundary.measures.population import backtest, fit_population
from edgewise.boundary.measures.solved import SolvedSets, SolvedTable, mcnemar, solved_sets
from edgewise.boundary.measures.soundness import SoundCounts, corrected_cot_pass_at_k, cot_pass_at_k, sensitivity
from edgewise.boundary.measures.stability import cover, g_pass_at_k, mean_g_pass_at_k, pass_hat_k, reliability
from edgewise.boundary.measures.support import support_from_table, support_measures
from edgewise.boundary.measures.verifier_errors import VerifierLabels, rogan_gladen
from edgewise.boundary.measures.voting import diversity, majority_vote
from edgewise.boundary.verdict.labels import LABELS, Label
from edgewise.boundary.verdict.verdict import BoundaryVerdict, CombinedVerdict, boundary_verdict, combine
from edgewise.outcomes.counts import Counts, Metric, Rates
from edgewise.outcomes.outcomes import Outcomes, align

__all__ = [
    "LABELS",
    "Audit",
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
    "SamplePlan",
    "SolvedSets",
    "SolvedTable",
    "SoundCounts",
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
    "power_at",
    "redrawn_expansion",
    "reliability",
    "rogan_gladen",
    "sensitivity",
    "shuffled_floor",
    "solved_sets",
    "support_from_table",
    "support_measures",
    "usual_k",
]
