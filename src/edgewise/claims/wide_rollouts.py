"""Wide rollouts break the plateau (BroRL): samples a problem and samples a step, apart, where answers are many."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from edgewise.claims.ledger.claim import TOY, Claim, Control, PlannedEffect, Prediction, PublishedNumber
from edgewise.claims.ledger.controls import coin_does_not, draws_agree
from edgewise.claims.ledger.cost import PublishedCost
from edgewise.claims.ledger.nano import GRPO, MODEL, TOY_MODEL, ModelOfSeed, levels, nano_setting
from edgewise.claims.ledger.quantities import (
    ClaimQuantity,
    Contrast,
    MetricSpread,
    PassAtK,
    TwoDraws,
)
from edgewise.claims.ledger.right_answers import AnswersFound, ExactGain, RarestGains
from edgewise.core.spec import override
from edgewise.study.stages import Evaluate, ModelStage, Pretrain
from edgewise.study.study import Study
from edgewise.tasks import Paths

# Two or three shortest paths of two edges are right, and all of them are listed.
WORLD = Paths(min_length=2, max_length=2, min_answers=2, max_answers=3, nodes=7, edges=10, names=12)
REGION, FOUND_IN = "paths", 16
# No more different problems of the test split are there than 67.
PROBLEMS, SAMPLES = 64, 16
# Samples of a problem, and steps and problems a step where a step has few samples in all, 64, and where it has many,
# 1,024; draws are equal.
NARROW, WIDE = 4, 64
FEW, MANY = 64, 1024
STEPS = {FEW: 480, MANY: 30}
# Sixteen times the samples, so four times the rate: by the square root, as published.
_RATE = {FEW: "optimizer.learning_rate=1e-4", MANY: "optimizer.learning_rate=4e-4"}
# Adam's epsilon is of the size of gradients here, and not far below them.
_EPSILON = "optimizer.epsilon=1e-4"
_NATURAL = "loss.function=natural_gradient"
CONTINUED, WIDE_FEW = "narrow, small steps", "wide, small steps"
NARROW_MANY, BROAD = "narrow, large steps", "wide, large steps"
SAME_RATE, LARGE_EPSILON = "wide, large steps, same rate", "wide, large steps, large epsilon"
NATURAL_NARROW, NATURAL = "narrow, large steps, natural gradient", "wide, large steps, natural gradient"
PLATEAU, RANDOM = "plateau", "random reward"
TUNED = (CONTINUED, WIDE_FEW, NARROW_MANY, BROAD, SAME_RATE, LARGE_EPSILON, NATURAL_NARROW, NATURAL)


def _studies(scale: str, seeds: tuple[int, ...]) -> Mapping[str, Study]:
    """One plateau a seed, and arms that go on from there with as many draws again."""
    nano = nano_setting(scale)
    training = override(nano.training(1500), ["randomized_positions=0"])
    model = TOY_MODEL if nano.toy else MODEL

    def pretrained(seed: int) -> ModelStage:
        return Pretrain(world=WORLD, model=model, training=training, seed=seed)

    def rl(parent: ModelOfSeed, samples: int, size: int, *settings: str, reward: str = "outcome") -> ModelOfSeed:
        recipe = override(GRPO, [f"sampling.samples={samples}", _RATE[size], *settings])
        return nano.rl(parent, WORLD, recipe=recipe, steps=STEPS[size], prompts=size // samples, reward=reward)

    plateau = rl(pretrained, NARROW, FEW)
    models: Mapping[str, ModelOfSeed] = {
        CONTINUED: rl(plateau, NARROW, FEW),
        WIDE_FEW: rl(plateau, WIDE, FEW),
        NARROW_MANY: rl(plateau, NARROW, MANY),
        BROAD: rl(plateau, WIDE, MANY),
        SAME_RATE: rl(plateau, WIDE, MANY, _RATE[FEW]),
        LARGE_EPSILON: rl(plateau, WIDE, MANY, _EPSILON),
        NATURAL_NARROW: rl(plateau, NARROW, MANY, _NATURAL),
        NATURAL: rl(plateau, WIDE, MANY, _NATURAL),
        RANDOM: rl(plateau, WIDE, MANY, reward="random"),
        PLATEAU: plateau,
    }

    def evaluated(of_seed: ModelOfSeed) -> Callable[[int], Evaluate]:
        return nano.evaluated(of_seed, WORLD, problems=PROBLEMS, samples=SAMPLES, gold_likelihood=True)

    study = Study(
        title="Wide rollouts",
        question="From a plateau of narrow rollouts, is it more samples a problem that helps, or more a step?",
        base=evaluated(pretrained),
        arms={arm: evaluated(of_seed) for arm, of_seed in models.items()},
        regions={REGION: levels(2, 2)},
        seeds=seeds,
    )
    return {"": study}


def _gain(arm: str, than: str = PLATEAU) -> ExactGain:
    return ExactGain(name=f"pass@1, {arm} minus {than}", arm=arm, than=than, region=REGION)


def _rarest(arm: str) -> RarestGains:
    return RarestGains(
        name=f"problems whose rarest right answer at the plateau gains, {arm}", arm=arm, than=PLATEAU, region=REGION
    )


def _survival(of: str, than: str) -> Contrast:
    name = f"problems whose rarest right answer gains, {of} minus {than}"
    return Contrast(name=name, of=_rarest(of), than=_rarest(than))


def _found(arm: str) -> AnswersFound:
    name = f"different right answers in {FOUND_IN} samples, {arm}"
    return AnswersFound(name=name, arm=arm, region=REGION, samples=FOUND_IN)


AS_PUBLISHED, WIDTH_ALONE = _gain(BROAD, CONTINUED), _gain(BROAD, NARROW_MANY)
SURVIVES, WIDTH_SURVIVES = _survival(BROAD, CONTINUED), _survival(BROAD, NARROW_MANY)
_RISES = _gain(PLATEAU, "base")
_COIN = _gain(RANDOM)
_NOISE = TwoDraws(name="pass@1, one half of the base's samples minus the other", region=REGION, k=1)
_DRAWS = MetricSpread(
    name="completions drawn, the most of an arm by the least", arms=TUNED, run_metric="samples_drawn", over="sum"
)
QUANTITIES: tuple[ClaimQuantity, ...] = (
    AS_PUBLISHED,
    WIDTH_ALONE,
    SURVIVES,
    WIDTH_SURVIVES,
    _gain(WIDE_FEW, CONTINUED),
    _gain(NARROW_MANY, CONTINUED),
    _gain(BROAD, SAME_RATE),
    _gain(BROAD, LARGE_EPSILON),
    _survival(WIDE_FEW, CONTINUED),
    _survival(NATURAL, BROAD),
    _survival(NATURAL, NATURAL_NARROW),
    *(_gain(arm) for arm in TUNED),
    *(_rarest(arm) for arm in TUNED),
    *(_found(arm) for arm in ("base", PLATEAU, *TUNED)),
    PassAtK(name="pass@1 of the plateau", arm=PLATEAU, region=REGION, k=1),
    _RISES,
    _COIN,
    _NOISE,
    _DRAWS,
)
_SCOUTED = "training seeds 100 and 101"


def _plan(effect: float, scatter: float, problem_sd: float, residual_sd: float, seen: str) -> PlannedEffect:
    return PlannedEffect(
        effect=effect,
        scatter=scatter,
        problems=PROBLEMS,
        problem_sd=problem_sd,
        residual_sd=residual_sd,
        source=f"{_SCOUTED}: {seen}",
    )


CLAIM = Claim(
    name="wide-rollouts",
    statement=(
        "From a plateau of RL with few samples a problem, many samples a problem raise success again, and rare right"
        " answers are not lost."
    ),
    work="Hu et al. 2025, arXiv 2510.01180 (BroRL)",
    section="mass balance, token simulator, the table of continued runs",
    published=(
        PublishedNumber(
            what="mathematics after 3,000 steps; 134 hours on with 16 samples; 174 hours on with 512",
            value="61.69; 62.02; 63.03",
            where="table of continued runs",
            fault=(
                "with 512 samples a step has 65,536 completions in place of 8,192, and the learning rate is 2.83 times"
                " as high; one run each, pass@1 alone, and no number of samples between was run"
            ),
        ),
        PublishedNumber(
            what="mean difference in pass@1 at about 140 hours over more than 10,000 samples",
            value="+0.33 points, p = 6.5e-7",
            where="paired t-test",
            fault="the unit is a sample of an evaluation; of training runs there is one pair",
        ),
        PublishedNumber(
            what="share of problems that dynamic sampling keeps, with 16 and with 512 samples",
            value="41% and 62%",
            where="experiment with a language model",
            fault=("more samples alone keep more, at any policy: were pass rates Beta(0.15, 0.15), 36% and 62%"),
        ),
        PublishedNumber(
            what="probability of right tokens after 1,000 steps of the simulator, from 4 to 51,200 samples",
            value="0.60 to 0.64",
            where="figure of the token simulator",
            fault=(
                "right tokens are exchangeable there; its surrogate weighs a token by its probability, which is biased"
                " and shrinks with the samples, so AdamW's epsilon decides: with 1e-14 for 1e-8 all numbers rise; where"
                " right logits scatter by 1, 88% of right tokens lose under the exact gradient, that of any number"
            ),
        ),
    ),
    studies=_studies,
    seeds={TOY: 3, "nano": 7},
    quantities=QUANTITIES,
    predictions=(
        Prediction(
            quantity=AS_PUBLISHED.name,
            above=0.0,
            why="at equal draws wide rollouts, with the steps and the rate that were published with them, gain more",
            plan=_plan(-0.057, 0.021, 0.1, 0.2, "-7 and -4 points, which is the scatter"),
        ),
        Prediction(
            quantity=SURVIVES.name,
            above=0.0,
            why="rare right answers are not lost",
            plan=_plan(-0.177, 0.035, 0.2, 0.55, "-20 and -15 points, which is the scatter"),
        ),
    ),
    controls=(
        Control(
            kind="positive",
            quantity=_RISES.name,
            above=0.0,
            meaning="RL did not raise success before the plateau either, so that it does not go on says nothing",
        ),
        coin_does_not(_COIN, 0.05),
        draws_agree(_NOISE, 0.1),
    ),
    design=(
        "Problems ask for a shortest path of two edges among 7 nodes; two or three are right, and all are listed, so"
        " what becomes of each is exact by teacher forcing. A base of 1,500 updates has RL of 480 steps with 4 samples"
        " of 16 problems, the plateau, from which every arm draws 30,720 completions more. Samples a problem, 4 or 64,"
        " and samples a step, 64 or 1,024, are moved apart; large steps have four times the learning rate, the square"
        " root of the samples as published, and one arm has the same rate. At equal draws large steps are a sixteenth"
        " of the updates. One arm has an epsilon of 1e-4, of the size of gradients, in place of 1e-8. Which right"
        " answers survive is decided by how a policy is parametrised: under the exact gradient of a table of logits"
        " rarer right answers lose to frequent ones at any number of samples; under its natural gradient none does;"
        " two arms have that in a network. An answer is the path itself, so there is nothing to guess. What samples a"
        " problem do by themselves, at steps of 1,024, is measured without a prediction: seven seeds would"
        " seldom decide a point. Temperature 1, one prompt, verifier and token limit for all."
    ),
    scouted=(
        f"{_SCOUTED}. Pass@1 of the base 38% (seed 100 alone), of the plateau 43 and 47; narrow, small steps 50 and"
        " 50, wide, large steps 43 and 46; seed 100, narrow, large steps 44, natural gradient, wide, large steps 42."
        " Different right answers in 16 samples, in that order: 1.9; 1.4 and 1.5; 1.3 and 1.35, 1.15 and 1.0; 1.35,"
        " 1.1. Problems whose rarest right answer gains: 47 and 45, 27 and 30; 44, 27%. The plateau still rises slowly:"
        " narrow rollouts gain 7 and 3 points after it. Before, from the base, 15,360 draws: narrow, large steps at the"
        " lower rate 40, wide 39; wide, large steps at four times the rate 42; narrow, small steps 45. A base that"
        " meets some problems with a single right answer solved 36%. Paths of three edges were dropped, as there are"
        " too few. Not tried: wide, small steps, epsilon, the rate after the plateau, random reward."
    ),
    published_cost=PublishedCost(
        parameters=1.5e9,
        sampled_tokens=5000 * (10_439_000 + 20_039_000),
        trained_tokens=5000 * (10_439_000 + 20_039_000),
        basis=(
            "the two continued runs, 10.4 and 20.0 million samples before filtering, all taken to be trained on; 5,000"
            " tokens a completion are assumed, of at most 16,384; the 3,000 steps before, and evaluations, are left out"
        ),
    ),
)
