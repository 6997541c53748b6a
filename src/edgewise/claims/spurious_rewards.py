"""Spurious rewards help through clipping and the prior: RL by coin from a base with two ways of writing solutions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np

from edgewise.claims.ledger.claim import TOY, Claim, Control, PlannedEffect, Prediction, PublishedNumber
from edgewise.claims.ledger.controls import draws_agree
from edgewise.claims.ledger.cost import PublishedCost
from edgewise.claims.ledger.nano import COVERED, RARE, ModelOfSeed, levels, nano_mixture, nano_setting, nano_world
from edgewise.claims.ledger.quantities import (
    ClaimOutcomes,
    ClaimQuantity,
    Contrast,
    PassAtK,
    PassDifference,
    QuantityUnit,
    TwoDraws,
)
from edgewise.claims.ledger.training import MetricDifference
from edgewise.core.errors import InputError
from edgewise.core.spec import override
from edgewise.outcomes.counts import FloatArray
from edgewise.rl.recipe import Recipe
from edgewise.study.study import Study
from edgewise.tasks import ModularArithmetic, Problem
from edgewise.tasks.modular.graph import ModularGraph


class ModularWithoutNumbers(ModularArithmetic):
    """Modular arithmetic whose solutions leave out the numbers: `b = a + 2 = 5` for `b = a + 2 = 3 + 2 = 5`.

    The verifier of modular arithmetic takes both. They differ by 4 words an operation.
    """

    world: Literal["modular-without-numbers"] = "modular-without-numbers"  # type: ignore[assignment]  # another world

    def solution(self, problem: Problem) -> str:
        graph: ModularGraph = problem.gold
        *steps, answer = graph.solution().split(" ; ")
        return " ; ".join([*map(_without_numbers, steps), answer])


def _without_numbers(step: str) -> str:
    """Of name, expression, numbers and value all but the numbers; a leaf has only the first two."""
    parts = step.split(" = ")
    return step if len(parts) == 2 else " = ".join([*parts[:2], parts[3]])


def nano_without_numbers(first: int, last: int) -> ModularWithoutNumbers:
    return ModularWithoutNumbers(min_op=first, max_op=last, modulus=5, letters=10)


class FormatShare(ClaimQuantity):
    """The share of an arm's completions that have the length of a solution with numbers: 12 L + 7 tokens at level L.

    Without numbers it is 8 L + 7; a completion of neither length has neither format. `metric` plays no part. InputError
    where the lengths of completions are not known.
    """

    unit: ClassVar[QuantityUnit] = "share"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)

    kind: Literal["format share"] = "format share"
    arm: str
    region: str

    def values_PR(self, outcomes: ClaimOutcomes) -> FloatArray:
        study = self.studies[0] if self.studies else outcomes.first_study
        columns = []
        for of_seed in outcomes.by_study[study][self.arm]:
            if of_seed.tokens_S is None or of_seed.set is None:
                raise InputError("tokens_S, set: lengths of completions and regions are needed, and were not recorded")
            length_P = 12 * of_seed.level.astype(np.int64) + 7
            with_numbers_S = of_seed.tokens_S == length_P[of_seed.problem_S]
            drawn_P, written_P = (
                np.bincount(of_seed.problem_S, weights, len(length_P)) for weights in (None, with_numbers_S)
            )
            columns.append((written_P / drawn_P)[of_seed.set == self.region])
        return np.stack(columns, axis=1)

    def by_answers(self) -> None:
        return None


# The share of pre-training problems whose solutions are written with numbers, the better format.
FORMATS = {"better format common": 0.65, "better format rare": 0.35}
COMMON, SCARCE = FORMATS
CLIPPED, UNCLIPPED, ON_POLICY = "coin, clipped", "coin, not clipped", "coin, strictly on policy"
ENTROPY, TRUE = "entropy lowered, no reward", "true reward"
TRAINED = (COVERED[1], RARE[0])
REGION = "trained levels"
# As in the work: 8 mini-batches a step, so that ratios leave 1 and the clip can act, and one step size for all rewards.
_UPDATES, _RATE = 8, "optimizer.learning_rate=3e-5"
_NO_CLIP = ("loss.function.low=1e6", "loss.function.high=1e6")
_LOWER_ENTROPY = ("reward.function=random", "reward.function.p=0", "loss.entropy_bonus=-0.01")


def _studies(scale: str, seeds: tuple[int, ...]) -> Mapping[str, Study]:
    """Two bases a seed, in which the better format is common or rare; every arm from the first, one from the second."""
    nano, trained = nano_setting(scale), nano_world(*TRAINED)

    def study(name: str) -> Study:
        share = FORMATS[name]
        formats = ((share, nano_world), (1 - share, nano_without_numbers))
        parts = [(share * of, world(*at)) for share, world in formats for of, at in ((0.98, COVERED), (0.02, RARE))]
        base = nano.pretrained(nano_mixture(*parts))

        # A toy step has two problems.
        several = 2 if nano.toy else _UPDATES

        def rl(*settings: str, updates: int = several, reward: str | None = "random") -> ModelOfSeed:
            recipe = override(Recipe(), [_RATE, f"optimizer.minibatches={updates}", *settings])
            return nano.rl(base, trained, recipe=recipe, reward=reward)

        models = {CLIPPED: rl()}
        if name == COMMON:
            models |= {
                UNCLIPPED: rl(*_NO_CLIP),
                ON_POLICY: rl(updates=1),
                ENTROPY: rl(*_LOWER_ENTROPY, reward=None),
                TRUE: rl(reward="process"),
            }
        return Study(
            title=f"Spurious rewards: {name}",
            question="Does RL by coin help, and is it the clip that does it?",
            base=nano.evaluated(base, trained),
            arms={arm: nano.evaluated(model, trained) for arm, model in models.items()},
            regions={REGION: levels(*TRAINED)},
            seeds=seeds,
        )

    return {name: study(name) for name in FORMATS}


def _share(arm: str, study: str = COMMON) -> FormatShare:
    name = f"{study}: share of the better format, {arm}"
    return FormatShare(name=name, arm=arm, region=REGION, studies=(study,))


def _shift(arm: str, than: str = "base", study: str = COMMON) -> Contrast:
    name = f"{study}: share of the better format, {arm} minus {than}"
    return Contrast(name=name, of=_share(arm, study), than=_share(than, study))


def _change(arm: str, study: str = COMMON, than: str = "base") -> PassDifference:
    name = f"{study}: pass@1, {arm} minus {than}"
    return PassDifference(name=name, arm=arm, than=than, region=REGION, k=1, studies=(study,))


def _entropy(arm: str) -> MetricDifference:
    name = f"{COMMON}: entropy at the end of RL, nats a token, {arm} minus {ON_POLICY}"
    return MetricDifference(name=name, arm=arm, than=ON_POLICY, run_metric="entropy", over="last", studies=(COMMON,))


HELPS, SHIFTS, BY_THE_CLIP = _change(CLIPPED), _shift(CLIPPED), _shift(CLIPPED, ON_POLICY)
POSSIBLE, LEARNED = _shift(TRUE), _change(TRUE)
NOISE = TwoDraws(name="pass@1, one half of the base's samples minus the other", region=REGION, k=1, studies=(COMMON,))

QUANTITIES: tuple[ClaimQuantity, ...] = (
    HELPS,
    SHIFTS,
    BY_THE_CLIP,
    _shift(CLIPPED, study=SCARCE),
    *(_share("base", study) for study in FORMATS),
    *(
        PassAtK(name=f"{study}: pass@1 of the base", arm="base", region=REGION, k=1, studies=(study,))
        for study in FORMATS
    ),
    *(_shift(arm) for arm in (UNCLIPPED, ON_POLICY, ENTROPY)),
    *(_change(arm) for arm in (UNCLIPPED, ON_POLICY, ENTROPY)),
    *(_entropy(arm) for arm in (CLIPPED, UNCLIPPED, ENTROPY, TRUE)),
    _change(CLIPPED, than=ON_POLICY),
    _change(CLIPPED, SCARCE),
    POSSIBLE,
    LEARNED,
    NOISE,
)


def _plan(effect: float, scatter: float, source: str) -> PlannedEffect:
    return PlannedEffect(effect=effect, scatter=scatter, problems=192, problem_sd=0.05, residual_sd=0.1, source=source)


CLAIM = Claim(
    name="spurious-rewards",
    statement=(
        "RL by coin raises accuracy nearly as a true reward does: the clip makes more common what the base does most,"
        " and where that is the better way of solving, it helps."
    ),
    work="Shao et al. 2025, arXiv 2506.10947 (Spurious Rewards)",
    section="abstract; sections 2 and 4, appendices A.3 and B.1",
    published=(
        PublishedNumber(
            what="MATH-500 of Qwen2.5-Math-7B after RL: true reward, incorrect labels, coin",
            value="+29.1, +24.1, +21.4",
            where="abstract and figures, second version",
            fault=(
                "one model family: Llama 3 and OLMo 2 do not gain; the repository says that scores at temperature 0"
                " change with the type and number of GPUs; no training seeds"
            ),
        ),
        PublishedNumber(
            what="share of answers that reason in code: before, after RL by coin",
            value="65%, more than 90%",
            where="abstract",
            fault="the format is told by the word python, and the base's own answer format is not equalised",
        ),
        PublishedNumber(
            what="accuracy of the base with code, and without",
            value="60.9%, 28 to 35%",
            where="section 4",
            fault="sources differ about the second number; problems on which it writes code are not a random part",
        ),
        PublishedNumber(
            what="coin without the clip, or with one update a batch",
            value="no such gain",
            where="section 4",
            fault=(
                "a coin has no mean effect without the clip, but scatter, which takes several training seeds to tell"
                " from a gain; arXiv 2512.16912 finds that the clip lowers entropy, and that lower entropy alone does"
                " not help"
            ),
        ),
    ),
    studies=_studies,
    seeds={TOY: 3, "nano": 6},
    quantities=QUANTITIES,
    predictions=(
        Prediction(
            quantity=HELPS.name,
            above=0.0,
            why="RL by coin helps (paper: +21.4)",
            plan=_plan(-0.13, 0.08, "training seed 100: -13 points; scatter is assumed"),
        ),
        Prediction(
            quantity=SHIFTS.name,
            above=0.1,
            why="the base's usual format, which is the better one, becomes more common (paper: 65 to more than 90%)",
            plan=_plan(-0.01, 0.05, "training seed 100: 57 to 56%; scatter is assumed"),
        ),
        Prediction(
            quantity=BY_THE_CLIP.name,
            above=0.1,
            why="the clip does it: strictly on policy, where it cannot act, nothing shifts",
            plan=_plan(-0.02, 0.05, "training seed 100: 56%, strictly on policy 58%; scatter is assumed"),
        ),
    ),
    controls=(
        Control(
            kind="positive",
            quantity=POSSIBLE.name,
            above=0.05,
            meaning="a true reward does not make the better format more common either, so no shift could be seen",
        ),
        draws_agree(NOISE),
    ),
    design=(
        "Pre-training shows every kind of problem with solutions of two formats, both of which the verifier of"
        " processes takes: with numbers (b = a + 2 = 3 + 2 = 5), or without (b = a + 2 = 5), which makes one step of"
        " look-up and sum and goes wrong more often. 65 or 35% of problems are written with numbers, and a prompt"
        " does not say which. RL has 60 steps at 3 operations (covered) and 4 (rare). As in the work all rewards have"
        " one learning rate, 3e-5, and 8 updates a step; a coin strictly on policy has one update. Beside the coin with"
        " the clip at 0.2 there are a coin without any clip, no reward at all with the entropy lowered"
        " (loss.entropy_bonus -0.01), and the true reward. The format of a completion is told by its length. Where the"
        " better format is rare, what the prior does and what helps are two things: this is measured without a"
        " prediction. Temperature 1, one prompt, verifier and token limit for all; solutions count where their process"
        " is right, as one answer in five is a guess."
    ),
    scouted=(
        "Training seed 100, 3 and 4 operations: pass@1, and the share of completions with numbers. The base 49 and"
        " 57%; with numbers 92 and 36% are right at the two levels, the others 55 and 3%. The coin with the clip 36 and"
        " 56% (the clip cut 0.05% of tokens), strictly on policy 43 and 58%, without the clip 0 and 17%; the true"
        " reward 93 and 97%; the entropy lowered without a reward 97 and 99%, seen last. At a learning rate of 1e-4,"
        " that of other claims, the clip cut 0.3% of tokens and the coin lost 20 points in 20 steps without a shift in"
        " length; a third of it was taken, so that skill lasts. Formats told by a limit halfway between their lengths"
        " were dropped, as a broken model writes long texts. Not tried: the other base."
    ),
    published_cost=PublishedCost(
        parameters=7.6e9,
        sampled_tokens=1000 * 3 * 300 * 64 * 16,
        trained_tokens=1000 * 3 * 300 * 64 * 16,
        basis=(
            "Qwen2.5-Math-7B, true reward, coin with the clip and without, 300 steps of 64 prompts x 16; 1,000 tokens a"
            " completion are assumed, of at most 3,072; evaluation, other rewards and models are left out"
        ),
    ),
)
