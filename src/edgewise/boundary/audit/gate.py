"""A policy over an audit: each of its rules for each tuned arm on each set, with one family-wise alpha for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache

from edgewise.boundary.inference.supported_k import SAMPLES_PER_K, largest_claimable_k
from edgewise.boundary.verdict.policy import (
    PolicyCheck,
    PolicyOutcome,
    PolicyRule,
    PolicyTerm,
    decide_rule,
    decide_term,
)
from edgewise.boundary.verdict.verdict import BoundaryVerdict
from edgewise.core.errors import unknown_name

# The verdict of every tuned arm on a set, by name, at k, where None is the k of the set.
VerdictsAt = Callable[[str, int | None], Mapping[str, BoundaryVerdict]]


def policy_comparisons(policy: Sequence[PolicyRule], sets: Sequence[str], arms: int) -> int:
    """Number of tests of a policy, which share alpha: a term for each tuned arm on each set that its rule is about.

    Raises InputError for a rule about a set that does not occur.
    """
    for rule in policy:
        if rule.set is not None and rule.set not in sets:
            raise unknown_name("policy", rule.set, sets)
    return arms * sum(len(rule.terms) * (len(sets) if rule.set is None else 1) for rule in policy)


def policy_checks(
    policy: Sequence[PolicyRule], n_of_set: Mapping[str, int], verdicts_at: VerdictsAt
) -> Iterator[PolicyCheck]:
    """What every rule comes to for each tuned arm on each set, rules first. `n_of_set` holds the smallest number of
    samples of a problem of each set."""
    verdicts_at = cache(verdicts_at)
    for rule in policy:
        for name, n in n_of_set.items():
            if rule.set is None or rule.set == name:
                for arm in verdicts_at(name, None):
                    outcome, reason = decide_rule([_decided(term, arm, name, n, verdicts_at) for term in rule.terms])
                    yield PolicyCheck(rule.text, arm, name, outcome, reason)


def _decided(term: PolicyTerm, arm: str, name: str, n: int, verdicts_at: VerdictsAt) -> tuple[PolicyOutcome, str]:
    # The difference of pass@1 belongs to the verdict at any k.
    k = None if term.k == 1 else term.k
    if k is not None and k > largest_claimable_k(n):
        needed = SAMPLES_PER_K * k
        return "cannot tell", f"a claim at k = {k} needs {needed} samples of every problem, and some has {n}"
    return decide_term(term, verdicts_at(name, k)[arm])
