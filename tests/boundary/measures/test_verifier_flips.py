"""Flip analysis: a change that is made by the verifier falls at the rates that made it, a real one does not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edgewise.boundary import Counts, VerifierLabels, audit, boundary_verdict
from edgewise.boundary.inference.estimators import none_at_k
from edgewise.boundary.measures.verifier_flips import VERIFIER_FLIPS, ErrorRates, Flip, none_right, verifier_flips
from edgewise.outcomes.counts import FloatArray


def drawn(p_P: FloatArray, n: int, seed: int, *, fpr: float = 0.0, fnr: float = 0.0) -> Counts:
    return Counts.of(n, np.random.default_rng(seed).binomial(n, p_P * (1 - fnr) + (1 - p_P) * fpr))


def hard(problems: int) -> FloatArray:
    """Nearly half of the problems are out of reach."""
    rng = np.random.default_rng(0)
    return rng.beta(0.2, 1.5, problems) * (rng.random(problems) > 0.3)


def flips_by(base: Counts, tuned: Counts, k: int) -> dict[tuple[str, str], Flip]:
    found = verifier_flips(base, tuned, k)
    assert found.label == boundary_verdict(base, tuned, k=k).label
    return {(flip.errors, flip.where): flip for flip in found.flips}


@pytest.mark.parametrize("rates", [ErrorRates(), ErrorRates(0.02, 0.0), ErrorRates(0.0, 0.1), ErrorRates(0.03, 0.05)])
def test_the_estimate_of_none_right_is_unbiased_under_errors(rates: ErrorRates) -> None:
    """The expectation over all counts that a verifier of these rates gives, for every success rate."""
    n, k = 12, 4
    values_C = none_right(Counts.of(n, list(range(n + 1))), (k,), rates)[:, 0]
    for p in (0.0, 0.1, 0.5, 1.0):
        passed = p * (1 - rates.fnr) + (1 - p) * rates.fpr
        share_C = np.array([math.comb(n, c) * passed**c * (1 - passed) ** (n - c) for c in range(n + 1)])
        assert share_C @ values_C == pytest.approx((1 - p) ** k, abs=1e-9)


def test_without_errors_it_is_the_usual_estimate() -> None:
    counts = Counts.of([16, 16, 9], [0, 3, 9])
    expected = none_at_k(counts.n_P[:, None], counts.c_P[:, None], np.array([1, 4]))
    assert none_right(counts, (1, 4), ErrorRates()) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("k", [16, 32])
def test_false_positives_that_rose_from_1_to_4_percent_explain_an_extension(k: int) -> None:
    """No skill changed: 3 points more false positives in the tuned model alone are enough, and fewer do not suffice."""
    p_P = hard(500)
    flips = flips_by(drawn(p_P, 64, 1, fpr=0.01), drawn(p_P, 64, 2, fpr=0.04), k)
    flip = flips["false positives", "tuned"]
    assert 0.01 < flip.rate < 0.03 < flip.allowed
    assert flip.label not in ("extended", "more within k")


def test_a_real_gain_holds_where_few_samples_of_a_problem_are_ever_passed() -> None:
    """A fifth of the problems from 0 to 0.2. Problems without a passed sample leave room for little error."""
    p_P = hard(500)
    new_P = np.where(np.random.default_rng(5).random(500) < 0.2, 0.3, p_P)
    flips = flips_by(drawn(p_P, 64, 1), drawn(new_P, 64, 2), 16)
    assert all(np.isnan(flip.rate) for (errors, _), flip in flips.items() if errors == "false negatives")
    assert flips["false positives", "tuned"].allowed < 0.02


def test_one_more_percent_of_false_negatives_in_the_base_explains_one_point_of_sureness() -> None:
    sure_P = np.full(1000, 0.6)
    flips = flips_by(drawn(sure_P, 64, 1, fnr=0.05), drawn(sure_P, 64, 2), 16)
    assert 0.02 < flips["false negatives", "base"].rate < 0.05
    assert flips["false negatives", "base"].label == "unchanged"
    assert np.isnan(flips["false negatives", "tuned"].rate)


def test_where_nothing_is_claimed_nothing_can_fall() -> None:
    arm = Counts.of(16, [3] * 10)
    found = verifier_flips(arm, arm, 4)
    assert (found.label, found.flips) == ("cannot tell", ())
    assert [row.label for row in VERIFIER_FLIPS.panel(found).rows] == ["no claim is made that errors could explain"]


def test_the_page_shows_the_label_at_the_measured_rates_for_answers_too() -> None:
    p_P = hard(300)
    arms = {"base": drawn(p_P, 64, 1, fpr=0.02), "tuned": drawn(p_P, 64, 2, fpr=0.06)}
    labels = VerifierLabels(2, 100, 100, 100)
    found = audit(arms, verifier=labels, measures=["verifier_flips"], resamples=100)
    result = VERIFIER_FLIPS.result(found.sets[0].comparisons["tuned"])
    assert result is not None and (result.fpr, result.fnr) == (0.02, 0.0)
    panel = VERIFIER_FLIPS.panel(result)
    assert [row.label for row in panel.rows][2] == "false positives, tuned model alone"
    assert panel.rows[-1].label == "as measured: 2.0% false positives, 0.0% false negatives"
    assert len(panel.rows) == 7
