"""A claim of your own, pre-registered: a KL to the base costs pass@1 at the edge of what the base can do.

    edgewise claims run examples/my_claim.py:CLAIM --scout --seeds 100-102   # settings are chosen on these seeds
    edgewise claims plan examples/my_claim.py:CLAIM                          # hours, and what its seeds can decide
    edgewise claims run examples/my_claim.py:CLAIM --records my_ledger       # seeds 0 to 4, and the record
    edgewise claims ledger examples/my_claim.py:CLAIM --records my_ledger    # the page

Its predictions stand here before the run. The digest in the record covers this file, so a later change of a number
makes the record stale.
"""

from collections.abc import Mapping

from edgewise.claims.ledger.claim import TOY, Claim, PlannedEffect, Prediction, PublishedNumber
from edgewise.claims.ledger.controls import coin_does_not, draws_agree, gold_extends
from edgewise.claims.ledger.nano import EDGE, GRPO, levels, nano_setting, nano_world
from edgewise.claims.ledger.quantities import PassDifference, TwoDraws
from edgewise.core.spec import override
from edgewise.study.study import Study

FREE, HELD, GOLD, RANDOM = "RL", "RL with a KL", "gold SFT", "random reward"


def studies(scale: str, seeds: tuple[int, ...]) -> Mapping[str, Study]:
    nano, edge = nano_setting(scale), nano_world(*EDGE)
    base = nano.base()
    models = {
        FREE: nano.rl(base, edge),
        HELD: nano.rl(base, edge, recipe=override(GRPO, ["loss.kl.coefficient=0.1"])),
        GOLD: nano.gold(base, edge),
        RANDOM: nano.rl(base, edge, reward="random"),
    }
    study = Study(
        title="What a KL costs",
        question="Does a KL to the base cost pass@1 at the edge?",
        base=nano.evaluated(base, edge),
        arms={arm: nano.evaluated(model, edge) for arm, model in models.items()},
        regions={"edge": levels(*EDGE)},
        seeds=seeds,
    )
    return {"": study}


def change(arm: str, than: str = "base", k: int = 1) -> PassDifference:
    return PassDifference(name=f"pass@{k}, {arm} minus {than}", arm=arm, than=than, region="edge", k=k)


COST, REACH, MOST, NOTHING = change(HELD, FREE), change(HELD, FREE, k=16), change(GOLD), change(RANDOM)
NOISE = TwoDraws(name="pass@1, one half of the base's samples minus the other", region="edge", k=1)

CLAIM = Claim(
    name="my-claim",
    statement="A KL to the base costs pass@1.",
    work="you, this year",
    section="where the statement stands",
    published=(PublishedNumber(what="a number", value="as printed", where="its table", fault="what it lacks"),),
    studies=studies,
    seeds={TOY: 3, "nano": 5},
    quantities=(COST, REACH, MOST, NOTHING, NOISE),
    predictions=(
        Prediction(
            quantity=COST.name,
            below=0.0,
            why="the KL holds the policy back",
            plan=PlannedEffect(
                effect=-0.1, scatter=0.05, problems=192, problem_sd=0.15, residual_sd=0.15, source="not scouted yet"
            ),
        ),
    ),
    controls=(gold_extends(MOST), coin_does_not(NOTHING), draws_agree(NOISE)),
    design="One base a seed, two runs of RL at the edge that differ in the KL alone; right is by process.",
    scouted="Nothing yet: write here what was tried, and on which seeds.",
)
