"""R = -a e^H + b: planted values, the published form, and when its ceiling is refused."""

from __future__ import annotations

import numpy as np
import pytest

from edgewise.core.errors import InputError
from edgewise.outcomes.counts import FloatArray
from edgewise.scaling import fit_entropy_law


def run(lowest: float = 0.05, noise: float = 0.004, seeds: int = 1, rng: int = 0) -> tuple[FloatArray, ...]:
    """Entropy, reward, compute and seed of runs whose entropy falls from 0.8 and whose reward follows it."""
    random = np.random.default_rng(rng)
    compute = np.arange(1.0, 61.0)
    entropy = lowest + (0.8 - lowest) * np.exp(-compute / 12)
    reward = np.concatenate([0.75 - 0.2 * np.exp(entropy) + random.normal(0, noise, 60) for _ in range(seeds)])
    return np.tile(entropy, seeds), reward, np.tile(compute, seeds), np.repeat(np.arange(seeds), 60)


@pytest.mark.parametrize("seeds", [1, 3])
def test_planted_values_are_recovered(seeds: int) -> None:
    fit = fit_entropy_law(*run(seeds=seeds))
    a, ceiling = fit.fit.estimates["a"], fit.ceiling
    assert ceiling is not None and fit.refusal == ""
    assert a.low < 0.2 < a.high and ceiling.low < 0.55 < ceiling.high
    assert fit.b == pytest.approx(0.75, abs=0.02) and fit.b == pytest.approx(a.value + ceiling.value)
    assert not isinstance(fit.held_out, str) and (fit.held_out.fitted, fit.held_out.predicted) == (
        20 * seeds,
        40 * seeds,
    )
    assert fit.held_out.error < 0.02


def test_it_is_cut_by_compute_whatever_the_order_of_the_rows() -> None:
    entropy, reward, compute, seed = run()
    order = np.random.default_rng(1).permutation(60)
    shuffled = fit_entropy_law(entropy[order], reward[order], compute[order], seed[order])
    assert shuffled.held_out == fit_entropy_law(entropy, reward, compute, seed).held_out


def test_the_ceiling_is_refused_where_entropy_fell_too_little() -> None:
    fit = fit_entropy_law(*run(lowest=0.6))
    assert fit.ceiling is None and fit.reach > 1 and "times as far to fall" in fit.refusal


def test_the_ceiling_is_refused_where_reward_does_not_follow_entropy() -> None:
    entropy, reward, compute, seed = run()
    noise = 0.5 + np.random.default_rng(0).normal(0, 0.02, 60)
    assert "reward was not traded from entropy here" in fit_entropy_law(entropy, noise, compute, seed).refusal
    assert "reward was not traded from entropy here" in fit_entropy_law(entropy, 1 - reward, compute, seed).refusal


def test_the_ceiling_is_refused_where_the_first_third_misses_the_rest() -> None:
    entropy, reward, compute, seed = run()
    later = reward + np.where(compute > 30, 0.1, 0.0)
    fit = fit_entropy_law(entropy, later, compute, seed)
    assert fit.ceiling is None and "is off by +0.0" in fit.refusal


def test_a_run_that_is_too_short_to_check_states_no_ceiling() -> None:
    entropy, reward, compute, seed = (column[::15] for column in run())
    fit = fit_entropy_law(entropy, reward, compute, seed)
    assert isinstance(fit.held_out, str) and "could not be checked" in fit.refusal


def test_entropies_that_are_none_are_refused() -> None:
    entropy, reward, compute, seed = run()
    with pytest.raises(InputError, match=r"entropy: -0.1 is below 0"):
        fit_entropy_law(np.where(compute == 5, -0.1, entropy), reward, compute, seed)
    with pytest.raises(InputError, match="entropy: 1 different values"):
        fit_entropy_law(np.full(60, 0.5), reward, compute, seed)
