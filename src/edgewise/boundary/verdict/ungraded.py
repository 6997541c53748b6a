"""Samples that were not graded: counts were they left out, or right in one arm and wrong in the other.

A sample is ungraded where it could not be scored, or was cut off without a right answer. Curves count it as not solved.
A verdict must hold whatever the ungraded samples were, so it is made again under each of `scenarios`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from edgewise.outcomes.counts import Counts, FloatArray, IntArray

# A base and a tuned model.
Pair = tuple[Counts, Counts]

# What is tried. The first is how curves count.
AS_COUNTED = "all wrong"
LEFT_OUT = "left out"
BASE_RIGHT = "right in base alone"
TUNED_RIGHT = "right in tuned alone"

# An ungraded sample is right at most so many times as often as a graded one of the same problem.
TIMES_AS_OFTEN = 2


def scenarios(pairs: Sequence[Pair], k: int) -> dict[str, list[Pair]]:
    """The pairs under each reading of their ungraded samples, by name; as they are alone where all were graded."""
    cases = {AS_COUNTED: list(pairs)}
    if any(counts.ungraded_at_most_P.any() for pair in pairs for counts in pair):
        cases[LEFT_OUT] = [(graded_alone(base, k), graded_alone(tuned, k)) for base, tuned in pairs]
        cases[BASE_RIGHT] = [(favoured(base), tuned) for base, tuned in pairs]
        cases[TUNED_RIGHT] = [(base, favoured(tuned)) for base, tuned in pairs]
    return cases


def graded_alone(counts: Counts, k: int) -> Counts:
    """The counts without their ungraded samples.

    A problem left with fewer than 2k keeps all of its samples, the ungraded ones right as often as the graded.
    """
    ungraded_P = counts.ungraded_at_most_P
    graded_P = counts.n_P - ungraded_P
    enough_P = graded_P >= 2 * k
    rate_P = counts.c_P / np.maximum(graded_P, 1)
    imputed_P: FloatArray = np.where(enough_P, 0.0, ungraded_P * rate_P)
    return _read(counts, np.where(enough_P, graded_P, counts.n_P), counts.c_P + _whole(imputed_P, ungraded_P))


def favoured(counts: Counts) -> Counts:
    """The counts with as many ungraded samples right as may have been.

    Of u ungraded samples beside g graded ones, c of them right, u min(1, 2 (c+1)/(g+1)) are taken to be right: twice
    the share of right ones among the graded, counted with one more; all where none was graded. Rounded so that the
    total over problems stays.

    Were all taken to be right, nothing could be said at large k: of 64 samples one more right one raises pass@16 of a
    problem by 25 points, so a few ungraded samples of every problem would leave any change open. Samples of one problem
    that are cut off or unreadable are seldom right more often than the others, and the factor of 2 allows for that. It
    does not cover a limit that right answers meet far more often than wrong ones: sample again with a higher one.
    """
    ungraded_P = counts.ungraded_at_most_P
    share_P: FloatArray = np.minimum(1.0, TIMES_AS_OFTEN * (counts.c_P + 1) / (counts.n_P - ungraded_P + 1))
    return _read(counts, counts.n_P, counts.c_P + _whole(ungraded_P * share_P, ungraded_P))


def ungraded_share(arm: Sequence[Counts]) -> float:
    """The share of samples that were not graded, the mean over problems and training seeds."""
    return float(np.mean([counts.ungraded_at_most_P / counts.n_P for counts in arm]))


def _read(counts: Counts, n_P: IntArray, c_P: IntArray) -> Counts:
    none = np.zeros_like(counts.n_P)
    return replace(counts, n_P=n_P, c_P=c_P, unscorable_P=none, truncated_P=None, ungraded_P=none, first_P=None)


def _whole(number_P: FloatArray, most_P: IntArray) -> IntArray:
    """Whole numbers near `number_P`, no more than `most_P`, whose running sum is that of `number_P` rounded."""
    running_P = np.concatenate([[0.0], np.cumsum(number_P)])
    # A sum that is half but for rounding is rounded up.
    whole_P: IntArray = np.diff(np.floor(running_P + 0.5 + 1e-9)).astype(np.int64)
    return np.minimum(whole_P, most_P)
