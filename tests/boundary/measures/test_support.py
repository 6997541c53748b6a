from __future__ import annotations

import math
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewise.boundary.inference.resampling import Bootstrap
from edgewise.boundary.measures.solved import solved_sets
from edgewise.boundary.measures.support import SupportMeasures, support_from_table, support_measures
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts, FloatArray


def draw(p_P: FloatArray, n: int, seed: int) -> Counts:
    return Counts.of(n, np.random.default_rng(seed).binomial(n, p_P))


def values(measures: SupportMeasures) -> list[float]:
    return [value for value, _, _ in astuple(measures)]


def test_prolrl_v2_of_the_invisible_leash() -> None:
    table = support_from_table(2388, 48, 175, 793)
    assert (table.srr, table.ndr, table.nscr) == pytest.approx((0.93, 0.02, -0.05), abs=0.005)
    assert table.mcnemar_p < 1e-17


@pytest.mark.parametrize(
    ("cells", "p", "tolerance"),
    [
        ((2715, 28, 56, 605), 0.003, 5e-4),
        ((2418, 8, 23, 501), 0.011, 5e-4),
        ((2474, 16, 23, 437), 0.34, 5e-3),
        ((761, 83, 104, 599), 0.14, 5e-3),
        ((2685, 26, 86, 607), 1.1e-8, 1e-9),
        ((19, 0, 4, 7), 0.125, 1e-12),
        ((462, 5, 18, 15), 0.011, 5e-4),
    ],
)
def test_mcnemar_of_published_tables(cells: tuple[int, int, int, int], p: float, tolerance: float) -> None:
    assert support_from_table(*cells).mcnemar_p == pytest.approx(p, abs=tolerance)


@given(st.integers(1, 3000), st.integers(1, 300), st.integers(0, 300), st.integers(0, 900))
def test_the_dynamic_score_is_the_harmonic_mean_of_retention_and_discovery(p: int, e: int, s: int, o: int) -> None:
    table = support_from_table(p, e, s, o)
    assert table.sds == pytest.approx(2 / (1 / table.srr + 1 / table.ndr))


def test_measures_without_a_denominator_are_nan() -> None:
    empty = support_from_table(0, 0, 0, 10)
    assert all(math.isnan(one) for one in (empty.srr, empty.ndr, empty.sds, empty.nscr))
    assert empty.mcnemar_p == 1
    with pytest.raises(InputError, match="shrunk: -1"):
        support_from_table(1, 1, -1, 0)


def test_whole_tables_and_counts_give_the_same_measures() -> None:
    cells = (462, 5, 18, 15)
    base, tuned = np.repeat([1, 0, 1, 0], cells), np.repeat([1, 1, 0, 0], cells)
    found = support_measures(Counts.of(128, base), Counts.of(128, tuned), 128)
    table = support_from_table(*cells)
    assert (found.preserved, found.expanded, found.shrunk, found.out) == pytest.approx(cells)
    assert values(found.measured) == pytest.approx([table.srr, table.ndr, table.sds, table.nscr])
    assert all(math.isnan(one) for one in values(found.unchanged) + values(found.excess))


def test_numbers_agree_with_the_solved_sets() -> None:
    p_P: FloatArray = np.random.default_rng(0).beta(0.2, 1.5, 100)
    base, tuned = draw(p_P, 64, 1), draw(p_P**0.8, 64, 2)
    found, sets = support_measures(base, tuned), solved_sets(base, tuned)
    assert found.m == sets.m
    assert found.preserved == pytest.approx(sets.both.value)
    assert found.expanded == pytest.approx(sets.tuned_only.value)
    assert found.shrunk == pytest.approx(sets.base_only.value)
    assert found.out == pytest.approx(sets.neither.value)
    solved = 100 - float(np.sum(sets.tuned_only.value + sets.neither.value))
    assert found.unchanged.srr.value == pytest.approx(1 - sets.floor.value / solved)
    assert found.unchanged.nscr == found.unchanged.nscr.__class__(0, 0, 0)


def test_retention_is_below_one_without_any_change_and_the_floor_says_so() -> None:
    covered = np.zeros(4)
    for seed in range(60):
        p_P: FloatArray = np.random.default_rng(seed).beta(0.2, 1.5, 150)
        found = support_measures(draw(p_P, 128, 200 + seed), draw(p_P, 128, 400 + seed), bootstrap=Bootstrap(400))
        assert found.measured.srr.high < 1
        assert found.measured.ndr.low > 0
        covered += [low <= 0 <= high for _, low, high in astuple(found.excess)]
    assert (covered >= 52).all()


def test_a_planted_shrinkage_stands_out_from_the_floor() -> None:
    p_P: FloatArray = np.random.default_rng(0).beta(0.2, 1.5, 300)
    tuned_P = np.where(np.arange(300) % 5 == 0, 0.0, p_P)
    found = support_measures(draw(p_P, 256, 1), draw(tuned_P, 256, 2))
    assert found.excess.srr.high < -0.1
    assert found.excess.nscr.high < -0.1
    assert found.excess.ndr.low < 0 < found.excess.ndr.high


def test_retention_of_every_one_of_few_problems_is_not_certain() -> None:
    counts = Counts.of(64, [60] * 10 + [0] * 90)
    found = support_measures(counts, counts)
    assert (found.measured.srr.value, found.measured.srr.high) == (1, 1)
    assert 0.5 < found.measured.srr.low < 0.8


def test_clusters_are_resampled_whole() -> None:
    p_P: FloatArray = np.repeat(np.random.default_rng(3).beta(0.3, 1.0, 20), 20)
    base, tuned = draw(p_P, 32, 1), draw(p_P**0.5, 32, 2)
    cluster = np.repeat(np.arange(20), 20)
    apart = support_measures(base, tuned)
    together = support_measures(Counts.of(32, base.c_P, cluster=cluster), tuned)
    assert together.measured.ndr.value == apart.measured.ndr.value
    widths = [one.measured.ndr.high - one.measured.ndr.low for one in (apart, together)]
    assert widths[1] > 1.5 * widths[0]


def test_bad_input() -> None:
    base = Counts.of(8, [1, 2])
    for m in (0, 9):
        with pytest.raises(InputError, match=f"m: {m} samples"):
            support_measures(base, base, m)
    with pytest.raises(InputError, match="only in base"):
        support_measures(base, Counts.of(8, [1]), 2)
