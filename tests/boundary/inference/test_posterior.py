from __future__ import annotations

from collections.abc import Callable

import pytest
from scipy import integrate, stats

from edgewise.boundary.inference.betabinomial import Shape
from edgewise.boundary.inference.posterior import Posterior


@pytest.mark.parametrize(("n", "c"), [(12, 0), (12, 3), (12, 12)])
def test_posterior_is_prior_times_likelihood(n: int, c: int) -> None:
    prior = Shape(0.3, 1.4, 2.5)
    found = Posterior.of(prior, n, c)
    never = 0.3 if c == 0 else 0.0

    def moment(of: Callable[[float], float], top: float = 1.0) -> float:
        density = stats.beta(1.4, 2.5).pdf
        return 0.7 * float(integrate.quad(lambda p: of(p) * density(p) * p**c * (1 - p) ** (n - c), 0, top)[0])

    whole = never + moment(lambda p: 1.0)
    assert found.zero == pytest.approx(never / whole)
    assert found.mean() == pytest.approx(moment(lambda p: p) / whole)
    assert found.below(0.2) == pytest.approx((never + moment(lambda p: 1.0, 0.2)) / whole)
    assert found.signal(7) == pytest.approx(moment(lambda p: 1 - p**7 - (1 - p) ** 7) / whole)
    for share in (0.4, 0.99):
        rate = float(found.quantile(share))
        assert found.below(rate) >= share - 1e-9
        assert rate == 0 or found.below(rate) == pytest.approx(share)
