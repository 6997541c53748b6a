"""An audit of drawn outcomes: three models, two sets, levels, and names and texts that mean harm."""

from __future__ import annotations

import numpy as np

from edgewise.boundary.audit.audit import audit
from edgewise.boundary.audit.result import Audit, Concern
from edgewise.boundary.measures.verifier_errors import VerifierLabels
from edgewise.outcomes.example import Example, Mark
from edgewise.outcomes.outcomes import Outcomes
from tests.report.hostile import COMMENT, HOSTILE, IMAGE, LONG, SCRIPT

BASE, SHARP, WIDE = MODELS = ("base", f"sharp {SCRIPT}", f"wide \"'{IMAGE}")
EASY, HARD = SETS = ("easy", f"hard {COMMENT}")
LEVELS = (1, 2, 3)
PROBLEMS, SAMPLES = 16, 32
SAID = ("3", "4", HOSTILE, "17", "5")
CONCERNS = (
    Concern(f"12.5% of the completions are cut off {HOSTILE}", models=(WIDE,)),
    Concern("the files do not state a temperature", harmless=True),
)


def planted(concerns: tuple[Concern, ...] = CONCERNS) -> Audit:
    """`SHARP` is right more often where the base already was; `WIDE` solves what the base never did,
    on the hard set, and loses some of the easy one."""
    verifier = VerifierLabels(false_positives=1, unsound=60, true_positives=57, sound=60)
    return audit({model: outcomes(model) for model in MODELS}, verifier=verifier, concerns=concerns, resamples=100)


def outcomes(model: str) -> Outcomes:
    """32 samples of 16 problems on each of three levels of two sets."""
    rng = np.random.default_rng((MODELS.index(model), 7))
    many = len(SETS) * len(LEVELS) * PROBLEMS
    one_of = np.arange(many)
    set_P, level_P = one_of // (many // 2), 1 + one_of // PROBLEMS % len(LEVELS)
    # Rates are the same for every model, so that what differs is planted.
    base_P = np.random.default_rng(1).beta(0.9 / level_P, 0.5 + set_P)
    base_P[(set_P == 1) & (level_P == 3)] = 0
    rate_P = {
        BASE: base_P,
        SHARP: base_P**0.35,
        WIDE: np.where(set_P == 1, np.maximum(base_P, 0.35), np.where(one_of % 3 == 0, 0, base_P)),
    }[model]
    process_PS = (rng.random((many, SAMPLES)) < rate_P[:, None]).astype(np.int8)
    answer_PS = np.maximum(process_PS, (rng.random((many, SAMPLES)) < 0.1).astype(np.int8))
    unscorable_PS = rng.random((many, SAMPLES)) < 0.02
    answer_PS[unscorable_PS] = process_PS[unscorable_PS] = -1
    said_PS = np.where(answer_PS == 1, 0, rng.integers(1, len(SAID), (many, SAMPLES)))
    said_PS[unscorable_PS] = -1
    return Outcomes(
        problem=np.array([f"{'eh'[s]}-{i:03d} {IMAGE if i % 50 == 0 else ''}" for i, s in enumerate(set_P)]),
        level=level_P.astype(np.int64),
        problem_S=np.repeat(one_of, SAMPLES).astype(np.int32),
        sample_S=np.tile(np.arange(SAMPLES), many),
        answer_S=answer_PS.ravel(),
        process_S=process_PS.ravel(),
        truncated_S=rng.random(many * SAMPLES) < 0.01,
        tokens_S=rng.integers(20, 60, many * SAMPLES),
        score_S=np.clip(answer_PS.ravel(), 0, 1) * rng.random(many * SAMPLES),
        logprob_S=-rng.random(many * SAMPLES) * 20,
        predicted_S=said_PS.ravel().astype(np.int32),
        answers=SAID,
        set=np.array([SETS[s] for s in set_P]),
        gold=np.array([SAID[0]] * many),
    )


def examples() -> dict[str, list[Example]]:
    """A right and a wrong completion of some problems."""

    def one(model: str, problem: str, text: str, wrong: int | None, reason: str = "") -> Example:
        mark: Mark = "correct" if wrong is None else "wrong"
        return Example(model, problem, text, mark, mark, wrong, reason)

    first = f"e-000 {IMAGE}"
    return {
        BASE: [one(BASE, first, "a = 3 ; b = a + 2 = 5 ; answer 5", None)],
        SHARP: [
            one(SHARP, first, f"a = 3 ; b = {HOSTILE} ; answer 5", 1, f"b is not {HOSTILE}"),
            one(SHARP, "e-001 ", "a = 3 ; answer 6", 1, "answer is 3, not 6"),
        ],
        WIDE: [one(WIDE, "e-001 ", f"{LONG} ; b = 1 ; answer 1", 1, LONG)],
    }


def prompts() -> dict[str, str]:
    """The prompt of every problem."""
    return {str(id): f"{HOSTILE} number {i} {LONG if i == 0 else ''}" for i, id in enumerate(outcomes(BASE).problem)}
