"""The pre-training share of hard problems sets the gain of RL (Interplay, A.7): five mixtures, one RL."""

from __future__ import annotations

from collections.abc import Mapping

from edgewise.claims.ledger.claim import TOY, Claim, PlannedEffect, Prediction, PublishedNumber
from edgewise.claims.ledger.controls import coin_does_not, draws_agree, gold_extends
from edgewise.claims.ledger.cost import PublishedCost
from edgewise.claims.ledger.nano import COVERED, EDGE, levels, nano_mixture, nano_setting, nano_world
from edgewise.claims.ledger.quantities import (
    ClaimQuantity,
    Contrast,
    PassAtK,
    PassDifference,
    ProcessGap,
    TwoDraws,
)
from edgewise.study.study import Study

# 48 problems a level: 96 in a region of two levels.
PROBLEMS, SAMPLES = 48, 32
# Shares of hard problems in pre-training, over the paper's range of 0.1 to 50%. Hard is level 4, the last ever shown.
SHARES = {"0.1%": 0.001, "0.5%": 0.005, "2%": 0.02, "10%": 0.1, "50%": 0.5}
LEAST, LITTLE, MIDDLE, _, MOST = SHARES
HARD_LEVEL, BEYOND = COVERED[1] + 1, (7, 8)
TUNED, GOLD, RANDOM = "RL", "gold SFT", "random reward"
EDGE_REGION, HARD_REGION = "edge", "hard"
LARGE_K = 16


def _studies(scale: str, seeds: tuple[int, ...]) -> Mapping[str, Study]:
    """One study for each share, as each has bases of its own; the controls are of the smallest and the middle share."""
    nano, edge, measured = nano_setting(scale), nano_world(*EDGE), nano_world(EDGE[0], BEYOND[1])

    def study(name: str) -> Study:
        share = SHARES[name]
        mixed = nano_mixture((1 - share, nano_world(*COVERED)), (share, nano_world(HARD_LEVEL, HARD_LEVEL)))
        base = nano.pretrained(mixed)
        models = {TUNED: nano.rl(base, edge)}
        if name == LEAST:
            models[GOLD] = nano.gold(base, edge)
        if name == MIDDLE:
            models[RANDOM] = nano.rl(base, edge, reward="random")
        return Study(
            title=f"Headroom: {name} hard problems in pre-training",
            question="Does RL gain more where pre-training had more hard problems?",
            base=nano.evaluated(base, measured, problems=PROBLEMS),
            arms={arm: nano.evaluated(model, measured, problems=PROBLEMS) for arm, model in models.items()},
            regions={EDGE_REGION: levels(*EDGE), HARD_REGION: levels(*BEYOND)},
            seeds=seeds,
        )

    return {name: study(name) for name in SHARES}


def _gain(share: str, region: str, k: int = LARGE_K, arm: str = TUNED) -> PassDifference:
    name = f"pass@{k} {region}, {arm} minus base, {share} hard"
    return PassDifference(name=name, arm=arm, region=region, k=k, studies=(share,))


def _more(region: str, k: int, least: str) -> Contrast:
    name = f"gain in pass@{k} {region}, {MOST} hard minus {least} hard"
    return Contrast(name=name, of=_gain(MOST, region, k), than=_gain(least, region, k))


MORE_AT_EDGE, MORE_ON_HARD = _more(EDGE_REGION, 1, LITTLE), _more(HARD_REGION, LARGE_K, LITTLE)
POSSIBLE = _gain(LEAST, EDGE_REGION, arm=GOLD)
COIN = _gain(MIDDLE, EDGE_REGION, arm=RANDOM)
NOISE = TwoDraws(
    name=f"pass@4 {EDGE_REGION}, one half of the base's samples minus the other, {MIDDLE} hard",
    region=EDGE_REGION,
    k=LARGE_K // 4,
    studies=(MIDDLE,),
)

QUANTITIES: tuple[ClaimQuantity, ...] = (
    MORE_AT_EDGE,
    MORE_ON_HARD,
    _more(EDGE_REGION, LARGE_K, LITTLE),
    _more(EDGE_REGION, 1, LEAST),
    _more(HARD_REGION, LARGE_K, LEAST),
    *(_gain(share, region) for region in (EDGE_REGION, HARD_REGION) for share in SHARES),
    *(_gain(share, EDGE_REGION, k=1) for share in SHARES),
    *(
        PassAtK(
            name=f"pass@{LARGE_K} {EDGE_REGION} of the base, {share} hard",
            arm="base",
            region=EDGE_REGION,
            k=LARGE_K,
            studies=(share,),
        )
        for share in SHARES
    ),
    ProcessGap(
        name=f"answers minus process, pass@1 {EDGE_REGION}, {TUNED}, {MIDDLE} hard",
        arm=TUNED,
        region=EDGE_REGION,
        studies=(MIDDLE,),
    ),
    POSSIBLE,
    COIN,
    NOISE,
)

_SCOUTED = "training seed 100"


def _plan(effect: float, scatter: float, problem_sd: float, source: str) -> PlannedEffect:
    return PlannedEffect(
        effect=effect, scatter=scatter, problems=96, problem_sd=problem_sd, residual_sd=0.15, source=source
    )


CLAIM = Claim(
    name="headroom",
    statement=(
        "The share of hard problems in pre-training sets what RL gains: with more of them RL extends further, at the"
        " edge and on harder problems."
    ),
    work="Zhang et al. 2025, arXiv 2512.07783 (Interplay)",
    section="appendix A.7, figure 15",
    published=(
        PublishedNumber(
            what="gain of RL in pass@128 on op 11 to 14, with 0.1, 5, 20, 33.3, 50% of op 8 to 10 in pre-training",
            value="+29.0, +29.2, +16.6, +45.3, +42.0",
            where="figure 15",
            fault=(
                "not monotone: 20% gains least and 33.3% most; one run each, no interval; the gain is to each mixture's"
                " own base, whose pass@128 the figure does not give, and the mixtures differ in easy and medium shares"
                " too"
            ),
        ),
        PublishedNumber(
            what="the same on op 15 to 20",
            value="+5.9, +10.4, +22.1, +18.0, +25.8",
            where="figure 15",
            fault="the released scorer passes about 54% of perfect solutions there at the first try, 94% within 128",
        ),
        PublishedNumber(
            what="the same on op 2 to 10",
            value="-1.7, -0.5, -1.1, -0.7, -0.4",
            where="figure 15",
            fault="the base is at the scorer's ceiling: 99.3% at pass@128",
        ),
        PublishedNumber(
            what="the smallest mixture",
            value="99.9% of op 2 to 6 and 0.1% of op 8 to 20",
            where="table 2",
            fault="figure 15 and the configurations have .4995 easy, .4995 medium and .001 of op 8 to 10",
        ),
    ),
    studies=_studies,
    seeds={TOY: 3, "nano": 6},
    quantities=QUANTITIES,
    predictions=(
        Prediction(
            quantity=MORE_ON_HARD.name,
            above=0.0,
            why="with a hundred times as many hard problems RL gains more beyond the edge (paper, 50% to 5%: +15.4)",
            plan=_plan(0.25, 0.1, 0.3, f"{_SCOUTED}: +5 points at 0.5%, +30 at 5%; scatter is assumed"),
        ),
    ),
    controls=(gold_extends(POSSIBLE, 0.1), coin_does_not(COIN, 0.1), draws_agree(NOISE, 0.08)),
    design=(
        "Pre-training covers 1 to 3 operations and shows a share of problems of 4, the hardest that it ever shows; the"
        " edge, 5 and 6, it never shows, so a base is at no ceiling there at any share. Every base has as many updates"
        " and documents. RL is the same for all: 60 steps at the edge, paid for a right process. All are measured at"
        " temperature 1 with the same prompt, verifier and token limit. One answer in five is right by chance, so"
        " within 16 samples guessing finds 97% of answers: a solution counts where its process is right. Gains are to"
        " the base of the same seed and share. The prediction compares 50% with 0.5%, and not with 0.1%, where RL may"
        " be paid nothing and its gain 0 by construction. The gain at the edge (paper, 50% to 5%: +12.8) is measured"
        " without a prediction: six seeds would decide it in about a third of runs."
    ),
    scouted=(
        "Training seed 100, pass@16 at 5, 6 and 7 operations before and after RL: at 0.1% 0, 0, 0 and no weight"
        " changed; at 0.5% 4, 0, 0, then 100, 98, 10; at 5% 79, 0, 0, then 100, 99.5, 60. Pass@1 at the edge went from"
        " 0 to 73 and from 12 to 83. So pass@16 at the edge is at its ceiling after RL wherever RL is paid, and gains"
        " there fall with the share: the edge is compared by pass@1. The paper's 20 and 33% were replaced by 0.5 and"
        " 2%, where RL starts, and its 5% by 10%. Not tried: 2, 10 and 50%, gold SFT and random reward from these"
        " bases."
    ),
    published_cost=PublishedCost(
        parameters=103.2e6,
        sampled_tokens=280 * (5 * 200 * 1024 * 6 + 10 * 19 * 200 * 128),
        trained_tokens=5 * 10e9 + 640 * 5 * 200 * 1024 * 6,
        basis=(
            "five mixtures: 10 billion tokens of pre-training and 200 steps of 1,024 x 6 rollouts each; 10 models x 19"
            " levels x 200 problems x 128 samples; a rollout of 640 tokens, 280 of them sampled, is measured on the"
            " released data; log-probabilities of the reference are left out"
        ),
    ),
)
