"""Process rewards curb hacking (Interplay, section 6): paid for steps, RL writes fewer right answers on wrong ways."""

from __future__ import annotations

from collections.abc import Mapping

from edgewise.claims.ledger.claim import TOY, Claim, PlannedEffect, Prediction, PublishedNumber
from edgewise.claims.ledger.controls import coin_does_not, draws_agree, gold_extends
from edgewise.claims.ledger.cost import PublishedCost
from edgewise.claims.ledger.nano import EDGE, HARD, levels, nano_setting, nano_world
from edgewise.claims.ledger.quantities import ClaimQuantity, Contrast, PassDifference, ProcessGap, TwoDraws
from edgewise.study.study import Study

# Arm -> its reward. The mixtures weigh the outcome by alpha and the share of right steps by the rest.
OUTCOME, FIFTH, HALF, STRICT, DENSE = "outcome", "0.2 outcome", "0.5 outcome", "strict", "dense"
RANDOM, GOLD = "random reward", "gold SFT"
_REWARDS = {
    OUTCOME: "outcome",
    FIFTH: '{"kind":"mixture","alpha":0.2}',
    HALF: '{"kind":"mixture","alpha":0.5}',
    STRICT: "process",
    DENSE: '{"kind":"mixture","alpha":0}',
    RANDOM: "random",
}
EDGE_REGION, HARD_REGION = "edge", "hard"
K = 16


def _studies(scale: str, seeds: tuple[int, ...]) -> Mapping[str, Study]:
    """One base a seed, six rewards of the same RL on the edge, and gold solutions of it."""
    nano, edge = nano_setting(scale), nano_world(*EDGE)
    base, measured = nano.base(), nano_world(EDGE[0], HARD[1])
    models = {arm: nano.rl(base, edge, reward=reward) for arm, reward in _REWARDS.items()}
    models[GOLD] = nano.gold(base, edge)
    study = Study(
        title="Process rewards",
        question="Does RL paid by steps write fewer right answers on wrong ways than RL paid by answers?",
        base=nano.evaluated(base, measured),
        arms={arm: nano.evaluated(model, measured) for arm, model in models.items()},
        regions={EDGE_REGION: levels(*EDGE), HARD_REGION: levels(*HARD)},
        seeds=seeds,
    )
    return {"": study}


def _gap(arm: str) -> ProcessGap:
    return ProcessGap(name=f"answers minus process, pass@1 at the edge, {arm}", arm=arm, region=EDGE_REGION)


def _gap_less(arm: str, than: str) -> Contrast:
    name = f"answers minus process, pass@1 at the edge, {arm} less {than}"
    return Contrast(name=name, of=_gap(arm), than=_gap(than))


def _change(arm: str, k: int, region: str = EDGE_REGION, than: str = "base") -> PassDifference:
    return PassDifference(
        name=f"pass@{k} {'at the edge' if region == EDGE_REGION else 'on hard'}, {arm} minus {than}",
        arm=arm,
        than=than,
        region=region,
        k=k,
    )


_PROCESS_ARMS = (FIFTH, HALF, STRICT, DENSE)
LESS_HACKED = {arm: _gap_less(arm, OUTCOME) for arm in _PROCESS_ARMS}
BETTER = {arm: _change(arm, 1, than=OUTCOME) for arm in _PROCESS_ARMS}
FURTHER = {arm: _change(arm, K, HARD_REGION, than=OUTCOME) for arm in _PROCESS_ARMS}
_EXTENSION, _NOTHING = _change(GOLD, 1), _change(RANDOM, 1)
_NOISE = TwoDraws(name="pass@1 at the edge, one half of the base's samples minus the other", region=EDGE_REGION, k=1)

QUANTITIES: tuple[ClaimQuantity, ...] = (
    *(_gap(arm) for arm in ("base", OUTCOME, *_PROCESS_ARMS)),
    _gap_less(OUTCOME, "base"),
    *LESS_HACKED.values(),
    *BETTER.values(),
    *(_change(arm, 1) for arm in (OUTCOME, *_PROCESS_ARMS)),
    *(_change(arm, K) for arm in (OUTCOME, *_PROCESS_ARMS)),
    *FURTHER.values(),
    _EXTENSION,
    _NOTHING,
    _NOISE,
)

_SCOUTED = "training seeds 100 to 107, the same base and RL for 60 steps"


def _plan(effect: float, scatter: float, source: str) -> PlannedEffect:
    return PlannedEffect(
        effect=effect, scatter=scatter, problems=192, problem_sd=0.15, residual_sd=0.2, source=f"{_SCOUTED}: {source}"
    )


_MIXTURES = "no mixture was scouted; that of the strict reward is assumed"

CLAIM = Claim(
    name="process-rewards",
    statement=(
        "RL that is paid for right steps as well as for the answer hacks less than RL paid for the answer alone, and"
        " solves more problems by right steps."
    ),
    work="Zhang et al. 2025 (Interplay), arXiv 2512.07783",
    section="section 6, figures 7 and 8",
    published=(
        PublishedNumber(
            what="pass@1 on op 2 to 14 after RL on op 11 to 14: outcome, 0.2 and 0.5 outcome, strict",
            value="70.7%; +4.7, +4.6, +5.2 points",
            where="figure 7",
            fault=(
                "the scorer reads English letters of reverse solutions as variables, so gold with renamed letters is"
                " passed at 80.8%; a reward by this scorer also pays for letters that the tail does not have"
            ),
        ),
        PublishedNumber(
            what="pass@1 on op 15 to 20",
            value="5.6%; +4.3, +3.4, +4.1 points",
            where="figure 7",
            fault="one run of each reward; no interval and no training seeds",
        ),
        PublishedNumber(
            what="pass@128 on op 2 to 14, and on op 15 to 20",
            value="94.7%; -0.0, -0.1, +0.3 points. 23.2%; +4.5, +3.0, +2.6 points",
            where="figure 7",
            fault="a perfect model reaches 94.6% on op 2 to 14, as 12 to 46% of long reverse problems lack a fact",
        ),
        PublishedNumber(
            what="share of edge solutions with wrong dependencies, base and after RL",
            value="about 80% to about 40%",
            where="figure 8",
            fault=(
                "the same scorer inflates it; the released mixture pays nothing where the answer is wrong, and less for"
                " steps that are not needed, which the paper does not say"
            ),
        ),
    ),
    studies=_studies,
    seeds={TOY: 3, "nano": 5},
    quantities=QUANTITIES,
    predictions=(
        *(
            Prediction(
                quantity=LESS_HACKED[arm].name,
                below=0.0,
                why=f"the {arm} reward curbs it",
                plan=_plan(-0.52, 0.2, "-52.6 (20)" if arm == STRICT else f"-52.6 (20); {_MIXTURES}"),
            )
            for arm in (FIFTH, HALF, STRICT)
        ),
        Prediction(
            quantity=BETTER[STRICT].name,
            above=0.0,
            why="more is solved by right steps",
            plan=_plan(0.53, 0.199, "+53.3 (19.9)"),
        ),
    ),
    controls=(gold_extends(_EXTENSION), coin_does_not(_NOTHING), draws_agree(_NOISE)),
    design=(
        "Five rewards of one RL on the edge, 60 steps from one base a seed: the answer, 0.2 and 0.5 of it beside the"
        " share of right steps before the first mistake, that share alone (dense), and 1 only where all is right"
        " (strict). The verifier is that of the generator: it holds names, operands and values of every needed step,"
        " and renaming changes nothing. Temperature 1, one prompt and token limit for all. One answer in five is right"
        " by chance, in base and arms alike, so a gap is compared between arms, and solutions are counted where their"
        " process is right. The dense reward is not of the work, so it is measured and not predicted."
    ),
    scouted=(
        f"{_SCOUTED}, outcome and strict reward alone: by process the outcome's pass@1 changes by +18.7 points (20.8"
        " over seeds) and the strict one's by +72.0 (4.5). At 120 steps one of two runs by outcome had no verified"
        " solution left. So the gap is predicted, and 60 steps are kept. Not tried: mixtures, dense and random reward,"
        " graph arithmetic."
    ),
    published_cost=PublishedCost(
        parameters=1.032e8,
        sampled_tokens=320 * (4 * 204_800 * 6 + 5 * 19 * 200 * 128),
        trained_tokens=11.6e9 + 640 * 4 * 204_800 * 6,
        basis=(
            "section 6: one base of 11.6B positions, 200 steps of 1,024 prompts x 6 for four rewards; 5 models x 19"
            " levels x 200 problems x 128 samples; 320 tokens a completion and 640 with its prompt, as measured on the"
            " released data, of 2,048 charged"
        ),
    ),
)
