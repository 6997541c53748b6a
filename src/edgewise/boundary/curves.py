"""pass@k as a function of k: one arm's curve, and the difference of two on the same problems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgewise.boundary.counts import Counts, FloatArray, IntArray, integers, require_same_problems
from edgewise.boundary.estimators import pass_at_k
from edgewise.boundary.resampling import (
    band,
    bootstrap_means,
    check_level,
    interval,
    sign_flip_p,
)
from edgewise.errors import InputError


@dataclass(frozen=True, eq=False)
class Curve:
    """Mean pass@k of one arm at each k, with a pointwise interval at `level`.

    `n` is the smallest number of samples of any problem; values at k > n are NaN, values at
    k > n/4 are too noisy for claims.
    """

    k_K: IntArray
    value_K: FloatArray
    low_K: FloatArray
    high_K: FloatArray
    n: int
    problems: int
    level: float
    resamples: int
    seed: int


@dataclass(frozen=True, eq=False)
class Difference:
    """Mean pass@k of tuned minus base on the same problems at each k.

    `low_K`, `high_K` hold each difference alone at `level`; `band_low_K`, `band_high_K` hold all
    of them at once, and are what to read when looking along k. `p_K` is the two-sided sign-flip
    p-value of each difference alone. `n` is the smallest number of samples in either arm.
    """

    k_K: IntArray
    value_K: FloatArray
    low_K: FloatArray
    high_K: FloatArray
    band_low_K: FloatArray
    band_high_K: FloatArray
    p_K: FloatArray
    n: int
    problems: int
    level: float
    resamples: int
    seed: int


def k_grid(n: int) -> list[int]:
    """The powers of two up to n. Raises InputError when n < 1."""
    if n < 1:
        raise InputError(f"n: {n} samples; at least 1 is needed")
    return [2**power for power in range(int(n).bit_length())]


def curve(
    counts: Counts,
    ks: Sequence[int],
    *,
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Curve:
    """Mean over problems of the unbiased pass@k, with a bootstrap interval over problems.

    The interval is for new problems of the same kind; how it is made, and what stands in its
    place when all problems have the same value, is in `resampling.interval`. A k that some
    problem has fewer samples for gives NaN.

    Raises InputError for a bad level, resamples < 1, or ks that do not ascend from at least 1.
    """
    check_level(level)
    k_K = _grid(ks)
    values_PK = _pass_PK(counts, k_K)
    means_RK = bootstrap_means(values_PK, resamples, seed)
    low_K, high_K = interval(values_PK, means_RK, level, (0.0, 1.0))
    return Curve(
        k_K=k_K,
        value_K=values_PK.mean(axis=0),
        low_K=low_K,
        high_K=high_K,
        n=counts.n,
        problems=counts.problems,
        level=level,
        resamples=resamples,
        seed=seed,
    )


def paired_difference(
    base: Counts,
    tuned: Counts,
    ks: Sequence[int],
    *,
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Difference:
    """Mean over problems of pass@k of tuned minus base, with paired intervals.

    Problems are resampled together with both of their values, so what both arms find hard
    cancels. Gives the pointwise interval, the simultaneous max-t band over the whole grid, and
    the sign-flip p-value; see `resampling`.

    Raises InputError when the arms do not hold the same problems, and as in `curve`.
    """
    check_level(level)
    require_same_problems(base, tuned)
    k_K = _grid(ks)
    values_PK = _pass_PK(tuned, k_K) - _pass_PK(base, k_K)
    means_RK = bootstrap_means(values_PK, resamples, seed)
    low_K, high_K = interval(values_PK, means_RK, level, (-1.0, 1.0))
    band_low_K, band_high_K = band(values_PK, means_RK, level, (-1.0, 1.0))
    return Difference(
        k_K=k_K,
        value_K=values_PK.mean(axis=0),
        low_K=low_K,
        high_K=high_K,
        band_low_K=band_low_K,
        band_high_K=band_high_K,
        p_K=sign_flip_p(values_PK, resamples, seed),
        n=min(base.n, tuned.n),
        problems=base.problems,
        level=level,
        resamples=resamples,
        seed=seed,
    )


def _pass_PK(counts: Counts, k_K: IntArray) -> FloatArray:
    return pass_at_k(counts.n_P[:, None], counts.c_P[:, None], k_K[None, :])


def _grid(ks: Sequence[int]) -> IntArray:
    k_K = integers("ks", ks)
    if k_K.ndim != 1 or not k_K.size or k_K[0] < 1 or (k_K[1:] <= k_K[:-1]).any():
        raise InputError(f"ks: {list(ks)}; numbers of samples must ascend from at least 1")
    return k_K
