"""Which k a number of samples supports: for a claim, for one where none is asked for, or for a dotted line."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from edgewise.core.errors import InputError
from edgewise.outcomes.counts import IntArray

Use = Literal["claim", "dotted"]

# A claim at k needs n >= 2k: what two draws of k samples of the base differ by cannot be estimated from fewer.
SAMPLES_PER_K = 2
# Where no k is asked for, n >= 4k: nearer to n each problem's estimate is close to a coin toss, and few problems show
# little.
USUAL_SAMPLES_PER_K = 4
# So many problems at most are left out of a claim for want of samples rather than lower the k of all others.
MOST_LEFT_OUT = 0.1
# Beside the powers of two, the k at which people report pass@k.
REPORTED_KS = (10, 50, 100)


def largest_claimable_k(n: int) -> int:
    """The largest k that a claim may be made at from n samples of each problem: n/2, and 0 where n < 2."""
    return n // SAMPLES_PER_K


def usual_k(n: int) -> int:
    """The k of a claim where no other is asked for: the largest power of two up to n/4, at least 1."""
    return powers_of_two(max(1, n // USUAL_SAMPLES_PER_K))[-1]


def usual_k_of(n_P: IntArray) -> int:
    """The k of a claim about problems with n samples each: the usual one of all but the tenth that has fewest."""
    return usual_k(int(np.sort(n_P)[int(MOST_LEFT_OUT * n_P.size)]))


def supports(n_P: IntArray, k: int) -> npt.NDArray[np.bool_]:
    """Which problems have the samples that a claim at k needs. Nothing is claimed at k = 1, so all have those."""
    return n_P >= (SAMPLES_PER_K * k if k > 1 else 1)


def use_of_k(k: int, n: int) -> Use:
    """What pass@k from n samples is good for: a claim, or a dotted line without a band."""
    return "claim" if SAMPLES_PER_K * k <= n else "dotted"


def k_grid(n: int) -> list[int]:
    """The k of a curve: the powers of two up to n, and those of 10, 50 and 100. Raises InputError when n < 1."""
    if n < 1:
        raise InputError(f"n: {n} samples; at least 1 is needed")
    return sorted({*powers_of_two(n), *(k for k in REPORTED_KS if k <= n)})


def powers_of_two(n: int) -> list[int]:
    """The powers of two from 1 to n; none where n is 0."""
    return [1 << power for power in range(int(n).bit_length())]
