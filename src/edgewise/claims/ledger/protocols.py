"""Protocols that say what RL did: how often they disagree about a pair of models, and how often each errs on truth.

How often a protocol errs is simulated: changes are planted in the success rates of the measured base, both models are
drawn anew, and the protocol says who is ahead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, Literal

import numpy as np
from scipy import special

from edgewise.boundary.verdict.labels import LABELS
from edgewise.boundary.verdict.verdict import boundary_verdict
from edgewise.claims.ledger.quantities import ClaimOutcomes, QuantityUnit, SeedQuantity
from edgewise.core.errors import InputError
from edgewise.core.keyed import key
from edgewise.outcomes.counts import Counts, FloatArray, Metric

METRICS: tuple[Metric, ...] = ("process", "answer")
Planted = Literal["nothing", "a gain", "a loss"]
Said = Literal["nothing", "a gain", "a loss", "both"]


class OtherLabels(SeedQuantity):
    """The share of protocols that give a pair another label than one of them does; labels without a change are one.

    The protocols are all of `studies`, `ks` and both graders; that one is the first study, the largest k and `metric`.
    The pair is the base and the arm, or of the base as arm the two halves of its samples.
    """

    unit: ClassVar[QuantityUnit] = "share"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)

    kind: Literal["other labels"] = "other labels"
    arm: str
    region: str
    ks: tuple[int, ...]

    def values_R(self, outcomes: ClaimOutcomes) -> FloatArray:
        studies = self.studies or (outcomes.first_study,)
        labels = {
            (study, k, metric): [self._label(outcomes, place, study, k, metric) for place in range(len(outcomes.seeds))]
            for study in studies
            for k in self.ks
            for metric in METRICS
        }
        reference = labels.pop((studies[0], max(self.ks), self.metric))
        others = [[label != own for label, own in zip(row, reference, strict=True)] for row in labels.values()]
        return np.asarray(np.mean(others, axis=0))

    def _label(self, outcomes: ClaimOutcomes, place: int, study: str, k: int, metric: Metric) -> str:
        base = outcomes.counts(study, "base", self.region, metric)[place]
        if self.arm == "base":
            pair = base.deal(base.n_P // 2, outcomes.seeds[place])
        else:
            pair = base, outcomes.counts(study, self.arm, self.region, metric)[place]
        label = boundary_verdict(*pair, k=k).label
        return label if LABELS[label].changed else "no change shown"


def ahead_at_n(base: Counts, tuned: Counts) -> Said:
    """Yue et al.: who solves more problems within all n samples, each of which then counts 0 or 1."""
    more = int((tuned.c_P > 0).sum()) - int((base.c_P > 0).sum())
    return "a gain" if more > 0 else "a loss" if more < 0 else "nothing"


def newly_solved(base: Counts, tuned: Counts) -> Said:
    """ProRL: RL has learned what is new where it solves a problem that the base solves in none of its n samples."""
    return "a gain" if ((base.c_P == 0) & (tuned.c_P > 0)).any() else "nothing"


def audited(base: Counts, tuned: Counts) -> Said:
    """The verdict of this package at k = n/2, as far as it speaks of k."""
    said: dict[str, Said] = {"extended": "a gain", "more": "a gain", "shrunk": "a loss", "both": "both"}
    return said.get(boundary_verdict(base, tuned, k=base.n // 2).facts.at_k, "nothing")


_PROTOCOLS: Mapping[str, Callable[[Counts, Counts], Said]] = {
    "ahead at n": ahead_at_n,
    "newly solved": newly_solved,
    "audit": audited,
}


def planted(rate_P: FloatArray, change: Planted, rng: np.random.Generator) -> FloatArray:
    """Success rates after a change: problems above 0.3 get odds times 7.4, which no pass@16 shows, and at the other end

    a gain   a tenth of the problems, chosen among those below 0.02, rises to 0.2
    a loss   problems below 0.1 are lost
    """
    if change == "nothing":
        return rate_P
    surer_P = np.where(rate_P > 0.3, special.expit(special.logit(rate_P.clip(0, 1 - 1e-9)) + 2), rate_P)
    if change == "a loss":
        return np.where(rate_P < 0.1, 0.0, surer_P)
    share = 0.1 / max(float((rate_P < 0.02).mean()), 0.1)
    return np.where((rate_P < 0.02) & (rng.random(rate_P.size) < share), 0.2, surer_P)


class ProtocolErrors(SeedQuantity):
    """The share of simulated comparisons in which a protocol says something else than what was planted.

    The base's rates by process are those measured; a wrong way leads to a right answer as often as was measured of the
    problem. Base and changed model are drawn `runs` times with as many samples as were measured.
    """

    unit: ClassVar[QuantityUnit] = "share"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)

    kind: Literal["protocol errors"] = "protocol errors"
    protocol: str
    change: Planted
    region: str
    runs: int = 25

    def values_R(self, outcomes: ClaimOutcomes) -> FloatArray:
        if self.protocol not in _PROTOCOLS:
            raise InputError(f"protocol: must be one of {', '.join(_PROTOCOLS)}, is {self.protocol!r}")
        by_process, by_answer = (outcomes.counts(outcomes.first_study, "base", self.region, one) for one in METRICS)
        return np.array(
            [
                self._share_wrong(process, answer, seed)
                for process, answer, seed in zip(by_process, by_answer, outcomes.seeds, strict=True)
            ]
        )

    def _share_wrong(self, process: Counts, answer: Counts, seed: int) -> float:
        rng = np.random.default_rng(key("planted", seed, self.protocol, self.change, self.metric))
        wrong_way_P = process.n_P - process.c_P
        guess_P = np.where(wrong_way_P > 0, (answer.c_P - process.c_P) / np.maximum(wrong_way_P, 1), 0.0).clip(0, 1)
        rate_P = process.c_P / process.n_P
        errors = 0
        for _ in range(self.runs):
            pair = []
            for true_P in (rate_P, planted(rate_P, self.change, rng)):
                seen_P = true_P if self.metric == "process" else true_P + (1 - true_P) * guess_P
                pair.append(Counts.of(process.n_P, rng.binomial(process.n_P, seen_P)))
            errors += _PROTOCOLS[self.protocol](pair[0], pair[1]) != self.change
        return errors / self.runs
