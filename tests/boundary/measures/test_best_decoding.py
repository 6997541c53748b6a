from __future__ import annotations

import numpy as np
import pytest

from edgewise.boundary.inference.estimators import pass_at_k
from edgewise.boundary.inference.resampling import Bootstrap
from edgewise.boundary.measures.best_decoding import envelope
from edgewise.boundary.measures.curves import curve
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts


def drawn(p: np.ndarray, n: int, rng: np.random.Generator) -> Counts:
    return Counts.of(n, rng.binomial(n, p))


def test_each_k_gets_the_decoding_that_is_best_there() -> None:
    rng, problems = np.random.default_rng(0), 400
    # Cold: sure of two thirds and never right on the rest. Hot: seldom right, but everywhere.
    cold = drawn(np.where(np.arange(problems) % 3 > 0, 0.9, 0.0), 64, rng)
    hot = drawn(np.full(problems, 0.15), 64, rng)
    found = envelope({"0.2": cold, "1.2": hot}, [1, 4, 16, 32, 64])
    assert found.decoding_K == ("0.2", "0.2", "1.2", "1.2", "")
    assert found.value_K[:4] == pytest.approx([0.6, 2 / 3, 1 - 0.85**16, 1 - 0.85**32], abs=0.03)
    assert ((found.low_K <= found.value_K) & (found.value_K <= found.high_K))[:4].all()
    assert np.isnan(found.value_K[4]) and np.isnan(found.low_K[4])
    assert (found.n_choice, found.n, found.problems, found.decodings) == (32, 32, 400, ("0.2", "1.2"))


def test_the_best_of_equal_decodings_is_not_overstated() -> None:
    rng, p = np.random.default_rng(1), np.full(40, 0.2)
    truth, naive, fair = 1 - 0.8**4, [], []
    for seed in range(200):
        decodings = {f"{t}": drawn(p, 16, rng) for t in range(8)}
        naive.append(max(pass_at_k(one.n_P, one.c_P, 4).mean() for one in decodings.values()))
        fair.append(envelope(decodings, [4], bootstrap=Bootstrap(1, seed)).value_K[0])
    error = np.std(fair) / np.sqrt(200)
    assert np.mean(naive) - truth > 8 * error
    assert abs(np.mean(fair) - truth) < 3.5 * error


def test_every_decoding_is_dealt_on_its_own() -> None:
    # Dealt alike, equal counts would tie in every deal, and the first named would always be chosen.
    counts = Counts.of(8, [4] * 60)
    found = [envelope({"a": counts, "b": counts}, [1], bootstrap=Bootstrap(1, seed)) for seed in range(100)]
    assert {one.decoding_K[0] for one in found} == {"a", "b"}


def test_unequal_numbers_of_samples_leave_out_what_cannot_be_compared() -> None:
    few, many = Counts.of(4, [4, 4, 4]), Counts.of(64, [2, 1, 3])
    found = envelope({"few": few, "many": many}, [1, 2, 8])
    assert found.decoding_K == ("few", "few", "many")
    assert found.value_K[:2].tolist() == [1.0, 1.0]


def test_an_odd_number_of_samples_measures_on_the_larger_half() -> None:
    found = envelope({"only": Counts.of(9, [3, 5])}, [1, 4, 5])
    assert (found.n_choice, found.n) == (4, 5)
    assert found.decoding_K == ("only", "only", "")
    first, second = found.value_K[:2]
    assert 0 <= first <= second <= 1 and np.isnan(found.value_K[2])
    again = envelope({"only": Counts.of(9, [3, 5])}, [1, 4, 5])
    assert again.value_K[:2].tolist() == [first, second]


def test_the_interval_is_that_of_the_chosen_curve() -> None:
    counts = drawn(np.random.default_rng(2).beta(0.5, 1, 50), 32, np.random.default_rng(3))
    found = envelope({"only": counts}, [1, 4], bootstrap=Bootstrap(seed=7))
    whole = curve(counts, [1, 4], bootstrap=Bootstrap(seed=7))
    assert found.high_K - found.low_K == pytest.approx(whole.high_K - whole.low_K, rel=0.3)


def test_bad_input() -> None:
    with pytest.raises(InputError, match="by_decoding"):
        envelope({}, [1])
    with pytest.raises(InputError, match="problem"):
        envelope({"a": Counts.of(4, [1]), "b": Counts.of(4, [1, 2])}, [1])
    with pytest.raises(InputError, match="m: 0"):
        envelope({"a": Counts.of(1, [1])}, [1])
    with pytest.raises(InputError, match="ks: "):
        envelope({"a": Counts.of(4, [1])}, [0, 1])
    with pytest.raises(InputError, match="confidence"):
        envelope({"a": Counts.of(4, [1])}, [1], bootstrap=Bootstrap(confidence=0.0))
