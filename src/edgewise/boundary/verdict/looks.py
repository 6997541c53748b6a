"""Looks at growing samples: when to look, and with which alpha, so that stopping early errs no more often than alpha.

Samples are drawn until a verdict is decided, at most n of each problem. Looking L times at alpha each would err up to L
times as often. So the looks are fixed beforehand, and each spends a share of alpha:

    alpha_l = alpha n_l / (n_1 + ... + n_L),    n_l = n / 2^(L - l)

By the union bound the probability that any look errs is at most alpha, however the looks depend on each other and
wherever one stops. The last look, of all samples, has more than half of alpha. The rule is that of alpha spending
(Lan and DeMets 1983, Biometrika 70:659-663) without its gain from the known dependence of looks: our verdicts rest on
several tests, for whose joint distribution no formula is known.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgewise.boundary.inference.supported_k import SAMPLES_PER_K, largest_claimable_k
from edgewise.boundary.verdict.facts import Facts
from edgewise.boundary.verdict.labels import CANNOT_TELL, label_of
from edgewise.core.errors import InputError

# Looks at most, where nobody says otherwise: at an eighth, a quarter, a half and all of the samples.
LOOKS = 4


@dataclass(frozen=True, slots=True)
class PlannedLook:
    """A verdict at `n` samples of each problem, at `alpha`."""

    n: int
    alpha: float


@dataclass(frozen=True, slots=True)
class LookPlan:
    """The `looks` that may be taken, first the one at the fewest samples, all at one `k`."""

    k: int
    looks: tuple[PlannedLook, ...]

    def alpha_at(self, n: int) -> float | None:
        """The alpha of the look at `n` samples of each problem; None where no look was planned there."""
        return next((look.alpha for look in self.looks if look.n == n), None)


def plan_looks(n: int, k: int | None = None, *, alpha: float = 0.05, looks: int = LOOKS) -> LookPlan:
    """Plan looks at n, n/2, n/4, ... samples, all at one k.

    `k` defaults to the largest power of two that the first look supports. A `k` that is given leaves out the looks with
    fewer than 2k samples. Raises InputError where n supports no claim at k.
    """
    if not 0 < alpha < 1:
        raise InputError(f"alpha: {alpha}; a number between 0 and 1 is needed, such as 0.05")
    if looks < 1:
        raise InputError(f"looks: {looks}; at least 1 is needed")
    sizes = sorted({-(-n // 2**halvings) for halvings in range(looks)})
    if k is None:
        k = 1 << max(0, largest_claimable_k(sizes[0]).bit_length() - 1)
    sizes = [size for size in sizes if k == 1 or size >= SAMPLES_PER_K * k]
    if k < 1 or not sizes:
        raise InputError(f"k: {k}; a claim at k needs {SAMPLES_PER_K}k samples, and n is {n}")
    return LookPlan(k, tuple(PlannedLook(size, alpha * size / sum(sizes)) for size in sizes))


def is_decided(facts: Facts) -> bool:
    """Whether a verdict with these facts says what happened within k samples: more of them need not be drawn."""
    return facts.at_k != "open" and label_of(facts) != CANNOT_TELL
