"""Distillation extends where RL does not (Yue et al.): a larger teacher's solutions raise pass@k at the edge."""

from __future__ import annotations

from collections.abc import Mapping

from edgewise.claims.ledger.claim import TOY, Claim, PlannedEffect, Prediction, PublishedNumber
from edgewise.claims.ledger.controls import draws_agree, gold_extends
from edgewise.claims.ledger.cost import PublishedCost
from edgewise.claims.ledger.nano import EDGE, HARD, levels, nano_setting, nano_world
from edgewise.claims.ledger.quantities import ClaimQuantity, PassAtK, PassDifference, TwoDraws
from edgewise.core.spec import override
from edgewise.model.decoder import DecoderSpec
from edgewise.rl.recipes.registry import named_recipe
from edgewise.study.stages import Distill, ModelStage
from edgewise.study.study import Study

# About three times the parameters of the student, and pre-training on all levels that it is to teach.
_TEACHER = DecoderSpec(width=144, layers=4, heads=6, kv_heads=3, feed_forward=384, rope_theta=1000)
_TEACHER_LEVELS = (1, 6)

# Study -> the share of its students' pre-training problems that are of levels 4 and 5.
NEVER, RARELY = "never seen", "rarely seen"
_RARE_SHARE = {NEVER: 0.0, RARELY: 0.02}
DISTILLED, TUNED, GOLD = "distillation", "RL", "gold SFT"
EDGE_REGION, HARD_REGION = "edge", "hard"
K = 16


def _studies(scale: str, seeds: tuple[int, ...]) -> Mapping[str, Study]:
    """Two students a seed, which never or rarely saw longer problems; the same teacher, RL and gold for both."""
    nano, edge, measured = nano_setting(scale), nano_world(*EDGE), nano_world(EDGE[0], HARD[1])
    teacher = nano.pretrained(nano_world(*_TEACHER_LEVELS), model=_TEACHER)
    recipe = override(named_recipe("distillation/small"), ["reward.function=process", *nano.rl_settings()])

    def study(name: str) -> Study:
        base = nano.base(rare_share=_RARE_SHARE[name])

        def distilled(seed: int) -> ModelStage:
            return Distill(parent=base(seed), world=edge, recipe=recipe, teacher=teacher(seed), seed=seed)

        models = {DISTILLED: distilled, TUNED: nano.rl(base, edge)}
        if name == NEVER:
            models[GOLD] = nano.gold(base, edge)
        return Study(
            title="Distillation",
            question=f"From a base that {name.replace('seen', 'saw')} longer problems, what extends the edge?",
            base=nano.evaluated(base, measured),
            arms={arm: nano.evaluated(model, measured) for arm, model in models.items()},
            regions={EDGE_REGION: levels(*EDGE), HARD_REGION: levels(*HARD)},
            seeds=seeds,
        )

    return {name: study(name) for name in _RARE_SHARE}


def _change(study: str, arm: str, k: int = K, region: str = EDGE_REGION, than: str = "base") -> PassDifference:
    return PassDifference(
        name=f"{study}: pass@{k} {'at the edge' if region == EDGE_REGION else 'on hard'}, {arm} minus {than}",
        studies=(study,),
        arm=arm,
        than=than,
        region=region,
        k=k,
    )


EXTENDS = {study: _change(study, DISTILLED) for study in _RARE_SHARE}
DOES_NOT = {study: _change(study, TUNED) for study in _RARE_SHARE}
_EXTENSION = _change(NEVER, GOLD)
_NOISE = TwoDraws(
    name=f"{RARELY}: pass@{K // 4} at the edge, one half of the base's samples minus the other",
    studies=(RARELY,),
    region=EDGE_REGION,
    k=K // 4,
)

QUANTITIES: tuple[ClaimQuantity, ...] = (
    *(
        PassAtK(
            name=f"{study}: pass@{K} at the edge of the base", studies=(study,), arm="base", region=EDGE_REGION, k=K
        )
        for study in _RARE_SHARE
    ),
    *EXTENDS.values(),
    *DOES_NOT.values(),
    *(_change(study, arm, 1) for study in _RARE_SHARE for arm in (DISTILLED, TUNED)),
    *(
        _change(study, DISTILLED, k, region, TUNED)
        for study in _RARE_SHARE
        for k, region in ((1, EDGE_REGION), (K, HARD_REGION))
    ),
    _EXTENSION,
    _NOISE,
)

_SCOUTED = "training seeds 100 to 107, the same bases and RL"
_MARGIN = 0.05


def _plan(effect: float, scatter: float, source: str, spread: float = 0.2) -> PlannedEffect:
    return PlannedEffect(
        effect=effect, scatter=scatter, problems=192, problem_sd=spread, residual_sd=spread, source=source
    )


CLAIM = Claim(
    name="distillation",
    statement=(
        "Distillation from a stronger teacher brings problems within reach that the base does not solve; RL on the same"
        " problems does not."
    ),
    work="Yue et al. 2025, arXiv 2504.13837",
    section="section on distillation, figure of Minerva",
    published=(
        PublishedNumber(
            what="Minerva, pass@1 to pass@128: Qwen2.5-Math-7B, R1-Distill-Qwen-7B",
            value="about 0.16 to 0.64; 0.42 to 0.68",
            where="figure, read off",
            fault=(
                "the base has a context of 4,096 tokens and the distilled model long thoughts; the teacher's data, some"
                " 800,000 traces, are other problems than RL's; one model, no interval"
            ),
        ),
        PublishedNumber(
            what="the same at pass@128: Oat-Zero (RL), the instruct model",
            value="about 0.61, 0.63",
            where="figure, read off",
            fault="at 272 problems and n = k = 128, where every problem counts 0 or 1, 3 points are within chance",
        ),
    ),
    studies=_studies,
    seeds={TOY: 3, "nano": 5},
    quantities=QUANTITIES,
    predictions=(
        Prediction(
            quantity=EXTENDS[NEVER].name,
            above=_MARGIN,
            why="distillation extends a base that never saw such problems",
            plan=_plan(0.95, 0.05, "training seed 100: +97, of gold SFT +100; scatter is assumed"),
        ),
        Prediction(
            quantity=DOES_NOT[NEVER].name,
            below=_MARGIN,
            why="RL does not",
            plan=_plan(
                0.0,
                0.01,
                "training seeds 100 and 101: no sample of RL was right, so no weight moved; scatter is assumed",
                spread=0.05,
            ),
        ),
        Prediction(
            quantity=EXTENDS[RARELY].name,
            above=_MARGIN,
            why="distillation extends a base that saw some, too",
            plan=_plan(0.55, 0.08, f"{_SCOUTED}: gold SFT +59.3 (5.8)"),
        ),
        Prediction(
            quantity=DOES_NOT[RARELY].name,
            below=_MARGIN,
            why="RL does not, whatever the base",
            plan=_plan(0.553, 0.073, f"{_SCOUTED}: +55.3 (7.3) against the claim"),
        ),
    ),
    controls=(gold_extends(_EXTENSION, _MARGIN), draws_agree(_NOISE, _MARGIN)),
    design=(
        "Distillation and RL have the same problems, 16 a step for 60 steps, and the same number of completions, 16 of"
        " each; of the teacher's the right ones are trained on, as RL is paid for them. The teacher is three times"
        " as large and was trained on levels 1 to 6. Gold SFT has as many solutions, each of another problem."
        " Two bases a seed: one never saw more than 3 operations, the other met 4 and 5 in 2% of its problems. The edge"
        " is 5 and 6 operations. Temperature 1, one prompt, verifier and token limit for all; the teacher writes in the"
        " words of the world, so no format is learned. One answer in five is right by chance, so 16 guesses find 97%:"
        " solutions count where their process is right."
    ),
    scouted=(
        f"{_SCOUTED}: see the planned effects. On seed 100 the teacher, and the base that never saw longer"
        " problems, were trained: of samples at 5 and 6 operations the teacher has 57% and 52% right, distillation 77%"
        " and 42%, gold SFT 89% and 73%. Nothing was changed after that. Not tried: distillation from the other base."
    ),
    published_cost=PublishedCost(
        parameters=7.6e9,
        sampled_tokens=4000 * 272 * 128 * 4,
        trained_tokens=800_000 * 4000,
        basis=(
            "Minerva, 4 models x 272 problems x 128 samples, and the fine-tuning of one on 800,000 traces for one pass;"
            " 4,000 tokens a trace are assumed; the teacher of 671B parameters, and RL, are left out"
        ),
    ),
)
