from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from edgewise.boundary import Counts, Outcomes, mcnemar, solved_sets
from edgewise.boundary.inference.resampling import Bootstrap
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import FloatArray


def draw(p_P: FloatArray, n: int, seed: int) -> Counts:
    return Counts.of(n, np.random.default_rng(seed).binomial(n, p_P))


@pytest.mark.parametrize(("base_only", "tuned_only", "p"), [(4, 0, 0.125), (4, 1, 0.375), (18, 5, 0.011)])
def test_mcnemar_of_published_tables(base_only: int, tuned_only: int, p: float) -> None:
    assert mcnemar(base_only, tuned_only) == pytest.approx(p, abs=5e-4)


@pytest.mark.parametrize(("cells", "p"), [((19, 4, 0, 7), 0.125), ((462, 18, 5, 15), 0.011)])
def test_published_tables_from_counts(cells: tuple[int, int, int, int], p: float) -> None:
    base = np.repeat([1, 1, 0, 0], cells)
    tuned = np.repeat([1, 0, 1, 0], cells)
    found = solved_sets(Counts.of(128, base), Counts.of(128, tuned), 128)
    assert found.realised == cells
    expected = (found.both, found.base_only, found.tuned_only, found.neither)
    assert [one.value for one in expected] == pytest.approx(cells)
    assert found.mcnemar_p == pytest.approx(p, abs=5e-4)
    assert np.isnan(found.floor.value)
    assert np.isnan(found.excess_expansion.value)


def test_no_discordant_problem() -> None:
    assert mcnemar(0, 0) == 1.0
    with pytest.raises(InputError):
        mcnemar(-1, 0)


def expectation(p: float, n: int, q: float, n_tuned: int, m: int) -> dict[str, float]:
    """Expected estimates for one problem, over every pattern of its samples in both arms."""
    total: dict[str, float] = {}
    names = ["both", "base_only", "tuned_only", "neither", "floor"]
    names += ["excess_expansion", "excess_shrinkage"]
    for base in product((0, 1), repeat=n):
        for tuned in product((0, 1), repeat=n_tuned):
            weight = np.prod([p if one else 1 - p for one in base])
            weight *= np.prod([q if one else 1 - q for one in tuned])
            found = solved_sets(Counts.of(n, [sum(base)]), Counts.of(n_tuned, [sum(tuned)]), m, bootstrap=Bootstrap(1))
            for name in names:
                total[name] = total.get(name, 0) + weight * getattr(found, name).value
    return total


@pytest.mark.parametrize(
    ("p", "n", "q", "n_tuned", "m"),
    [(0.3, 4, 0.6, 2, 2), (0.1, 5, 0.1, 3, 2), (0.7, 2, 0.2, 4, 1), (0.0, 4, 0.5, 3, 2)],
)
def test_all_estimates_are_unbiased(p: float, n: int, q: float, n_tuned: int, m: int) -> None:
    found = expectation(p, n, q, n_tuned, m)
    fails, tuned_fails = (1 - p) ** m, (1 - q) ** m
    floor = fails * (1 - fails)
    assert found["both"] == pytest.approx((1 - fails) * (1 - tuned_fails))
    assert found["base_only"] == pytest.approx((1 - fails) * tuned_fails)
    assert found["tuned_only"] == pytest.approx(fails * (1 - tuned_fails))
    assert found["neither"] == pytest.approx(fails * tuned_fails)
    assert found["floor"] == pytest.approx(floor)
    assert found["excess_expansion"] == pytest.approx(fails * (1 - tuned_fails) - floor)
    assert found["excess_shrinkage"] == pytest.approx((1 - fails) * tuned_fails - floor)


def test_floor_is_the_share_of_half_splits_that_disagree() -> None:
    """With n = 2m the estimate is the share of splits into halves solved by the first alone."""
    m = 3
    for c in range(2 * m + 1):
        samples = [1] * c + [0] * (2 * m - c)
        splits = [set(one) for one in combinations(range(2 * m), m)]
        alone = [any(samples[i] for i in half) and not any(samples[i] for i in set(range(6)) - half) for half in splits]
        arm = Counts.of(2 * m, [c])
        found = solved_sets(arm, arm, m, bootstrap=Bootstrap(1))
        assert found.floor.value == pytest.approx(np.mean(alone), abs=1e-14)


def test_many_spurious_expansions_without_any_change() -> None:
    """500 heavy-tailed problems, 128 draws: 20 to 40 problems look new, and the floor says so."""
    p_P: FloatArray = np.random.default_rng(0).beta(0.2, 1.5, 500)
    base, again = draw(p_P, 256, 1), draw(p_P, 256, 2)
    found = solved_sets(base, again)
    assert found.m == 128
    truth = float(np.sum((1 - p_P) ** 128 * (1 - (1 - p_P) ** 128)))
    assert found.tuned_only.low > 15
    assert found.floor.low < truth < found.floor.high
    assert found.excess_expansion.low < 0 < found.excess_expansion.high
    assert found.excess_shrinkage.low < 0 < found.excess_shrinkage.high
    cells = (found.both, found.base_only, found.tuned_only, found.neither)
    assert sum(one.value for one in cells) == pytest.approx(500)


def test_realised_table_is_of_the_first_m_samples() -> None:
    def arm(*rows: list[int]) -> Counts:
        answer = np.array(rows)
        problems, samples = answer.shape
        return Outcomes.of(
            problem=np.repeat(np.array(["a", "b", "c", "d"]), samples),
            level=np.zeros(problems * samples, dtype=np.int64),
            sample=np.tile(np.arange(samples), problems),
            answer=answer.ravel().astype(np.int8),
            process=answer.ravel().astype(np.int8),
            truncated=np.zeros(problems * samples, dtype=np.bool_),
            tokens=np.ones(problems * samples, dtype=np.int64),
        ).counts()

    base = arm([0, 1, 0, 0], [0, 0, 1, 1], [0, 1, 0, 0], [0, 0, 0, 0])
    tuned = arm([1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [-1, 0, 0, 1])
    assert solved_sets(base, tuned, 2).realised == (1, 1, 1, 1)
    assert solved_sets(base, tuned, 4).realised == (3, 0, 1, 0)
    totals = Counts.of(4, base.c_P), Counts.of(4, tuned.c_P)
    assert solved_sets(*totals, 2).realised is None
    assert np.isnan(solved_sets(*totals, 2).mcnemar_p)
    assert solved_sets(*totals, 4).realised == (3, 0, 1, 0)


def test_bad_input() -> None:
    base = Counts.of(8, [1, 2])
    for m in (0, 9):
        with pytest.raises(InputError, match=f"m: {m} samples"):
            solved_sets(base, base, m)
    with pytest.raises(InputError, match="only in base"):
        solved_sets(base, Counts.of(8, [1]), 2)
