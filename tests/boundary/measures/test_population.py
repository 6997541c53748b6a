from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, stats

from edgewise.boundary.inference.betabinomial import Shape, Tally, fit_both, starts
from edgewise.boundary.inference.resampling import Bootstrap
from edgewise.boundary.measures.backtest import backtest
from edgewise.boundary.measures.population import cells, fit_population
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts, FloatArray, IntArray


def draw(unreached: float, a: float, b: float, problems: int, n: int, seed: int) -> tuple[FloatArray, Counts]:
    rng = np.random.default_rng(seed)
    p_P = rng.beta(a, b, problems) * (rng.random(problems) >= unreached)
    return p_P, Counts.of(n, rng.binomial(n, p_P))


def shapes(counts: Counts) -> tuple[Shape, Shape]:
    (n_G, c_G), cell_P = cells(counts.n_P, counts.c_P)
    weight_G = np.bincount(cell_P).astype(np.float64)
    best, plain = fit_both(Tally.of(n_G, c_G, weight_G), starts(n_G, c_G, weight_G))
    return best.shape, plain.shape


def log_likelihood(shape: Shape, n_P: IntArray, c_P: IntArray) -> float:
    share_P = (1 - shape.unreached) * stats.betabinom.pmf(c_P, n_P, shape.a, shape.b) + shape.unreached * (c_P == 0)
    return float(np.log(share_P).sum())


UNEQUAL = Counts.of(np.tile([3, 8, 40], 60), np.random.default_rng(5).binomial(np.tile([3, 8, 40], 60), 0.2))


def test_likelihood_gradient_and_hessian_are_those_of_the_probabilities() -> None:
    tally = Tally.of(UNEQUAL.n_P, UNEQUAL.c_P, np.ones(UNEQUAL.problems))
    theta, step = np.array([0.1, -0.5, 0.7]), 1e-5
    for shrunk in (False, True):
        tally = Tally.of(UNEQUAL.n_P, UNEQUAL.c_P, np.ones(UNEQUAL.problems), shrunk)
        value, gradient, hessian = tally.likelihood(theta)
        a, b = np.exp(theta[1:])
        hyperprior = np.log(a * b * (a + b) ** -2.5) if shrunk else 0.0
        expected = log_likelihood(Shape(0.1, a, b), UNEQUAL.n_P, UNEQUAL.c_P) + hyperprior
        assert value + tally.constant == pytest.approx(expected, rel=1e-12)
        for axis in range(3):
            over, under = (tally.likelihood(theta + sign * step * np.eye(3)[axis]) for sign in (1, -1))
            assert gradient[axis] == pytest.approx((over[0] - under[0]) / (2 * step), rel=1e-6)
            assert hessian[axis] == pytest.approx((over[1] - under[1]) / (2 * step), rel=1e-6)


def test_no_other_optimiser_finds_a_higher_likelihood_with_unequal_n() -> None:
    rng = np.random.default_rng(2)
    n_P = rng.choice([4, 16, 100], 300)
    counts = Counts.of(n_P, rng.binomial(n_P, rng.beta(0.5, 2, 300) * (rng.random(300) > 0.3)))
    found = fit_population(counts, bootstrap=Bootstrap(1))

    def loss(theta: FloatArray) -> float:
        return -log_likelihood(Shape(float(theta[0]), *np.exp(theta[1:])), counts.n_P, counts.c_P)

    oracle = optimize.minimize(loss, [0.1, 0, 0], method="Nelder-Mead", bounds=[(0, 1), (-5, 5), (-5, 5)])
    assert found.log_likelihood == pytest.approx(-oracle.fun, abs=1e-4)
    assert found.log_likelihood >= -oracle.fun - 1e-6
    assert found.shape == pytest.approx((oracle.x[0], *np.exp(oracle.x[1:])), rel=0.01)

    def plain_loss(theta: FloatArray) -> float:
        return loss(np.append(0.0, theta))

    plain = optimize.minimize(plain_loss, [0.0, 0.0], method="Nelder-Mead")
    assert found.plain.log_likelihood == pytest.approx(-plain.fun, abs=1e-4)
    assert found.likelihood_ratio == pytest.approx(2 * (plain.fun - oracle.fun), abs=1e-3)
    assert found.zero_inflation_p == pytest.approx(stats.chi2.sf(found.likelihood_ratio, 1) / 2)


def test_profile_ends_are_where_the_likelihood_ratio_reaches_its_critical_value() -> None:
    counts = draw(0.2, 0.4, 2, 400, 64, 1)[1]
    found = fit_population(counts, bootstrap=Bootstrap(1, confidence=0.9))
    for end in (found.unreached.low, found.unreached.high):

        def loss(theta: FloatArray, end: float = end) -> float:
            return -log_likelihood(Shape(end, *np.exp(theta)), counts.n_P, counts.c_P)

        profile = -optimize.minimize(loss, [-1, 0.5], method="Nelder-Mead").fun
        assert 2 * (found.log_likelihood - profile) == pytest.approx(stats.chi2.ppf(0.9, 1), abs=0.01)


def test_pass_at_k_is_the_expectation_over_the_population() -> None:
    shape = Shape(0.2, 0.4, 1.5)
    for k in (1, 7, 300):
        integral = integrate.quad(lambda p, k=k: 1 - (1 - p) ** k, 0, 1, weight="alg", wvar=(-0.6, 0.5))[0]
        whole = integrate.quad(lambda p: 1.0, 0, 1, weight="alg", wvar=(-0.6, 0.5))[0]
        assert shape.pass_at_k(k) == pytest.approx(0.8 * integral / whole, rel=1e-7)


def test_histogram_gives_the_probability_of_every_count() -> None:
    share = Shape(0.2, 0.4, 1.5).histogram(np.array([3, 5]))
    for row, n in enumerate((3, 5)):
        expected = 0.8 * stats.betabinom.pmf(np.arange(6), n, 0.4, 1.5)
        expected[0] += 0.2
        assert share[row] == pytest.approx(expected)


def test_the_point_mass_repairs_the_extrapolation_of_the_plain_beta_binomial() -> None:
    """T = 500, n = 128, pass@8192: truth .967 and .777, plain +.00 and +.11, zero-inflated about right."""
    for unreached, truth, plain_error in ((0.0, 0.967, 0.0), (0.2, 0.775, 0.11)):
        rows = []
        for seed in range(8):
            p_P, counts = draw(unreached, 0.4, 2.0, 500, 128, seed)
            best, plain = shapes(counts)
            true = float((1 - (1 - p_P) ** 8192).mean())
            rows.append([true, best.pass_at_k(8192) - true, plain.pass_at_k(8192) - true])
        mean = np.mean(rows, axis=0)
        assert mean[0] == pytest.approx(truth, abs=0.015)
        assert mean[1] == pytest.approx(0, abs=0.025)
        assert mean[2] == pytest.approx(plain_error, abs=0.02)


@pytest.mark.slow
def test_intervals_cover_what_was_planted() -> None:
    inside = []
    for seed in range(150):
        found = fit_population(draw(0.2, 0.4, 2.0, 400, 64, seed)[1], bootstrap=Bootstrap(1))
        estimates = zip((found.unreached, found.a, found.b), (0.2, 0.4, 2.0), strict=True)
        inside.append([one.low <= true <= one.high for one, true in estimates])
    assert (np.abs(np.mean(inside, axis=0) - 0.95) < 0.045).all()


@pytest.mark.slow
def test_the_test_for_a_point_mass_has_its_size() -> None:
    none = [
        fit_population(draw(0.0, 0.5, 2, 300, 32, seed)[1], bootstrap=Bootstrap(1)).zero_inflation_p
        for seed in range(200)
    ]
    assert np.mean(np.array(none) <= 0.1) <= 0.15
    assert np.mean(np.array(none) == 1.0) == pytest.approx(0.5, abs=0.2)


def test_a_point_mass_is_found_where_it_is_planted() -> None:
    assert fit_population(draw(0.4, 0.5, 2, 300, 64, 0)[1], bootstrap=Bootstrap(1)).zero_inflation_p < 1e-4
    assert fit_population(draw(0.0, 0.5, 2, 300, 64, 0)[1], bootstrap=Bootstrap(1)).zero_inflation_p > 0.05


def test_misfit_is_seen_in_a_population_of_another_shape_only() -> None:
    right = [fit_population(draw(0.2, 0.5, 2, 300, 32, seed)[1], bootstrap=Bootstrap(20)).misfit_p for seed in range(3)]
    assert np.median(right) > 0.1
    rng = np.random.default_rng(0)
    two = rng.choice([0.1, 0.6], 300)
    assert fit_population(Counts.of(32, rng.binomial(32, two)), bootstrap=Bootstrap(40)).misfit_p < 0.05


def test_a_population_that_the_counts_contradict_predicts_nothing() -> None:
    """Half of the problems at 0.1 and half at 0.6: a beta that is fitted to them is wrong beyond n."""
    counts = Counts.of(32, np.random.default_rng(0).binomial(32, np.repeat([0.1, 0.6], 150)))
    found = fit_population(counts, bootstrap=Bootstrap(120))
    assert found.misfit_p < 0.01 and found.converged
    assert np.isnan(found.predicted_K).all() and np.isnan(found.low_K).all() and np.isnan(found.high_K).all()
    assert found.concern == "The counts contradict this shape, so it predicts nothing."
    fitting = fit_population(draw(0.2, 0.5, 2, 300, 32, 1)[1], bootstrap=Bootstrap(120))
    assert not fitting.concern and not np.isnan(fitting.predicted_K).any()


@pytest.mark.parametrize(
    ("n", "c"),
    [
        (16, [0] * 20),
        (16, [16] * 20),
        (16, [5]),
        (1, [0]),
        (1, [0, 1] * 20),
        (2, [0, 1, 2] * 9),
        (16, [0] * 20 + [16] * 20),
        (16, [1] * 30),
        (4096, [0] * 60 + [1]),
        (4096, [4096] * 20 + [4095]),
        (8, [0, 3]),
    ],
)
def test_counts_that_determine_nothing_say_so_and_do_not_raise(n: int, c: list[int]) -> None:
    found = fit_population(Counts.of(n, c), bootstrap=Bootstrap(1))
    assert not found.converged
    assert found.concern.endswith(".")
    assert 0 <= found.unreached.low <= found.unreached.value <= found.unreached.high <= 1
    assert 0 <= found.pass_at_k(10) <= 1


def test_nothing_is_predicted_from_no_success() -> None:
    found = fit_population(Counts.of(64, [0] * 100), bootstrap=Bootstrap(3))
    assert np.isnan(found.predicted_K).all()
    assert (found.unreached.low, found.unreached.high) == (0.0, 1.0)


def test_huge_n_is_fitted() -> None:
    p_P, counts = draw(0.2, 0.4, 2, 300, 16384, 3)
    best, _ = shapes(counts)
    assert best.unreached == pytest.approx((p_P == 0).mean(), abs=0.06)
    assert best.a == pytest.approx(0.4, abs=0.1)


def test_a_million_problems_are_fitted_by_their_distinct_counts() -> None:
    _, counts = draw(0.2, 0.4, 2, 1_000_000, 32, 0)
    assert shapes(counts)[0] == pytest.approx((0.2, 0.4, 2.0), rel=0.03)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 30), st.floats(0, 1)), min_size=1, max_size=12))
def test_any_counts_are_fitted_without_an_error(rows: list[tuple[int, float]]) -> None:
    counts = Counts.of([n for n, _ in rows], [round(n * share) for n, share in rows])
    found = fit_population(counts, bootstrap=Bootstrap(2))
    assert found.concern or found.converged
    assert found.log_likelihood >= found.plain.log_likelihood - 1e-6
    for one in (found.unreached, found.a, found.b):
        assert one.low <= one.value * (1 + 1e-5) and one.value <= one.high * (1 + 1e-5) + 1e-9


def test_same_arguments_same_population_and_clusters_widen_the_prediction() -> None:
    _, counts = draw(0.1, 0.5, 2, 100, 32, 0)
    first, again = fit_population(counts, bootstrap=Bootstrap(20)), fit_population(counts, bootstrap=Bootstrap(20))
    assert (first.low_K == again.low_K).all() and first.misfit_p == again.misfit_p
    copies = Counts.of(32, np.repeat(counts.c_P, 5), cluster=np.repeat(np.arange(100), 5))
    alone = Counts.of(32, np.repeat(counts.c_P, 5))
    clustered, independent = (fit_population(one, bootstrap=Bootstrap(40)) for one in (copies, alone))
    width = [float((one.high_K - one.low_K)[3]) for one in (clustered, independent)]
    assert width[0] > 1.5 * width[1]


def test_bad_arguments_name_themselves() -> None:
    counts = Counts.of(8, [1, 2])
    with pytest.raises(InputError, match="confidence"):
        fit_population(counts, bootstrap=Bootstrap(confidence=1.0))
    with pytest.raises(InputError, match="resamples"):
        backtest(counts, bootstrap=Bootstrap(0))
    with pytest.raises(InputError, match="k:"):
        fit_population(counts, bootstrap=Bootstrap(1)).pass_at_k(0)
