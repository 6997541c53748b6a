"""Error rates of a verifier, measured on labelled chains, and the Rogan-Gladen correction for them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from edgewise.boundary.inference.means import Estimate
from edgewise.boundary.inference.resampling import BOOTSTRAP, Bootstrap, percentiles
from edgewise.core.errors import InputError


@dataclass(frozen=True)
class VerifierLabels:
    """How a verifier did on samples of known verdict: it passed `false_positives` of `unsound` ones and
    `true_positives` of `sound` ones. Sound is right: the answer's, or the reasoning's where the process is verified.

    Raises InputError for a negative number, more passed than there were, no chain of a kind, or a verifier that
    passes unsound chains as often as sound ones.
    """

    false_positives: int
    unsound: int
    true_positives: int
    sound: int

    def __post_init__(self) -> None:
        for passed, of in (("false_positives", "unsound"), ("true_positives", "sound")):
            if not 0 <= getattr(self, passed) <= getattr(self, of) or not getattr(self, of):
                raise InputError(
                    f"{passed}: {getattr(self, passed)} of {getattr(self, of)} {of} chains; "
                    f"at least 1 labelled chain is needed, and from 0 to all of them passed"
                )
        check_verifier_rates(self.fpr, self.tpr)

    @property
    def fpr(self) -> float:
        """The share of unsound chains that the verifier passes."""
        return self.false_positives / self.unsound

    @property
    def tpr(self) -> float:
        """The share of sound chains that the verifier passes."""
        return self.true_positives / self.sound


def voted_rate(rate: float, calls: int, needed: int) -> float:
    """The rate at which `needed` or more of `calls` independent calls pass a chain that each passes at `rate`.

    1 of 3 is any, 2 of 3 the majority, 3 of 3 all; it turns the false (true) positive rate of one call into that of
    the vote. Errors of one verifier on one chain are rarely independent: measure the vote itself where possible.
    Raises InputError unless 0 <= rate <= 1 and 1 <= needed <= calls.
    """
    if not 0 <= rate <= 1:
        raise InputError(f"rate: {rate}; a number from 0 to 1 is needed")
    if not 1 <= needed <= calls:
        raise InputError(f"needed: {needed} of {calls} calls; from 1 to all of them are needed")
    return float(stats.binom.sf(needed - 1, calls, rate))


def rogan_gladen(observed: float, fpr: float, tpr: float) -> float:
    """The true share behind an observed one: (observed - fpr) / (tpr - fpr), no less than 0 and no more than 1.

    Rogan and Gladen 1978. Raises InputError unless 0 <= fpr < tpr <= 1.
    """
    check_verifier_rates(fpr, tpr)
    return min(1.0, max(0.0, (observed - fpr) / (tpr - fpr)))


def corrected_share(
    passed: int,
    verified: int,
    labels: VerifierLabels,
    *,
    bootstrap: Bootstrap = BOOTSTRAP,
) -> Estimate:
    """The Rogan-Gladen share of sound chains when the verifier passed `passed` of `verified`, with its interval.

    All three rates are drawn anew from Beta(x + 1/2, n - x + 1/2): resampling the counts themselves would take 0
    errors in 50 labels for certainty. NaN where nothing was observed. Raises InputError unless 0 <= passed <= verified.
    """
    if not 0 <= passed <= verified:
        raise InputError(f"passed: {passed} of {verified} verified chains; from 0 to all of them")
    if not verified:
        return Estimate(math.nan, math.nan, math.nan)
    rng = np.random.default_rng((bootstrap.seed, 3))
    counts = ((passed, verified), (labels.false_positives, labels.unsound), (labels.true_positives, labels.sound))
    observed_R, fpr_R, tpr_R = (rng.beta(x + 0.5, n - x + 0.5, bootstrap.resamples) for x, n in counts)
    # A draw in which the verifier tells nothing apart leaves the whole range possible.
    useful_R = tpr_R > fpr_R
    share_R = np.clip((observed_R - fpr_R) / np.where(useful_R, tpr_R - fpr_R, 1.0), 0.0, 1.0)
    low, _ = percentiles(np.where(useful_R, share_R, 0.0), bootstrap.confidence, bootstrap.resamples)
    _, high = percentiles(np.where(useful_R, share_R, 1.0), bootstrap.confidence, bootstrap.resamples)
    return Estimate(rogan_gladen(passed / verified, labels.fpr, labels.tpr), low, high)


def check_verifier_rates(fpr: float, tpr: float) -> None:
    """Raise InputError unless 0 <= fpr < tpr <= 1."""
    if not 0 <= fpr < tpr <= 1:
        raise InputError(
            f"fpr, tpr: {fpr:.4g} and {tpr:.4g}; a verifier must pass sound chains more often than unsound"
        )
