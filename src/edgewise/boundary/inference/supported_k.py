"""Which k a number of samples supports: for a claim, for a plot with its band, or for a dotted line."""

from __future__ import annotations

from typing import Literal

from edgewise.core.errors import InputError

Use = Literal["claim", "plot", "dotted"]

# A claim at k needs n >= 4k: nearer to n each problem's estimate is close to a coin toss.
SAMPLES_PER_K = 4
# Beyond n/2 no interval within a problem can be estimated.
SAMPLES_PER_BAND = 2


def largest_claimable_k(n: int) -> int:
    """The largest k that a claim may be made at from n samples of each problem: n/4, and 0 where n < 4."""
    return n // SAMPLES_PER_K


def usual_k(n: int) -> int:
    """The k of a claim where no other is asked for: the largest power of two up to n/4, at least 1."""
    return k_grid(max(1, largest_claimable_k(n)))[-1]


def use_of_k(k: int, n: int) -> Use:
    """What pass@k from n samples is good for: a claim, a plot with its band, or a dotted line."""
    return "claim" if SAMPLES_PER_K * k <= n else "plot" if SAMPLES_PER_BAND * k <= n else "dotted"


def k_grid(n: int) -> list[int]:
    """The powers of two up to n. Raises InputError when n < 1."""
    if n < 1:
        raise InputError(f"n: {n} samples; at least 1 is needed")
    return [1 << power for power in range(int(n).bit_length())]
