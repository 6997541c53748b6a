"""Penalising wrong samples alone keeps large k, rewarding right ones alone loses it (NSR, PSR, W-REINFORCE)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from edgewise.claims.ledger.claim import TOY, Claim, PlannedEffect, Prediction, PublishedNumber
from edgewise.claims.ledger.controls import coin_does_not, draws_agree, gold_extends
from edgewise.claims.ledger.cost import PublishedCost
from edgewise.claims.ledger.nano import COVERED, GRPO, RARE, ModelOfSeed, levels, nano_setting, nano_world
from edgewise.claims.ledger.quantities import (
    ClaimQuantity,
    PassAtK,
    PassDifference,
    ProcessGap,
    TwoDraws,
)
from edgewise.claims.ledger.training import MetricDifference
from edgewise.core.spec import override
from edgewise.study.stages import Evaluate
from edgewise.study.study import Study

# Algorithm -> its advantage; the default recipe is GRPO without a KL, and all else is the same for all.
ALGORITHMS = {"GRPO": "grpo", "PSR": "psr", "NSR": "nsr", "W-REINFORCE": "w_reinforce"}
BOTH, POSITIVE, NEGATIVE, WEIGHTED = ALGORITHMS
# What RL trains on: problems like those that are measured, or easier ones, which the base covers.
ALIKE, EASIER = "RL on problems alike", "RL on easier problems"
_TRAINED_ON = {ALIKE: (COVERED[0], RARE[1]), EASIER: COVERED}
GOLD, RANDOM = "gold SFT", "random reward"
REGION, LARGE_K = "rarely seen", 32
# Base, GRPO, both controls and their evaluations are those of `rl-sharpens`, so they are trained and measured once.
_UPDATES, _PROBLEMS, _SAMPLES = 1000, 64, 128


def _studies(scale: str, seeds: tuple[int, ...]) -> Mapping[str, Study]:
    """One study for each of the two ranges that RL trains on; the controls are of the first."""
    nano, rare = nano_setting(scale), nano_world(*RARE)
    base = nano.base(updates=_UPDATES)

    def evaluated(model: ModelOfSeed) -> Callable[[int], Evaluate]:
        return nano.evaluated(model, rare, problems=_PROBLEMS, samples=_SAMPLES)

    def study(name: str) -> Study:
        trained_on = nano_world(*_TRAINED_ON[name])
        models = {
            algorithm: nano.rl(base, trained_on, recipe=override(GRPO, [f"advantage={advantage}"]))
            for algorithm, advantage in ALGORITHMS.items()
        }
        if name == ALIKE:
            models[GOLD] = nano.gold(base, rare, steps=10)
            models[RANDOM] = nano.rl(base, trained_on, steps=30, reward="random")
        return Study(
            title=f"Negative samples: {name}",
            question="Paid for right samples alone or for wrong ones alone: who keeps what the base solves at large k?",
            base=evaluated(base),
            arms={arm: evaluated(model) for arm, model in models.items()},
            regions={REGION: levels(*RARE)},
            seeds=seeds,
        )

    # The first study is what quantities read that name none.
    return {name: study(name) for name in (ALIKE, EASIER)}


def _change(arm: str, study: str = ALIKE, k: int = LARGE_K, than: str = "base") -> PassDifference:
    name = f"{study}: pass@{k}, {arm} minus {than}"
    return PassDifference(name=name, studies=(study,), arm=arm, than=than, region=REGION, k=k)


def _noise(study: str, metric: str, words: str, than: str = POSITIVE) -> MetricDifference:
    name = f"{study}: {words}, {NEGATIVE} minus {than}"
    return MetricDifference(name=name, studies=(study,), arm=NEGATIVE, than=than, run_metric=metric, over="mean")


KEEPS, LOSES = _change(NEGATIVE), _change(POSITIVE)
_EXTENSION, _NOTHING = _change(GOLD), _change(RANDOM, k=1)
_TWO_DRAWS = TwoDraws(
    name=f"pass@{LARGE_K // 4}, one half of the base's samples minus the other", region=REGION, k=LARGE_K // 4
)

QUANTITIES: tuple[ClaimQuantity, ...] = (
    KEEPS,
    LOSES,
    *(_change(NEGATIVE, study, than=POSITIVE) for study in (ALIKE, EASIER)),
    *(_change(arm) for arm in (BOTH, WEIGHTED)),
    *(_change(arm, k=1) for arm in ALGORITHMS),
    _change(NEGATIVE, k=1, than=POSITIVE),
    *(_change(arm, EASIER) for arm in ALGORITHMS),
    *(_change(arm, EASIER, k=1) for arm in ALGORITHMS),
    PassAtK(name=f"pass@{LARGE_K} of the base", arm="base", region=REGION, k=LARGE_K),
    PassAtK(name="pass@1 of the base", arm="base", region=REGION, k=1),
    *(
        ProcessGap(name=f"{ALIKE}: answers minus process, pass@1, {arm}", arm=arm, region=REGION)
        for arm in (POSITIVE, NEGATIVE)
    ),
    *(
        _noise(study, metric, words)
        for study in (ALIKE, EASIER)
        for metric, words in (
            ("grad_norm", "norm of the gradient, mean over steps"),
            ("entropy", "entropy a token, mean over steps"),
        )
    ),
    _EXTENSION,
    _NOTHING,
    _TWO_DRAWS,
)

_MARGIN = 0.05


def _plan(effect: float, source: str) -> PlannedEffect:
    return PlannedEffect(
        effect=effect,
        scatter=0.1,
        problems=2 * _PROBLEMS,
        problem_sd=0.2,
        residual_sd=0.2,
        source=f"seed 100: {source}; effect and scatter are those of GRPO in `rl-sharpens`, seeds 100, 101 and 0 to 4",
    )


CLAIM = Claim(
    name="negative-samples",
    statement=(
        "Penalising wrong samples alone keeps what the base solves at large k. Reinforcing right samples alone raises"
        " pass@1 and loses what the base solves at large k."
    ),
    work="Zhu et al. 2025, arXiv 2506.01347",
    section="abstract; comparison of PSR, NSR and W-REINFORCE with PPO and GRPO",
    published=(
        PublishedNumber(
            what="NSR against the base, Qwen2.5-Math-7B and Qwen3-4B, at every k to 256",
            value="above the base at every k, and often at or above PPO and GRPO",
            where="abstract; numbers are not quoted, as the tables were not read",
            fault=(
                "the released evaluation draws 256 samples, so at k = 256 every problem counts 0 or 1, and it samples"
                " at temperature 0.6 with top-p 0.95, which cuts the support of all models"
            ),
        ),
        PublishedNumber(
            what="PSR against the base",
            value="pass@1 rises, and pass@k falls at larger k",
            where="abstract",
            fault=(
                "the released code drops the other samples before the loss: PSR averages over right samples, NSR over"
                " wrong ones, so the two differ in the number of updates and in the weight of each sample too"
            ),
        ),
        PublishedNumber(
            what="problems of the three test sets: MATH, AIME 2025, AMC 2023",
            value="5,000, 30 and 40",
            where="released data",
            fault="one problem more or less of AIME is 3.3 points",
        ),
        PublishedNumber(
            what="W-REINFORCE, right samples weighed by 0.1",
            value="better over the whole range of k",
            where="abstract; released script",
            fault="on samples of the policy itself the weight changes the size of the expected update and nothing else",
        ),
    ),
    studies=_studies,
    seeds={TOY: 3, "nano": 6},
    quantities=QUANTITIES,
    predictions=(
        Prediction(
            quantity=KEEPS.name,
            above=-_MARGIN,
            why="penalties alone keep large k",
            plan=_plan(0.2, "NSR +15 points"),
        ),
        Prediction(
            quantity=LOSES.name,
            below=0.0,
            why="rewards alone lose it",
            plan=_plan(0.2, "PSR +13 points, so against the claim"),
        ),
    ),
    controls=(gold_extends(_EXTENSION), coin_does_not(_NOTHING), draws_agree(_TWO_DRAWS, 0.08)),
    design=(
        "On samples of the policy itself NSR and PSR have the same expected update, problem by problem: their rewards"
        " differ by a constant, and the score of a sample has mean 0. Here each batch makes one update, so no ratio is"
        " clipped, no sample is stale, and the loss is a mean over all tokens for every algorithm. So a difference can"
        " only come from noise (NSR's samples are the wrong ones, which are many where problems are hard) and from what"
        " Adam makes of it. The norms of the gradients are measured. Four algorithms, one base a seed with 1,000"
        " updates, which leaves room at both ends: RL of 60 steps of 16 problems x 16 samples, on levels 1 to 5, and on"
        " levels 1 to 3 alone; measured at levels 4 and 5. W-REINFORCE has the weight 0.1. None has a KL or an entropy"
        " term. All are measured at temperature 1 with the same prompt, verifier and token limit. One answer in five is"
        " right by chance, so within 32 samples guessing finds 99.9% of answers: a solution is right, and rewarded,"
        " where its process is right. Base, GRPO and controls are those of `rl-sharpens`."
    ),
    scouted=(
        "Training seed 100, 32 problems a level with 64 samples; pass@1 and pass@32 at levels 4 and 5 together. Base 34"
        " and 85%. RL on levels 1 to 5: PSR 84 and 98, NSR 81 and 100. RL on levels 1 to 3: PSR 44 and 89, NSR 37 and"
        " 83. So neither loses large k in the first setting. A prediction that NSR keeps more than PSR was dropped:"
        " both are at the ceiling there, and in the second setting the difference has the other sign and is small."
        " Nothing else was changed. The norm of NSR's gradient, mean over steps, is 1.5 and 3.3 times that of PSR. The"
        " result of GRPO in `rl-sharpens`, seeds 0 to 4, was known: pass@32 +28.6 (sd over seeds 9.2) in the first"
        " setting and -2.8 (7.9) in the second. Not tried: W-REINFORCE, other learning rates, more steps, the published"
        " sizes of batches."
    ),
    published_cost=PublishedCost(
        parameters=7.6e9,
        sampled_tokens=1000 * (5 * 140 * 1024 * 8 + 6 * 5070 * 256),
        trained_tokens=1000 * 5 * 140 * 1024 * 8,
        basis=(
            "Qwen2.5-Math-7B: five algorithms, 140 steps of 1,024 problems x 8 each, from the released script; 6 models"
            " x 5,070 problems x 256 samples; 1,000 tokens a completion are assumed, of at most 3,072 in training"
        ),
    ),
)
