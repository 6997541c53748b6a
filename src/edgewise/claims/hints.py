"""Hints where all samples fail extend what RL solves at large k (NuRL, 2509.25666; POPE, 2601.18779)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from edgewise.claims.ledger.claim import TOY, Claim, PlannedEffect, Prediction, PublishedNumber
from edgewise.claims.ledger.controls import draws_agree, gold_extends
from edgewise.claims.ledger.cost import PublishedCost
from edgewise.claims.ledger.gold import GoldProbability
from edgewise.claims.ledger.nano import GRPO, ModelOfSeed, levels, nano_mixture, nano_setting, nano_world
from edgewise.claims.ledger.quantities import ClaimQuantity, MetricSpread, PassAtK, PassDifference, TwoDraws
from edgewise.rl.hints import FractionSchedule, GoldPrefix
from edgewise.study.study import Study

# Of problems of six operations the base solves a few samples in a thousand, of seven none; of two and three most.
HARDLY, NEVER, SOLVED = (6, 6), (7, 7), (2, 3)
PROBLEMS, LARGE_K = 48, 16
BOTH, BY_LEVEL = "both levels", "by level"
REGION, HARDLY_REGION, NEVER_REGION = "out of reach", "hardly ever solved", "never solved"
# Steps of RL. Half of its 16 problems a step are of the region.
_STEPS, _OF_REGION = 60, 8
# Fractions of the gold solution that hints reveal.
FRACTION, _LESS = 0.75, 0.5
GUIDED, GUIDED_LESS = f"hints of {FRACTION:.0%}", f"hints of {_LESS:.0%}"
ANNEALED, AT_RANDOM = f"hints from {FRACTION:.0%} to nothing", f"{GUIDED}, at random"
EQUAL_DRAWS, REVEALED, GOLD = "RL of as many draws", f"SFT on the first {FRACTION:.0%}", "gold SFT"


def _throughout(fraction: float) -> FractionSchedule:
    return FractionSchedule(first=fraction, last=fraction)


HINTS: Mapping[str, GoldPrefix] = {
    GUIDED: GoldPrefix(fraction=_throughout(FRACTION)),
    GUIDED_LESS: GoldPrefix(fraction=_throughout(_LESS)),
    ANNEALED: GoldPrefix(fraction=FractionSchedule(first=FRACTION, last=0)),
    AT_RANDOM: GoldPrefix(fraction=_throughout(FRACTION), groups="random"),
}


def _studies(scale: str, seeds: tuple[int, ...]) -> Mapping[str, Study]:
    """One base a seed; RL with and without hints on the same problems, and SFT on what hints reveal."""
    nano, region = nano_setting(scale), nano_world(HARDLY[0], NEVER[1])
    mixed = nano_mixture((0.5, nano_world(*SOLVED)), (0.5, region))
    base = nano.base()

    def guided(hints: GoldPrefix) -> ModelOfSeed:
        recipe = GRPO.model_copy(update={"sampling": GRPO.sampling.model_copy(update={"hints": hints})})
        return nano.rl(base, mixed, recipe=recipe, steps=_STEPS)

    models = {arm: guided(hints) for arm, hints in HINTS.items()} | {
        # Hints have half of the groups drawn again at most, so they draw half as much again.
        EQUAL_DRAWS: nano.rl(base, mixed, steps=_STEPS * 3 // 2),
        REVEALED: nano.gold(base, region, steps=_STEPS, prompts=_OF_REGION, fraction=FRACTION),
        GOLD: nano.gold(base, region, steps=20),
    }
    study = Study(
        title="Hints",
        question="Does RL with hints solve without hints what samples did not?",
        base=nano.evaluated(base, region, problems=PROBLEMS, gold_likelihood=True),
        arms={
            arm: nano.evaluated(model, region, problems=PROBLEMS, gold_likelihood=True) for arm, model in models.items()
        },
        regions={REGION: levels(HARDLY[0], NEVER[1])},
        seeds=seeds,
    )
    by_level = {HARDLY_REGION: levels(*HARDLY), NEVER_REGION: levels(*NEVER)}
    return {BOTH: study, BY_LEVEL: replace(study, regions=by_level)}


def _change(arm: str, than: str = "base", k: int = LARGE_K, region: str = REGION) -> PassDifference:
    return PassDifference(
        name=f"pass@{k} of problems {region}, {arm} minus {than}",
        studies=(BOTH if region == REGION else BY_LEVEL,),
        arm=arm,
        than=than,
        region=region,
        k=k,
    )


EXTENDS, UNGUIDED, READ = _change(GUIDED), _change(EQUAL_DRAWS), _change(REVEALED)
_EXTENSION = _change(GOLD)
_NOISE = TwoDraws(
    name=f"pass@{LARGE_K // 4} of problems {REGION}, {GOLD}, one half of the samples minus the other",
    arm=GOLD,
    region=REGION,
    k=LARGE_K // 4,
)
_ARMS = (*HINTS, EQUAL_DRAWS, REVEALED)

QUANTITIES: tuple[ClaimQuantity, ...] = (
    EXTENDS,
    UNGUIDED,
    READ,
    *(_change(arm) for arm in (GUIDED_LESS, ANNEALED, AT_RANDOM)),
    *(_change(arm, region=region) for region in (HARDLY_REGION, NEVER_REGION) for arm in _ARMS),
    *(_change(GUIDED, than, k) for than in (EQUAL_DRAWS, AT_RANDOM, REVEALED) for k in (1, LARGE_K)),
    _change(GUIDED, EQUAL_DRAWS, region=NEVER_REGION),
    *(
        PassAtK(
            name=f"pass@{LARGE_K} of problems {region}, base",
            studies=(BY_LEVEL,),
            arm="base",
            region=region,
            k=LARGE_K,
        )
        for region in (HARDLY_REGION, NEVER_REGION)
    ),
    *(
        GoldProbability(
            name=f"log10 of the probability of gold, problems {NEVER_REGION}, {arm}",
            studies=(BY_LEVEL,),
            arm=arm,
            region=NEVER_REGION,
        )
        for arm in ("base", *_ARMS)
    ),
    MetricSpread(
        name=f"completions drawn, the more by the less of {EQUAL_DRAWS} and {GUIDED}",
        arms=(EQUAL_DRAWS, GUIDED),
        run_metric="samples_drawn",
        over="sum",
    ),
    _EXTENSION,
    _NOISE,
)

_SCOUTED = "training seed 100"
_MARGIN = 0.05


def _plan(effect: float, seen: str) -> PlannedEffect:
    return PlannedEffect(
        effect=effect,
        scatter=0.1,
        problems=2 * PROBLEMS,
        problem_sd=0.35,
        residual_sd=0.15,
        source=f"{_SCOUTED}: {seen}; scatter is assumed",
    )


CLAIM = Claim(
    name="hints",
    statement=(
        "Hints where all samples fail extend what RL solves at large k without hints; RL alone does not, nor does"
        " fine-tuning on what hints reveal."
    ),
    work="Chen et al. 2025, arXiv 2509.25666 (NuRL); Qu et al. 2026, arXiv 2601.18779 (POPE)",
    section="pass@1024 of NuRL, benchmarks of POPE",
    published=(
        PublishedNumber(
            what="NuRL, pass@1024 of a base and after NuRL on GPQA, and on Date Understanding",
            value="63.6 to 69.7%, 86.4 to 94.0%; after GRPO unchanged",
            where="2509.25666, figure of pass@1024, as quoted in a summary",
            fault=(
                "GPQA has four choices, so guessing finds nearly all in 1,024 samples and the answer alone is counted;"
                " hints are words about the way, written with the answer known; one run each"
            ),
        ),
        PublishedNumber(
            what="NuRL in two stages, MATH-500 and GPQA: hints where all fail, hints everywhere",
            value="58.0 and 28.3%; 53.1 and 26.6%",
            where="2509.25666, ablation, as quoted in a summary",
            fault="hints everywhere are more hints as well as other places",
        ),
        PublishedNumber(
            what="POPE and GRPO, pass@1 and pass@16 on AIME 2025; on HMMT 2025",
            value="53.1 and 82.6% to 49.6 and 81.4%; 37.8 and 67.5% to 31.0 and 63.8%",
            where="2601.18779, table, as quoted in a summary",
            fault=(
                "30 problems each, so 1.2 points at pass@16 is a third of a problem; large k is 16; the training"
                " problems were chosen as those with no right sample in 128, and no fine-tuning on the same prefixes of"
                " at most a quarter is shown"
            ),
        ),
    ),
    studies=_studies,
    seeds={TOY: 3, "nano": 5},
    quantities=QUANTITIES,
    predictions=(
        Prediction(
            quantity=EXTENDS.name,
            above=_MARGIN,
            why="hints where all samples fail extend",
            plan=_plan(0.64, "+64 points"),
        ),
        Prediction(
            quantity=UNGUIDED.name,
            below=_MARGIN,
            why="RL without them leaves it unchanged (NuRL)",
            plan=_plan(0.56, "+56 points, against the claim"),
        ),
        Prediction(
            quantity=READ.name,
            below=_MARGIN,
            why="the same tokens as targets do not (POPE: solutions guide exploration, and are no targets)",
            plan=_plan(0.64, "+64 points, against the claim"),
        ),
    ),
    controls=(gold_extends(_EXTENSION, 0.1), draws_agree(_NOISE, 0.08)),
    design=(
        "Of problems of 6 operations the base solves 2 samples in a thousand, of 7 none of some thousands; nearly"
        " every group of 16 is all wrong, as problems of these works are with 128 samples. RL has 60 steps of 16"
        " problems x 16 completions. Every second problem is of 2 or 3 operations, which the base solves mostly, as"
        " the works have problems of all kinds. A group that is all wrong is drawn again behind the first three"
        " quarters of its gold solution, which are read and not trained on. At random, as many groups get hints,"
        " whether they need them or not. RL of as many draws has no hints and 90 steps, as hints have at most half of"
        " the groups drawn twice. SFT on the first three quarters of gold solutions has as many problems as hints can"
        " reveal, 8 a step, and learns nothing else. All are evaluated without hints, at temperature 1, with one"
        " prompt, verifier and token limit. Paid and counted is a right process: among 16 samples guessing finds 97%"
        " of answers. Hints are the world's own words, as POPE's are; NuRL's are advice in other words, which this"
        " world has none of. Large k is 16, in NuRL 1,024."
    ),
    scouted=(
        f"{_SCOUTED}, pass@16 at 6 and at 7 operations: base 3 and 0%; hints of 75% 100 and 31%; RL of as many draws"
        " 100 and 16%; at random 96 and 12%; SFT on the first 75% 99 and 33%, on the first 37.5% 8 and 0; gold SFT 98"
        " and 36%. What hints reveal was chosen so that they are paid: by exact probability the base goes on rightly"
        " from 50, 75 and 90% of gold in 0.1, 7 and 73% of samples at 6 operations, and in 0.001, 1 and 71% at 7."
        " Hints from 75% to nothing were paid almost nowhere. Before, 7 operations alone were asked, hints went from"
        " 90% to nothing in 60 and in 120 steps, from 90 to 50% and from 75 to 25% in 120, and pass@16 stayed at 0"
        " (0.5% in the second); SFT on the first 90% had 87%. From a base that never saw more than 3 operations hints"
        " from 50% to nothing did nothing. Not tried: hints of 50%."
    ),
    published_cost=PublishedCost(
        parameters=4e9,
        sampled_tokens=128 * 32_000 * 5000,
        trained_tokens=0,
        basis=(
            "of POPE the choice of hard problems alone: 128 samples of at most 32,000 tokens; 5,000 candidates are"
            " assumed; RL is left out, as its steps were not read"
        ),
    ),
)
