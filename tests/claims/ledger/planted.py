"""Outcomes with a known truth: every arm's number of right samples of each problem, at each training seed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from edgewise.claims.ledger.claim import Claim, ClaimStudies
from edgewise.claims.ledger.quantities import ClaimOutcomes, TrainingOfArm
from edgewise.claims.ledger.results import ClaimVerdict
from edgewise.claims.ledger.rule import claim_verdict
from edgewise.outcomes.outcomes import Outcomes
from edgewise.study.stages import RL
from edgewise.study.study import Study


def outcomes(n: int, process: Sequence[int], answer: Sequence[int] | None = None, region: str = "all") -> Outcomes:
    """Outcomes of problems with n samples each, the first of which are right, by process and by answer."""
    problems = len(process)
    sample_S = np.tile(np.arange(n), problems)

    def right_S(counts: Sequence[int]) -> np.ndarray:
        return (sample_S < np.repeat(np.asarray(counts), n)).astype(np.int8)

    return Outcomes(
        problem=np.array([f"{place:04d}" for place in range(problems)]),
        level=np.ones(problems, dtype=np.int64),
        problem_S=np.repeat(np.arange(problems), n).astype(np.int32),
        sample_S=sample_S,
        answer_S=right_S(process if answer is None else answer),
        process_S=right_S(process),
        set=np.full(problems, region),
    )


def claim_outcomes(n: int, arms: Mapping[str, Sequence[Sequence[int]]]) -> ClaimOutcomes:
    """Arm -> the right samples of each problem at each training seed, as one study."""
    seeds = range(len(next(iter(arms.values()))))
    by_arm = {arm: [outcomes(n, counts) for counts in of_seeds] for arm, of_seeds in arms.items()}
    return ClaimOutcomes(tuple(seeds), {"": by_arm})


def planted_verdict(
    claim: Claim,
    rate_of: Callable[[str, str, str], float | tuple[float, float]],
    seeds: int = 5,
    training: TrainingOfArm | None = None,
) -> ClaimVerdict:
    """The verdict on a claim of `planted_outcomes`."""
    return claim_verdict(claim, planted_outcomes(claim, rate_of, seeds, training))


def planted_outcomes(
    claim: Claim,
    rate_of: Callable[[str, str, str], float | tuple[float, float]],
    seeds: int = 5,
    training: TrainingOfArm | None = None,
) -> ClaimOutcomes:
    """Outcomes of a claim at nano scale where (study, arm, region) has this success rate on 96 problems.

    A pair of rates is of right ways, and of right answers among the other samples. Rates of ways scatter by a tenth of
    themselves over problems, the same for all arms, and samples are drawn. `training` are the metrics of arms.
    """
    by_study: dict[str, dict[str, list[Outcomes]]] = {}
    for name, study in _nano_studies(claim.studies, tuple(range(seeds))).items():
        samples = next(iter(study.evaluations.values())).samples
        by_study[name] = {
            arm: [_planted(claim.name, rate_of, name, arm, study.regions, samples, seed) for seed in range(seeds)]
            for arm in ("base", *study.arms)
        }
    return ClaimOutcomes(tuple(range(seeds)), by_study, training)


def rl_of(study: Study, arm: str) -> RL:
    """The RL that made an arm's model, at the study's first training seed."""
    model = next(iter(study.by_seed[arm].values())).parent
    assert isinstance(model, RL)
    return model


@cache
def _nano_studies(studies: ClaimStudies, seeds: tuple[int, ...]) -> Mapping[str, Study]:
    return studies("nano", seeds)


def _planted(
    claim: str,
    rate_of: Callable[[str, str, str], float | tuple[float, float]],
    study: str,
    arm: str,
    regions: Iterable[str],
    samples: int,
    seed: int,
) -> Outcomes:
    process, answer, names = [], [], []
    for region in regions:
        rng = np.random.default_rng([seed, *f"{claim} {study} {arm} {region}".encode()])
        rates = rate_of(study, arm, region)
        rate, guessed = rates if isinstance(rates, tuple) else (rates, 0.0)
        right_P = rng.binomial(samples, np.clip(rate * np.linspace(0.9, 1.1, 96), 0, 1))
        process += right_P.tolist()
        answer += (right_P + rng.binomial(samples - right_P, guessed)).tolist()
        names += [region] * 96
    return replace(outcomes(samples, process, answer), set=np.array(names))
