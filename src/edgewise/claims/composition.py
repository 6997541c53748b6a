"""RL composes known skills into new ones, f(g(x)): chained with some operators, asked of chains of others."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from edgewise.claims.ledger.claim import TOY, Claim, PlannedEffect, Prediction, PublishedNumber
from edgewise.claims.ledger.controls import draws_agree, gold_extends
from edgewise.claims.ledger.cost import PublishedCost
from edgewise.claims.ledger.nano import GRPO, ModelOfSeed, levels, nano_mixture, nano_setting
from edgewise.claims.ledger.quantities import (
    ClaimOutcomes,
    ClaimQuantity,
    PassAtK,
    PassDifference,
    SeedQuantity,
    TwoDraws,
)
from edgewise.core.spec import override
from edgewise.outcomes.counts import FloatArray
from edgewise.rl.recipes.registry import named_recipe
from edgewise.study.study import Study
from edgewise.tasks import ModularArithmetic
from edgewise.tasks.drawn import Proposal
from edgewise.tasks.modular.graph import LEAF, canonical_digest

Operators = Literal["+", "-*", "+-", "+-*"]


class OperatorChains(ModularArithmetic):
    """Modular arithmetic with the operators of one group alone, such as "-*"; each of them is equally likely."""

    world: Literal["modular-operators"] = "modular-operators"  # type: ignore[assignment]  # another world
    operators: Operators = "+-*"

    def propose(self, source: random.Random, level: int) -> Iterator[Proposal | None]:
        for proposal in super().propose(source, level):
            if proposal is None:
                yield None
                continue
            nodes = [
                node if node.operator == LEAF else node._replace(operator=source.choice(self.operators))
                for node in proposal.content
            ]
            yield Proposal(canonical_digest(nodes, len(nodes) - 1), nodes)


STEPS, PROBLEMS, SAMPLES = 40, 48, 16
# All operators are chained up to three times in pre-training: these skills are known. Longer chains, the traces, are of
# the trained operator alone, in pre-training as in RL. The chains of the asked operators are new when they are longer.
KNOWN, TRACES, COMPOSED, DEEPER = (1, 3), (4, 5), (5, 5), (6, 6)
TRAINED: Operators = "+"
ASKED: Operators = "-*"
ALL: Operators = "+-*"
WITHOUT_PRODUCT: Operators = "+-"
KNOWN_LEVEL = KNOWN[1]
REGIONS = {
    "known, 3": levels(KNOWN_LEVEL, KNOWN_LEVEL),
    "composed, 4 and 5": levels(*TRACES),
    "deeper, 6": levels(*DEEPER),
}
KNOWN_REGION, COMPOSED_REGION, DEEPER_REGION = REGIONS
LARGE_K = 8
_STEPS_OF = {COMPOSED_REGION: tuple(levels(*TRACES)), DEEPER_REGION: tuple(levels(*DEEPER))}
# The share of pre-training problems that are traces.
SHARES = {"no traces": 0.0, "0.5% traces": 0.005, "2% traces": 0.02}
NONE, FEW, MAIN = SHARES
# The base of this study never saw a product, so it lacks one of the skills that asked chains are made of.
ONE = "one atom"
# RL on known chains, on composed ones, on both, and the controls, which have the samples and updates of the second.
ON_KNOWN, ON_COMPOSED, ON_BOTH = "RL on known", "RL on composed", "RL on both"
REJECTION, POSITIVE, NEGATIVE = "rejection tuning", "positive only", "negative only"
MIXED, GOLD = "RL on mixed chains", "gold SFT"


def chains(span: tuple[int, int], operators: Operators) -> OperatorChains:
    """Chains of so many operators of a group, modulo 5 as in the nano setting."""
    return OperatorChains(min_op=span[0], max_op=span[1], modulus=5, letters=10, operators=operators)


def _studies(scale: str, seeds: tuple[int, ...]) -> Mapping[str, Study]:
    """A study for each share of traces, and for one and both atoms, as each has bases of its own."""
    nano = nano_setting(scale)
    composed, asked = chains(COMPOSED, TRAINED), chains((KNOWN_LEVEL, DEEPER[1]), ASKED)

    def base(share: float, known: Operators = ALL) -> ModelOfSeed:
        mixed = nano_mixture((1 - share, chains(KNOWN, known)), (share, chains(TRACES, TRAINED)))
        return nano.pretrained(mixed)

    def rl(parent: ModelOfSeed, world: OperatorChains, *settings: str) -> ModelOfSeed:
        return nano.rl(parent, world, recipe=override(GRPO, list(settings)), steps=STEPS)

    def study(name: str, parent: ModelOfSeed, models: Mapping[str, ModelOfSeed]) -> Study:
        return Study(
            title=f"Composition: {name}",
            question="Does RL on chains of one operator teach chains of others, whose single steps are known?",
            base=nano.evaluated(parent, asked, problems=PROBLEMS, samples=SAMPLES),
            arms={
                arm: nano.evaluated(model, asked, problems=PROBLEMS, samples=SAMPLES) for arm, model in models.items()
            },
            regions=REGIONS,
            seeds=seeds,
        )

    main = base(SHARES[MAIN])
    both = nano_mixture((0.5, chains(KNOWN, TRAINED)), (0.5, composed))
    arms = {
        ON_KNOWN: rl(main, chains(KNOWN, TRAINED)),
        ON_COMPOSED: rl(main, composed),
        ON_BOTH: nano.rl(main, both, steps=STEPS),
        REJECTION: nano.rl(main, composed, recipe=named_recipe("rft/small"), steps=STEPS),
        POSITIVE: rl(main, composed, "advantage=psr"),
        NEGATIVE: rl(main, composed, "advantage=nsr"),
        MIXED: rl(main, chains(COMPOSED, ALL)),
        GOLD: nano.gold(main, chains(COMPOSED, ASKED), steps=STEPS // 2),
    }
    one_atom = base(SHARES[MAIN], WITHOUT_PRODUCT)
    studies = {MAIN: study(MAIN, main, arms), ONE: study(ONE, one_atom, {MIXED: rl(one_atom, chains(COMPOSED, ALL))})}
    for name in (NONE, FEW):
        parent = base(SHARES[name])
        studies[name] = study(name, parent, {ON_COMPOSED: rl(parent, composed)})
    return studies


class BeyondSteps(SeedQuantity):
    """pass@1 of an arm on a region, minus what it would be if its steps were right independently of each other.

    A step is right as often as in the chains of the region `known`: with pass@1 of a there, a chain is right with a
    probability of a to the power of its steps by those of the known. `steps` are those of the region's levels, which
    have as many problems each. Above 0 is a skill beyond that of the steps.
    """

    bounds: ClassVar[tuple[float, float]] = (-1.0, 1.0)

    kind: Literal["beyond steps"] = "beyond steps"
    arm: str
    region: str
    steps: tuple[int, ...]
    known: str
    known_steps: int = Field(ge=1)

    def values_R(self, outcomes: ClaimOutcomes) -> FloatArray:
        whole_R, known_R = (
            self.pass_PR(outcomes, self.arm, region, 1).mean(axis=0) for region in (self.region, self.known)
        )
        independent_R = np.mean([known_R ** (steps / self.known_steps) for steps in self.steps], axis=0)
        return np.asarray(whole_R - independent_R)


def _change(
    arm: str, region: str = COMPOSED_REGION, *, k: int = 1, study: str = MAIN, than: str = "base"
) -> PassDifference:
    name = f"pass@{k} {region}, {arm} minus {than}, {study}"
    return PassDifference(name=name, arm=arm, than=than, region=region, k=k, studies=(study,))


def _beyond(arm: str, region: str) -> BeyondSteps:
    return BeyondSteps(
        name=f"pass@1 {region}, {arm}, beyond that of independent steps",
        studies=(MAIN,),
        arm=arm,
        region=region,
        steps=_STEPS_OF[region],
        known=KNOWN_REGION,
        known_steps=KNOWN_LEVEL,
    )


COMPOSES, DOES_NOT = _change(ON_COMPOSED), _change(ON_KNOWN)
OVER_REJECTION = _change(ON_COMPOSED, than=REJECTION)
GOES_DEEPER = _change(ON_COMPOSED, DEEPER_REGION, k=LARGE_K)
_GOLD = _change(GOLD)
_NOISE = TwoDraws(
    name=f"pass@1 {COMPOSED_REGION}, one half of the base's samples minus the other", region=COMPOSED_REGION, k=1
)
QUANTITIES: tuple[ClaimQuantity, ...] = (
    COMPOSES,
    DOES_NOT,
    OVER_REJECTION,
    GOES_DEEPER,
    *(_change(arm) for arm in (ON_BOTH, REJECTION, POSITIVE, NEGATIVE, MIXED)),
    *(_change(arm, DEEPER_REGION) for arm in (ON_KNOWN, ON_COMPOSED, ON_BOTH, REJECTION)),
    *(_change(arm, k=LARGE_K) for arm in (ON_KNOWN, ON_COMPOSED, REJECTION, POSITIVE, NEGATIVE)),
    *(_change(ON_COMPOSED, study=study) for study in (NONE, FEW)),
    _change(MIXED, study=ONE),
    *(
        PassAtK(
            name=f"pass@1 {COMPOSED_REGION} of the base, {study}",
            arm="base",
            region=COMPOSED_REGION,
            k=1,
            studies=(study,),
        )
        for study in (*SHARES, ONE)
    ),
    *(_beyond(arm, region) for arm in ("base", ON_COMPOSED, REJECTION, GOLD) for region in _STEPS_OF),
    _GOLD,
    _NOISE,
)

_SCOUTED = "training seeds 100 and 101"


def _plan(effect: float, scatter: float, source: str) -> PlannedEffect:
    return PlannedEffect(effect=effect, scatter=scatter, problems=96, problem_sd=0.1, residual_sd=0.15, source=source)


CLAIM = Claim(
    name="composition",
    statement=(
        "RL on composed problems teaches to compose skills that are known one by one, also skills it never composed; RL"
        " on the single skills does not, nor does rejection tuning on the composed problems."
    ),
    work="Yuan et al. 2025, arXiv 2509.25123 (From f(x) and g(x) to f(g(x)))",
    section="RL on string functions by level, rejection tuning, pass@k",
    published=(
        PublishedNumber(
            what="accuracy on held-out functions at levels 1, 2, 3, 4, 5 after RL on level 1",
            value="about 90%, below 25%, 0 to 5%, 0 to 1%, about 0",
            where="RL on string functions, accuracy by level",
            fault=(
                "a level is the depth of a tree, not a number of calls: levels 1, 2, 3, 4 have 0.9, 2.0, 3.3, 4.9 calls"
                " on average, and 22 to 27% of level 1 depend on the input at all"
            ),
        ),
        PublishedNumber(
            what="the same at levels 2, 3, 4 after RL on level 2, or on levels 1 and 2",
            value="64%, 27 to 30%, about 15%",
            where="RL on string functions, accuracy by level",
            fault=(
                "the accuracy of a call that this implies falls with the level, 0.80, 0.68, 0.68: worse than if calls"
                " were right independently; of the 12 held-out functions three are trained ones under other names"
            ),
        ),
        PublishedNumber(
            what="the same at levels 2 and 3 after rejection tuning on level 2",
            value="15%, at most 2.6%",
            where="comparison with rejection tuning",
            fault=(
                "2 samples a problem where RL has 16, and problems that both solve are dropped; the released script"
                " samples from the model before the single skills were taught"
            ),
        ),
        PublishedNumber(
            what="gap of RL on level 2 to the base at level 5, pass@1 and pass@1000",
            value="4 points, about 25 points",
            where="comparison of pass@k",
            fault="one run; how often the base composes at all is not varied",
        ),
    ),
    studies=_studies,
    seeds={TOY: 3, "nano": 6},
    quantities=QUANTITIES,
    predictions=(
        Prediction(
            quantity=COMPOSES.name,
            above=0.05,
            why="RL on composed problems of one operator teaches to compose the others",
            plan=_plan(0.168, 0.04, f"{_SCOUTED}: +15 and +18 points; scatter is assumed"),
        ),
        Prediction(
            quantity=DOES_NOT.name,
            below=0.05,
            why="RL on the known problems does not",
            plan=_plan(-0.015, 0.03, "training seed 100: -1.5 points; scatter is assumed"),
        ),
        Prediction(
            quantity=OVER_REJECTION.name,
            above=0.0,
            why="rejection tuning on as many samples of the same problems teaches less",
            plan=_plan(0.05, 0.022, f"{_SCOUTED}: +6.5 and +3.4 points, which is the scatter"),
        ),
    ),
    controls=(gold_extends(_GOLD, 0.1), draws_agree(_NOISE)),
    design=(
        "A skill is one operation, a composition a chain of them. The strings of the paper were tried first. A base of"
        " this size learns their 24 functions in a minute, but ties a call to its place in the text: with traces of"
        " half of the functions it never chained the others. So the functions are the operators of modular arithmetic,"
        " in two groups: +, and - with *. Pre-training has chains of 1 to 3 operators of all kinds, the known ones, and"
        " in a share of problems chains of 4 and 5 of + alone, the traces. RL is on chains of 5 of +, is paid for a"
        " right process, and has 40 steps of 16 x 16. Asked are chains of - and *: of 4 and 5, which neither"
        " pre-training nor RL has shown, and of 6. Rejection tuning, and RL with positive or negative samples alone,"
        " have the same draws and updates. Independent steps: a chain is right as often as its steps would be, each as"
        " in chains of 3. Without * in pre-training one of two skills is unknown; RL is then on mixed chains, as beside"
        " it with both. Deeper chains are measured without a prediction: in scouting none of 6 was right after RL. One"
        " answer in five is right by chance: solutions count where their process is right. Temperature 1, one prompt,"
        " verifier and token limit for all."
    ),
    scouted=(
        "Strings of 5 letters, training seed 100, default model, 2,000 updates of 12: with 2% traces of the training"
        " half 86% of single calls, 0.5% of its chains of 2, none of the other half; with 10% traces 91 and 75% of"
        " single calls of the halves, and 38 and 0% of chains of 2, after RL on chains of 2 45 and 0.5%; with half of"
        " the calls described 76 and 70%, 46 and 0%; with positions skipped 7% of single calls. This world,"
        f" {_SCOUTED}, 24 problems a level, chains of 4, 5, 6 of - and *: base 77, 1, 0% and 11, 0, 0%; RL on composed"
        " 87, 21, 0% and 48, 0, 0%; rejection tuning 82, 14, 0% and 41, 0, 0%; seed 100 alone, RL on known 72, 2, 0%"
        " and negative only 89, 16, 0%. 4 and 5 were made one region then. Not tried: RL on both, positive only, mixed"
        " chains, one atom, other shares, gold SFT."
    ),
    published_cost=PublishedCost(
        parameters=8e9,
        sampled_tokens=1000 * (50_000 * 10 + 3 * 50_000 * 16 + 6 * 8000 * 2 + 5 * 8 * 256 * 1000),
        trained_tokens=1000 * (2 * 116_000 + 3 * 50_000 * 16 + 6 * 8000),
        basis=(
            "10 samples of 50,000 problems for the base and its tuning of 2 epochs on 116,000; three runs of RL, one"
            " epoch of 50,000 problems x 16 each, without the draws that the filter drops; 6 rounds of rejection"
            " tuning; 5 models x 8 levels x 256 problems x 1,000 samples; 1,000 tokens a completion are assumed, of at"
            " most 8,192"
        ),
    ),
)
