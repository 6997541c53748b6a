"""Which k a number of samples supports: for a claim, for one where none is asked for, or for a dotted line."""

from __future__ import annotations

from typing import Literal

from edgewise.core.errors import InputError

Use = Literal["claim", "dotted"]

# A claim at k needs n >= 2k: what two draws of k samples of the base differ by cannot be estimated from fewer.
SAMPLES_PER_K = 2
# Where no k is asked for, n >= 4k: nearer to n each problem's estimate is close to a coin toss, and few problems show
# little.
USUAL_SAMPLES_PER_K = 4
# Beside the powers of two, the k at which people report pass@k.
REPORTED_KS = (10, 50, 100)


def largest_claimable_k(n: int) -> int:
    """The largest k that a claim may be made at from n samples of each problem: n/2, and 0 where n < 2."""
    return n // SAMPLES_PER_K


def usual_k(n: int) -> int:
    """The k of a claim where no other is asked for: the largest power of two up to n/4, at least 1."""
    return _powers_of_two(max(1, n // USUAL_SAMPLES_PER_K))[-1]


def use_of_k(k: int, n: int) -> Use:
    """What pass@k from n samples is good for: a claim, or a dotted line without a band."""
    return "claim" if SAMPLES_PER_K * k <= n else "dotted"


def k_grid(n: int) -> list[int]:
    """The k of a curve: the powers of two up to n, and those of 10, 50 and 100. Raises InputError when n < 1."""
    if n < 1:
        raise InputError(f"n: {n} samples; at least 1 is needed")
    return sorted({*_powers_of_two(n), *(k for k in REPORTED_KS if k <= n)})


def _powers_of_two(n: int) -> list[int]:
    return [1 << power for power in range(int(n).bit_length())]
