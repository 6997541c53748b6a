"""-log pass@k ~ c k^-b: the exponent is that of the planted tail, and a share that is never reached has none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from edgewise.boundary import Bootstrap, Counts
from edgewise.core.errors import InputError
from edgewise.scaling import fit_repeated_sampling

FEW = Bootstrap(resamples=40)


def planted(b: float, problems: int = 300, n: int = 128, never: float = 0.0, rng: int = 0) -> Counts:
    """Counts of problems whose success rates are Beta(b, 1.5), and a share that is never solved."""
    random = np.random.default_rng(rng)
    rates = random.beta(b, 1.5, problems) * (random.random(problems) >= never)
    return Counts.of(n, random.binomial(n, rates))


@pytest.mark.parametrize("b", [0.3, 0.8])
def test_the_planted_tail_is_recovered(b: float) -> None:
    fit = fit_repeated_sampling(planted(b), bootstrap=FEW)
    assert fit.exponent.low < b < fit.exponent.high
    assert (fit.n, fit.problems, fit.refusal) == (128, 300, "")
    assert fit.line_exponent.low < fit.line_exponent.value < fit.line_exponent.high


def test_the_law_holds_far_out_for_such_a_tail() -> None:
    """-log pass@k of Beta(b, c) tends to Gamma(b + c)/Gamma(c) k^-b, which the fitted population follows."""
    shape = fit_repeated_sampling(planted(0.3), bootstrap=FEW).population.shape
    k = 10**7
    asymptote = special.gamma(shape.a + shape.b) / special.gamma(shape.b) * k**-shape.a
    assert 1 - shape.pass_at_k(k) == pytest.approx((1 - shape.unreached) * asymptote + shape.unreached, rel=0.02)


def test_the_line_is_the_published_regression() -> None:
    fit = fit_repeated_sampling(planted(0.3), bootstrap=FEW)
    slope, intercept = np.polyfit(np.log(fit.k_K), np.log(-np.log(fit.pass_at_k_K)), 1)
    assert (fit.line_exponent.value, fit.line_scale.value) == pytest.approx((-slope, np.exp(intercept)))
    early = fit.k_K <= 16
    slope, intercept = np.polyfit(np.log(fit.k_K[early]), np.log(-np.log(fit.pass_at_k_K[early])), 1)
    assert fit.line_error == pytest.approx(fit.pass_at_k_K[-1] - np.exp(-np.exp(intercept) * 128**slope))


def test_a_share_that_is_never_reached_leaves_no_law() -> None:
    fit = fit_repeated_sampling(planted(0.8, never=0.3), bootstrap=FEW)
    assert fit.population.unreached.low < 0.3 < fit.population.unreached.high
    share = f"{100 * fit.population.unreached.value:.0f}%"
    assert fit.refusal.startswith(f"No law is stated: {share} of the problems are reached never")


@pytest.mark.parametrize(
    ("n", "c", "message"),
    [
        (16, [0, 0, 0, 0, 0], "c: no sample is correct"),
        (16, [16, 16, 16, 16, 16], "c: every sample is correct"),
        (16, [3], "n: 1 problems"),
        (2, [0, 1, 2, 1, 0], "n: 5 problems, the fewest samples are 2"),
    ],
)
def test_counts_without_a_tail_are_refused(n: int, c: list[int], message: str) -> None:
    with pytest.raises(InputError) as refused:
        fit_repeated_sampling(Counts.of(n, c), bootstrap=FEW)
    assert str(refused.value).startswith(message)


def test_too_few_problems_state_no_law() -> None:
    assert fit_repeated_sampling(Counts.of(16, [0, 3, 16]), bootstrap=FEW).refusal.startswith(
        "No law is stated: there are"
    )
