"""The claims on planted findings: each of them comes to each of the three answers where its truth is so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from edgewise.claims.ledger.claim import Claim
from edgewise.claims.ledger.protocols import ProtocolErrors
from edgewise.claims.ledger.quantities import ClaimOutcomes
from edgewise.claims.ledger.registry import claim_named
from edgewise.claims.ledger.rule import claim_verdict
from edgewise.claims.same_gap import SpreadOfArms

from .ledger.planted import outcomes

PROBLEMS, SAMPLES, SEEDS = 192, 32, (0, 1, 2, 3, 4)

# What runs of equal draws and KL have in their metrics.
ALIKE = {"samples_drawn": 256.0, "kl_to_start": 0.1}

# Arm, or "study: arm", or either with " @ region" -> success rate by process, and of wrong ways that end in the answer.
Rates = Mapping[str, tuple[float, float]]


def planted(claim: Claim, rates: Rates, scatter: float) -> ClaimOutcomes:
    """Outcomes of a claim's studies in which problems differ around these rates, and seeds by `scatter`."""
    rng = np.random.default_rng(3)
    spread_P = np.linspace(-0.03, 0.03, PROBLEMS)
    by_study = {}
    for name, study in claim.studies("toy", SEEDS).items():
        arms = {}
        for arm in ("base", *study.arms):
            of_seeds = []
            for _ in SEEDS:
                process, answer, regions = [], [], []
                for region in study.regions:
                    keys = (f"{name}: {arm} @ {region}", f"{arm} @ {region}", f"{name}: {arm}", arm)
                    rate, guess = next(rates[key] for key in keys if key in rates)
                    shift_P = rng.normal(0, scatter) + spread_P if 0 < rate < 1 else np.zeros(PROBLEMS)
                    rate_P = (rate + shift_P).clip(0, 1)
                    right_P = rng.binomial(SAMPLES, rate_P)
                    process += right_P.tolist()
                    answer += (right_P + rng.binomial(SAMPLES - right_P, guess)).tolist()
                    regions += [region] * PROBLEMS
                of_seeds.append(replace(outcomes(SAMPLES, process, answer), set=np.array(regions)))
            arms[arm] = of_seeds
        by_study[name] = arms
    return ClaimOutcomes(SEEDS, by_study, lambda study, arm: [[ALIKE]] * len(SEEDS))


PROCESS_REWARDS: Rates = {
    "base": (0.1, 0.3),
    "outcome": (0.3, 0.8),
    "0.2 outcome": (0.7, 0.2),
    "0.5 outcome": (0.7, 0.2),
    "strict": (0.8, 0.2),
    "dense": (0.8, 0.2),
    "random reward": (0.05, 0.3),
    "gold SFT": (0.9, 0.2),
}
DISTILLATION: Rates = {
    "never seen: base": (0.0, 0.2),
    "rarely seen: base": (0.1, 0.2),
    "distillation": (0.9, 0.2),
    "never seen: RL": (0.0, 0.2),
    "rarely seen: RL": (0.1, 0.2),
    "gold SFT": (0.9, 0.2),
}
_ALGORITHMS = ("ppo", "grpo", "rloo", "reinforce++", "remax", "dapo")
SAME_GAP: Rates = {
    "base": (0.1, 0.2),
    "gold SFT": (0.9, 0.2),
    "random reward": (0.05, 0.2),
    **dict.fromkeys(_ALGORITHMS, (0.7, 0.2)),
}
LABEL_PROTOCOL: Rates = {
    "base": (0.025, 0.2),
    "T=0.6: base": (0.03, 0.2),
    "T=1.3: base": (0.0, 0.2),
    "RL": (0.95, 0.2),
    "T=1.3: RL": (0.7, 0.2),
    "RL by answers": (0.4, 0.8),
    "gold SFT": (0.9, 0.2),
}
LABELS, NO_GAIN = "label-protocol", {"gold SFT": (0.05, 0.2)}
NO_GUESSING: Rates = {arm: (rate, 0.0) for arm, (rate, _) in LABEL_PROTOCOL.items()}


def with_few_runs(claim: Claim) -> Claim:
    """The claim, with fewer simulated comparisons of protocols, which take most of the time."""
    quantities = tuple(
        quantity.model_copy(update={"runs": 8}) if isinstance(quantity, ProtocolErrors) else quantity
        for quantity in claim.quantities
    )
    return replace(claim, quantities=quantities)


@pytest.mark.parametrize(
    ("name", "rates", "change", "scatter", "answer", "reason"),
    [
        ("process-rewards", PROCESS_REWARDS, {}, 0.02, "holds", "shown"),
        ("process-rewards", PROCESS_REWARDS, {"0.2 outcome": (0.2, 0.95)}, 0.02, "does not hold", "0.2 outcome less"),
        ("process-rewards", PROCESS_REWARDS, {}, 0.3, "cannot tell", "predicted"),
        ("process-rewards", PROCESS_REWARDS, {"random reward": (0.5, 0.3)}, 0.02, "cannot tell", "by coin"),
        ("process-rewards", PROCESS_REWARDS, {"gold SFT": (0.1, 0.3)}, 0.02, "cannot tell", "gold solutions"),
        ("distillation", DISTILLATION, {}, 0.01, "holds", "shown"),
        ("distillation", DISTILLATION, {"rarely seen: RL": (0.8, 0.2)}, 0.01, "does not hold", "rarely seen: pass@16"),
        ("distillation", DISTILLATION, {"rarely seen: distillation": (0.1, 0.2)}, 0.01, "does not hold", "rarely"),
        ("distillation", DISTILLATION, {"rarely seen: RL": (0.104, 0.2)}, 0.01, "cannot tell", "RL minus base"),
        ("distillation", DISTILLATION, {"gold SFT": (0.0, 0.2)}, 0.01, "cannot tell", "gold solutions"),
        ("same-gap", SAME_GAP, {}, 0.02, "holds", "shown"),
        ("same-gap", SAME_GAP, {"equal draws: remax": (0.3, 0.2)}, 0.02, "does not hold", "equal draws: pass@1"),
        ("same-gap", SAME_GAP, {"equal KL: ppo": (0.3, 0.2)}, 0.02, "does not hold", "equal KL: pass@1"),
        ("same-gap", SAME_GAP, {"equal KL: ppo": (0.58, 0.2)}, 0.02, "cannot tell", "predicted"),
        ("same-gap", SAME_GAP, {"random reward": (0.7, 0.2)}, 0.02, "cannot tell", "by coin"),
        ("label-protocol", LABEL_PROTOCOL, {}, 0.01, "holds", "shown"),
        pytest.param(LABELS, NO_GUESSING, {}, 0.01, "does not hold", "less by answers", marks=pytest.mark.slow),
        pytest.param(LABELS, LABEL_PROTOCOL, NO_GAIN, 0.01, "cannot tell", "gold", marks=pytest.mark.slow),
    ],
)
def test_a_claim_comes_to_the_answer_that_was_planted(
    name: str, rates: Rates, change: Rates, scatter: float, answer: str, reason: str
) -> None:
    claim = with_few_runs(claim_named(name))
    found = claim_verdict(claim, planted(claim, {**rates, **change}, scatter))
    assert (found.answer, reason in found.reason) == (answer, True), found.reason


@pytest.mark.parametrize(
    ("metric", "value", "concern"), [("samples_drawn", 700.0, "draws were not equal"), ("kl_to_start", 0.2, "the KL")]
)
def test_same_gap_cannot_tell_where_what_should_be_equal_is_not(metric: str, value: float, concern: str) -> None:
    outcomes = planted(claim_named("same-gap"), SAME_GAP, 0.02)

    def training(study: str, arm: str) -> list[list[dict[str, float]]]:
        return [[ALIKE | ({metric: value} if arm == "dapo" else {})]] * len(SEEDS)

    found = claim_verdict(claim_named("same-gap"), replace(outcomes, training=training))
    assert (found.answer, concern in found.reason) == ("cannot tell", True), found.reason


def test_the_spread_of_algorithms_is_their_standard_deviation_at_each_seed() -> None:
    halves, none, all_right = [4, 4], [0, 0], [8, 8]
    found = ClaimOutcomes(
        (0, 1),
        {
            "": {
                "a": [outcomes(8, halves), outcomes(8, none)],
                "b": [outcomes(8, halves), outcomes(8, [0, 8])],
                "c": [outcomes(8, halves), outcomes(8, all_right)],
            }
        },
    )
    spread = SpreadOfArms(name="spread", studies=("",), arms=("a", "b", "c"), region="all", k=1)
    assert spread.values_R(found).tolist() == [0.0, 0.5]
