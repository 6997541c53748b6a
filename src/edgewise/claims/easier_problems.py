"""Easier problems rescue what nobody solves (2601.15158, 2602.14872), or inhibit it (POPE, 2601.18779)."""

from __future__ import annotations

from collections.abc import Mapping

from edgewise.claims.ledger.claim import TOY, Claim, PlannedEffect, Prediction, PublishedNumber
from edgewise.claims.ledger.controls import draws_agree, gold_extends
from edgewise.claims.ledger.cost import PublishedCost
from edgewise.claims.ledger.gold import GoldProbability
from edgewise.claims.ledger.nano import EDGE, GRPO, HARD, ModelOfSeed, levels, nano_mixture, nano_setting, nano_world
from edgewise.claims.ledger.quantities import ClaimQuantity, PassAtK, PassDifference, TwoDraws
from edgewise.core.spec import override
from edgewise.study.study import Study
from edgewise.tasks import World

# The base never solves 7, hardly ever 6, now and then 5, and most of 1 to 4.
NEVER, HARDLY, EASIER, EASIEST = HARD, (6, 6), EDGE, (1, 4)
NEVER_REGION, HARDLY_REGION, EASIER_REGION = "never solved", "hardly ever solved", "solved now and then"
PROBLEMS, LARGE_K = 48, 16
GOLD, _GOLD_STEPS = "gold SFT", 20


def _beside(hard: tuple[int, int], share: float, others: tuple[int, int]) -> World:
    """Hard problems, and this share of others, from the first level to the last."""
    return nano_mixture((1 - share, nano_world(*hard)), (share, nano_world(*others)))


# Arm -> the problems of RL. In "all levels" and "the middle removed" every second problem is one that nobody solves.
WORLDS: Mapping[str, World] = {
    "never solved alone": nano_world(*NEVER),
    "1% easier": _beside(NEVER, 0.01, EASIER),
    "10% easier": _beside(NEVER, 0.1, EASIER),
    "50% easier": _beside(NEVER, 0.5, EASIER),
    "all levels": _beside(NEVER, 0.5, (EASIEST[0], EASIER[1])),
    "the middle removed": _beside(NEVER, 0.5, EASIEST),
    "hardly solved alone": nano_world(*HARDLY),
    "hardly solved, 50% easiest": _beside(HARDLY, 0.5, EASIEST),
}
ALONE, ONE, TEN, HALF, ALL, GAP, HARDLY_ALONE, HARDLY_MIXED = WORLDS
# Samples of a problem; a step draws 256.
FEW, MANY = 8, 64
_DRAWS = 256


def with_many(arm: str) -> str:
    """The name of an arm with many samples of few problems."""
    return f"{arm}, {MANY} samples"


def _studies(scale: str, seeds: tuple[int, ...]) -> Mapping[str, Study]:
    """One base a seed; RL that differs in its problems, or in how many samples each has."""
    nano, measured = nano_setting(scale), nano_world(EASIER[0], NEVER[1])
    base = nano.base()

    def rl(arm: str, samples: int) -> ModelOfSeed:
        recipe = override(GRPO, [f"sampling.samples={samples}"])
        return nano.rl(base, WORLDS[arm], recipe=recipe, prompts=_DRAWS // samples)

    models = {arm: rl(arm, FEW) for arm in WORLDS}
    models |= {with_many(arm): rl(arm, MANY) for arm in (ALONE, HALF)}
    models[GOLD] = nano.gold(base, nano_world(*NEVER), steps=_GOLD_STEPS)
    study = Study(
        title="Easier problems",
        question="Does RL solve what nobody solved, once it has easier problems beside?",
        base=nano.evaluated(base, measured, problems=PROBLEMS, gold_likelihood=True),
        arms={
            arm: nano.evaluated(model, measured, problems=PROBLEMS, gold_likelihood=True)
            for arm, model in models.items()
        },
        regions={
            EASIER_REGION: levels(EASIER[0], EASIER[0]),
            HARDLY_REGION: levels(*HARDLY),
            NEVER_REGION: levels(*NEVER),
        },
        seeds=seeds,
    )
    return {"": study}


def _change(arm: str, than: str = "base", region: str = NEVER_REGION, k: int = LARGE_K) -> PassDifference:
    return PassDifference(
        name=f"pass@{k} of problems {region}, {arm} minus {than}", arm=arm, than=than, region=region, k=k
    )


def _gold(arm: str, region: str = NEVER_REGION, than: str = "") -> GoldProbability:
    name = f"log10 of the probability of gold, problems {region}, {arm}{f' minus {than}' if than else ''}"
    return GoldProbability(name=name, arm=arm, region=region, than=than)


RESCUED = {arm: _change(arm, ALONE) for arm in (ONE, TEN, HALF, ALL, GAP)}
SMOOTH = _gold(ALL, than=GAP)
# POPE's question, where RL alone learns something: do problems that are solved already get in the way?
INHIBITED = {k: _change(HARDLY_MIXED, HARDLY_ALONE, HARDLY_REGION, k) for k in (1, LARGE_K)}
_EXTENSION = _change(GOLD)
_NOISE = TwoDraws(
    name=f"pass@{LARGE_K // 4} of problems {EASIER_REGION}, one half of the base's samples minus the other",
    region=EASIER_REGION,
    k=LARGE_K // 4,
)
_OF_NEVER = (ALONE, *RESCUED, with_many(ALONE), with_many(HALF))

QUANTITIES: tuple[ClaimQuantity, ...] = (
    *RESCUED.values(),
    SMOOTH,
    _change(ALL, GAP),
    *INHIBITED.values(),
    _change(with_many(HALF), with_many(ALONE)),
    *(_change(with_many(arm), arm) for arm in (ALONE, HALF)),
    *(_change(arm) for arm in (*_OF_NEVER, HARDLY_ALONE, HARDLY_MIXED)),
    *(_change(arm, region=HARDLY_REGION) for arm in (HARDLY_ALONE, HARDLY_MIXED)),
    *(
        PassAtK(name=f"pass@{LARGE_K} of problems {region}, base", arm="base", region=region, k=LARGE_K)
        for region in (NEVER_REGION, HARDLY_REGION, EASIER_REGION)
    ),
    *(_gold("base", region) for region in (NEVER_REGION, HARDLY_REGION, EASIER_REGION)),
    *(_gold(arm, than="base") for arm in _OF_NEVER),
    *(_gold(arm, HARDLY_REGION, "base") for arm in (HARDLY_ALONE, HARDLY_MIXED)),
    _EXTENSION,
    _NOISE,
)

_SCOUTED = "training seed 100"


CLAIM = Claim(
    name="easier-problems",
    statement=(
        "Problems that nobody solves become solvable once RL has enough easier problems beside them, and less so where"
        " the difficulties between are left out."
    ),
    work="Ran-Milo et al. 2026, arXiv 2601.15158; Huang et al. 2026, arXiv 2602.14872",
    section="abstracts; against POPE, Qu et al. 2026, arXiv 2601.18779",
    published=(
        PublishedNumber(
            what="policy gradient on final answers of a graph traversal, without short instances",
            value="infeasible; with enough of them it learns the traversal, and longer chains too",
            where="2601.15158, abstract",
            fault="a proof for one layer and one task, from a start that has no skill at all",
        ),
        PublishedNumber(
            what="RL on a mixture of difficulties",
            value="a relay from easy to hard where difficulty is smooth, long plateaus where it has a gap",
            where="2602.14872, abstract",
            fault="theory with synthetic experiments; how wide a gap is, is not a number that carries over",
        ),
        PublishedNumber(
            what="problems that Qwen3-4B-Instruct does not solve in 128 samples: RL on them alone, or with easy ones",
            value="mixed, pass@k on them rises faster at first and ends lower",
            where="2601.18779, part on mixing, as told in summaries",
            fault=(
                "RL on them alone does solve some, so not all were beyond the model; the mixture has fewer draws of"
                " them; one run each, and no likelihood of a right solution"
            ),
        ),
    ),
    studies=_studies,
    seeds={TOY: 3, "nano": 5},
    quantities=QUANTITIES,
    predictions=(
        Prediction(
            quantity=RESCUED[HALF].name,
            above=0.0,
            why="with enough easier problems what nobody solves is learned (2601.15158)",
            plan=PlannedEffect(
                effect=0.37,
                scatter=0.16,
                problems=PROBLEMS,
                problem_sd=0.3,
                residual_sd=0.15,
                source=f"{_SCOUTED}: +37 points; scatter is that of RL on 5 and 6 alone, at 7, on seeds 100 to 107",
            ),
        ),
        Prediction(
            quantity=SMOOTH.name,
            above=0.0,
            why="a gap in difficulty holds it up (2602.14872)",
            plan=PlannedEffect(
                effect=2.8,
                scatter=1.0,
                problems=PROBLEMS,
                problem_sd=0,
                residual_sd=0,
                source=f"{_SCOUTED}: +2.8; scatter is assumed",
            ),
        ),
    ),
    controls=(gold_extends(_EXTENSION, 0.1), draws_agree(_NOISE, 0.1)),
    design=(
        "From one base a seed RL has 60 steps of 256 completions: 32 problems x 8, or 4 x 64. Nobody solves problems"
        " of 7 operations: by the exact probability of the gold solution the median one takes the base some fifty"
        " million samples. On them alone RL is paid nothing and changes nothing, by construction. Easier problems have"
        " 5 and 6 operations. In three arms every second problem is one that nobody solves, and the others are of 5"
        " and 6, of 1 to 6, or of 1 to 4. POPE says that problems which are solved already get in the way. That can be"
        " seen where RL on the hard ones alone learns something: on 6 operations, alone and with half of 1 to 4; it is"
        " measured, with no prediction. All arms draw as many completions, so a mixture has fewer of the hard ones;"
        " that is a part of the question. Temperature 1, one prompt, verifier and token limit. Paid and counted is a"
        " right process, as one answer in five is a guess."
    ),
    scouted=(
        f"{_SCOUTED}, pass@16 at 7 operations and log10 of the probability of gold: base 0 and -7.7; with 50% easier"
        " 37% and -1.4; all levels 13% and -2.3; the middle removed 0 and -5.1; gold SFT 56% and -1.4. At 6"
        " operations, which the base solves in 0.2% of samples: alone pass@1 is 91%, with half of 1 to 4 operations"
        " 84%, and pass@16 at 7 is 47 and 28%. Before it hard problems were 6 and 7, and easier ones of 5 operations:"
        " alone pass@16 at 7 was 19%, with 50% easier 31%. That was dropped, as what nobody solves was then not alone."
        " A gap is compared by the probability of gold, as pass@16 was seen to differ by 13 points, which five seeds"
        " do not decide. Not tried: 1 and 10%, 64 samples."
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
