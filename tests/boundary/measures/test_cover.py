from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from edgewise.boundary.inference.resampling import Bootstrap
from edgewise.boundary.measures.cover import cover
from edgewise.boundary.measures.reliability import reliability
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts


@pytest.mark.parametrize(("a", "b", "zero"), [(0.5, 0.5, 0.0), (0.3, 2.0, 0.4)])
def test_pass_at_k_is_an_integral_of_cover(a: float, b: float, zero: float) -> None:
    n, c = np.array([8, 16, 16, 4]), np.array([0, 3, 16, 1])
    # Midpoints in u = (1 - tau)^k, in which the weight k (1 - tau)^(k-1) is flat.
    u = (np.arange(20000) + 0.5) / 20000
    for k in (1, 3, 10):
        found = cover(Counts.of(n, c), 1 - u ** (1 / k), prior=(a, b, zero), bootstrap=Bootstrap(1))  # type: ignore[arg-type]
        none = np.exp(special.betaln(a + c, b + n - c + k) - special.betaln(a + c, b + n - c))
        unseen = special.beta(a, b + n[0]) / special.beta(a, b)
        never = np.where(c == 0, zero / (zero + (1 - zero) * unseen), 0.0)
        assert found.value_H.mean() == pytest.approx(np.mean((1 - never) * (1 - none)), abs=2e-4)
        assert found.plug_in_H.mean() == pytest.approx(np.mean(1 - (1 - c / n) ** k), abs=2e-4)


def test_cover_recovers_planted_rates_that_the_plug_in_misses() -> None:
    rng = np.random.default_rng(1)
    p = np.where(rng.random(4000) < 0.3, 0.0, rng.beta(0.5, 3.0, size=4000))
    counts = Counts.of(8, rng.binomial(8, p))
    taus = (0.02, 0.1, 0.5)
    found = cover(counts, taus, prior=(0.5, 3.0, 0.3), bootstrap=Bootstrap(200))
    truth = np.array([(p >= tau).mean() for tau in taus])
    assert found.value_H == pytest.approx(truth, abs=0.02)
    assert abs(found.plug_in_H - truth).max() > 0.04
    assert ((found.low_H <= found.value_H) & (found.value_H <= found.high_H)).all()
    assert (found.prior_a, found.prior_b, found.prior_zero) == (0.5, 3.0, 0.3)


def test_cover_falls_from_one_to_nothing_and_counts_ties_as_reached() -> None:
    found = cover(Counts.of(10, [3, 0, 10]), [0.0, 0.3, 0.31, 1.0], prior=(0.5, 0.5, 0.2), bootstrap=Bootstrap(50))
    assert found.value_H[0] == 1.0 and found.value_H[-1] == 0.0
    assert (np.diff(found.value_H) < 0).all()
    assert found.plug_in_H.tolist() == pytest.approx([1, 2 / 3, 1 / 3, 1 / 3])
    never = cover(Counts.of(10, [0, 0]), [0.0, 0.01], prior=(0.5, 0.5, 1.0), bootstrap=Bootstrap(50))
    assert never.value_H.tolist() == [1.0, 0.0]


@pytest.mark.parametrize("prior", [(0.0, 1.0, 0.0), (1.0, -1.0, 0.0), (1.0, 1.0, 1.1), (1.0, 1.0, -0.1)])
def test_a_prior_must_be_one(prior: tuple[float, float, float]) -> None:
    with pytest.raises(InputError, match="prior"):
        cover(Counts.of(4, [1]), [0.5], prior)
    with pytest.raises(InputError, match="tau"):
        cover(Counts.of(4, [1]), [-0.5])
    with pytest.raises(InputError, match="confidence"):
        reliability(Counts.of(4, [1]), [1], bootstrap=Bootstrap(confidence=1.0))
